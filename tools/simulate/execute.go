package simulate

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/crmd/sched/graph"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
	"github.com/holdfast-ha/holdfast/tools/outline"
	"github.com/holdfast-ha/holdfast/tools/output"
)

// After is what a CIB would be when the cluster has done everything that it would do now.
func After(doc *cibxml.Element, now time.Time) *cibxml.Element {
	silent := &text{out: &outline.Writer{W: io.Discard}, to: output.New(output.None, io.Discard, io.Discard)}
	r := sched.Schedule(sched.Input{Doc: doc, Now: now.Unix(), Zone: time.Local}, sched.Options{})
	x := &executor{fake: newFake(doc), out: silent, m: r.Model, now: now.Unix()}
	x.run(r.Transition.Graph(0))
	return x.fake.doc
}

// executor carries out a transition in its mind.
type executor struct {
	fake  *fake
	out   reporter
	m     *model.Model // to know resources by their names
	now   int64
	fails []string // RSC_TASK_INTERVAL@NODE=RC
	errs  []string

	waiting map[int][]int // action id to the synapses that wait for it
	missing []int         // inputs that are not confirmed yet, by synapse
	done    []bool
	abort   int // priority below which nothing is started any more
}

// run executes a graph until nothing more can be done. It reports whether that was all.
func (x *executor) run(g *graph.Graph) bool {
	x.waiting = map[int][]int{}
	x.missing = make([]int, len(g.Synapses))
	x.done = make([]bool, len(g.Synapses))
	for i, s := range g.Synapses {
		x.missing[i] = len(s.Inputs)
		for _, in := range s.Inputs {
			x.waiting[in.ID] = append(x.waiting[in.ID], i)
		}
	}
	for fired := true; fired; {
		fired = false
		for i, s := range g.Synapses {
			if x.done[i] || x.missing[i] > 0 || s.Action.Kind != graph.Pseudo && s.Priority < x.abort {
				continue
			}
			if impossible(s.Action) {
				// Pacemaker starts nothing real any more, and takes the transition for complete.
				x.done[i], x.abort = true, graph.Infinity
				continue
			}
			x.done[i], fired = true, true
			x.confirm(g, s.Action, x.do(s.Action))
		}
	}
	for i := range g.Synapses {
		if !x.done[i] && x.abort == 0 {
			return false
		}
	}
	return true
}

// confirm tells the synapses that wait for an action. A failed one only lets those go on that finish what was
// begun.
func (x *executor) confirm(g *graph.Graph, a *graph.Action, failed bool) {
	for _, i := range x.waiting[a.ID] {
		if !failed || g.Synapses[i].Priority == graph.Infinity {
			x.missing[i]--
		}
	}
}

// do carries out one action and reports whether it failed.
func (x *executor) do(a *graph.Action) (failed bool) {
	switch {
	case a.Kind == graph.Pseudo:
		x.out.pseudo(a.Key, a.Node)
	case a.Task == graph.TaskFence:
		op := a.Meta("stonith_action")
		x.out.fencing(a.Node, op)
		if !strings.EqualFold(op, "on") {
			x.fake.join(a.Node, false)
			x.fake.forget(a.Node)
		}
	case a.Kind == graph.Cluster:
		rsc := ""
		if a.Resource != nil {
			rsc = a.Resource.ID
		}
		x.out.cluster(a.Task, rsc, a.Node)
	default:
		return x.operation(a)
	}
	return false
}

// impossible reports whether there is nothing that could carry out the action: the probe of a group without valid
// members.
func impossible(a *graph.Action) bool {
	return a.Kind == graph.Resource && a.Task != graph.TaskFence && a.Task != "probe_again" && a.Resource != nil && a.Resource.Tag != "primitive"
}

// operation carries out an operation of a resource.
func (x *executor) operation(a *graph.Action) (failed bool) {
	if a.Task == "probe_again" || a.Resource == nil {
		return false
	}
	configured := a.Resource.ID
	name := configured
	if x.m.Resource(name) == nil && a.Resource.LongID != "" && x.m.Resource(a.Resource.LongID) != nil {
		name = a.Resource.LongID
	}
	if a.Task == graph.TaskDelete || a.Task == "meta-data" {
		x.out.operation(name, a.Task, a.Node, 0)
		return false
	}
	id := a.NodeUUID
	if a.Router != "" {
		id = a.Node
	}
	s := x.fake.node(a.Node, id)
	h := s.history(name, configured, agent{a.Resource.Class, a.Resource.Provider, a.Resource.Type})
	r := &result{task: a.Task, now: x.now, reason: "User-injected result", params: params(a)}
	r.intervalMs = scalar.Millis(r.params["CRM_meta_interval"])
	r.target = scalar.MinInt(r.params["CRM_meta_op_target_rc"], 0)
	r.rc = r.target
	x.out.operation(name, a.Task, a.Node, r.intervalMs)
	if match, rc, ok := x.wanted(name, configured, r, a.Node); ok {
		r.rc = rc
		x.out.pretending(a.ID, rc)
		x.abort = graph.Infinity
		failed = true
		fail(x.out, s, match, r)
	}
	r.anew = s.ambiguous[h.ID()]
	r.record(h, configured)
	return failed
}

// params are everything that an action is run with.
func params(a *graph.Action) map[string]string {
	out := make(map[string]string, len(a.Attrs)+len(a.Params))
	for _, p := range a.Attrs {
		out[p.Name] = p.Value
	}
	for _, p := range a.Params {
		out[p.Name] = p.Value
	}
	return out
}

// wanted reports whether an operation is to fail, under which name of the resource, and how.
func (x *executor) wanted(name, configured string, r *result, node string) (match string, rc int, ok bool) {
	for _, spec := range x.fails {
		for _, rsc := range []string{name, configured} {
			key := fmt.Sprintf("%s_%s_%d@%s=", rsc, r.task, r.intervalMs, node)
			if len(spec) < len(key) || !strings.EqualFold(spec[:len(key)], key) {
				continue
			}
			_, text, _ := strings.Cut(spec, "=")
			n, err := strconv.Atoi(strings.TrimSpace(text))
			if err != nil {
				x.errs = append(x.errs, fmt.Sprintf("Invalid failed operation '%s' specified. Result code must be integer", spec))
				break
			}
			return rsc, n, true
		}
	}
	return "", 0, false
}
