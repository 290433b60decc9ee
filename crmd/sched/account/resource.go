package account

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/crmd/sched/graph"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

// Resource is everything that the scheduler thought about a resource, in the order of its stages: how it was
// found, where it is going to be, what is done to it and what that waits for. It needs a result that was made
// with Options.Explain. A collective is explained by its members.
func Resource(r *sched.Result, id string) []api.Note {
	var notes []api.Note
	for _, top := range r.Model.All {
		if top.ID != id && top.XMLID != id || top.Parent != nil && (top.Parent.ID == id || top.Parent.XMLID == id) {
			continue
		}
		top.Primitives(func(p *model.Resource) { notes = append(notes, one(r, p)...) })
	}
	return slices.Compact(notes)
}

func one(r *sched.Result, p *model.Resource) []api.Note {
	var notes []api.Note
	add := func(stage, format string, args ...any) {
		if n := (api.Note{Subject: p.ID, Stage: stage, Why: fmt.Sprintf(format, args...)}); !said(notes, n) {
			notes = append(notes, n)
		}
	}
	for _, why := range found(r, p) {
		add(stageModel, "%s", why)
	}
	for _, n := range r.Log.Notes {
		if n.Subject == p.ID {
			notes = append(notes, n)
		}
	}
	for _, c := range contributions(r, p) {
		if c.Score != 0 {
			add(stageScore, "%s for %s: %s", c.Score, c.Node, c.Why)
		}
	}
	switch why := Nowhere(r, p); {
	case why != "":
		add(stagePlace, "%s", why)
	case r.Assignment.Node(p) != nil && r.Assignment.S.Rsc(p).Managed:
		add(stagePlace, "%s", chosen(r, p))
	}
	for _, c := range r.Transition.Changes() {
		if c.Resource == p {
			add(stageAction, "%s", change(c))
		}
	}
	for _, why := range waits(r, p) {
		add(stageOrder, "%s", why)
	}
	return notes
}

// found says what is special about a resource before anything is decided.
func found(r *sched.Result, p *model.Resource) []string {
	st := r.Model.State.Rsc(p)
	var out []string
	for _, op := range r.Model.Failures {
		if op.Rsc == p {
			out = append(out, fmt.Sprintf("%s failed on %s with exit code %d, where %d was expected", op.Task, op.Node.Name, op.RC, op.TargetRC))
		}
	}
	for _, x := range []struct {
		is   bool
		text string
	}{
		{p.Orphan, "is not in the configuration any more"},
		{st.Maintenance, "is in maintenance"},
		{!st.Managed && !st.Maintenance && !st.Blocked, "is not managed"},
		{st.Blocked, "is blocked after a failure: an administrator has to look at it, then clean it up"},
		{len(st.Running) > 1, "runs on more than one node"},
	} {
		if x.is {
			out = append(out, x.text)
		}
	}
	for _, n := range st.Running {
		if r.Model.State.Node(n).Unclean {
			out = append(out, "may still run on "+n.Name+", of which that is not known until it has been fenced")
		}
	}
	return out
}

// waits says what the actions of a resource wait for. Pseudo actions are looked through.
func waits(r *sched.Result, p *model.Resource) []string {
	g := r.Transition.Graph(0)
	inputs := map[int][]*graph.Action{}
	for _, s := range g.Synapses {
		inputs[s.Action.ID] = s.Inputs
	}
	var out []string
	for _, s := range g.Synapses {
		a := s.Action
		if a.Resource == nil || r.Model.Resource(name(a)) != p || a.Task == "monitor" || a.Task == graph.TaskNotify {
			continue
		}
		seen := map[int]bool{}
		var before []string
		var visit func(id int)
		visit = func(id int) {
			for _, in := range inputs[id] {
				switch {
				case seen[in.ID]:
				case in.Kind == graph.Pseudo:
					seen[in.ID] = true
					visit(in.ID)
				default:
					seen[in.ID] = true
					before = append(before, action(in))
				}
			}
		}
		visit(a.ID)
		if len(before) > 0 {
			slices.Sort(before)
			out = append(out, fmt.Sprintf("its %s on %s waits for %s", a.Task, a.Node, strings.Join(before, ", ")))
		}
	}
	return out
}

// name is the instance that an action is for.
func name(a *graph.Action) string {
	if a.Resource.LongID != "" {
		return a.Resource.LongID
	}
	return a.Resource.ID
}

func action(a *graph.Action) string {
	switch {
	case a.Task == graph.TaskFence:
		return fmt.Sprintf("fence (%s) of %s", a.Meta("stonith_action"), a.Node)
	case a.Resource == nil:
		return a.Task + " of " + a.Node
	case a.Task == "monitor":
		return fmt.Sprintf("probe of %s on %s", name(a), a.Node)
	}
	return fmt.Sprintf("%s of %s on %s", a.Task, name(a), a.Node)
}
