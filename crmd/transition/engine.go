// Package transition runs a transition graph: it says which actions may start now, takes their results, and
// knows when the graph is finished.
package transition

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/holdfast-ha/holdfast/crmd/sched/graph"
)

// Input is what happens to a running graph.
type Input interface{ input() }

// Done is the result of an action that was started. OK is false when it did not end as the graph expects.
type Done struct {
	Action int
	OK     bool
}

// Abort stops actions below Priority from starting. Pseudo actions still run.
type Abort struct {
	Priority int
	Reason   string
}

// NodeLost fails the actions that are in flight on a node, which will never report. Fencing is not
// concerned: somebody else carries it out.
type NodeLost struct{ Node string }

// SetLimits changes the limits.
type SetLimits struct{ Limits Limits }

// Wake is only the passing of time.
type Wake struct{}

func (Done) input()      {}
func (Abort) input()     {}
func (NodeLost) input()  {}
func (SetLimits) input() {}
func (Wake) input()      {}

// Output is what the owner of the engine has to do.
type Output interface{ output() }

// Run asks for an action to be carried out; its result comes back as Done. Waited is for how long only a limit
// held it back.
type Run struct {
	Action *graph.Action
	Waited time.Duration
}

// Expired tells that an action gave no result in time. The engine has already counted it as failed.
type Expired struct{ Action *graph.Action }

// Finished tells that the graph is done. It comes once and last.
type Finished struct{ Summary Summary }

func (Run) output()      {}
func (Expired) output()  {}
func (Finished) output() {}

// InFlight is an action that an earlier transition started and that has not reported yet.
type InFlight struct{ Key, Node, Task string }

type state uint8

const (
	waiting state = iota
	fired         // started, no result yet
	confirmed
	failed
)

type synapse struct {
	*graph.Synapse
	state    state
	missing  int // inputs that are not confirmed
	deadline time.Time
	held     time.Time // since when only a limit holds it back; zero when it does not
}

// Engine runs one graph. It is a plain value machine: one goroutine owns it.
type Engine struct {
	graph      *graph.Graph
	synapses   []*synapse
	byAction   map[int]*synapse
	dependents map[int][]*synapse // by input action
	limits     Limits
	abort      Abort
	finished   bool
}

// New makes an engine. Actions of the graph that equal one in flight are not started again: the engine waits
// for their result.
func New(g *graph.Graph, limits Limits, inFlight []InFlight, now time.Time) *Engine {
	e := &Engine{graph: g, limits: limits, byAction: make(map[int]*synapse), dependents: make(map[int][]*synapse)}
	running := make(map[InFlight]bool, len(inFlight))
	for _, f := range inFlight {
		running[f] = true
	}
	for _, gs := range g.Synapses {
		s := &synapse{Synapse: gs, missing: len(gs.Inputs)}
		e.synapses = append(e.synapses, s)
		e.byAction[gs.Action.ID] = s
		for _, in := range gs.Inputs {
			e.dependents[in.ID] = append(e.dependents[in.ID], s)
		}
		if a := gs.Action; a.Kind != graph.Pseudo && running[InFlight{a.Key, a.Node, a.Task}] {
			s.state, s.deadline = fired, now.Add(e.timeout(a))
		}
	}
	return e
}

// Adopted lists the actions of the graph that were already in flight when it started.
func (e *Engine) Adopted() []*graph.Action {
	var out []*graph.Action
	for _, s := range e.synapses {
		if s.state == fired {
			out = append(out, s.Action)
		}
	}
	return out
}

// Step takes an input and returns what has to be done. The first call is with Wake.
func (e *Engine) Step(now time.Time, in Input) []Output {
	var out []Output
	switch in := in.(type) {
	case Done:
		e.done(in)
	case Abort:
		e.aborted(in)
	case NodeLost:
		e.nodeLost(in.Node)
	case SetLimits:
		e.limits = in.Limits
	}
	out = append(out, e.expire(now)...)
	out = append(out, e.fire(now)...)
	if s, over := e.over(); over && !e.finished {
		e.finished = true
		out = append(out, Finished{s})
	}
	return out
}

// Deadline is when Step wants to be called with Wake, zero for never.
func (e *Engine) Deadline() time.Time {
	var next time.Time
	for _, s := range e.synapses {
		if s.state == fired && (next.IsZero() || s.deadline.Before(next)) {
			next = s.deadline
		}
	}
	return next
}

func (e *Engine) done(in Done) {
	s := e.byAction[in.Action]
	if s == nil || s.state != fired {
		return // a second answer for the same action, or one that came after its deadline
	}
	if in.OK {
		e.confirm(s)
		return
	}
	s.state = failed
	e.aborted(Abort{Priority: s.Priority + 1, Reason: "Event failed: " + s.Action.Key})
}

func (e *Engine) confirm(s *synapse) {
	s.state = confirmed
	for _, d := range e.dependents[s.Action.ID] {
		d.missing--
	}
}

func (e *Engine) aborted(in Abort) {
	if in.Priority > e.abort.Priority {
		e.abort = in
	}
}

func (e *Engine) nodeLost(node string) {
	for _, s := range e.synapses {
		if s.state == fired && s.Action.Node == node && s.Action.Task != graph.TaskFence {
			s.state = failed
			e.aborted(Abort{Priority: graph.Infinity, Reason: "Node failure: " + node})
		}
	}
}

func (e *Engine) expire(now time.Time) []Output {
	var out []Output
	for _, s := range e.synapses {
		if s.state == fired && !now.Before(s.deadline) {
			s.state = failed
			e.aborted(Abort{Priority: graph.Infinity, Reason: "Action lost: " + s.Action.Key})
			out = append(out, Expired{s.Action})
		}
	}
	return out
}

// fire starts everything that may start, pseudo actions until none is ready, then the others in the order of
// their urgency.
func (e *Engine) fire(now time.Time) []Output {
	if e.finished {
		return nil
	}
	for again := true; again; {
		again = false
		for _, s := range e.synapses {
			if s.state == waiting && s.missing == 0 && s.Action.Kind == graph.Pseudo {
				e.confirm(s)
				again = true
			}
		}
	}
	var ready []*synapse
	for _, s := range e.synapses {
		if s.state == waiting && s.missing == 0 && s.Priority >= e.abort.Priority {
			ready = append(ready, s)
		}
	}
	slices.SortStableFunc(ready, func(a, b *synapse) int {
		return cmp.Or(cmp.Compare(urgency(a.Action.Task), urgency(b.Action.Task)), cmp.Compare(b.Priority, a.Priority),
			cmp.Compare(a.Action.ID, b.Action.ID))
	})
	var out []Output
	busy := e.load()
	for _, s := range ready {
		if !e.allowed(busy, s.Action) {
			if s.held.IsZero() {
				s.held = now
			}
			continue
		}
		run := Run{Action: s.Action}
		if !s.held.IsZero() {
			run.Waited = now.Sub(s.held)
		}
		s.state, s.held, s.deadline = fired, time.Time{}, now.Add(e.timeout(s.Action))
		busy.add(e, s.Action)
		out = append(out, run)
	}
	return out
}

// timeout is how long the engine waits for an action's result: its own timeout and start-delay, and the
// cluster delay for the way there and back.
func (e *Engine) timeout(a *graph.Action) time.Duration {
	if a.Task == graph.TaskFence {
		// The fencer keeps its own total, which topology levels and retries may stretch beyond one timeout.
		return fenceAllowance*time.Duration(e.graph.StonithTimeoutMs)*time.Millisecond + e.clusterDelay()
	}
	ms, err := strconv.ParseInt(a.Meta("timeout"), 10, 64)
	if err != nil || ms <= 0 {
		return e.clusterDelay()
	}
	delay, _ := strconv.ParseInt(a.Meta("start_delay"), 10, 64)
	return time.Duration(ms+max(0, delay))*time.Millisecond + e.clusterDelay()
}

// fenceAllowance: nine topology levels are the most that one fencing request can go through.
const fenceAllowance = 9

func (e *Engine) clusterDelay() time.Duration {
	return time.Duration(e.graph.ClusterDelayMs) * time.Millisecond
}

// Pending are the actions in flight.
func (e *Engine) Pending() []*graph.Action {
	var out []*graph.Action
	for _, s := range e.synapses {
		if s.state == fired {
			out = append(out, s.Action)
		}
	}
	return out
}
