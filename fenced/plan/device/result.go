package device

import (
	"fmt"
	"time"

	"github.com/holdfast-ha/holdfast/cib/lrm"
)

// returned takes the answer of an agent.
func (e *Executor) returned(now time.Time, in Returned) {
	for _, j := range e.jobs {
		if j.call != in.Call || in.Call == 0 {
			continue
		}
		j.call = 0
		if j.killed && !in.Result.ok() {
			// It was ended to make room for an order and starts again behind it.
			j.killed, j.started = false, time.Time{}
			return
		}
		e.ended(now, j, in.Result)
		return
	}
}

// ended takes the result of a job's current step and moves on: next step, another try, or the end.
func (e *Executor) ended(now time.Time, j *job, r Result) {
	current := j.steps[j.at]
	if current.extra {
		if !r.ok() {
			e.note(true, j.dev, fmt.Sprintf("%s stays off: switching it on again with %s did not work: %s", j.target, j.dev, r.reason()))
		}
		j.release()
		return
	}
	readBack := j.kind == orderJob && j.at > 0 && current.action == Status
	if readBack {
		r = proof(j, r)
	}
	if !r.ok() && e.again(now, j, r) {
		return
	}
	if r.ok() && j.at+1 < len(j.steps) {
		j.at++
		// What follows the proof follows the answer too: the cluster need not wait for it.
		if j.steps[j.at].extra {
			e.finish(now, j, r)
		}
		e.call(now, j)
		return
	}
	e.finish(now, j, r)
	j.release()
}

// proof judges the status that was read after off. Only "off" proves it: a node that reads on has not been
// fenced, whatever the agent said before, and what cannot be read is not known.
func proof(j *job, r Result) Result {
	said := fmt.Sprintf("Agent %s reported success, but ", j.def.config.Agent)
	switch {
	case r.Status == lrm.Done && r.RC == 2:
		return Result{}
	case r.Status == lrm.Done && r.RC == 0:
		said += j.target + " reads on afterwards"
	default:
		said += "the state of " + j.target + " cannot be read: " + r.reason()
	}
	if r.Status == lrm.Done {
		r.Status = lrm.Error
	}
	return Result{Status: r.Status, RC: int(lrm.RCError), Reason: said, Errors: r.Errors}
}

// again arranges another try after a failure, while enough of the timeout is left. A timeout has used it up.
func (e *Executor) again(now time.Time, j *job, r Result) bool {
	j.tries++
	if j.kind != orderJob || j.withdrawn || r.Status == lrm.Timeout || r.Status == lrm.NoSecrets || r.Status == lrm.NotInstalled ||
		j.tries >= j.first.tries || float64(now.Sub(j.started)) >= retryShare*float64(j.timeout) || now.Sub(j.started)+retryPause >= j.timeout {
		return false
	}
	e.note(true, j.dev, fmt.Sprintf("%s of %s with %s failed and is tried again: %s", j.steps[0].action, j.target, j.dev, r.reason()))
	j.at, j.after = 0, now.Add(retryPause)
	return true
}

// release gives the slot back.
func (j *job) release() { j.started, j.answered = time.Time{}, true }

// finish answers whoever asked for the job.
func (e *Executor) finish(now time.Time, j *job, r Result) {
	j.answered = true
	if !r.ok() && r.RC == 0 {
		r.RC = int(lrm.RCError)
	}
	switch j.kind {
	case probeJob:
		e.probed(now, j, r)
		return
	case checkJob:
		e.checked(j, r)
	}
	if !j.withdrawn {
		e.emit(Finished{j.id, r})
	} else if !r.ok() {
		e.note(true, j.dev, fmt.Sprintf("%s of %s with %s failed after nobody waited for it any more: %s", j.steps[0].action, j.target, j.dev, r.reason()))
	}
}

// checked remembers whether a configured device works.
func (e *Executor) checked(j *job, r Result) {
	d := e.checkedDevice(j)
	action := j.steps[0].action
	if d == nil || action == "validate-all" {
		return
	}
	works := r.ok() || action == Status && r.Status == lrm.Done && r.RC == 2
	d.verified = works
	if d.lastErr = ""; !works {
		d.lastErr = action + ": " + r.reason()
	}
}
