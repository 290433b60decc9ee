package opqueue

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/cib/lrm"
)

// Input is what happens: Submit, Cancel, Unregister, Finished, Hold, Release, Freeze or Wake.
type Input interface{ input() }

type (
	// Submit asks for an operation. It is answered by Accepted or Refused.
	Submit struct{ Op Op }
	// Cancel ends a recurring operation. It is answered by Accepted or Refused.
	Cancel struct {
		Rsc, Task  string
		IntervalMs int64
	}
	// Unregister takes back everything asked of a resource. What runs once and has begun is finished.
	Unregister struct{ Rsc string }
	// Finished reports the end of a run.
	Finished struct {
		Run     int
		Outcome Outcome
		// Stuck, if not empty, says why the run has not really ended: the resource is held.
		Stuck string
	}
	// Hold keeps a resource from starting operations, because something of an earlier one still runs.
	Hold struct{ Rsc, Reason string }
	// Release ends a hold.
	Release struct{ Rsc string }
	// Freeze keeps every resource from starting operations, or lets them go on: this node does not know what
	// the others have decided meanwhile.
	Freeze struct{ On bool }
	// Wake says that the deadline may have come.
	Wake struct{}
)

// Output is what is to be done: Accepted, Refused, Begin, Kill or Report.
type Output interface{ output() }

type (
	// Accepted answers a request.
	Accepted struct{ CallID int }
	// Refused answers a request that cannot be met.
	Refused struct{ Reason string }
	// Begin runs an operation; Run names the run in Finished and Kill.
	Begin struct {
		Run int
		Op  Op
	}
	// Kill ends a run; its Finished is still to come.
	Kill struct{ Run int }
	// Report hands out a result.
	Report struct{ Result Result }
)

func (Submit) input()     {}
func (Cancel) input()     {}
func (Unregister) input() {}
func (Finished) input()   {}
func (Hold) input()       {}
func (Release) input()    {}
func (Freeze) input()     {}
func (Wake) input()       {}

func (Accepted) output() {}
func (Refused) output()  {}
func (Begin) output()    {}
func (Kill) output()     {}
func (Report) output()   {}

// Limit bounds the operations that are queued, running or recurring. A node with 2000 resources has about
// 4000; more means that nobody takes results.
const Limit = 20000

// Queue holds the operations of every resource of the node.
type Queue struct {
	rscs    []*resource // sorted by name
	calls   int         // last call id; the first is 1
	runs    int
	held    int // operations in all resources
	frozen  bool
	outputs []Output
}

// resource has its operations in exactly one of queue, active and waiting each.
type resource struct {
	name    string
	queue   []*operation // first come, first served
	active  *operation
	waiting []*operation // recurring, between two runs
	hold    string       // why nothing may start
	// heldSince is when the hold began: operations wait for their timeout from then.
	heldSince time.Time
}

type operation struct {
	op        Op
	callID    int
	run       int
	asked     time.Time // when it was asked for or its interval ended
	notBefore time.Time // start-delay or end of the interval
	began     time.Time
	ended     time.Time
	reported  bool // a result was reported for callID
	ran       bool
	last      Outcome
	changedAt int64
	cancelled bool // its kill is under way
	deleted   bool // its resource was unregistered while it ran
	again     bool // run again at once: what runs is not what is now wanted
}

// Step takes an input at a time and returns what is to be done, in order.
func (q *Queue) Step(now time.Time, in Input) []Output {
	q.outputs = nil
	switch in := in.(type) {
	case Submit:
		q.submit(now, in.Op)
	case Cancel:
		q.cancel(now, in)
	case Unregister:
		q.unregister(now, in.Rsc)
	case Finished:
		q.finished(now, in)
	case Hold:
		r := q.resource(in.Rsc)
		r.hold, r.heldSince = in.Reason, now
	case Release:
		q.resource(in.Rsc).hold = ""
	case Freeze:
		q.frozen = in.On
	case Wake:
	}
	q.advance(now)
	return q.outputs
}

// Deadline is when Wake is due next; the zero time is never.
func (q *Queue) Deadline() time.Time {
	var first time.Time
	if q.frozen {
		return first
	}
	at := func(t time.Time) {
		if first.IsZero() || t.Before(first) {
			first = t
		}
	}
	for _, r := range q.rscs {
		for _, o := range r.waiting {
			at(o.notBefore)
		}
		switch {
		case len(r.queue) == 0 || r.active != nil:
		case r.hold != "":
			at(r.expires(r.queue[0]))
		default:
			at(r.queue[0].notBefore)
		}
	}
	return first
}

// Pending lists every operation by resource and call id.
func (q *Queue) Pending() []Pending {
	var all []Pending
	add := func(o *operation, s State, since time.Time) {
		all = append(all, Pending{Op: o.op, CallID: o.callID, State: s, Since: since.Unix()})
	}
	for _, r := range q.rscs {
		at := len(all)
		if r.active != nil {
			add(r.active, Running, r.active.began)
		}
		for _, o := range r.queue {
			add(o, Queued, o.asked)
		}
		for _, o := range r.waiting {
			add(o, Waiting, o.ended)
		}
		slices.SortFunc(all[at:], func(a, b Pending) int { return a.CallID - b.CallID })
	}
	return all
}

func (q *Queue) resource(name string) *resource {
	at, found := slices.BinarySearchFunc(q.rscs, name, func(r *resource, n string) int { return strings.Compare(r.name, n) })
	if !found {
		q.rscs = slices.Insert(q.rscs, at, &resource{name: name})
	}
	return q.rscs[at]
}

func (q *Queue) emit(o Output) { q.outputs = append(q.outputs, o) }

// advance moves every resource as far as it can go now and forgets those with nothing left.
func (q *Queue) advance(now time.Time) {
	q.rscs = slices.DeleteFunc(q.rscs, func(r *resource) bool {
		q.wake(now, r)
		for r.active == nil && len(r.queue) > 0 && q.next(now, r) {
		}
		return r.active == nil && r.hold == "" && len(r.queue) == 0 && len(r.waiting) == 0
	})
}

// wake queues the recurring operations whose interval is over.
func (q *Queue) wake(now time.Time, r *resource) {
	r.waiting = slices.DeleteFunc(r.waiting, func(o *operation) bool {
		if now.Before(o.notBefore) {
			return false
		}
		o.asked = o.notBefore
		r.queue = append(r.queue, o)
		return true
	})
}

// next begins the operation at the head of the queue if it may run, and reports whether the queue moved.
func (q *Queue) next(now time.Time, r *resource) bool {
	o := r.queue[0]
	if q.frozen {
		return false
	}
	if r.hold != "" {
		if now.Before(r.expires(o)) {
			return false
		}
		r.queue = r.queue[1:]
		o.began = now
		q.conclude(now, r, o, Outcome{Status: lrm.Timeout, RC: lrm.RCError,
			ExitReason: fmt.Sprintf("%s of %s waited in vain: %s", o.op.Task, r.name, r.hold)})
		return true
	}
	if now.Before(o.notBefore) {
		return false
	}
	r.queue = r.queue[1:]
	r.active = o
	q.runs++
	o.run, o.began, o.ran = q.runs, now, true
	q.emit(Begin{Run: o.run, Op: o.op})
	return true
}

// expires is when an operation of a held resource has waited for as long as it might have run.
func (r *resource) expires(o *operation) time.Time {
	from := o.asked
	if from.Before(r.heldSince) {
		from = r.heldSince
	}
	return from.Add(time.Duration(o.op.TimeoutMs) * time.Millisecond)
}
