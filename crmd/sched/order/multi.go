package order

import (
	"strings"

	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// multiRule applies a rule to the action of a clone or bundle and to those of its instances. Interleaved ones
// are paired with the instances of the other side instead.
func (s *Solver) multiRule(l link) changed {
	if s.interleaved(l) {
		return s.interleave(l)
	}
	if l.then.Rsc == nil {
		return 0
	}
	c := s.primitiveRule(l)
	for _, inst := range s.instances(l.then.Rsc) {
		a := s.B.NewestTask(inst, l.then.Task, l.node)
		if a == nil {
			continue
		}
		var one changed
		if s.flags(a, l.node)&action.Runnable != 0 {
			one = s.rule(inst, link{l.first, a, l.node, l.ff, l.filter, l.kind})
		}
		c |= one
		if one&thenChanged != 0 {
			s.followUp(a)
		}
	}
	return c
}

// instances are what a rule for a clone or bundle goes down to; a primitive has none.
func (s *Solver) instances(r *model.Resource) []*model.Resource { return s.A.Instances(r) }

// interleaved reports whether the instances of both sides are paired.
func (s *Solver) interleaved(l link) bool {
	f, t := l.first.Rsc, l.then.Rsc
	if f == nil || t == nil || f == t || f.Kind < model.Clone || t.Kind < model.Clone {
		return false
	}
	who := t
	if l.then.EndsIn("stop") || l.then.EndsIn("demote") {
		who = f
	}
	return scalar.IsTrue(who.Meta.Get("interleave"))
}

// interleave links each instance with its mate on the same node. One without a mate must not run when the
// ordering is mandatory.
func (s *Solver) interleave(l link) changed {
	var c changed
	now := l.first.EndsIn("stopped") || l.first.EndsIn("demoted")
	task := childTask(l.first)
	for _, inst := range s.instances(l.then.Rsc) {
		mate := s.A.Compatible(inst, l.first.Rsc, model.RoleUnknown, now)
		if mate == nil {
			if !now && l.kind&(action.OnlyIfRunnable|action.FirstNeedsThen) != 0 && s.A.Evict(inst) {
				c |= thenChanged
			}
			continue
		}
		source, target := mate, inst
		if rep := replicaOn(l.first.Rsc, mate, l.node); rep != nil && strings.Contains(l.first.Task, "stop") {
			source = rep.Child
		}
		if rep := replicaOn(l.then.Rsc, inst, l.node); rep != nil && strings.Contains(l.then.Task, "mote") {
			target = rep.Child
		}
		first, then := s.B.NewestTask(source, task, l.node), s.B.NewestTask(target, l.then.Task, l.node)
		if first == nil || then == nil {
			continue
		}
		if action.Linked(first, then, l.kind) {
			c |= firstChanged | thenChanged
		}
		c |= s.rule(inst, link{first, then, l.node, s.flags(first, l.node), l.filter, l.kind})
	}
	return c
}

// replicaOn is the replica of a bundle with that container, if it is on the node, nil otherwise.
func replicaOn(r, container *model.Resource, n *model.Node) *model.Replica {
	if r.Kind != model.Bundle || n == nil {
		return nil
	}
	for _, rep := range r.Bundle.List {
		if rep.Child != nil && rep.Container == container && rep.Node == n {
			return rep
		}
	}
	return nil
}

// childTask is what the instances of a collective do for one of its actions.
func childTask(a *action.Action) string {
	task := a.Task
	if task == "notify" || task == "notified" {
		task = a.Name[strings.LastIndexByte(a.Name, '_')+1:]
	}
	return partTask(a.Rsc.Children[0], task)
}

// partTask is what a part does for the task of the whole: a primitive has no completions. It is "" for tasks that
// are no business of the parts, as migrations, which each instance has for itself.
func partTask(part *model.Resource, task string) string {
	if part.Kind == model.Primitive {
		switch task {
		case "running":
			return "start"
		case "stopped":
			return "stop"
		case "promoted":
			return "promote"
		case "demoted":
			return "demote"
		}
	}
	switch task {
	case "start", "running", "stop", "stopped", "promote", "promoted", "demote", "demoted", "monitor", "notify", "notified":
		return task
	}
	return ""
}

// orderingFlags are the flags of an action that count for an ordering with one on a node.
func (s *Solver) orderingFlags(a *action.Action, n *model.Node) action.Flags {
	if a.Rsc == nil {
		return a.Flags
	}
	flags := s.flags(a, nil)
	if n == nil || a.Rsc.Kind != model.Clone {
		return flags
	}
	runnable := flags & action.Runnable
	return s.flags(a, n) | runnable // what counts is whether it can run anywhere
}

// flags are the flags of an action; those of a collective follow from its parts, and are kept.
func (s *Solver) flags(a *action.Action, n *model.Node) action.Flags {
	switch a.Rsc.Kind {
	case model.Group:
		return s.groupFlags(a, n)
	case model.Clone:
		return s.sumFlags(a, s.S.Children(a.Rsc), n)
	case model.Bundle:
		return s.bundleFlags(a, n)
	}
	return a.Flags
}

const pseudoFlags = action.Optional | action.Runnable | action.Pseudo

func (s *Solver) groupFlags(a *action.Action, n *model.Node) action.Flags {
	flags := pseudoFlags
	for _, m := range a.Rsc.Children {
		task := partTask(m, a.Task)
		part := s.B.NewestTask(m, task, n)
		if part == nil {
			if task != "stop" && task != "demote" {
				flags &^= action.Runnable // every member would have to
			}
			continue
		}
		pf := s.flags(part, n)
		if pf&action.Optional == 0 {
			flags &^= action.Optional
			a.Clear(action.Optional)
		}
		if task != a.Task && flags&action.Runnable != 0 && pf&action.Runnable == 0 {
			flags &^= action.Runnable
			a.Clear(action.Runnable)
		}
	}
	return flags
}

func (s *Solver) bundleFlags(a *action.Action, n *model.Node) action.Flags {
	if inner := a.Rsc.Bundle.Child; inner != nil {
		switch a.Task {
		case "start", "running", "stop", "stopped", "monitor":
		default:
			return s.sumFlags(a, s.S.Children(inner), n)
		}
	}
	return s.sumFlags(a, s.instances(a.Rsc), n)
}

// sumFlags adds up the flags of instances: one that is required makes the whole required, one that can run
// makes it runnable.
func (s *Solver) sumFlags(a *action.Action, list []*model.Resource, n *model.Node) action.Flags {
	flags := pseudoFlags
	task := childTask(a)
	runnable := false
	for _, inst := range list {
		at := n
		if len(inst.Children) > 0 {
			at = nil
		}
		part := s.B.NewestTask(inst, task, at)
		if part == nil {
			continue
		}
		pf := s.flags(part, n)
		if flags&action.Optional != 0 && pf&action.Optional == 0 {
			flags &^= action.Optional
			a.Clear(action.Optional)
		}
		runnable = runnable || pf&action.Runnable != 0
	}
	if !runnable {
		flags &^= action.Runnable
		if n == nil {
			a.Clear(action.Runnable)
		}
	}
	return flags
}

// blockDependents keeps what must be with a resource from starting or being promoted when that cannot.
func (s *Solver) blockDependents(a *action.Action) {
	if a.Is(action.Runnable) || a.Task != "start" && a.Task != "promote" || a.Rsc == nil {
		return
	}
	p := a.Rsc.Outermost()
	if len(s.Set.By[p.Index].With) == 0 {
		return
	}
	for _, c := range s.S.Children(p) {
		if part := s.B.NewestTask(c, a.Task, nil); part == nil || part.Is(action.Runnable) {
			return // some of it can
		}
	}
	for _, c := range s.Set.By[p.Index].With {
		switch {
		case c.Score < scalar.Inf || a.Task == "promote" && c.PrimaryRole != model.Promoted:
		case c.DependentRole == model.Promoted:
			s.block(c.Dependent, "promote", a.Rsc)
		default:
			s.block(c.Dependent, "start", a.Rsc)
		}
	}
}

func (s *Solver) block(r *model.Resource, task string, blame *model.Resource) {
	list := s.B.Of(r)
	for i := len(list) - 1; i >= 0; i-- {
		a := list[i]
		if a.Task != task || !a.Is(action.Runnable) {
			continue
		}
		a.Clear(action.Runnable)
		a.Because("colocation with " + blame.ID)
		s.blockDependents(a)
		s.update(a)
	}
	for _, c := range s.S.Children(r) {
		s.block(c, task, blame)
	}
}

// Refresh works out the flags of a collective's own actions from those of its parts.
func (s *Solver) Refresh(r *model.Resource) {
	list := s.B.Of(r)
	for i := len(list) - 1; i >= 0; i-- {
		s.flags(list[i], nil)
	}
}
