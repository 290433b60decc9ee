package controller

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/incident"
	"github.com/holdfast-ha/holdfast/crmd/sched/graph"
	"github.com/holdfast-ha/holdfast/crmd/status"
	"github.com/holdfast-ha/holdfast/crmd/transition"
)

// flight is an action that was ordered and has not reported.
type flight struct {
	node, key, task string // key is the operation key
	action          int    // its number in the running transition; 0 when it belongs to none
	number          int    // of the transition it belongs to
	target          lrm.RC
	ignoreFailure   bool // on-fail=ignore
	order           api.Order
}

// start carries out one action of the graph, which a limit has held back for some time.
func (m *Machine) start(now time.Time, a *graph.Action, waited time.Duration) {
	switch {
	case a.Task == graph.TaskFence:
		m.startFence(now, a)
	case a.Task == graph.TaskShutdown:
		m.startShutdown(now, a)
	case a.Task == graph.TaskClearFailCount:
		m.startClearFailCount(now, a)
	case a.Task == graph.TaskDeleteHistory:
		m.status = status.SetResource(m.status, m.statusNode(a.Node), a.Resource.ID, nil)
		m.send(a.Node, api.Order{Kind: api.OrderDelete, Rsc: a.Resource.ID})
		m.done(now, a.ID, true)
	case a.Kind == graph.Cluster || a.Resource == nil:
		m.done(now, a.ID, true) // probe_again, maintenance_nodes: nothing that has to be carried out anywhere
	default:
		m.startOperation(a, waited)
	}
}

// done tells the engine a result.
func (m *Machine) done(now time.Time, action int, ok bool) {
	if m.plan.engine != nil {
		m.perform(now, m.plan.engine.Step(now, transition.Done{Action: action, OK: ok}))
	}
}

// transitionKey ties a result to an action of the running transition.
func (m *Machine) transitionKey(a *graph.Action) lrm.Key {
	rc, _ := strconv.Atoi(a.Meta("op_target_rc"))
	return lrm.Key{Action: a.ID, Transition: m.plan.number, TargetRC: lrm.RC(rc), UUID: m.cfg.UUID}
}

func (m *Machine) startOperation(a *graph.Action, waited time.Duration) {
	key := m.transitionKey(a)
	o := api.Order{Kind: api.OrderOp, Key: key.String(), Rsc: a.Resource.ID, Class: a.Resource.Class, Provider: a.Resource.Provider,
		Type: a.Resource.Type, Task: a.Task, FeatureSet: m.cfg.FeatureSet, ShutdownLock: a.ShutdownLock,
		Waited: waited.Milliseconds(), Params: make(map[string]string), Meta: make(map[string]string)}
	for _, at := range slices.Concat(a.Attrs, a.Params) {
		if meta, ok := strings.CutPrefix(at.Name, "CRM_meta_"); ok {
			o.Meta[meta] = at.Value
		} else {
			o.Params[at.Name] = at.Value
		}
	}
	o.Interval, _ = strconv.ParseInt(o.Meta["interval"], 10, 64)
	o.Timeout, _ = strconv.ParseInt(o.Meta["timeout"], 10, 64)
	o.Delay, _ = strconv.ParseInt(o.Meta["start_delay"], 10, 64)
	switch a.Task {
	case graph.TaskCancel:
		o.Kind, o.Task = api.OrderCancel, o.Meta["operation"]
	case graph.TaskDelete:
		o.Kind = api.OrderDelete
	}
	node := a.Node
	if a.Router != "" {
		node = a.Router
	}
	m.flights[o.Key] = &flight{node: node, key: a.Key, task: a.Task, action: a.ID, number: m.plan.number, target: key.TargetRC,
		ignoreFailure: o.Meta["on_fail"] == "ignore", order: o}
	if o.Interval > 0 {
		m.ignore[node+" "+a.Key] = o.Meta["on_fail"] == "ignore"
	}
	text := fmt.Sprintf("%s on %s", a.Key, node)
	if waited > 0 {
		text += fmt.Sprintf(", after it waited %d ms for the throttle", waited.Milliseconds())
	}
	m.note("op-start", a.Resource.ID, text)
	m.happened(incident.Began{Key: o.Key, Task: a.Task, Resource: o.Rsc, Node: node, Waited: waited, Changes: o.Task != "monitor" && o.Task != graph.TaskNotify && o.Kind == api.OrderOp})
	m.send(node, o)
}

// send gives an order to a node. One whose crmd is away gets it when it is back, if it is the same life.
func (m *Machine) send(node string, o api.Order) {
	x := m.members[node]
	if x == nil {
		return // the node is lost; whoever waits for the action learns that from the view
	}
	m.emit(Send{Node: node, Session: x.session, Generation: m.role.gen, Order: o})
}

// startShutdown lets a node go: from here on its absence is expected.
func (m *Machine) startShutdown(now time.Time, a *graph.Action) {
	node := m.statusNode(a.Node)
	m.status = status.SetState(m.status, node, status.State{Expected: "down", Join: "down", Origin: "shutdown"})
	m.note("shutdown", a.Node, a.Node+" has stopped its resources and leaves")
	m.send(a.Node, api.Order{Kind: api.OrderShutdown, Key: m.transitionKey(a).String()})
	m.done(now, a.ID, true)
}

// inFlight lists what a new transition must not start again.
func (m *Machine) inFlight() []transition.InFlight {
	var out []transition.InFlight
	for _, key := range slices.Sorted(maps.Keys(m.flights)) {
		f := m.flights[key]
		f.action = 0
		out = append(out, transition.InFlight{Key: f.key, Node: f.node, Task: f.task})
	}
	return out
}

// adopt makes the flights of earlier transitions report to the running one.
func (m *Machine) adopt(actions []*graph.Action) {
	for _, a := range actions {
		for _, f := range m.flights {
			if f.key == a.Key && f.node == a.Node && f.task == a.Task {
				f.action, f.number = a.ID, m.plan.number
			}
		}
	}
}

// adoptRunning takes over what a node says that it is doing for an earlier DC.
func (m *Machine) adoptRunning(node string, running []api.Order) {
	for _, o := range running {
		if m.flights[o.Key] == nil {
			key, _ := lrm.ParseKey(o.Key)
			m.flights[o.Key] = &flight{node: node, key: lrm.OpKey(o.Rsc, o.Task, o.Interval), task: o.Task, target: key.TargetRC,
				ignoreFailure: o.Meta["on_fail"] == "ignore", order: o}
		}
	}
}

// sendAgain repeats the orders of which a node, whose connection broke, says nothing: they may not have
// arrived. One that did arrive is recognised by its key.
func (m *Machine) sendAgain(node string, running []api.Order) {
	for _, key := range slices.Sorted(maps.Keys(m.flights)) {
		f := m.flights[key]
		known := slices.ContainsFunc(running, func(o api.Order) bool { return o.Key == key })
		if f.node == node && !known && f.task != graph.TaskFence {
			m.send(node, f.order)
		}
	}
}

// nodeLost ends what is in flight on a node. Fencing is not concerned: others carry it out.
func (m *Machine) nodeLost(now time.Time, node string) {
	for key, f := range m.flights {
		if f.node == node && f.task != graph.TaskFence {
			delete(m.flights, key)
		}
	}
	if m.plan.engine != nil {
		m.perform(now, m.plan.engine.Step(now, transition.NodeLost{Node: node}))
	}
}

// expired records that an action gave no result in time, so that the scheduler sees a failure.
func (m *Machine) expired(now time.Time, a *graph.Action) {
	m.warn("op-lost", a.Key, fmt.Sprintf("%s on %s gave no result in time", a.Key, a.Node))
	if a.Task == graph.TaskFence {
		m.fencing.abandon(a.Node)
		return
	}
	key := m.transitionKey(a)
	for k, f := range m.flights {
		if f.action == a.ID && f.number == m.plan.number {
			key, _ = lrm.ParseKey(k)
			delete(m.flights, k)
		}
	}
	if a.Kind != graph.Resource || a.Resource == nil || a.Task == graph.TaskCancel || a.Task == graph.TaskDelete || a.Task == graph.TaskNotify {
		return
	}
	interval, _ := strconv.ParseInt(a.Meta("interval"), 10, 64)
	op := lrm.Op{ID: a.Resource.ID + "_last_failure_0", Key: a.Key, Task: a.Task, IntervalMs: interval, Origin: "action_expired",
		FeatureSet: m.cfg.FeatureSet, Transition: key, Status: lrm.Timeout, RC: lrm.RCError, CallID: -1, Node: a.Node,
		ExitReason: "Controller on " + a.Node + " did not return result in time", LastRCChange: now.Unix(), Digest: lrm.Digest(nil)}
	m.happened(incident.Ended{Key: key.String(), Op: a.Key, Task: a.Task, Resource: a.Resource.ID, Node: a.Node, NoAnswer: true, Text: op.ExitReason})
	m.recordLost(a, op)
	m.countFailure(now, a.Node, op, false, false)
}

// recordLost writes the DC's own record of a lost action; a real result that comes later overwrites it.
func (m *Machine) recordLost(a *graph.Action, op lrm.Op) {
	node := m.statusNode(a.Node)
	x := status.Resource(m.status, node, a.Resource.ID)
	if x == nil {
		return
	}
	x = x.WithChild(x.Find("lrm_rsc_op", op.ID), op.XML())
	if op.IntervalMs == 0 {
		op.ID = a.Resource.ID + "_last_0"
		x = x.WithChild(x.Find("lrm_rsc_op", op.ID), op.XML())
	}
	m.status = status.SetResource(m.status, node, a.Resource.ID, x)
}
