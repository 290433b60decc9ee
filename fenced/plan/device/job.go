package device

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
)

// retryPause lies between two tries of an action.
const retryPause = time.Second

// retryShare is the part of the timeout after which a failed action is not tried again. With less than the
// rest of it left an order is not begun either.
const retryShare = 0.7

// maxLate is how much later than its delay an order may start. A node that was frozen for longer may have
// been lost by the others meanwhile, and must not shoot one that has taken over from it.
const maxLate = time.Second

// defaultTimeout is that of an order which names none.
const defaultTimeout = 60 * time.Second

// maxJobs bounds what waits and runs on a node; every fence device of a large cluster at once is far below it.
const maxJobs = 256

type jobKind uint8

const (
	orderJob jobKind = iota
	checkJob
	probeJob
)

// job is one use of a device: an order, a check, or a probe that a query needs.
type job struct {
	id       string // of the order or check
	kind     jobKind
	dev      string
	def      *definition
	caps     *Capabilities
	target   string
	life     api.Incarnation // of the target that is to end
	steps    []step
	timeout  time.Duration // for all tries of the steps up to the proof
	received time.Time
	after    time.Time // not before: a delay, or the pause before another try
	expires  time.Time // not started by then: dropped; zero never
	until    time.Time // who asked waits no longer; zero always

	started   time.Time
	at        int // step
	tries     int // of the attempt that runs
	first     substitute
	call      uint64 // 0: none runs
	killed    bool   // to make room for an order; it is not over
	withdrawn bool   // nobody waits for it
	answered  bool
}

func (j *job) running() bool { return j.call != 0 }

// holds reports whether the job occupies one of the device's slots, which it also does between its steps.
func (j *job) holds() bool { return j.running() || !j.started.IsZero() }

// wake is when something is to be done about a job that does not run; zero when it waits for a slot only.
func (j *job) wake() time.Time {
	if j.started.IsZero() && !j.expires.IsZero() && (j.after.IsZero() || j.expires.Before(j.after)) {
		return j.expires
	}
	return j.after
}

func (e *Executor) add(j *job) { e.jobs = append(e.jobs, j) }

// refuse answers an order or check that cannot be attempted.
func (e *Executor) refuse(id string, status lrm.Status, format string, args ...any) {
	e.emit(Finished{id, Result{Status: status, RC: int(lrm.RCError), Reason: fmt.Sprintf(format, args...)}})
}

func (e *Executor) order(now time.Time, in Order) {
	o := in.Order
	d := e.find(o.Device)
	if d == nil {
		e.refuse(in.ID, lrm.NoFenceDevice, "Device %s is not configured on %s", o.Device, e.local)
		return
	}
	caps := e.known(d)
	if caps == nil {
		e.refuse(in.ID, lrm.NotInstalled, "Agent %s of device %s cannot be used on %s: its metadata is not known", d.def.config.Agent, o.Device, e.local)
		return
	}
	if !slices.Contains([]string{On, Off, Reboot}, o.Action) || !d.supports(caps, o.Action) {
		e.refuse(in.ID, lrm.NotSupported, "Device %s cannot do %q", o.Device, o.Action)
		return
	}
	if len(e.jobs) >= maxJobs {
		e.refuse(in.ID, lrm.Error, "Fencing on %s is overloaded: %d actions wait", e.local, len(e.jobs))
		return
	}
	delay := time.Duration(max(o.Delay, 0)) * time.Millisecond
	if !o.NoDelay && o.Action != On {
		delay += d.def.ownDelay(o.Target, e.fraction())
	}
	j := &job{id: in.ID, kind: orderJob, dev: o.Device, def: d.def, caps: caps, target: o.Target, life: o.Incarnation, received: now,
		steps: d.steps(caps, o.Action), timeout: time.Duration(o.Timeout) * time.Millisecond}
	if j.timeout <= 0 {
		j.timeout = defaultTimeout
	}
	if delay > 0 {
		j.after = now.Add(delay)
		e.note(false, o.Device, fmt.Sprintf("%s of %s with %s is delayed by %v", o.Action, o.Target, o.Device, delay))
	}
	if o.Wait > 0 {
		j.until = now.Add(time.Duration(o.Wait) * time.Millisecond)
		j.expires = j.until.Add(-time.Duration((1 - retryShare) * float64(j.timeout)))
	}
	e.add(j)
}

// check starts monitor, status, list and the like, or withdraws what one has proven.
func (e *Executor) check(now time.Time, in Check) {
	c := in.Check
	d := e.find(c.Device)
	if in.Device != nil && (d == nil || !alike(d.def.config, *in.Device)) {
		def, _ := define(*in.Device)
		d = &device{def: def}
	}
	switch {
	case d == nil:
		e.refuse(in.ID, lrm.NoFenceDevice, "Device %s is not configured on %s", c.Device, e.local)
		return
	case c.Action == "stop":
		d.verified, d.lastErr = false, ""
		e.emit(Finished{ID: in.ID})
		return
	case len(e.jobs) >= maxJobs:
		e.refuse(in.ID, lrm.Error, "Fencing on %s is overloaded: %d actions wait", e.local, len(e.jobs))
		return
	case !slices.Contains([]string{Monitor, Status, List, "validate-all"}, c.Action):
		e.refuse(in.ID, lrm.Invalid, "%q is not a check: it might fence a node", c.Action)
		return
	}
	caps := e.known(d)
	if caps == nil {
		caps = &Capabilities{}
	}
	timeout := time.Duration(c.Timeout) * time.Millisecond
	if timeout <= 0 {
		timeout = defaultProbeTimeout
	}
	e.add(&job{id: in.ID, kind: checkJob, dev: d.def.config.ID, def: d.def, caps: caps, target: c.Target, received: now,
		steps: []step{{action: c.Action}}, timeout: timeout, expires: now.Add(timeout)})
}

func (e *Executor) cancel(id string) {
	e.queries = slices.DeleteFunc(e.queries, func(q *query) bool { return q.ID == id })
	for _, j := range e.jobs {
		if j.id == id && j.kind != probeJob {
			j.withdrawn = true
		}
	}
}

// schedule starts what may start: orders before everything else, and never waiting for a monitor.
func (e *Executor) schedule(now time.Time) {
	for _, j := range e.jobs {
		if late := now.Sub(j.after); !j.after.IsZero() && late >= 0 {
			j.after = time.Time{}
			if late > maxLate && j.kind == orderJob && j.started.IsZero() {
				e.finish(now, j, Result{Status: lrm.Invalid, Reason: fmt.Sprintf(
					"Node %s stood still for %v while the order waited for its delay; what it was based on may be wrong", e.local, late)})
			}
		}
		e.drop(now, j)
	}
	e.jobs = slices.DeleteFunc(e.jobs, func(j *job) bool { return j.answered && !j.holds() })
	for _, orders := range []bool{true, false} {
		for _, j := range e.jobs {
			if (j.kind == orderJob) == orders && !j.running() && !j.answered && j.after.IsZero() {
				e.tryStart(now, j)
			}
		}
	}
}

// drop ends a job that has not started and must not start any more.
func (e *Executor) drop(now time.Time, j *job) {
	switch {
	case j.running() || j.answered:
	case j.withdrawn:
		j.release()
		e.note(false, j.dev, fmt.Sprintf("%s of %s with %s is dropped: nobody waits for it", j.steps[0].action, j.target, j.dev))
	case j.started.IsZero() && !j.expires.IsZero() && !j.expires.After(now):
		e.finish(now, j, Result{Status: lrm.Timeout, RC: int(lrm.RCError), Reason: fmt.Sprintf("Device %s was busy for %v", j.dev, now.Sub(j.received))})
	}
}

func (e *Executor) tryStart(now time.Time, j *job) {
	if !j.holds() && !e.room(j) {
		return
	}
	if j.started.IsZero() {
		j.started = now
		j.first = j.def.actions[j.steps[0].action]
		if j.first.name == "" { // validate-all has no pcmk_* parameters
			j.first = substitute{name: j.steps[0].action, tries: 1}
		}
		if j.kind != orderJob && j.first.timeout > 0 {
			j.timeout = j.first.timeout
		}
		if !j.until.IsZero() {
			j.timeout = min(j.timeout, j.until.Sub(now))
		}
	}
	e.call(now, j)
}

// room reports whether the device has a free slot, and makes one for an order by ending probes and checks:
// a fence does not wait for a monitor that hangs.
func (e *Executor) room(j *job) bool {
	if j.def.limit < 0 {
		return true
	}
	busy := 0
	for _, other := range e.jobs {
		if other != j && other.dev == j.dev && other.holds() {
			busy++
		}
	}
	if busy < j.def.limit {
		return true
	}
	if j.kind != orderJob {
		return false
	}
	for _, other := range e.jobs {
		if other.dev == j.dev && other.kind != orderJob && other.running() && busy >= j.def.limit {
			busy--
			if !other.killed {
				other.killed = true
				e.emit(Kill{other.call})
			}
		}
	}
	return false
}

// call runs the job's current step.
func (e *Executor) call(now time.Time, j *job) {
	s := j.def.actions[j.steps[j.at].action]
	if s.name == "" {
		s = j.first
	}
	left := j.timeout - now.Sub(j.started)
	if j.steps[j.at].extra {
		if left = j.timeout; s.timeout > 0 {
			left = s.timeout
		}
	} else if j.at > 0 && s.timeout > 0 {
		left = min(left, s.timeout)
	}
	if left <= 0 {
		e.ended(now, j, timedOut(j))
		return
	}
	e.calls++
	j.call = e.calls
	c := j.def.config
	e.emit(Call{
		ID: j.call, Device: c.ID, Agent: c.Agent, Driver: c.Driver, Action: s.name, Target: j.target, Timeout: left,
		Params: j.def.arguments(j.caps, s.name, j.target, e.nodes[strings.ToLower(j.target)]), Incarnation: j.life,
	})
}

func timedOut(j *job) Result {
	return Result{Status: lrm.Timeout, RC: int(lrm.RCError), Reason: fmt.Sprintf("Fence agent did not complete within %v", j.timeout)}
}

// checkedDevice is the configured device that a check was about, nil when there is none like it.
func (e *Executor) checkedDevice(j *job) *device {
	if d := e.find(j.dev); d != nil && alike(d.def.config, j.def.config) {
		return d
	}
	return nil
}

// NodeIDs makes the map that Nodes wants from a view.
func NodeIDs(nodes []api.ConfiguredNode) map[string]api.NodeID {
	ids := make(map[string]api.NodeID, len(nodes))
	for _, n := range nodes {
		ids[strings.ToLower(n.Name)] = n.ID
	}
	return ids
}
