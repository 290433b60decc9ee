// Package worker is the node's side of the cluster resource manager: it takes orders from the DC, keeps the
// operation history, and reports what happened.
package worker

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/history"
)

// Output is what the owner of the worker has to do, in order.
type Output interface{ output() }

// Submit runs the operation of an order on this node.
type Submit struct{ Order api.Order }

// Cancel ends a recurring operation; the executor reports it as cancelled, or is told that it has none.
type Cancel struct {
	Rsc, Task string
	Interval  int64
}

// Unregister drops everything that the executor has of a resource.
type Unregister struct{ Rsc string }

// Leave ends this node's membership: its resources are stopped.
type Leave struct{}

func (Submit) output()     {}
func (Cancel) output()     {}
func (Unregister) output() {}
func (Leave) output()      {}

// Result is what the executor reports of a submitted order.
type Result struct {
	Order      api.Order
	CallID     int
	Status     lrm.Status
	RC         lrm.RC
	ExitReason string
	Output     string
	// LastChange is in seconds since the epoch, ExecMs and QueueMs in milliseconds.
	LastChange      int64
	ExecMs, QueueMs int64
	// Again is set for a later run of a recurring operation whose result changed.
	Again bool
	Agent history.Parameters
	// Hang is what the agent, or the service, was doing when it gave no answer.
	Hang *api.Hang
	// Fatal makes the failure count so much that the resource leaves the node.
	Fatal bool
}

// maxUnsent bounds what is kept for a DC that does not listen. Beyond it the node asks to be enlisted anew,
// which sends the whole history instead.
const maxUnsent = 10000

// maxSeen is how many order keys are remembered to recognise an order that arrives twice.
const maxSeen = 8192

// Worker is the machine. One goroutine owns it.
type Worker struct {
	node    string
	session string
	cores   int

	dc   string
	gen  api.Generation
	hist *history.History
	// running are the orders whose operation was submitted and has not given its first result.
	running map[string]api.Order
	// recurring are the orders whose recurring operation is active, by operation key.
	recurring map[string]api.Order
	// cancels are the keys of cancel orders that wait for the executor, by operation key.
	cancels map[string]string
	// limits bound the operations that end a resource that hangs, in ms, by resource.
	limits map[string]int64

	seen     map[string]bool
	seenKeys []string

	seq      uint64
	unsent   []api.NodeUpdate
	overflow bool
	mode     string
	jobs     int
}

// New makes the worker of a node. session identifies this life of crmd.
func New(node, session string, cores int) *Worker {
	return &Worker{node: node, session: session, cores: cores, hist: history.New(node), mode: "negligible",
		running: make(map[string]api.Order), recurring: make(map[string]api.Order), cancels: make(map[string]string), limits: make(map[string]int64),
		seen: make(map[string]bool)}
}

// DC is the node that this one takes orders from, "" before the first.
func (w *Worker) DC() string { return w.dc }

// SetLoad sets the throttle mode, and the most jobs that this node takes at once, that updates carry.
func (w *Worker) SetLoad(mode string, jobs int) { w.mode, w.jobs = mode, jobs }

// Enlist makes dc this node's DC. A DC that is older than the present one is refused.
func (w *Worker) Enlist(e api.Enlist) (api.Enlisted, error) {
	if w.dc != "" && e.DC != w.dc && e.Generation.Before(w.gen) {
		return api.Enlisted{}, fmt.Errorf("%s takes orders from %s, which is newer than %s", w.node, w.dc, e.DC)
	}
	w.dc, w.gen = e.DC, e.Generation
	answer := api.Enlisted{Node: w.node, Session: w.session, Seq: w.seq, Cores: w.cores, Mode: w.mode, Jobs: w.jobs, FeatureSet: cib.FeatureSet}
	for _, rsc := range w.hist.Known() {
		answer.History = append(answer.History, w.hist.Element(rsc).Compact())
	}
	for _, o := range w.running {
		answer.Running = append(answer.Running, o)
	}
	slices.SortFunc(answer.Running, func(a, b api.Order) int { return slices.Compare([]byte(a.Key), []byte(b.Key)) })
	for _, u := range w.unsent {
		if u.Event != nil {
			answer.Unsent = append(answer.Unsent, *u.Event)
		}
	}
	// What is unsent stays: the answer may get lost. The DC skips what the answer contained, by its number.
	w.overflow = false
	return answer, nil
}

// Orders takes instructions. Those of somebody who is not this node's DC are refused as a whole.
func (w *Worker) Orders(in api.Orders) ([]Output, error) {
	if in.DC != w.dc || in.Generation != w.gen {
		return nil, fmt.Errorf("%s takes orders from %s, not from %s: it has to enlist first", w.node, w.dc, in.DC)
	}
	var out []Output
	for _, o := range in.Orders {
		if o.Key != "" && w.known(o.Key) {
			continue
		}
		out = append(out, w.order(o)...)
	}
	return out, nil
}

// known remembers a key and reports whether it was there before.
func (w *Worker) known(key string) bool {
	if w.seen[key] {
		return true
	}
	if len(w.seenKeys) >= maxSeen {
		delete(w.seen, w.seenKeys[0])
		w.seenKeys = w.seenKeys[1:]
	}
	w.seen[key] = true
	w.seenKeys = append(w.seenKeys, key)
	return false
}

func (w *Worker) order(o api.Order) []Output {
	switch o.Kind {
	case api.OrderOp:
		return w.op(o)
	case api.OrderCancel:
		return w.cancel(o)
	case api.OrderDelete:
		w.hist.Delete(o.Rsc)
		delete(w.limits, o.Rsc)
		w.forget(o.Rsc)
		w.report(o.Rsc, &api.OpEvent{Key: o.Key, Rsc: o.Rsc, Op: lrm.Op{Task: "delete", CallID: -1}})
		return []Output{Unregister{o.Rsc}}
	case api.OrderClearFail:
		w.hist.ClearFailure(o.Rsc, o.Task, o.Interval)
		w.report(o.Rsc, nil)
		return nil
	case api.OrderShutdown:
		return []Output{Leave{}}
	default:
		// An order of a newer DC that this version cannot carry out must not look as if it had been.
		w.report(o.Rsc, &api.OpEvent{Key: o.Key, Rsc: o.Rsc, Op: lrm.Op{Key: lrm.OpKey(o.Rsc, o.Task, o.Interval), Task: o.Task,
			IntervalMs: o.Interval, Status: lrm.NotSupported, RC: lrm.RCUnimplemented, CallID: -1,
			ExitReason: "this node does not know the order " + strconv.Quote(o.Kind)}})
		return nil
	}
}

func (w *Worker) op(o api.Order) []Output {
	w.limit(&o)
	w.running[o.Key] = o
	if o.Interval > 0 {
		w.recurring[lrm.OpKey(o.Rsc, o.Task, o.Interval)] = o
	} else if o.Task != "monitor" && o.Task != "notify" {
		w.endRecurring(o.Rsc) // the executor ends them before it runs the operation
	}
	if o.Meta["record_pending"] != "false" && w.hist.Begin(w.result(Result{Order: o})) {
		w.report(o.Rsc, nil)
	}
	return []Output{Submit{o}}
}

func (w *Worker) endRecurring(rsc string) {
	for key := range w.recurring {
		if r, _, _, err := lrm.ParseOpKey(key); err == nil && r == rsc {
			delete(w.recurring, key)
		}
	}
}

// forget drops what is in flight of a resource; its results will not count.
func (w *Worker) forget(rsc string) {
	for _, key := range slices.Sorted(maps.Keys(w.running)) {
		if o := w.running[key]; o.Rsc == rsc {
			w.takenBack(o)
		}
	}
	w.endRecurring(rsc)
}

// takenBack tells the DC that an order that it waits for will give no result.
func (w *Worker) takenBack(o api.Order) {
	delete(w.running, o.Key)
	w.report(o.Rsc, &api.OpEvent{Key: o.Key, Rsc: o.Rsc, Cancelled: true,
		Op: lrm.Op{Key: lrm.OpKey(o.Rsc, o.Task, o.Interval), Task: o.Task, IntervalMs: o.Interval, Status: lrm.Cancelled, CallID: -1}})
}

func (w *Worker) cancel(o api.Order) []Output {
	key := lrm.OpKey(o.Rsc, o.Task, o.Interval)
	if _, active := w.recurring[key]; !active {
		w.cancelled(key, o.Key, o)
		return nil
	}
	w.cancels[key] = o.Key
	return []Output{Cancel{o.Rsc, o.Task, o.Interval}}
}

// cancelled confirms the end of a recurring operation.
func (w *Worker) cancelled(opKey, orderKey string, o api.Order) {
	w.hist.EndRecurring(o.Rsc, o.Task, o.Interval)
	delete(w.recurring, opKey)
	w.report(o.Rsc, &api.OpEvent{Key: orderKey, Rsc: o.Rsc, Cancelled: true,
		Op: lrm.Op{Key: opKey, Task: o.Task, IntervalMs: o.Interval, Status: lrm.Cancelled, CallID: -1}})
}

// result turns an executor's result into the record of it.
func (w *Worker) result(r Result) history.Result {
	o := r.Order
	key, err := lrm.ParseKey(o.Key)
	if err != nil {
		key = lrm.Key{Action: r.CallID, Transition: -1, UUID: lrm.NoUUID}
	}
	params := make(map[string]string, len(o.Params)+len(o.Meta))
	for n, v := range o.Params {
		params[n] = v
	}
	for n, v := range o.Meta {
		params["CRM_meta_"+n] = v
	}
	return history.Result{
		Resource: history.Resource{ID: o.Rsc, Class: o.Class, Provider: o.Provider, Type: o.Type, Container: o.Meta["container"]},
		Params:   params, Agent: r.Agent, Lock: o.ShutdownLock,
		Op: lrm.Op{Key: lrm.OpKey(o.Rsc, o.Task, o.Interval), Task: o.Task, IntervalMs: o.Interval, FeatureSet: o.FeatureSet,
			Origin: "do_update_resource", Transition: key, Status: r.Status, RC: r.RC, ExitReason: r.ExitReason, CallID: r.CallID,
			LastRCChange: r.LastChange, ExecMs: r.ExecMs, QueueMs: r.QueueMs + waited(r),
			MigrateSource: o.Meta["migrate_source"], MigrateTarget: o.Meta["migrate_target"]},
	}
}

// waited is what the throttle adds to the queue time: to the first run of an operation only.
func waited(r Result) int64 {
	if r.Again {
		return 0
	}
	return r.Order.Waited
}

// Result takes a result of the executor.
func (w *Worker) Result(r Result) {
	o := r.Order
	opKey := lrm.OpKey(o.Rsc, o.Task, o.Interval)
	if r.Status == lrm.Cancelled {
		if _, waits := w.running[o.Key]; waits {
			w.takenBack(o)
		}
		if orderKey, asked := w.cancels[opKey]; asked {
			delete(w.cancels, opKey)
			w.cancelled(opKey, orderKey, o)
		}
		return
	}
	asked, waits := w.running[o.Key]
	if !waits && !(r.Again && w.recurring[opKey].Key == o.Key) {
		return // of a resource that was deleted meanwhile, or of a recurring operation that has been replaced
	}
	r.Order.Waited = asked.Waited
	delete(w.running, o.Key)
	h := w.result(r)
	w.hist.Record(h)
	w.report(o.Rsc, &api.OpEvent{Key: o.Key, Rsc: o.Rsc, Op: h.Op, Recorded: !history.Unrecorded(o.Task), Output: r.Output, Hang: r.Hang, Fatal: r.Fatal})
}

// NothingToCancel tells that the executor had no such recurring operation.
func (w *Worker) NothingToCancel(c Cancel) {
	opKey := lrm.OpKey(c.Rsc, c.Task, c.Interval)
	if orderKey, asked := w.cancels[opKey]; asked {
		delete(w.cancels, opKey)
		w.cancelled(opKey, orderKey, api.Order{Rsc: c.Rsc, Task: c.Task, Interval: c.Interval})
	}
}

// Running lists the resources that are active here and the class, provider and type of each.
func (w *Worker) Running() []history.Resource {
	var out []history.Resource
	for _, rsc := range w.hist.Known() {
		if agent, ok := w.hist.Agent(rsc); ok && w.hist.Active(rsc) {
			out = append(out, agent)
		}
	}
	return out
}

// Parameters are those that the resource was last given here.
func (w *Worker) Parameters(rsc string) map[string]string {
	o, _ := w.monitor(rsc)
	return o.Params
}

// Fail records a failure that did not happen, for crm_resource --fail.
func (w *Worker) Fail(rsc string, nowSeconds int64) error {
	agent, ok := w.hist.Agent(rsc)
	if !ok {
		return fmt.Errorf("resource %s has no history on %s", rsc, w.node)
	}
	call := w.hist.LastCall(rsc) + 1 // newer than what went before, older than the recovery
	op := lrm.Op{Key: lrm.OpKey(rsc, "asyncmon", 0), Task: "asyncmon", Origin: "do_update_resource", RC: lrm.RCError,
		FeatureSet: cib.FeatureSet, Transition: lrm.Key{Action: call, Transition: -1, UUID: lrm.NoUUID},
		ExitReason: "Simulated failure", CallID: call, LastRCChange: nowSeconds}
	w.hist.Record(history.Result{Resource: agent, Op: op})
	w.report(rsc, &api.OpEvent{Key: op.Transition.String(), Rsc: rsc, Op: op, Recorded: true})
	return nil
}

// report queues the present history of a resource for the DC.
func (w *Worker) report(rsc string, ev *api.OpEvent) {
	w.seq++
	u := api.NodeUpdate{Seq: w.seq, Rsc: rsc, Event: ev}
	if e := w.hist.Element(rsc); e != nil {
		u.XML = e.Compact()
	}
	if len(w.unsent) >= maxUnsent {
		w.unsent, w.overflow = nil, true
	}
	w.unsent = append(w.unsent, u)
}

// Unsent are the updates to send to the DC, oldest first.
func (w *Worker) Unsent() api.Updates {
	return api.Updates{Node: w.node, Session: w.session, Updates: slices.Clone(w.unsent), Mode: w.mode, Jobs: w.jobs, Lost: w.overflow}
}

// Sent removes the updates that the DC has acknowledged.
func (w *Worker) Sent(seq uint64) {
	i := 0
	for i < len(w.unsent) && w.unsent[i].Seq <= seq {
		i++
	}
	w.unsent = slices.Clone(w.unsent[i:])
}

// Active lists the resources that this node is known to run, for the log when it leaves.
func (w *Worker) Active() []string {
	return slices.DeleteFunc(w.hist.Known(), func(rsc string) bool { return !w.hist.Active(rsc) })
}
