// Package order works out what follows from orderings: it makes those that resources imply, applies all of
// them to the actions, and lets each action's state act on those it is ordered with.
package order

import (
	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/constraint"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/place"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// implier makes the constraints that resources imply.
type implier struct {
	b   *action.Book
	m   *model.Model
	s   *model.State
	set *constraint.Set
}

// Imply makes the orderings and colocations that follow from what each resource is.
func Imply(b *action.Book, set *constraint.Set) {
	i := &implier{b: b, m: b.M, s: b.S, set: set}
	for _, r := range b.M.Resources {
		i.resource(r)
	}
}

func (i *implier) resource(r *model.Resource) {
	switch r.Kind {
	case model.Group:
		i.group(r)
	case model.Clone:
		i.clone(r)
	case model.Bundle:
		i.bundle(r)
	default:
		i.primitive(r)
	}
}

func (i *implier) order(first *model.Resource, firstOp string, then *model.Resource, thenOp string, flags action.Order) {
	i.b.OrderOps(first, firstOp, then, thenOp, flags)
}

func (i *implier) colocate(id string, score scalar.Score, dependent, primary *model.Resource, influence bool) {
	i.set.Add(i.s, &constraint.Colocation{ID: id, Score: score, Dependent: dependent, Primary: primary, Influence: influence})
}

func (i *implier) primitive(r *model.Resource) {
	st := i.s.Rsc(r)
	if !st.Managed {
		return
	}
	i.order(r, "stop", r, "start", action.Then|action.FirstNeedsThen|action.Restarting)
	if r.Top().Promotable || st.Role > model.Unpromoted {
		i.order(r, "demote", r, "stop", action.PromotedNeedsFirst)
		i.order(r, "start", r, "promote", action.OnlyIfRunnable)
	}
	i.order(r, "lrm_delete", r, "monitor", action.SameNode|action.ThenCancels)
	if i.m.Options.Unfencing && !r.FenceDevice && r.NeedsUnfence {
		for _, n := range i.allowed(r) {
			on := i.b.FenceOp(n, "on", true, "", false)
			i.b.Order(action.OpEnd(r, "stop"), action.ActionEnd(on), action.Then|action.SameNode)
			i.b.Order(action.ActionEnd(on), action.OpEnd(r, "start"), action.ThenOnNode|action.SameNode)
		}
	}
	if len(r.Utilization) > 0 && i.m.Options.Placement != model.PlaceDefault {
		i.load(r)
	}
	if r.Container != nil {
		i.contained(r)
	}
	if r.Connection || r.FenceDevice {
		i.avoidRemotes(r)
	}
}

// allowed are the nodes that a resource knows, in their order.
func (i *implier) allowed(r *model.Resource) []*model.Node {
	var out []*model.Node
	for _, n := range i.m.Nodes {
		if i.s.Rsc(r).Allowed.At(n) != nil {
			out = append(out, n)
		}
	}
	return out
}

// load orders what takes capacity of a node after what gives some back.
func (i *implier) load(r *model.Resource) {
	stopped := func(n *model.Node) action.End {
		a := i.b.Pseudo("load_stopped_" + n.Name)
		if a.Node == nil {
			a.Node = n
			a.Clear(action.Optional)
		}
		return action.ActionEnd(a)
	}
	for _, n := range i.s.Rsc(r).Running {
		i.b.Order(action.OpEnd(r, "stop"), stopped(n), action.Load)
	}
	for _, n := range i.allowed(r) {
		end := stopped(n)
		i.b.Order(end, action.OpEnd(r, "start"), action.Load)
		i.b.Order(end, action.OpEnd(r, "migrate_to"), action.Load)
	}
}

// contained ties a resource to the container that it runs in, or to the node that the container is.
func (i *implier) contained(r *model.Resource) {
	var node *model.Resource
	switch {
	case r.Connection:
		if !r.AllowsRemotes {
			i.avoidRemotes(r.Container)
		}
		// if a probe finds the container active after all, its connection need not be recovered
		i.order(r.Container, "monitor", r, "stop", action.Then)
	case r.Container.Connection:
		node = r.Container
	default:
		node = guestConnection(r.Container)
	}
	if node != nil {
		table := i.s.Rsc(r).Allowed
		for k := range table {
			if e := &table[k]; e.In && i.m.ByIndex[k].Connection != node {
				e.Score = -scalar.Inf
			}
		}
		return
	}
	i.order(r.Container, "start", r, "start", action.FirstNeedsThen|action.OnlyIfRunnable)
	i.order(r, "stop", r.Container, "stop", action.ThenNeedsFirst)
	score := scalar.Inf
	if r.AllowsRemotes {
		score = 10000 // it may be reached from another node
	}
	i.colocate("resource-with-container", score, r, r.Container, true)
}

// guestConnection is the connection to the guest node that a container is, nil when it is none.
func guestConnection(container *model.Resource) *model.Resource {
	for _, f := range container.Fillers {
		if f.Connection {
			return f
		}
	}
	return nil
}

// avoidRemotes keeps a resource from nodes that are reached through connections.
func (i *implier) avoidRemotes(r *model.Resource) {
	table := i.s.Rsc(r).Allowed
	for k := range table {
		if e := &table[k]; e.In && i.m.ByIndex[k].Connection != nil {
			e.Score = -scalar.Inf
		}
	}
}

func (i *implier) group(r *model.Resource) {
	i.order(r, "stop", r, "stopped", action.OnlyIfRunnable)
	i.order(r, "stopped", r, "start", action.Then)
	i.order(r, "start", r, "running", action.OnlyIfRunnable)
	var previous, lastActive *model.Resource
	for _, m := range r.Children {
		i.primitive(m)
		i.member(r, m, previous)
		if len(i.s.Rsc(m).Running) > 0 {
			if r.Group.Ordered && previous != nil && len(i.s.Rsc(previous).Running) == 0 && lastActive != nil {
				i.order(m, "stop", lastActive, "stop", action.Then)
			}
			lastActive = m
		}
		previous = m
	}
}

// member orders a member with its group and with the member before it.
func (i *implier) member(g, m, previous *model.Resource) {
	down, downDone := action.PrintFirst, action.PrintThen
	if previous == nil && g.Group.Ordered {
		down, downDone = down|action.Then, action.FirstNeedsThen
	} else if previous != nil && g.Group.Colocated {
		i.colocate("group:internal_colocation", scalar.Inf, m, previous, m.Critical)
	}
	const upDone = action.OnlyIfRunnable | action.FirstNeedsThen | action.PrintThen
	promotable := g.Top().Promotable
	if promotable {
		i.order(g, "demote", m, "demote", down)
		i.order(m, "demote", g, "demoted", downDone)
		i.order(m, "promote", g, "promoted", upDone)
		i.order(g, "promote", m, "promote", action.PrintFirst)
	}
	i.order(g, "stop", m, "stop", down)
	i.order(m, "stop", g, "stopped", downDone)
	i.order(g, "start", m, "start", action.PrintFirst)
	i.order(m, "start", g, "running", upDone)
	switch {
	case !g.Group.Ordered:
		const together = action.FirstNeedsThen | action.OnlyIfRunnable | action.PrintFirst
		i.order(g, "start", m, "start", together)
		if promotable {
			i.order(g, "promote", m, "promote", together)
		}
	case previous != nil:
		const chain = action.FirstNeedsThen | action.OnlyIfRunnable
		i.order(previous, "start", m, "start", chain)
		i.order(m, "stop", previous, "stop", action.Then|action.Restarting)
		if promotable {
			i.order(previous, "promote", m, "promote", chain)
			i.order(m, "demote", previous, "demote", action.Then)
		}
	}
}

func (i *implier) clone(r *model.Resource) {
	i.order(r, "stopped", r, "start", action.Then)
	i.order(r, "start", r, "running", action.OnlyIfRunnable)
	i.order(r, "stop", r, "stopped", action.OnlyIfRunnable)
	if r.Promotable {
		i.order(r, "demoted", r, "stop", action.Then)
		i.order(r, "running", r, "promote", action.OnlyIfRunnable)
	}
	instances := i.s.Children(r)
	if r.Clone.Ordered {
		instances = place.ByNumber(i.s, r)
	}
	var last *model.Resource
	chain := func(first *model.Resource, firstOp string, then *model.Resource, thenOp string) {
		if r.Clone.Ordered && last != nil {
			i.order(first, firstOp, then, thenOp, action.Then)
		}
	}
	for _, inst := range instances {
		i.resource(inst)
		i.order(r, "start", inst, "start", action.OnlyIfRunnable|action.PrintFirst)
		i.order(inst, "start", r, "running", action.PrintThen)
		chain(last, "start", inst, "start")
		i.order(r, "stop", inst, "stop", action.PrintFirst)
		i.order(inst, "stop", r, "stopped", action.PrintThen)
		chain(inst, "stop", last, "stop")
		last = inst
	}
	if !r.Promotable {
		return
	}
	i.promotableRestart(r)
	last = nil
	for _, inst := range instances {
		i.order(inst, "demote", inst, "promote", action.Then)
		i.order(r, "promote", inst, "promote", action.Then)
		i.order(inst, "promote", r, "promoted", action.Then)
		chain(last, "promote", inst, "promote")
		i.order(r, "demote", inst, "demote", action.PrintFirst)
		i.order(inst, "demote", r, "demoted", action.PrintThen)
		chain(inst, "demote", last, "demote")
		last = inst
	}
}

// promotableRestart orders the steps of a promotable clone that goes down and up again.
func (i *implier) promotableRestart(r *model.Resource) {
	for _, pair := range [][2]string{{"stopped", "start"}, {"stopped", "promote"}, {"demoted", "stop"}, {"demoted", "start"},
		{"demoted", "promote"}, {"running", "promote"}, {"demote", "demoted"}} {
		i.order(r, pair[0], r, pair[1], action.Then)
	}
}

func (i *implier) bundle(r *model.Resource) {
	inner := r.Bundle.Child
	if inner != nil {
		i.order(r, "start", inner, "start", action.PrintFirst)
		i.order(r, "stop", inner, "stop", action.PrintFirst)
		i.order(inner, "running", r, "running", action.PrintThen)
		i.order(inner, "stopped", r, "stopped", action.PrintThen)
	}
	for _, rep := range r.Bundle.List {
		ct := rep.Container
		i.primitive(ct)
		i.order(r, "start", ct, "start", action.OnlyIfRunnable|action.PrintFirst)
		if rep.Child != nil {
			i.order(r, "stop", rep.Child, "stop", action.PrintFirst)
		}
		i.order(r, "stop", ct, "stop", action.PrintFirst)
		i.order(ct, "start", r, "running", action.PrintThen)
		i.order(ct, "stop", r, "stopped", action.PrintThen)
		if rep.IP != nil {
			i.primitive(rep.IP)
			i.order(rep.IP, "start", ct, "start", action.OnlyIfRunnable|action.Preserved)
			i.order(ct, "stop", rep.IP, "stop", action.ThenNeedsFirst|action.Preserved)
			i.colocate("ip-with-docker", scalar.Inf, rep.IP, ct, true)
		}
		if rep.Remote != nil {
			i.primitive(rep.Remote)
		}
	}
	if inner == nil {
		return
	}
	i.clone(inner)
	if inner.Promotable {
		i.promotableRestart(r)
		i.order(inner, "demoted", r, "demoted", action.PrintThen)
		i.order(r, "demote", inner, "demote", action.PrintFirst)
		i.order(inner, "promoted", r, "promoted", action.PrintThen)
		i.order(r, "promote", inner, "promote", action.PrintFirst)
	}
}
