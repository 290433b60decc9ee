package order

import (
	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

// link is one rule to be applied to two actions.
type link struct {
	first, then *action.Action
	node        *model.Node  // where a collective's parts are concerned; nil for everywhere
	ff          action.Flags // first's flags as far as they matter for the ordering
	filter      action.Flags // which of them the rule is about
	kind        action.Order
}

// rule applies a rule the way a resource's kind wants it.
func (s *Solver) rule(r *model.Resource, l link) changed {
	switch r.Kind {
	case model.Group:
		return s.groupRule(l)
	case model.Clone, model.Bundle:
		return s.multiRule(l)
	}
	return s.primitiveRule(l)
}

// because clears a flag of an action, with the action that is to blame as the reason.
func because(a *action.Action, flag action.Flags, blame *action.Action) {
	if !a.Is(flag) {
		return
	}
	a.Clear(flag)
	if a.Rsc == blame.Rsc {
		return
	}
	why := "unrunnable "
	if flag == action.Optional {
		why = "required "
	}
	if blame.Rsc != nil {
		why += blame.Rsc.ID + " "
	}
	why += blame.Task
	if flag == action.Migratable {
		a.Reason = why
	} else {
		a.Because(why)
	}
}

// primitiveRule applies a rule to two actions themselves.
func (s *Solver) primitiveRule(l link) changed {
	first, then := l.first, l.then
	firstBefore, thenBefore := first.Flags, then.Flags
	optional, runnable := l.filter&action.Optional != 0, l.filter&action.Runnable != 0
	switch l.kind {
	case action.Asymmetric:
		s.asymmetric(first, then)
	case action.ThenNeedsFirst:
		if !then.Is(action.Optional) {
			if optional && l.ff&action.Optional == 0 {
				because(first, action.Optional, then)
			}
			if l.ff&action.Migratable != 0 && !then.Is(action.Migratable) {
				because(first, action.Migratable, then)
			}
		}
	case action.PromotedNeedsFirst:
		if then.Rsc != nil && s.S.Rsc(then.Rsc).Role == model.Promoted && optional && !then.Is(action.Optional) {
			because(first, action.Optional, then)
			if first.Is(action.Migratable) && !then.Is(action.Migratable) {
				because(first, action.Migratable, then)
			}
		}
	case action.WhileMigrating:
		if optional {
			if !then.Is(action.Migratable | action.Runnable) {
				because(first, action.Runnable, then)
			}
			if !then.Is(action.Optional) {
				because(first, action.Optional, then)
			}
		}
	case action.PseudoIfRunnable:
		if optional && !first.Is(action.Runnable) {
			because(then, action.Migratable, first)
			then.Clear(action.Pseudo)
		}
	case action.OnlyIfRunnable:
		if runnable && then.Is(action.Runnable) && l.ff&action.Runnable == 0 {
			because(then, action.Runnable, first)
			because(then, action.Migratable, first)
		}
	case action.FirstNeedsThen:
		if optional && then.Is(action.Optional) && l.ff&action.Optional == 0 && !first.Is(action.Migratable) {
			because(then, action.Optional, first)
		}
	case action.Restarting:
		s.restart(first, then, optional, runnable)
	}
	var c changed
	if then.Flags != thenBefore {
		c |= thenChanged
		if then.Rsc != nil && then.Rsc.Parent != nil {
			s.update(then)
		}
	}
	if first.Flags != firstBefore {
		c |= firstChanged
	}
	return c
}

// asymmetric stops what depends on an action that cannot run, unless it is as it should be already.
func (s *Solver) asymmetric(first, then *action.Action) {
	if then.Rsc == nil || first.Is(action.Runnable) {
		return
	}
	if then.Is(action.Optional) {
		role := s.S.HighestRole(then.Rsc, false)
		running := s.S.Rsc(then.Rsc).Running
		switch {
		case role == model.Stopped && then.Task == "stop":
			return
		case role >= model.Started && then.Task == "start" && len(running) == 1 && running[0] == then.Node:
			return
		}
	}
	because(then, action.Optional, first)
	because(then, action.Runnable, first)
}

// restart keeps the two halves of a restart together.
func (s *Solver) restart(first, then *action.Action, optional, runnable bool) {
	required := optional && !then.Is(action.Optional)
	stuck := runnable && !then.Is(action.Runnable) && s.S.Rsc(then.Rsc).Managed && first.Rsc == then.Rsc
	if !required && !stuck {
		return
	}
	if first.Is(action.Runnable) {
		because(first, action.Optional, then)
	}
	if !then.Is(action.Optional) {
		because(first, action.Optional, then)
	}
	if !then.Is(action.Migratable) {
		because(first, action.Migratable, then)
	}
	if !first.Is(action.Optional) && !first.Is(action.Runnable) {
		because(then, action.Runnable, first)
	}
}

// groupRule applies a rule to a group's action and to those of its members.
func (s *Solver) groupRule(l link) changed {
	c := s.primitiveRule(l)
	if l.then.Rsc == nil {
		return c
	}
	for _, m := range s.S.Children(l.then.Rsc) {
		if a := s.B.NewestTask(m, l.then.Task, l.node); a != nil {
			c |= s.rule(m, link{l.first, a, l.node, l.ff, l.filter, l.kind})
		}
	}
	return c
}
