package opqueue

import (
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/cib/lrm"
)

// submit queues an operation. A stop takes back the recurring operations of its resource first.
func (q *Queue) submit(now time.Time, op Op) {
	if q.held >= Limit {
		q.emit(Refused{Reason: fmt.Sprintf("%d operations are pending already", q.held)})
		return
	}
	r := q.resource(op.Rsc)
	q.calls++
	q.emit(Accepted{CallID: q.calls})
	if op.Task == "stop" {
		q.drop(now, r, func(o *operation) bool { return o.op.Recurring() })
	}
	if op.Recurring() && q.merge(now, r, op) {
		return
	}
	q.held++
	r.queue = append(r.queue, &operation{op: op, callID: q.calls, asked: now,
		notBefore: now.Add(time.Duration(op.StartDelayMs) * time.Millisecond)})
}

// merge makes a recurring operation that is there already the one that is asked for, and has it run now so
// that the asker gets a result.
func (q *Queue) merge(now time.Time, r *resource, op Op) bool {
	same := func(o *operation) bool {
		return !o.cancelled && o.op.Task == op.Task && o.op.IntervalMs == op.IntervalMs
	}
	adopt := func(o *operation) {
		o.op, o.callID, o.asked, o.reported, o.notBefore = op, q.calls, now, false, now
	}
	if o := r.active; o != nil && same(o) {
		// A run with the same parameters answers the new request as well.
		o.again = o.again || !o.op.sameWork(op)
		adopt(o)
		return true
	}
	if at := slices.IndexFunc(r.queue, same); at >= 0 {
		adopt(r.queue[at])
		return true
	}
	if at := slices.IndexFunc(r.waiting, same); at >= 0 {
		o := r.waiting[at]
		r.waiting = slices.Delete(r.waiting, at, at+1)
		adopt(o)
		r.queue = append(r.queue, o)
		return true
	}
	return false
}

// cancel ends one recurring operation.
func (q *Queue) cancel(now time.Time, c Cancel) {
	found := c.IntervalMs > 0 && q.drop(now, q.resource(c.Rsc), func(o *operation) bool {
		return o.op.Task == c.Task && o.op.IntervalMs == c.IntervalMs
	})
	if found {
		q.emit(Accepted{})
		return
	}
	q.emit(Refused{Reason: "there is no recurring " + lrm.OpKey(c.Rsc, c.Task, c.IntervalMs)})
}

// unregister takes back everything. What runs once goes on, because nobody knows what half of it does.
func (q *Queue) unregister(now time.Time, name string) {
	r := q.resource(name)
	mark := func(o *operation) { o.deleted = true }
	for _, o := range slices.Concat(r.queue, r.waiting) {
		mark(o)
	}
	if r.active != nil {
		mark(r.active)
	}
	q.drop(now, r, func(o *operation) bool { return o != r.active || o.op.Recurring() })
}

// drop takes back the operations that match: those that wait at once, one that runs by killing it.
func (q *Queue) drop(now time.Time, r *resource, match func(*operation) bool) (found bool) {
	gone := func(o *operation) bool {
		if !match(o) {
			return false
		}
		found = true
		q.cancelled(now, o)
		return true
	}
	r.queue = slices.DeleteFunc(r.queue, gone)
	r.waiting = slices.DeleteFunc(r.waiting, gone)
	if o := r.active; o != nil && match(o) {
		found = true
		if !o.cancelled {
			o.cancelled = true
			q.emit(Kill{Run: o.run})
		}
	}
	return found
}

// finished takes in the end of a run.
func (q *Queue) finished(now time.Time, f Finished) {
	at := slices.IndexFunc(q.rscs, func(r *resource) bool { return r.active != nil && r.active.run == f.Run })
	if at < 0 {
		return
	}
	r := q.rscs[at]
	o := r.active
	r.active = nil
	if f.Stuck != "" {
		r.hold, r.heldSince = f.Stuck, now
	}
	q.conclude(now, r, o, f.Outcome)
}

// conclude reports what is to be reported of a run and arms a recurring operation again.
func (q *Queue) conclude(now time.Time, r *resource, o *operation, out Outcome) {
	o.ended = now
	if o.cancelled {
		q.cancelled(now, o)
		return
	}
	if o.again {
		o.again = false
		r.queue = append(r.queue, o)
		return
	}
	changed := o.last.Status != out.Status || o.last.RC != out.RC
	if o.changedAt == 0 || changed {
		o.changedAt = o.began.Unix()
	}
	if first := !o.reported; first || changed || !o.op.Recurring() {
		res := q.result(o, out)
		res.First, res.Changed = first, changed && !first
		q.emit(Report{res})
	}
	if !o.op.Recurring() {
		q.held--
		return
	}
	wait := time.Duration(o.op.IntervalMs) * time.Millisecond
	if !o.reported {
		wait -= phase(o.op, wait)
	}
	o.reported, o.last = true, out
	o.notBefore = now.Add(wait)
	r.waiting = append(r.waiting, o)
}

func (q *Queue) result(o *operation, out Outcome) Result {
	return Result{Op: o.op, CallID: o.callID, Outcome: out, QueueMs: max(0, o.began.Sub(o.asked).Milliseconds()),
		LastRun: o.began.Unix(), LastRCChange: o.changedAt, Deleted: o.deleted}
}

// cancelled reports that an operation was taken back, with the exit code of its last run, as Pacemaker does.
func (q *Queue) cancelled(now time.Time, o *operation) {
	q.held--
	res := Result{Op: o.op, CallID: o.callID, Outcome: Outcome{Status: lrm.Cancelled, RC: o.last.RC},
		Cancelled: true, Deleted: o.deleted, LastRCChange: now.Unix()}
	if o.ran {
		res.LastRun = o.began.Unix()
	}
	q.emit(Report{res})
}

// phase is by how much the first repetition comes early, up to half the interval and different for each
// operation: monitors that were all started together do not stay together.
func phase(op Op, interval time.Duration) time.Duration {
	if interval < time.Second {
		return 0
	}
	h := fnv.New32a()
	h.Write([]byte(op.Key()))
	return time.Duration(float64(interval) / 2 * float64(h.Sum32()) / (1 << 32))
}
