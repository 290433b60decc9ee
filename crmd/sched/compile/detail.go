package compile

import (
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/hashorder"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/pairs"
)

// FeatureSet is the version of the format of what is executed and recorded.
const FeatureSet = "3.16.1"

// detail works out what an action is run with.
type detail struct {
	t *Transition
	a *action.Action
}

// collector gathers attributes; the first value of a name wins. It is used for one action after the other.
type collector struct {
	attrs, params pairs.Table
	seen          map[string]bool
	// metaNames are the names that meta attributes have outside of the cluster, by their own.
	metaNames map[string]string
}

func (c *collector) reset() {
	c.attrs, c.params = c.attrs[:0], nil
	clear(c.seen)
}

func (c *collector) add(name, value string) {
	if !c.seen[name] {
		c.seen[name] = true
		c.attrs = append(c.attrs, cibxml.Attr{Name: name, Value: value})
	}
}

// meta adds a meta attribute, unless its name shows that it is of no use outside the cluster.
func (c *collector) meta(name, value string) {
	known, ok := c.metaNames[name]
	if !ok {
		if !strings.ContainsAny(name, "#:") {
			known = "CRM_meta_" + strings.ReplaceAll(name, "-", "_")
		}
		c.metaNames[name] = known
	}
	if known != "" {
		c.add(known, value)
	}
}

// force adds an attribute in place of another.
func (c *collector) force(name, value string) {
	c.seen[name] = true
	c.attrs.Set(name, value)
}

// attrs are the attributes, sorted by name and valid until the collector is used again, and the parameters that need elements of their own.
func (d detail) attrs(c *collector) (attrs, params []cibxml.Attr) {
	a := d.a
	c.reset()
	c.add("crm_feature_set", FeatureSet)
	for _, p := range a.Extra {
		c.add(p.Name, p.Value)
	}
	if a.Rsc != nil && (a.Node != nil || a.Rsc.Kind == model.Primitive) {
		d.parameters(c)
	}
	if nodeMatters(a) && a.Node != nil {
		// these replace what the fence operation was made with
		c.meta("on_node", a.Node.Name)
		c.meta("on_node_uuid", a.Node.ID)
	}
	for _, p := range a.Meta {
		c.meta(p.Name, p.Value)
	}
	if a.Conf != nil {
		for _, p := range a.Conf.Meta {
			c.meta(p.Name, p.Value)
		}
	}
	switch {
	case a.Rsc != nil:
		for r := a.Rsc; r != nil; r = r.Parent {
			graphMeta(c, r)
		}
		d.guestMeta(c)
	case a.Task == "stonith" && a.Node != nil:
		for _, p := range a.Node.Attrs {
			c.meta(p.Name, p.Value)
		}
	}
	slices.SortFunc(c.attrs, func(x, y cibxml.Attr) int { return strings.Compare(x.Name, y.Name) })
	return c.attrs, c.params
}

// parameters adds the resource's parameters. Names that are no XML names go into elements of their own.
func (d detail) parameters(c *collector) {
	a := d.a
	table := d.t.B.Conf.Params(a.Rsc, a.Node)
	host := ""
	if a.Node != nil && d.t.B.Conf.NeedsHostAddress(a.Rsc) {
		host = d.t.maker.HostAddress(a.Rsc)
	}
	digits := false
	for _, p := range table {
		switch {
		case p.Name != "" && p.Name[0] >= '0' && p.Name[0] <= '9':
			digits = true
		case p.Name == "addr" && p.Value == "#uname" && host != "":
			c.add(p.Name, host)
		default:
			c.add(p.Name, p.Value)
		}
	}
	if !digits {
		return
	}
	names := make([]string, len(table))
	for i, p := range table {
		names[i] = p.Name
	}
	for _, name := range hashorder.Of(names) {
		if name[0] >= '0' && name[0] <= '9' {
			c.params = append(c.params, cibxml.Attr{Name: name, Value: table.Get(name)})
		}
	}
}

// graphMeta adds what agents are told about a resource that the action concerns, or is part of.
func graphMeta(c *collector, r *model.Resource) {
	switch r.Kind {
	case model.Primitive:
		if v, ok := r.Meta.Lookup("clone"); ok {
			c.force("CRM_meta_clone", v)
		}
		if v, ok := r.Meta.Lookup("remote-node"); ok {
			c.force("CRM_meta_remote_node", v)
		}
		for p := r; p != nil; p = p.Parent {
			if p.Container != nil {
				c.force("CRM_meta_container", p.Container.ID)
			}
		}
		if v, ok := r.Meta.Lookup("external-ip"); ok {
			c.force("pcmk_external_ip", v)
		}
	case model.Clone:
		c.force("CRM_meta_globally_unique", strconv.FormatBool(r.Unique))
		c.force("CRM_meta_notify", strconv.FormatBool(r.Notify))
		c.force("CRM_meta_clone_max", strconv.Itoa(r.Clone.Max))
		c.force("CRM_meta_clone_node_max", strconv.Itoa(r.Clone.NodeMax))
		if r.Promotable {
			c.force("CRM_meta_promoted_max", strconv.Itoa(r.Clone.PromotedMax))
			c.force("CRM_meta_promoted_node_max", strconv.Itoa(r.Clone.PromotedNodeMax))
			c.force("CRM_meta_master_max", strconv.Itoa(r.Clone.PromotedMax))
			c.force("CRM_meta_master_node_max", strconv.Itoa(r.Clone.PromotedNodeMax))
		}
	}
}

// guestMeta tells an action inside a guest node about the host.
func (d detail) guestMeta(c *collector) {
	a := d.a
	if a.Node == nil || !a.Node.IsGuest() {
		return
	}
	container := a.Node.Connection.Container
	task := a.Task
	if task == "notify" || task == "notified" {
		task, _ = a.MetaValue("notify_operation")
	}
	var host *model.Node
	switch task {
	case "stop", "stopped", "demote", "demoted":
		host = d.t.S.Current(container)
	case "start", "running", "monitor", "promote", "promoted":
		host = d.t.solver.A.Node(container)
	}
	if host == nil {
		return
	}
	if v, ok := a.Rsc.Meta.Lookup("container-attribute-target"); ok {
		c.meta("container-attribute-target", v)
	}
	c.meta("physical_host", host.Name)
}
