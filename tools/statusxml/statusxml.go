// Package statusxml shows a cluster to programs as the XML output of crm_mon and crm_simulate does: its nodes
// and what runs on them.
package statusxml

import (
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/tools/statustext"
)

// View makes XML of what a text view shows.
type View struct{ *statustext.View }

func yes(b bool) string { return strconv.FormatBool(b) }

// Nodes is the <nodes> element.
func (v View) Nodes() *cibxml.Element {
	nodes := cibxml.New("nodes")
	for _, n := range v.M.Nodes {
		if !v.Only.Node(n) {
			continue
		}
		e := v.node(n)
		if v.ByNode {
			for _, r := range v.S.Node(n).Running {
				if v.Only.Resource(r, true) {
					e.Append(v.Resource(r)...)
				}
			}
		}
		nodes.Append(e)
	}
	return nodes
}

func (v View) node(n *model.Node) *cibxml.Element {
	st := v.S.Node(n)
	health := "green"
	if h := v.Health(n); h != "" {
		health = strings.ToLower(h)
	}
	e := cibxml.New("node", "name", n.Name, "id", n.ID, "online", yes(st.Online), "standby", yes(st.Standby),
		"standby_onfail", yes(st.StandbyOnFail), "maintenance", yes(st.Maintenance), "pending", yes(st.Pending),
		"unclean", yes(st.Unclean), "health", health)
	if set := v.FeatureSet(n); set != "" {
		e.Set("feature_set", set)
	}
	kind := map[model.NodeKind]string{model.Member: "member", model.Ping: "ping", model.Remote: "remote"}[n.Kind]
	for _, a := range []cibxml.Attr{{Name: "shutdown", Value: yes(st.Shutdown)}, {Name: "expected_up", Value: yes(st.ExpectedUp)},
		{Name: "is_dc", Value: yes(n.DC)}, {Name: "resources_running", Value: strconv.Itoa(len(st.Running))}, {Name: "type", Value: kind}} {
		e.Set(a.Name, a.Value)
	}
	if n.IsGuest() {
		e.Set("id_as_resource", n.Connection.Container.ID)
	}
	return e
}

// Resources is the <resources> element, nil when there are none to be listed.
func (v View) Resources() *cibxml.Element {
	listed := v.Listed()
	if len(listed) == 0 {
		return nil
	}
	list := cibxml.New("resources")
	for _, r := range listed {
		list.Append(v.Resource(r)...)
	}
	return list
}

// Resource is the element of a resource; none when it is not to be shown.
func (v View) Resource(r *model.Resource) []*cibxml.Element {
	if !v.Wanted(r) {
		return nil
	}
	switch r.Kind {
	case model.Group:
		return v.group(r)
	case model.Clone:
		return v.clone(r)
	case model.Bundle:
		return v.bundle(r)
	}
	return []*cibxml.Element{v.primitive(r)}
}

func (v View) primitive(r *model.Resource) *cibxml.Element {
	st := v.S.Rsc(r)
	e := cibxml.New("resource", "id", r.Name(), "resource_agent", statustext.Agent(r), "role", v.StateWord(r))
	if target, ok := r.Meta.Lookup("target-role"); ok {
		e.Set("target_role", target)
	}
	for _, a := range []cibxml.Attr{{Name: "active", Value: yes(v.S.Active(r, true))}, {Name: "orphaned", Value: yes(r.Orphan)},
		{Name: "blocked", Value: yes(st.Blocked)}, {Name: "managed", Value: yes(st.Managed)}, {Name: "failed", Value: yes(st.Failed)},
		{Name: "failure_ignored", Value: yes(st.FailureIgnored)}, {Name: "nodes_running_on", Value: strconv.Itoa(len(st.Running))}} {
		e.Set(a.Name, a.Value)
	}
	if v.Pending && st.Pending == "monitor" {
		e.Set("pending", "Monitoring")
	}
	for _, n := range st.Running {
		e.Append(cibxml.New("node", "name", n.Name, "id", n.ID, "cached", yes(v.S.Node(n).Online)))
	}
	if st.Lock != nil {
		e.Set("locked_to", st.Lock.Name)
	}
	return e
}

func (v View) group(r *model.Resource) []*cibxml.Element {
	e := cibxml.New("group", "id", r.ID, "number_resources", strconv.Itoa(len(r.Children)),
		"managed", yes(v.S.Rsc(r).Managed), "disabled", yes(v.Disabled(r)))
	for _, c := range r.Children {
		e.Append(v.Resource(c)...)
	}
	return some(e)
}

func (v View) clone(r *model.Resource) []*cibxml.Element {
	st := v.S.Rsc(r)
	e := cibxml.New("clone", "id", r.ID, "multi_state", yes(r.Promotable), "unique", yes(r.Unique), "managed", yes(st.Managed),
		"disabled", yes(v.Disabled(r)), "failed", yes(st.Failed), "failure_ignored", yes(st.FailureIgnored))
	target, ok := r.Meta.Lookup("target-role")
	if !ok && len(r.Children) > 0 {
		target, ok = r.Children[0].Meta.Lookup("target-role")
	}
	if ok {
		e.Set("target_role", target)
	}
	for _, c := range r.Children {
		e.Append(v.Resource(c)...)
	}
	return some(e)
}

func (v View) bundle(r *model.Resource) []*cibxml.Element {
	st, c := v.S.Rsc(r), r.Bundle
	e := cibxml.New("bundle", "id", r.ID, "type", c.Agent, "image", c.Image, "unique", yes(r.Unique),
		"managed", yes(st.Managed), "failed", yes(st.Failed))
	for _, rep := range c.List {
		if !v.OnWantedNode(rep.Container) {
			continue
		}
		x := cibxml.New("replica", "id", strconv.Itoa(rep.Offset))
		for _, part := range []*model.Resource{rep.IP, rep.Child, rep.Container, rep.Remote} {
			if part != nil {
				x.Append(v.Resource(part)...)
			}
		}
		e.Append(some(x)...)
	}
	return some(e)
}

// some leaves out what has nothing in it.
func some(e *cibxml.Element) []*cibxml.Element {
	if len(e.Children) == 0 {
		return nil
	}
	return []*cibxml.Element{e}
}
