package order

import (
	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

// Wanted reports whether an action is to be part of the transition.
func (s *Solver) Wanted(a *action.Action) bool {
	if !a.Is(action.Runnable) || a.Is(action.Optional) && !a.Is(action.Printed) {
		return false
	}
	if a.Rsc != nil && !s.S.Rsc(a.Rsc).Managed && a.Task != "monitor" {
		if interval, ok := a.MetaValue("interval"); !ok || interval == "0" {
			return false
		}
	}
	if a.Is(action.Pseudo) || a.Task == "stonith" || a.Task == "do_shutdown" {
		return true
	}
	if a.Node == nil {
		return false
	}
	n := s.S.Node(a.Node)
	if a.Is(action.OnDC) || a.Node.IsGuest() && !n.RequiresReset {
		return true
	}
	return n.Online && !n.Unclean
}

// Uses reports whether an action of the transition has to wait for one of those that it is ordered after.
func (s *Solver) Uses(a *action.Action, l *action.Link) bool {
	in := l.Action
	if l.Kept {
		return true
	}
	const orderOnly = action.Then | action.PrintFirst | action.PrintThen
	runnable := in.Is(action.Runnable)
	switch {
	case l.Disabled || l.Flags == 0,
		!runnable && l.Flags&^orderOnly == 0,
		!runnable && l.Flags&(action.AnyOf|action.WhileMigrating) != 0,
		l.Flags&action.NotMigrating != 0 && in.Is(action.Migratable),
		l.Flags == action.Then && in.Is(action.Migratable) && in.EndsIn("stop"):
		return false
	case l.Flags == action.Load:
		return s.usesLoad(a, l)
	case l.Flags == action.AntiColocated:
		if in.Node != nil && a.Node != nil && in.Node != a.Node || in.Is(action.Optional) {
			l.Disabled = true
			return false
		}
		return true
	case in.Rsc != nil && in.Rsc != a.Rsc && s.S.Rsc(in.Rsc).Failed && !s.S.Rsc(in.Rsc).Managed && in.EndsIn("stop") &&
		a.Rsc != nil && a.Rsc.Kind == model.Clone:
		return false // what nobody manages does not hold up a clone's shutdown
	}
	return !in.Is(action.Optional) || in.Flags&(action.Printed|action.InGraph) != 0 || s.Wanted(in)
}

// usesLoad keeps orderings by capacity that are about one node.
func (s *Solver) usesLoad(a *action.Action, l *action.Link) bool {
	n := l.Action.Node
	if a.Rsc != nil && a.Task == "migrate_to" {
		// what counts is where the resource goes
		if n == nil || s.A.Node(a.Rsc) != n {
			l.Disabled = true
			return false
		}
		return true
	}
	if n == nil || a.Node != n || l.Action.Is(action.Optional) {
		l.Disabled = true
		return false
	}
	return true
}
