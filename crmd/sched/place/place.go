// Package place decides where everything runs: it assigns each resource a node and the role that it is to have.
package place

import (
	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/constraint"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/report"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// Assignment is who runs where. It is filled in step by step, and a trial may be taken back.
type Assignment struct {
	B   *action.Book
	M   *model.Model
	S   *model.State
	Set *constraint.Set
	log *report.Log
	// show records score lines; showUse those about utilization.
	show, showUse bool

	rsc     []placed   // by Resource.Index
	load    []load     // by Node.Index
	classes []*classes // attributes by which nodes have been compared
}

// placed is the assignment of one resource.
type placed struct {
	node  *model.Node
	score scalar.Score // the chosen node's at that time
	// done is set once the resource has been assigned a node or denied one.
	done      bool
	assigning bool // guards against loops of colocations
	merging   bool // guards the recursion that adds up preferences
	promoted  bool // the clone's promotion scores have been added
	ordered   bool // the clone's instances are in the order of their promotion
	sortIndex scalar.Score
}

// load is what has been assigned to one node.
type load struct {
	count int
	free  amounts
}

// Options say what is recorded besides the result.
type Options struct {
	Scores, Utilization bool
}

// All assigns every resource.
func All(b *action.Book, set *constraint.Set, opt Options) *Assignment {
	a := &Assignment{B: b, M: b.M, S: b.S, Set: set, log: b.Log, show: opt.Scores, showUse: opt.Utilization,
		rsc: make([]placed, len(b.M.All)), load: make([]load, len(b.M.ByIndex))}
	for _, n := range a.M.ByIndex {
		a.load[n.Index].free = readAmounts(n.Utilization)
	}
	tops := a.M.Resources
	if a.M.Options.Placement != model.PlaceDefault {
		tops = a.byUtilization(tops)
	}
	a.S.Tops = tops
	a.showCapacities("Original")
	if a.M.HasRemoteNodes {
		// where connections go decides about the nodes behind them
		for _, r := range tops {
			if r.Connection {
				a.Assign(r, a.S.Rsc(r).PartialTarget)
			}
		}
	}
	for _, r := range tops {
		if !r.Connection {
			a.Assign(r, nil)
		}
	}
	a.showCapacities("Remaining")
	return a
}

// Assign places a resource, preferably on a node, and returns where it is, nil for nowhere or several nodes.
func (a *Assignment) Assign(r *model.Resource, prefer *model.Node) *model.Node {
	switch r.Kind {
	case model.Group:
		return a.group(r, prefer)
	case model.Clone:
		return a.clone(r, prefer)
	case model.Bundle:
		return a.bundle(r, prefer)
	}
	return a.primitive(r, prefer)
}

// Node is where a primitive has been assigned, nil for nowhere.
func (a *Assignment) Node(r *model.Resource) *model.Node { return a.rsc[r.Index].node }

// NextNodes adds the nodes that a resource and what is below it have been assigned to list, every node once.
func (a *Assignment) NextNodes(r *model.Resource, list []*model.Node) []*model.Node {
	if len(r.Children) > 0 {
		for _, c := range r.Children {
			list = a.NextNodes(c, list)
		}
		return list
	}
	if n := a.rsc[r.Index].node; n != nil {
		list = model.AddNode(list, n)
	}
	return list
}

// Location is the single node of a resource and all below it, now or next; nil when there is none or more.
func (a *Assignment) Location(r *model.Resource, now bool) *model.Node {
	var list []*model.Node
	if now {
		list = a.S.CurrentNodes(r, false, nil)
	} else {
		list = a.NextNodes(r, nil)
	}
	if len(list) == 1 {
		return list[0]
	}
	return nil
}

// primitive places a primitive after everything that it depends on.
func (a *Assignment) primitive(r *model.Resource, prefer *model.Node) *model.Node {
	p := &a.rsc[r.Index]
	if r.Parent != nil && !a.rsc[r.Parent.Index].assigning {
		a.Assign(r.Parent, prefer)
	}
	if p.done {
		return p.node
	}
	if p.assigning {
		return nil // a loop of colocations ends here
	}
	p.assigning = true
	for _, c := range a.Set.By[r.Index].This {
		a.follow(r, c)
	}
	for _, c := range a.Set.By[r.Index].With {
		if a.influences(c, nil) {
			before := a.before(r)
			a.S.Rsc(r).Allowed = a.merge(c.Dependent, a.S.Rsc(r).Allowed, c.Attribute, factor(c.Score), onlyUsable)
			a.explain(r, before, func() string { return "what " + c.Dependent.ID + " prefers, which is colocated with it (" + c.ID + ")" })
		}
	}
	st := a.S.Rsc(r)
	if st.NextRole == model.Stopped {
		a.S.BanAll(a.M, r)
	} else if st.NextRole > st.Role && !a.M.Quorum && a.M.Options.NoQuorum == model.QuorumFreeze {
		st.NextRole = st.Role
	}
	a.showScores("pcmk__primitive_assign", r)
	if a.M.Options.Fencing && !a.M.HasFenceDevice {
		st.Managed = false
	}
	switch {
	case !st.Managed:
		st.NextRole = st.Role
		a.finalize(r, a.S.Current(r), a.currentScore(r), true)
	case a.M.Options.StopAll:
		a.finalize(r, nil, 0, true)
	case !p.done:
		a.best(r, prefer)
	}
	p.assigning = false
	if r.Connection {
		a.connected(r)
	}
	return p.node
}

func (a *Assignment) currentScore(r *model.Resource) scalar.Score {
	if n := a.S.Current(r); n != nil {
		return a.S.Node(n).Score
	}
	return 0
}

// connected updates the node behind a connection: it comes up with it, or goes down.
func (a *Assignment) connected(r *model.Resource) {
	n := a.M.NodeNamed(r.ID)
	if n == nil {
		return
	}
	st := a.S.Node(n)
	if a.rsc[r.Index].node != nil && a.S.Rsc(r).NextRole != model.Stopped {
		st.Online = true
		if st.Unseen {
			st.Unclean = false
		}
		return
	}
	st.Shutdown = true
}

// follow applies a colocation in which r is the dependent, once its primary has been placed.
func (a *Assignment) follow(r *model.Resource, c *constraint.Colocation) {
	var backup model.Table
	if c.DependentRole == model.Promoted || c.Score < 0 && c.Score > -scalar.Inf {
		backup = append(model.Table(nil), a.S.Rsc(r).Allowed...)
	}
	a.Assign(c.Primary, nil)
	before := a.before(r)
	a.apply(r, c.Primary, c)
	a.explain(r, before, func() string { return "colocation " + c.ID + " with " + c.Primary.ID })
	if backup != nil && !a.anyUsable(a.S.Rsc(r).Allowed) {
		a.S.Rsc(r).Allowed = backup
	}
}

// influences reports whether a dependent's preferences weigh on its primary, or on a part of it.
func (a *Assignment) influences(c *constraint.Colocation, part *model.Resource) bool {
	if part == nil {
		part = c.Primary
	}
	st := a.S.Rsc(part)
	if c.Dependent.AllowsRemotes && !st.Failed && len(st.Running) == 1 {
		return false // a connection never moves a healthy container
	}
	return c.Influence || len(st.Running) == 0
}

// usable reports whether a node can be chosen with the score of its entry.
func (a *Assignment) usable(n *model.Node, e *model.Entry) bool { return e.Score >= 0 && a.S.Usable(n) }

func (a *Assignment) anyUsable(t model.Table) bool {
	for i := range t {
		if t[i].In && a.usable(a.M.ByIndex[i], &t[i]) {
			return true
		}
	}
	return false
}

// failed reports whether any part of a resource has failed.
func (a *Assignment) failed(r *model.Resource) bool {
	found := false
	r.Walk(func(x *model.Resource) { found = found || a.S.Rsc(x).Failed })
	return found
}

// blocked reports whether any part of a resource is blocked.
func (a *Assignment) blocked(r *model.Resource) bool {
	found := false
	r.Walk(func(x *model.Resource) { found = found || a.S.Rsc(x).Blocked })
	return found
}
