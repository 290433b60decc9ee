package order

import (
	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// orderProbes makes what is going to be stopped wait for the probes of what it depends on: a probe may find
// that the dependency is there, so that nothing has to be restarted.
func (s *Solver) orderProbes() {
	for _, top := range s.S.TopList(s.M) {
		s.S.Walk(top, func(r *model.Resource) {
			if r.Kind == model.Primitive {
				s.beforeRestarts(r)
			}
		})
	}
	for i := range s.B.Orderings {
		s.beforeStops(&s.B.Orderings[i])
	}
}

// beforeRestarts orders the probes of a resource before the restarts that its start would bring about.
func (s *Solver) beforeRestarts(r *model.Resource) {
	for _, probe := range s.B.All(r, "monitor", nil) {
		for i := len(probe.After) - 1; i >= 0; i-- {
			s.round++
			s.beforeRestart(probe, probe.After[i].Action)
		}
	}
}

// visited marks an action as visited in this round, and reports whether it was already.
func (s *Solver) visited(a *action.Action) bool {
	if len(s.seen) <= a.ID {
		s.seen = append(s.seen, make([]uint32, len(s.B.Actions)+1-len(s.seen))...)
	}
	if s.seen[a.ID] == s.round {
		return true
	}
	s.seen[a.ID] = s.round
	return false
}

// beforeRestart orders a probe before the stops or demotes that go with a start or promotion after it, and so
// on for what comes after that.
func (s *Solver) beforeRestart(probe, after *action.Action) {
	if s.visited(after) || probe.Task != "monitor" {
		return
	}
	r := after.Rsc
	if r != nil && r.Kind == model.Primitive && r != probe.Rsc {
		down := map[string]string{"start": "stop", "promote": "demote"}[after.Task]
		if down != "" {
			for _, then := range s.B.All(r, down, nil) {
				if !then.Is(action.Pseudo) {
					action.Linked(probe, then, action.Then)
				}
			}
		}
	}
	interleaved := false
	var mate *model.Resource
	if r != nil && r.Kind > model.Group && scalar.IsTrue(r.Meta.Get("interleave")) {
		interleaved = true
		mate = s.A.Compatible(probe.Rsc, r, model.RoleUnknown, false)
	}
	for i := len(after.After) - 1; i >= 0; i-- {
		next := after.After[i].Action
		if after.After[i].Flags&action.FirstNeedsThen == 0 {
			if r == nil || r.Kind < model.Group || probe.Rsc.Parent == r || next.Rsc == nil ||
				next.Rsc.Kind > model.Group || next.Rsc.Parent != r {
				continue
			}
			if r.Kind > model.Group && interleaved && mate != next.Rsc {
				continue
			}
		}
		s.beforeRestart(probe, next)
	}
}

// beforeStops orders the probes of a resource before everything that its stop is ordered before.
func (s *Solver) beforeStops(o *action.Ordering) {
	first, then := &o.First, &o.Then
	if o.Flags == 0 || first.Rsc == nil || first.Rsc == then.Rsc || !isStop(first) {
		return
	}
	if then.Rsc != nil && first.Rsc.Container == then.Rsc && isStop(then) {
		return
	}
	flags := action.Then | o.Flags&(action.NotMigrating|action.SameNode)
	if o.Flags == action.AntiColocated || o.Flags == action.Load {
		flags = o.Flags
	}
	probes := s.B.All(first.Rsc, "monitor", nil)
	if len(probes) == 0 {
		return
	}
	thens := []*action.Action{then.Action}
	if then.Action == nil {
		thens = s.B.AllOf(then.Rsc, then.Op, nil)
	}
	for _, p := range probes {
		for _, t := range thens {
			if !irrelevant(p, t) {
				action.Linked(p, t, flags)
			}
		}
	}
}

func isStop(e *action.End) bool {
	if e.Action != nil {
		return e.Action.Task == "stop"
	}
	return e.Op == action.Op{Name: "stop"}
}

// irrelevant reports whether a probe has nothing to do with the unfencing of its own node, without which it
// could not run, or the shutdown of another.
func irrelevant(probe, then *action.Action) bool {
	switch then.Task {
	case "stonith":
		op, _ := then.MetaValue("stonith_action")
		return op == "on" && then.Node == probe.Node
	case "do_shutdown":
		return then.Node != probe.Node
	}
	return false
}
