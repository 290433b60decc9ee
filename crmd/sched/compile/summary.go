package compile

import (
	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

// NodeChange is something that is done to a node.
type NodeChange struct {
	Node *model.Node
	// Task is Shutdown, or the fence operation.
	Task   string
	Fence  bool
	Reason string
}

// Change is what becomes of one resource.
type Change struct {
	// Verb is Start, Stop, Move, Migrate, Recover, Restart, Reload, Promote, Demote or Re-promote.
	Verb     string
	Resource *model.Resource
	// From and To are the nodes before and after, nil for none.
	From, To *model.Node
	// Role and NextRole are the roles before and after.
	Role, NextRole model.Role
	Reason         string
	// Blocked tells that it is what should happen, but cannot.
	Blocked bool
}

// NodeChanges are what is done to nodes, the newest action first.
func (t *Transition) NodeChanges() []NodeChange {
	var out []NodeChange
	for i := len(t.B.Actions) - 1; i >= 0; i-- {
		a := t.B.Actions[i]
		if a.Rsc != nil || a.Is(action.Optional) {
			continue
		}
		switch a.Task {
		case "do_shutdown":
			out = append(out, NodeChange{Node: a.Node, Task: "Shutdown", Reason: a.Reason})
		case "stonith":
			op, _ := a.MetaValue("stonith_action")
			out = append(out, NodeChange{Node: a.Node, Task: op, Fence: true, Reason: a.Reason})
		}
	}
	return out
}

// Changes are what becomes of every resource for which anything changes.
func (t *Transition) Changes() []Change {
	var out []Change
	for _, r := range t.S.TopList(t.M) {
		out = t.changes(r, out)
	}
	return out
}

func (t *Transition) changes(r *model.Resource, out []Change) []Change {
	if r.Kind == model.Bundle {
		for _, rep := range r.Bundle.List {
			for _, part := range []*model.Resource{rep.IP, rep.Container, rep.Remote, rep.Child} {
				if part != nil {
					out = t.changes(part, out)
				}
			}
		}
		return out
	}
	if children := t.S.Children(r); len(children) > 0 {
		for _, c := range children {
			out = t.changes(c, out)
		}
		return out
	}
	if r.Kind != model.Primitive {
		return out
	}
	current, next := t.S.Current(r), t.solver.A.Node(r)
	if current == nil && r.Orphan || !t.S.Rsc(r).Managed || current == nil && next == nil {
		return out
	}
	return append(out, t.change(r, current, next)...)
}

// ops are the actions that decide what a change is called.
type ops struct {
	start, stop, promote, demote *action.Action
}

func (t *Transition) ops(r *model.Resource, current, next *model.Node) ops {
	o := ops{start: t.B.Oldest(r, "start", next)}
	on := current
	if o.start == nil || !o.start.Is(action.Runnable) {
		on = nil
	}
	o.stop = t.B.Oldest(r, "stop", on)
	if o.stop == nil && t.S.Rsc(r).UnexpectedStop {
		o.stop = t.B.Oldest(r, "stop", nil)
	}
	o.promote, o.demote = t.B.Oldest(r, "promote", next), t.B.Oldest(r, "demote", next)
	return o
}

func (t *Transition) change(r *model.Resource, current, next *model.Node) []Change {
	st := t.S.Rsc(r)
	role := st.Role
	if role == model.Stopped && len(st.Running) > 0 {
		role = model.Started // while it is recovered, its role counts as stopped
	}
	o := t.ops(r, current, next)
	c := Change{Resource: r, From: current, To: next, Role: role, NextRole: st.NextRole}
	moving := current != nil && next != nil && current != next
	if role == st.NextRole {
		return t.sameRole(c, o, moving)
	}
	switch {
	case o.stop != nil && (st.NextRole == model.Stopped || o.start != nil && !o.start.Is(action.Runnable)):
		return t.stops(c, o)
	case o.stop != nil && st.Failed && st.StopRequired:
		return c.as("Recover", o.stop, o.start)
	case moving:
		return c.as("Move", o.stop, nil)
	case st.Reload:
		return c.as("Reload", o.start, nil)
	case o.stop != nil && !o.stop.Is(action.Optional):
		return c.as("Restart", o.start, nil)
	case role == model.Promoted:
		return c.as("Demote", o.demote, nil)
	case st.NextRole == model.Promoted:
		return c.as("Promote", o.promote, nil)
	case role == model.Stopped && st.NextRole > model.Stopped:
		return c.as("Start", o.start, nil)
	}
	return nil
}

// sameRole names the change of a resource that keeps its role.
func (t *Transition) sameRole(c Change, o ops, moving bool) []Change {
	st := t.S.Rsc(c.Resource)
	if c.To == nil {
		return nil
	}
	m := t.B.Oldest(c.Resource, "migrate_from", c.To)
	switch {
	case m != nil && c.From != nil && m.Is(action.Runnable):
		return c.as("Migrate", o.start, nil)
	case st.Reload:
		return c.as("Reload", o.start, nil)
	case o.start == nil || o.start.Is(action.Optional):
		if o.demote != nil && o.promote != nil && !o.demote.Is(action.Optional) && !o.promote.Is(action.Optional) {
			return c.as("Re-promote", o.promote, o.demote)
		}
		return nil
	case !o.start.Is(action.Runnable):
		c.To = nil
		source := o.start
		if o.stop != nil && o.stop.Reason != "" {
			source = o.stop
		}
		return c.as("Stop", o.stop, source)
	case moving && st.Failed:
		return c.as("Recover", o.stop, nil)
	case moving:
		return c.as("Move", o.stop, nil)
	case st.Failed:
		c.To = nil
		return c.as("Recover", o.stop, nil)
	}
	return c.as("Restart", o.start, nil)
}

// stops are the stops of a resource on every node where it is active.
func (t *Transition) stops(c Change, o ops) []Change {
	var out []Change
	c.To = nil
	for _, n := range t.S.Rsc(c.Resource).Running {
		stop := t.B.Oldest(c.Resource, "stop", n)
		source := o.start
		if stop != nil && stop.Reason != "" {
			source = stop
		}
		c.From = n
		out = append(out, c.as("Stop", stop, source)...)
	}
	return out
}

// as completes a change with its name and the reason, which is that of source or else of the action itself.
func (c Change) as(verb string, a, source *action.Action) []Change {
	if a == nil || c.From == nil && c.To == nil {
		return nil
	}
	if source == nil {
		source = a
	}
	c.Verb, c.Reason, c.Blocked = verb, source.Reason, !a.Is(action.Runnable)
	return []Change{c}
}
