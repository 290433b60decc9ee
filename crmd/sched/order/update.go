package order

import (
	"strings"

	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

// changed says which ends of an ordering have changed.
type changed uint8

const (
	firstChanged changed = 1 << iota
	thenChanged
)

// update lets everything that an action is ordered after act on it. What changes is followed up at once: the
// reasons that actions show depend on who comes first.
func (s *Solver) update(then *action.Action) {
	last := then.Flags
	if then.Is(action.AnyRequired) {
		then.Satisfied = 0
		then.Required = max(then.Required, 1)
		then.Clear(action.Runnable)
	}
	var c changed
	for i := len(then.Before) - 1; i >= 0; i-- {
		first := then.Before[i].Action
		c &^= firstChanged
		c |= s.input(then, i)
		if c&firstChanged != 0 {
			s.followUp(first)
			s.update(first)
		}
	}
	if then.Is(action.AnyRequired) {
		c &^= thenChanged
		if last != then.Flags {
			c |= thenChanged
		}
	}
	if c&thenChanged == 0 {
		return
	}
	if last&action.Runnable != 0 && !then.Is(action.Runnable) {
		s.blockDependents(then)
	}
	s.update(then)
	s.followUp(then)
}

// followUp updates everything that is ordered after an action.
func (s *Solver) followUp(a *action.Action) {
	for i := len(a.After) - 1; i >= 0; i-- {
		s.update(a.After[i].Action)
	}
}

// input lets one ordering act on its ends.
func (s *Solver) input(then *action.Action, i int) changed {
	l := &then.Before[i]
	first := l.Action
	flags := l.Flags
	if l.Disabled {
		flags = 0
	}
	firstNode, thenNode := s.startNode(first), s.startNode(then)
	if flags&action.SameNode != 0 && firstNode != nil && thenNode != nil && firstNode != thenNode {
		l.Disabled = true
		return 0
	}
	if first.Rsc != nil && flags&action.ThenCancels != 0 && !then.Is(action.Optional) {
		first.Set(action.Optional)
		if first.Task == "reload-agent" {
			s.S.Rsc(first.Rsc).Reload = false
		}
	}
	if mapped := s.remapped(first, then); mapped != nil {
		if action.Linked(mapped, then, flags) {
			then.Before[i].Disabled = true
			return thenChanged
		}
		return 0
	}
	ff := s.orderingFlags(first, thenNode)
	tf := s.orderingFlags(then, firstNode)
	return s.ordering(first, then, ff, tf, i, flags)
}

// startNode is an action's node; for the start of a group that of its members.
func (s *Solver) startNode(a *action.Action) *model.Node {
	if a.Rsc != nil && a.Rsc.Kind == model.Group && a.Task == "start" {
		if n := s.A.Location(a.Rsc, false); n != nil {
			return n
		}
	}
	return a.Node
}

// completions are the pseudo actions that stand for the end of what a collective does.
var completions = map[string]string{"start": "running", "stop": "stopped", "promote": "promoted", "demote": "demoted",
	"running": "running", "stopped": "stopped", "promoted": "promoted", "demoted": "demoted"}

// remapped is what then really waits for when first belongs to a collective that then is no part of: the
// completion of what it does, with notifications. It is nil for other actions.
func (s *Solver) remapped(first, then *action.Action) *action.Action {
	r := first.Rsc
	if r == nil || then.Rsc == nil || r == then.Rsc || r.Kind < model.Group || then.Rsc.Within(r) {
		return nil
	}
	if first.IntervalMs > 0 || strings.Contains(r.ID, "notify") {
		return nil
	}
	done := completions[first.Name]
	if done == "" {
		return nil
	}
	if r.Notify && (r.Parent == nil || r.Kind == model.Clone && r.Parent.Kind == model.Bundle) {
		done = "confirmed-post_notify_" + done
	}
	mapped := s.B.Newest(r, done, nil)
	if mapped == first {
		return nil
	}
	return mapped
}

// ordering applies the rules of one ordering.
func (s *Solver) ordering(first, then *action.Action, ff, tf action.Flags, i int, flags action.Order) changed {
	n := then.Node
	if flags&action.ThenOnNode != 0 {
		flags = flags&^action.ThenOnNode | action.FirstNeedsThen
		then.Before[i].Flags = flags
		n = first.Node
	}
	c := s.requirements(first, then, ff, flags, n)
	c |= s.capabilities(first, then, ff, i, flags, n)
	if flags&action.PrintThen != 0 && first.Is(action.Runnable) && ff&action.Optional == 0 {
		then.Set(action.Printed)
	}
	if flags&action.PrintFirst != 0 && tf&action.Optional == 0 {
		first.Set(action.Printed)
	}
	if flags&(action.FirstNeedsThen|action.ThenNeedsFirst|action.Restarting) != 0 && first.Rsc != nil && first.Task == "stop" &&
		!first.Is(action.Runnable) && then.Is(action.Runnable) {
		if st := s.S.Rsc(first.Rsc); !st.Managed && st.Blocked {
			then.Clear(action.Runnable)
			c |= thenChanged
		}
	}
	return c
}

// requirements applies the rules by which one end requires the other.
func (s *Solver) requirements(first, then *action.Action, ff action.Flags, flags action.Order, n *model.Node) changed {
	var c changed
	if flags&action.FirstNeedsThen != 0 {
		if then.Rsc != nil {
			c |= s.rule(then.Rsc, link{first, then, n, ff & action.Optional, action.Optional, action.FirstNeedsThen})
		} else if ff&action.Optional == 0 && then.Is(action.Optional) {
			then.Clear(action.Optional)
			c |= thenChanged
		}
	}
	if flags&action.Restarting != 0 && then.Rsc != nil {
		c |= s.rule(then.Rsc, link{first, then, n, ff, action.Optional | action.Runnable, action.Restarting})
	}
	if flags&action.ThenNeedsFirst != 0 {
		if first.Rsc != nil {
			c |= s.rule(first.Rsc, link{first, then, n, ff, action.Optional, action.ThenNeedsFirst})
		} else if ff&action.Optional == 0 && first.Is(action.Runnable) {
			first.Clear(action.Runnable)
			c |= firstChanged
		}
	}
	if flags&action.PromotedNeedsFirst != 0 && then.Rsc != nil {
		c |= s.rule(then.Rsc, link{first, then, n, ff & action.Optional, action.Optional, action.PromotedNeedsFirst})
	}
	return c
}

// capabilities applies the rules by which one end can only run if the other can.
func (s *Solver) capabilities(first, then *action.Action, ff action.Flags, i int, flags action.Order, n *model.Node) changed {
	var c changed
	if flags&action.AnyOf != 0 {
		if then.Rsc != nil {
			c |= s.rule(then.Rsc, link{first, then, n, ff, action.Runnable, action.AnyOf})
		} else if ff&action.Runnable != 0 {
			then.Satisfied++
			if then.Satisfied >= then.Required && !then.Is(action.Runnable) {
				then.Set(action.Runnable)
				c |= thenChanged
			}
		}
	}
	if flags&action.AfterProbe != 0 && then.Rsc != nil {
		if ff&action.Runnable == 0 && len(s.S.Rsc(first.Rsc).Running) > 0 {
			then.Before[i].Disabled = true // it is active anyway, and stopping
		} else {
			c |= s.rule(then.Rsc, link{first, then, n, ff, action.Runnable, action.OnlyIfRunnable})
		}
	}
	if flags&action.OnlyIfRunnable != 0 {
		if then.Rsc != nil {
			c |= s.rule(then.Rsc, link{first, then, n, ff, action.Runnable, action.OnlyIfRunnable})
		} else if ff&action.Runnable == 0 && then.Is(action.Runnable) {
			then.Clear(action.Runnable)
			c |= thenChanged
		}
	}
	if then.Rsc == nil {
		return c
	}
	for _, r := range [...]struct {
		kind   action.Order
		filter action.Flags
	}{{action.WhileMigrating, action.Optional}, {action.PseudoIfRunnable, action.Optional}, {action.Then, action.Runnable},
		{action.Asymmetric, action.Runnable}} {
		if flags&r.kind != 0 {
			c |= s.rule(then.Rsc, link{first, then, n, ff, r.filter, r.kind})
		}
	}
	return c
}
