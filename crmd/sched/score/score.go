// Package score works out how much each resource likes each node before anything is placed: locks, locations,
// stickiness, failures and exclusive discovery.
package score

import (
	"slices"

	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/constraint"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/report"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// scorer adds to the scores of a run's state.
type scorer struct {
	b   *action.Book
	m   *model.Model
	s   *model.State
	log *report.Log
}

// Apply adds every preference that does not depend on where other resources are. The order of the steps is
// significant, since scores saturate.
func Apply(b *action.Book, set *constraint.Set) {
	c := &scorer{b: b, m: b.M, s: b.S, log: b.Log}
	if c.m.Options.ShutdownLock {
		for _, r := range c.m.Resources {
			c.lock(r)
		}
	}
	for i := len(set.Locations) - 1; i >= 0; i-- {
		c.location(set, set.Locations[i])
	}
	for _, r := range c.m.Resources {
		r.Primitives(c.stickiness)
	}
	exclusive := slices.ContainsFunc(c.s.Rscs, func(st model.RscState) bool { return st.Exclusive })
	for _, n := range c.m.Nodes {
		if !exclusive && !n.HasFailures() {
			continue
		}
		for _, r := range c.m.Resources {
			if n.HasFailures() {
				r.Primitives(func(p *model.Resource) { c.threshold(p, n) })
			}
			c.exclusive(r, n)
		}
	}
}

// add changes a score and notes why.
func (c *scorer) add(r *model.Resource, n *model.Node, score scalar.Score, why string) {
	c.s.AddScore(r, n, score)
	c.log.Scored(r.ID, n.Name, score, why)
}

// lock keeps a resource for a node that is shut down cleanly.
func (c *scorer) lock(r *model.Resource) {
	if r.Kind == model.Group {
		for _, m := range r.Children {
			c.lock(m)
		}
		return
	}
	if r.Kind != model.Primitive || r.Agent.Class == "" || r.FenceDevice || r.IsRemoteConnection() {
		return
	}
	st := c.s.Rsc(r)
	switch {
	case st.Lock != nil && len(st.Running) > 0:
		// started elsewhere although it was locked; leave it there
		c.b.Get(action.Ask{Rsc: r, Op: action.Op{Name: "lrm_delete"}, Node: st.Lock})
		st.Lock, st.LockTime = nil, 0
	case st.Lock == nil && len(st.Running) == 1:
		if n := st.Running[0]; c.s.Node(n).Shutdown && !c.s.Node(n).Unclean {
			st.Lock = n
			if st.LockTime = scalar.IntOr(n.Attrs.Get("shutdown"), 0); st.LockTime == 0 {
				st.LockTime = c.m.NowUnix
			}
		}
	}
	if st.Lock == nil {
		return
	}
	if limit := c.m.Options.LockLimit; limit > 0 {
		c.b.Conf.World.At(st.LockTime + limit + 1)
	}
	for _, n := range c.m.Nodes {
		if n.Name != st.Lock.Name {
			c.add(r, n, -scalar.Inf, "locked to "+st.Lock.Name+", which is shutting down (shutdown-lock)")
		}
	}
}

// location applies a location constraint to its resource and what is below it.
func (c *scorer) location(set *constraint.Set, l *constraint.Location) {
	c.locate(set, l.Rsc, l, l.Nodes)
}

func (c *scorer) locate(set *constraint.Set, r *model.Resource, l *constraint.Location, nodes []constraint.NodeScore) {
	c.prefer(r, l, nodes)
	switch r.Kind {
	case model.Clone:
		for _, inst := range r.Children {
			c.locate(set, inst, l, nodes)
		}
	case model.Group:
		for _, m := range r.Children {
			c.locate(set, m, l, nodes)
			if r.Group.Colocated {
				nodes = withoutScores(nodes) // the first member's count for all
			}
		}
	case model.Bundle:
		for _, rep := range r.Bundle.List {
			c.locate(set, rep.Container, l, nodes)
			if rep.IP != nil {
				c.locate(set, rep.IP, l, nodes)
			}
		}
		if inner := r.Bundle.Child; inner != nil && (l.Role == model.Promoted || l.Role == model.Unpromoted) {
			c.locate(set, inner, l, nodes)
			of := &set.By[inner.Index]
			of.Locations = append([]*constraint.Location{l}, of.Locations...)
		}
	}
}

func withoutScores(nodes []constraint.NodeScore) []constraint.NodeScore {
	out := slices.Clone(nodes)
	for i := range out {
		out[i].Score = 0
	}
	return out
}

// prefer adds the scores of a location to one resource's table.
func (c *scorer) prefer(r *model.Resource, l *constraint.Location, nodes []constraint.NodeScore) {
	st := c.s.Rsc(r)
	if l.Role != model.RoleUnknown && l.Role != st.NextRole {
		return
	}
	for _, ns := range nodes {
		e := st.Allowed.At(ns.Node)
		if e == nil {
			own := c.s.OwnEntry(ns.Node)
			own.Score = ns.Score
			e = st.Allowed.Put(ns.Node, own)
		} else {
			e.Score = scalar.Add(e.Score, ns.Score)
		}
		if ns.Score != 0 {
			c.log.Scored(r.ID, ns.Node.Name, ns.Score, l.Reason)
		}
		if e.Mode < l.Mode {
			e.Mode = l.Mode
			st.Exclusive = st.Exclusive || l.Mode == model.DiscoverExclusive
		}
	}
}

// stickiness lets an active resource prefer to stay.
func (c *scorer) stickiness(r *model.Resource) {
	st := c.s.Rsc(r)
	if !st.Managed || r.Stickiness < 1 || len(st.Running) != 1 {
		return
	}
	n := st.Running[0]
	if !c.m.Options.Symmetric && st.Allowed.At(n) == nil {
		return // not enabled there any more
	}
	c.add(r, n, r.Stickiness, "resource-stickiness")
}

// threshold bans a resource from a node where it has failed too often.
func (c *scorer) threshold(r *model.Resource, n *model.Node) {
	if c.b.ClearsFailCount(r, n) || !ThresholdReached(c.m, c.s, r, n) {
		return
	}
	banned := r
	if !r.Unique {
		banned = r.Top()
	}
	c.log.Warning("%s cannot run on %s due to reaching migration threshold (clean up resource to allow again)", banned.ID, n.Name)
	c.add(banned, n, -scalar.Inf, "migration-threshold reached")
}

// ThresholdReached reports whether a resource has failed too often on a node.
func ThresholdReached(m *model.Model, s *model.State, r *model.Resource, n *model.Node) bool {
	if r.Threshold == 0 || s.Rsc(r).FailureIgnored {
		return false
	}
	count := m.FailCountWithFillers(s, r, n)
	return count > 0 && r.Threshold-count <= 0
}

// exclusive closes nodes to resources that are discovered on others only.
func (c *scorer) exclusive(r *model.Resource, n *model.Node) {
	st := c.s.Rsc(r)
	if !st.Exclusive && !c.s.Rsc(r.Top()).Exclusive {
		return
	}
	for _, child := range r.Children {
		c.exclusive(child, n)
	}
	if e := st.Allowed.At(n); e != nil && e.Mode != model.DiscoverExclusive {
		e.Score = -scalar.Inf
		c.log.Scored(r.ID, n.Name, -scalar.Inf, "only other nodes are named with resource-discovery=exclusive")
	}
}
