package statustext

import (
	"cmp"
	"slices"

	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

// Listed are the resources that the list of resources shows.
func (v *View) Listed() []*model.Resource {
	return slices.DeleteFunc(slices.Clone(v.M.Resources), func(r *model.Resource) bool {
		all, some := v.S.Active(r, true), v.S.Active(r, false)
		switch {
		case r.Orphan && !all:
			return true
		case v.ByNode:
			return all // its nodes have shown it
		case v.Brief && r.Kind == model.Primitive:
			return true // it has been counted
		case !some:
			return !v.Inactive
		}
		return !v.runsOnWanted(r)
	})
}

// runsOnWanted reports whether any part of a resource runs on a node that is to be shown. What is active on a
// lost node only, without being managed, is neither here nor there.
func (v *View) runsOnWanted(r *model.Resource) bool {
	return slices.ContainsFunc(v.S.Rsc(r).Running, v.Only.Node)
}

// Resource writes one resource with its parts.
func (v *View) Resource(r *model.Resource) { v.resource(r, nil) }

// Resources writes the list of resources.
func (v *View) Resources() {
	v.Out.SpacerIfWritten()
	v.ResourceList()
}

// ResourceList writes the list of resources without anything before it.
func (v *View) ResourceList() {
	title, none := "Active Resources", "No active resources"
	switch {
	case v.ByNode:
		title, none = "Inactive Resources", "No inactive resources"
	case v.Inactive:
		title, none = "Full List of Resources", "No resources"
	}
	v.Out.Begin("%s", title)
	defer v.Out.End()
	any := false
	if v.Brief && !v.ByNode {
		var primitives []*model.Resource
		for _, r := range v.M.Resources {
			if r.Kind == model.Primitive && v.Only.Resource(r, false) {
				primitives = append(primitives, r)
			}
		}
		any = v.brief(primitives)
	}
	for _, r := range v.Listed() {
		any = v.resource(r, nil) || any
	}
	if !any {
		v.Out.Item("%s", none)
	}
}

// nodeWithResources writes a node and below it what runs there.
func (v *View) nodeWithResources(n *model.Node) {
	running := v.S.Node(n).Running
	if v.Brief && len(running) == 0 {
		return
	}
	v.Out.Begin("%s", v.node(n))
	defer v.Out.End()
	if v.Brief {
		v.Out.Begin("Resources")
		inner := *v
		inner.RscOnly, inner.Inactive = true, false
		inner.brief(running)
		v.Out.End()
		return
	}
	v.Out.Begin("Resources")
	defer v.Out.End()
	inner := *v
	inner.RscOnly = true
	for _, r := range running {
		if v.Only.Resource(r, true) {
			inner.resource(r, nil)
		}
	}
}

// counted is how often an agent runs where.
type counted struct {
	agent  string
	all    int
	nodes  []string // on which it runs
	active map[string]int
}

// brief counts primitives by agent and node.
func (v *View) brief(list []*model.Resource) bool {
	var counts []*counted
	for _, r := range list {
		agent := Agent(r)
		at := slices.IndexFunc(counts, func(c *counted) bool { return c.agent == agent })
		if at < 0 {
			at, counts = len(counts), append(counts, &counted{agent: agent, active: map[string]int{}})
		}
		c := counts[at]
		c.all++
		for _, on := range v.S.Rsc(r).Running {
			if st := v.S.Node(on); !st.Online && !st.Unclean && v.S.Rsc(r).Managed {
				continue
			}
			c.nodes = append(c.nodes, on.Name)
			c.active[on.Name]++
		}
	}
	slices.SortStableFunc(counts, func(a, b *counted) int { return cmp.Compare(a.agent, b.agent) })
	any := false
	for _, c := range counts {
		v.count(c)
		any = any || len(c.nodes) > 0 || v.Inactive
	}
	return any
}

func (v *View) count(c *counted) {
	slices.Sort(c.nodes)
	for _, name := range slices.Compact(c.nodes) {
		k := c.active[name]
		if v.RscOnly {
			name = ""
		}
		if v.Inactive {
			v.Out.Item("%d/%d\t(%s):\tActive %s", k, c.all, c.agent, name)
		} else {
			v.Out.Item("%d\t(%s):\tActive %s", k, c.agent, name)
		}
	}
	if len(c.nodes) == 0 && v.Inactive {
		v.Out.Item("%d/%d\t(%s):\tActive", 0, c.all, c.agent)
	}
}
