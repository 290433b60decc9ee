package statustext

import (
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/opconf"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// resource writes a resource, under a header that is written first if there is one. It reports whether
// anything was written.
func (v *View) resource(r *model.Resource, under *header) bool {
	if !v.Wanted(r) {
		return false
	}
	switch r.Kind {
	case model.Group:
		return v.group(r, under)
	case model.Clone:
		return v.clone(r, under)
	case model.Bundle:
		return v.bundle(r, under)
	}
	n := v.S.Current(r)
	if n == nil {
		n = v.S.Rsc(r).PendingNode
	}
	return v.primitive(r, r.Name(), n, under)
}

func (v *View) primitive(r *model.Resource, name string, n *model.Node, under *header) bool {
	if !v.Detail && scalar.IsTrue(r.Meta.Get("internal_rsc")) {
		return false
	}
	if under != nil {
		under.write()
	}
	v.Out.Item("%s", v.Line(r, name, n))
	return true
}

// Line describes a primitive under a name; n is the node that it is on or is going to be on, if any.
func (v *View) Line(r *model.Resource, name string, n *model.Node) string {
	st := v.S.Rsc(r)
	if n == nil {
		n = st.Lock
	}
	if len(st.Running) > 1 || v.RscOnly {
		n = nil
	}
	var b strings.Builder
	b.WriteString(name + "\t(" + Agent(r) + "):\t")
	if r.Orphan {
		b.WriteString(" ORPHANED")
	}
	role := v.Role(r)
	if st.Failed {
		b.WriteString(" FAILED")
		if role > model.Unpromoted {
			b.WriteString(" " + role.String())
		}
	} else {
		b.WriteString(" " + v.StateWord(r))
	}
	if n != nil {
		b.WriteString(" " + n.Name)
	}
	if role == model.Stopped {
		if o := v.FailedProbe(r, n); o != nil {
			b.WriteString(" (" + lrm.RC(max(o.RC, 0)).String() + ") ")
		}
	}
	if words := v.words(r, n); len(words) > 0 {
		b.WriteString(" (" + strings.Join(words, ", ") + ")")
	}
	if text, ok := r.XML.Lookup("description"); ok && (len(st.Running) > 1 || v.RscOnly) {
		b.WriteString(" " + text)
	}
	if len(st.Running) > 1 && !v.RscOnly {
		b.WriteString(" [")
		for _, on := range st.Running {
			b.WriteString(" " + on.Name)
		}
		b.WriteString(" ]")
	}
	return b.String()
}

// Agent names a resource agent: class:provider:type.
func Agent(r *model.Resource) string {
	a := r.Agent
	if a.Provider != "" && strings.EqualFold(a.Class, "ocf") {
		return a.Class + ":" + a.Provider + ":" + a.Type
	}
	return a.Class + ":" + a.Type
}

// Role is the role as people see it: an active instance of a promotable clone is at least unpromoted.
func (v *View) Role(r *model.Resource) model.Role {
	role := v.S.Rsc(r).Role
	if role == model.Started && r.Top().Promotable {
		return model.Unpromoted
	}
	return role
}

// StateWord is the operation in progress or the role.
func (v *View) StateWord(r *model.Resource) string {
	if v.Pending {
		word := map[string]string{"start": "Starting", "stop": "Stopping", "migrate_to": "Migrating",
			"migrate_from": "Migrating", "promote": "Promoting", "demote": "Demoting"}[v.S.Rsc(r).Pending]
		if word != "" {
			return word
		}
	}
	return v.Role(r).String()
}

// words are what is remarkable about a primitive.
func (v *View) words(r *model.Resource, n *model.Node) []string {
	st := v.S.Rsc(r)
	var words []string
	if n != nil && !v.S.Node(n).Online && v.S.Node(n).Unclean {
		words = append(words, "UNCLEAN")
	}
	if n != nil && n == st.Lock {
		words = append(words, "LOCKED")
	}
	if v.Pending && st.Pending == "monitor" {
		words = append(words, "Monitoring")
	}
	target := r.Meta.Get("target-role")
	switch role := model.ParseRole(target); {
	case role == model.Stopped:
		words = append(words, "disabled")
	case role == model.Unpromoted && r.Top().Promotable:
		words = append(words, "target-role:"+target)
	}
	switch {
	case st.Blocked:
		words = append(words, "blocked")
	case !st.Managed:
		words = append(words, "unmanaged")
	}
	if st.FailureIgnored {
		words = append(words, "failure ignored")
	}
	return words
}

// FailedProbe is the failed probe because of which a resource counts as stopped on a node (on any for nil),
// nil when there is none.
func (v *View) FailedProbe(r *model.Resource, n *model.Node) *model.Op {
	id := r.ID
	if top := r.Top(); top.Kind == model.Clone {
		id = top.Clone.Child.ID()
	}
	for _, o := range v.M.Failures {
		masked := opconf.IsProbe(o.Task, o.IntervalMs) && (o.RC == int(lrm.RCNotInstalled) ||
			o.RC == int(lrm.RCInvalidParam) || o.Status == int(lrm.NotInstalled))
		on := o.XML.Get("on_node")
		if !masked || on == "" || n != nil && !strings.EqualFold(on, n.Name) {
			continue
		}
		if rsc, _, _, err := lrm.ParseOpKey(o.Key); err == nil && rsc == id {
			return o
		}
	}
	return nil
}

func (v *View) group(r *model.Resource, under *header) bool {
	if under != nil {
		under.write()
	}
	members := r.Children
	var words []string
	if !v.Inactive {
		members = slices.DeleteFunc(slices.Clone(members), func(x *model.Resource) bool { return !v.S.Active(x, true) })
		if n := len(r.Children) - len(members); n > 0 {
			words = append(words, inactiveMembers(n))
		}
	}
	h := &header{v: v, text: "Resource Group: " + r.ID + v.flags(r, words...)}
	defer h.end()
	any := false
	if v.Brief {
		if members = slices.DeleteFunc(slices.Clone(r.Children), func(x *model.Resource) bool { return !v.Only.Resource(x, true) }); len(members) > 0 {
			h.write()
			inner := *v
			inner.Inactive = true
			return inner.brief(members)
		}
		return false
	}
	for _, c := range members {
		any = v.resource(c, h) || any
	}
	return any
}

func inactiveMembers(n int) string {
	if n == 1 {
		return "1 member inactive"
	}
	return strconv.Itoa(n) + " members inactive"
}

func (v *View) bundle(r *model.Resource, under *header) bool {
	if under != nil {
		under.write()
	}
	c := r.Bundle
	text := "Container bundle"
	if c.Replicas > 1 {
		text += " set"
	}
	text += ": " + r.ID + " [" + c.Image + "]"
	if r.Unique {
		text += " (unique)"
	}
	if !v.S.Rsc(r).Managed {
		text += " (unmanaged)"
	}
	h := &header{v: v, text: text}
	any := false
	for _, rep := range c.List {
		if !v.OnWantedNode(rep.Container) {
			continue
		}
		if v.Detail {
			any = v.replica(c, rep, h) || any
			continue
		}
		child, name := rep.Child, rep.Container.ID
		if child == nil {
			child = rep.Container
		}
		if rep.Remote != nil {
			name = rep.Remote.Name()
		}
		if rep.Address != "" {
			name += " (" + rep.Address + ")"
		}
		any = v.primitive(child, name, v.S.Current(rep.Container), h) || any
	}
	h.end()
	return any
}

// replica writes every part of a replica.
func (v *View) replica(c *model.BundleConfig, rep *model.Replica, h *header) bool {
	var parts []*model.Resource
	for _, x := range []*model.Resource{rep.IP, rep.Child, rep.Container, rep.Remote} {
		if x != nil && v.Only.Resource(x, true) {
			parts = append(parts, x)
		}
	}
	if len(parts) == 0 {
		return false
	}
	h.write()
	if c.Replicas > 1 {
		v.Out.Item("Replica[%d]", rep.Offset)
	}
	v.Out.Nest()
	for _, x := range parts {
		v.resource(x, nil)
	}
	v.Out.End()
	return true
}
