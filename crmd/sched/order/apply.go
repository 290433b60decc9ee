package order

import (
	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/constraint"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/place"
)

// Solver applies orderings to actions until nothing changes any more.
type Solver struct {
	B   *action.Book
	M   *model.Model
	S   *model.State
	A   *place.Assignment
	Set *constraint.Set

	// seen tells in which round an action was last visited, by its id.
	seen  []uint32
	round uint32
}

// Solve applies every ordering, from old to new, and works out what follows.
func Solve(b *action.Book, set *constraint.Set, a *place.Assignment) *Solver {
	s := &Solver{B: b, M: b.M, S: b.S, A: a, Set: set}
	for i := range b.Orderings {
		s.apply(&b.Orderings[i])
	}
	newestFirst(b.Actions, s.blockDependents)
	s.orderProbes()
	b.Orderings = nil // they are links now, and a large part of what is in memory
	newestFirst(b.Actions, s.update)
	newestFirst(b.Actions, s.disableInvalid)
	return s
}

// newestFirst calls a function for every action there is at the beginning.
func newestFirst(list []*action.Action, f func(*action.Action)) {
	for i := len(list) - 1; i >= 0; i-- {
		f(list[i])
	}
}

// apply links the actions of the two ends of an ordering.
func (s *Solver) apply(o *action.Ordering) {
	if o.First.Rsc == nil {
		if o.Then.Rsc == nil {
			action.Linked(o.First.Action, o.Then.Action, o.Flags)
		} else {
			s.after(o.First.Action, o)
		}
		return
	}
	if o.First.Action != nil {
		s.link(o.First.Action, o)
		return
	}
	firsts := s.B.AllOf(o.First.Rsc, o.First.Op, nil)
	if len(firsts) > 0 {
		for _, f := range firsts {
			s.link(f, o)
		}
		return
	}
	if o.First.Rsc == o.Then.Rsc {
		return
	}
	role := s.S.HighestRole(o.First.Rsc, false)
	if o.First.Op.Name == "stop" && role == model.Stopped || o.First.Op.Name == "demote" && role == model.Unpromoted {
		return // it has been done
	}
	// it is not going to be done, which is something to depend on, too
	s.link(s.B.Get(action.Ask{Rsc: o.First.Rsc, Op: o.First.Op, Optional: true}), o)
}

func (s *Solver) link(first *action.Action, o *action.Ordering) {
	if o.Then.Rsc == nil {
		action.Linked(first, o.Then.Action, o.Flags)
		return
	}
	s.after(first, o)
}

// after links one action to all that the other end stands for.
func (s *Solver) after(first *action.Action, o *action.Ordering) {
	flags := o.Flags
	if first.Rsc == o.Then.Rsc && first.Is(action.Dangling) {
		flags &^= action.FirstNeedsThen
	}
	if o.Then.Action != nil {
		action.Linked(first, o.Then.Action, flags)
		return
	}
	for _, then := range s.B.AllOf(o.Then.Rsc, o.Then.Op, nil) {
		action.Linked(first, then, flags)
	}
}

// disableInvalid disables orderings that cannot be kept: of something inside a guest node before the guest's
// own actions, and of capacity in a circle.
func (s *Solver) disableInvalid(a *action.Action) {
	for i := len(a.Before) - 1; i >= 0; i-- {
		l := &a.Before[i]
		if l.Disabled {
			continue
		}
		in := l.Action
		switch {
		case l.Flags&action.Preserved == 0 && in.Rsc != nil && hosts(a.Rsc, in.Node):
			l.Disabled = true
		case l.Flags == action.Load && a.Rsc != nil && a.Task == "migrate_to" && s.loops(a, a, l):
			l.Disabled = true
		}
	}
}

// hosts reports whether a resource is the container of a guest node.
func hosts(r *model.Resource, n *model.Node) bool {
	return r != nil && n != nil && len(r.Fillers) > 0 && n.Connection != nil && n.Connection.Container == r
}

// loops reports whether following what an action waits for leads back to the first one.
func (s *Solver) loops(start, a *action.Action, l *action.Link) bool {
	in := l.Action
	if in.Is(action.Tracking) || !s.Uses(a, l) {
		return false
	}
	if in == start {
		return true
	}
	in.Set(action.Tracking)
	defer in.Clear(action.Tracking)
	for i := len(in.Before) - 1; i >= 0; i-- {
		if s.loops(start, in, &in.Before[i]) {
			return true
		}
	}
	return false
}
