// Package compile makes the transition of the actions that were worked out: which of them are done, in which
// order they are numbered, and what each waits for.
package compile

import (
	"slices"

	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/create"
	"github.com/holdfast-ha/holdfast/crmd/sched/mergesort"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/order"
)

// Transition is what is going to be done.
type Transition struct {
	B *action.Book
	M *model.Model
	S *model.State

	solver *order.Solver
	maker  *create.Maker
	// Steps are the actions of the transition; the number of a synapse is its index.
	Steps []*action.Action
}

// Build picks the actions of the transition. The notifications of clones are made on the way, since they tell
// what is going to be done.
func Build(s *order.Solver, m *create.Maker) *Transition {
	t := &Transition{B: s.B, M: s.M, S: s.S, solver: s, maker: m}
	// Pacemaker tells what will change before it makes the graph. Looking up actions on a node gives the node to
	// those that have none.
	t.Changes()
	for _, r := range s.S.TopList(s.M) {
		t.resource(r)
	}
	t.maintenance()
	for i := len(t.B.Actions) - 1; i >= 0; i-- {
		t.add(t.B.Actions[i])
	}
	return t
}

func (t *Transition) resource(r *model.Resource) {
	switch r.Kind {
	case model.Group:
		t.own(r)
		for _, c := range t.S.Children(r) {
			t.resource(c)
		}
	case model.Clone:
		t.solver.Refresh(r)
		t.maker.Notify(r)
		for _, c := range t.S.Children(r) {
			t.resource(c)
		}
		t.own(r)
	case model.Bundle:
		if inner := r.Bundle.Child; inner != nil {
			t.resource(inner)
		}
		for _, rep := range r.Bundle.List {
			for _, part := range []*model.Resource{rep.IP, rep.Container, rep.Remote} {
				if part != nil {
					t.own(part)
				}
			}
		}
	default:
		t.own(r)
	}
}

// own adds a resource's own actions, the newest first.
func (t *Transition) own(r *model.Resource) {
	list := t.B.Of(r)
	for i := len(list) - 1; i >= 0; i-- {
		t.add(list[i])
	}
}

// add adds an action if it is to be done, and settles what it waits for.
func (t *Transition) add(a *action.Action) {
	if !a.Is(action.Deduped) {
		dedupe(a)
		a.Set(action.Deduped)
	}
	if a.Is(action.InGraph) || !t.solver.Wanted(a) {
		return
	}
	a.Set(action.InGraph)
	t.Steps = append(t.Steps, a)
	for i := range a.Before {
		if l := &a.Before[i]; t.solver.Uses(a, l) {
			l.Kept = true
		}
	}
}

// dedupe puts what an action waits for into the order of its numbers and merges what is there twice.
func dedupe(a *action.Action) {
	if len(a.Before) < 2 {
		return
	}
	byID := func(x, y action.Link) int { return x.Action.ID - y.Action.ID }
	if !slices.IsSortedFunc(a.Before, byID) {
		a.Before = mergesort.Sorted(a.Before, byID)
	}
	out := a.Before[:1]
	for _, l := range a.Before[1:] {
		last := &out[len(out)-1]
		if l.Action != last.Action {
			out = append(out, l)
			continue
		}
		switch {
		case l.Disabled:
		case last.Disabled:
			*last = l
		default:
			last.Flags |= l.Flags
		}
	}
	a.Before = out
}

// maintenance adds a pseudo action when remote nodes have to be told whether they are in maintenance.
func (t *Transition) maintenance() {
	if len(t.maintenanceNodes()) > 0 {
		t.B.Pseudo("maintenance_nodes").Set(action.Printed)
	}
}

func (t *Transition) maintenanceNodes() []*model.Node {
	var out []*model.Node
	for _, n := range t.M.Nodes {
		if st := t.S.Node(n); n.IsRemoteType() && st.Maintenance != st.RemoteMaintenance {
			out = append(out, n)
		}
	}
	return out
}
