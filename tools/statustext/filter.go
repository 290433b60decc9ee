package statustext

import (
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

// Filter restricts what is shown. The zero value shows everything.
type Filter struct {
	// Nodes and Resources are names; an empty list with Some... set matches nothing.
	Nodes, Resources    []string
	SomeNodes, SomeRscs bool
}

// NewFilter makes a filter from the names of a node and a resource or of tags; "" and "*" are everything.
func NewFilter(m *model.Model, node, resource string) Filter {
	var f Filter
	if node != "" && node != "*" {
		f.SomeNodes = true
		if n := m.NodeNamed(node); n != nil {
			f.Nodes = []string{n.Name}
		} else {
			f.Nodes = slices.DeleteFunc(slices.Clone(m.Tags[node]), func(name string) bool { return m.NodeNamed(name) == nil })
		}
	}
	if resource != "" && resource != "*" {
		f.SomeRscs = true
		switch r := Find(m, resource); {
		case r == nil:
			f.Resources = m.Tags[resource]
		case strings.Contains(resource, ":"):
			f.Resources = []string{resource} // one instance of a clone
		default:
			f.Resources = []string{r.Name()}
		}
	}
	return f
}

// Node reports whether a node is to be shown.
func (f *Filter) Node(n *model.Node) bool {
	return !f.SomeNodes || slices.ContainsFunc(f.Nodes, func(name string) bool { return strings.EqualFold(name, n.Name) })
}

// Resource reports whether a resource is to be shown: because it is named, because a part of it is or, with
// parents, because something that it is a part of is.
func (f *Filter) Resource(r *model.Resource, parents bool) bool {
	if !f.SomeRscs || f.isNamed(r) {
		return true
	}
	if parents && r.Parent != nil && f.isNamed(r.Outermost()) {
		return true
	}
	found := false
	r.Walk(func(x *model.Resource) { found = found || x != r && f.isNamed(x) })
	if r.Kind == model.Bundle {
		for _, rep := range r.Bundle.List {
			for _, x := range []*model.Resource{rep.IP, rep.Container, rep.Remote, rep.Child} {
				found = found || x != nil && f.isNamed(x)
			}
		}
	}
	return found
}

// Wanted reports whether a resource is to be shown: it is named and runs on no other nodes than wanted ones.
func (v *View) Wanted(r *model.Resource) bool { return v.Only.Resource(r, true) && v.OnWantedNode(r) }

// OnWantedNode reports whether a resource runs on a node that is to be shown or nowhere. What has an active part
// on a lost node that nobody manages is nowhere itself, and never shown.
func (v *View) OnWantedNode(r *model.Resource) bool {
	return !v.S.Active(r, false) || v.runsOnWanted(r)
}

func (f *Filter) isNamed(r *model.Resource) bool {
	return slices.Contains(f.Resources, r.ID) || slices.Contains(f.Resources, r.Name())
}

// Find finds the first resource with that id, that name in its history, or, as an instance of a clone, that name
// of what is cloned; nil when there is none.
func Find(m *model.Model, name string) *model.Resource {
	for _, r := range m.All {
		if r.ID == name || r.HistoryName == name || r.Kind == model.Primitive && model.BaseName(r.ID) == name {
			return r
		}
	}
	return nil
}

// Named reports whether a resource of that name is to be shown.
func (f *Filter) Named(id string) bool {
	return !f.SomeRscs || slices.Contains(f.Resources, id) || slices.Contains(f.Resources, model.BaseName(id))
}
