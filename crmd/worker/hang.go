package worker

import (
	"maps"
	"strconv"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
)

// Hang is a resource whose processes hang. Fatal makes it leave the node. StopLimit bounds, in ms, each of the
// operations that end it, until it is started anew; 0 leaves them their timeouts.
type Hang struct {
	Resource  string
	Fatal     bool
	Hang      *api.Hang
	StopLimit int64
}

// Hung records that a resource's monitor failed because its processes hang, which the monitor itself may not
// see. Without a recurring monitor nothing is recorded.
func (w *Worker) Hung(h Hang, nowSeconds int64) bool {
	o, ok := w.monitor(h.Resource)
	if !ok {
		return false
	}
	w.limits[h.Resource] = h.StopLimit
	agent, _ := w.hist.Agent(h.Resource)
	o.Class, o.Provider, o.Type = agent.Class, agent.Provider, agent.Type
	w.Result(Result{Order: o, CallID: -1, Status: lrm.Done, RC: lrm.RCError, ExitReason: h.Hang.Reason, LastChange: nowSeconds, Again: true, Hang: h.Hang, Fatal: h.Fatal})
	return true
}

// Promoted reports whether a resource is promoted here, as far as its history tells.
func (w *Worker) Promoted(rsc string) bool { return w.hist.Promoted(rsc) }

// Monitored reports whether a recurring monitor of the resource is active here.
func (w *Worker) Monitored(rsc string) bool {
	_, ok := w.monitor(rsc)
	return ok
}

// monitor is the order of the resource's recurring monitor with the shortest interval.
func (w *Worker) monitor(rsc string) (best api.Order, ok bool) {
	for _, o := range w.recurring {
		if o.Rsc == rsc && o.Task == "monitor" && (!ok || o.Interval < best.Interval) {
			best, ok = o, true
		}
	}
	return best, ok
}

// limit shortens what ends a resource that hangs. An agent reads its timeout from its environment.
func (w *Worker) limit(o *api.Order) {
	switch o.Task {
	case "start":
		delete(w.limits, o.Rsc)
	case "stop", "demote":
		ms := w.limits[o.Rsc]
		if ms == 0 || o.Timeout <= ms || o.Meta["on_fail"] == "block" {
			return
		}
		o.Timeout, o.Meta = ms, maps.Clone(o.Meta)
		if o.Meta != nil {
			o.Meta["timeout"] = strconv.FormatInt(ms, 10)
		}
	}
}
