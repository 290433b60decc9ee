package plan

import (
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
)

// watchdogDevice is the device that is nobody's: the target's own watchdog.
const watchdogDevice = "watchdog"

// next executes what comes next, if that can be said already.
func (f *Fencer) next(op *operation) {
	if f.view != nil && f.view.Stale {
		// This node did not run for a while: the others may have lost it, and be right.
		if f.now.Before(op.limit) {
			op.wake = earlier(op.wake, op.limit)
		} else {
			f.finish(op, failure(lrm.Invalid, "Node "+f.local+" stood still and has no current view of the cluster"))
		}
		return
	}
	if !op.planned && !f.ioFirst(op) {
		return
	}
	if !op.planned {
		levels := f.config.topology(op.req.Target)
		if levels == nil && op.req.Action == actionOn {
			// Whoever must unfence has to be known before any device may do.
			if f.answersOut(op, op.limit) {
				return
			}
			required := level{}
			if f.leftToUnfence(op, &required) {
				levels, op.required = []level{required}, true
			}
		}
		op.levels, op.planned = levels, true
	}
	if op.levels != nil {
		f.nextInLevel(op)
	} else {
		f.nextAnywhere(op)
	}
}

// deviceTimeout is the time that a device gets for the action: its own, or the request's.
func (op *operation) deviceTimeout(o *offer, action string) time.Duration {
	if t := o.Timeouts[action]; t > 0 {
		return ms(t)
	}
	return op.timeout()
}

// headStart is the delay of the request in ms: what the other side of a cut cluster gets to shoot first. It is not
// less than what a shot with the device takes to have its effect.
func (op *operation) headStart(o *offer) int64 {
	if op.req.Delay <= 0 {
		return 0
	}
	return max(op.req.Delay, o.Notice)
}

// delay is how long the devices' delays can last: the request's for the first device, and the device's own.
func (op *operation) delay(o *offer, action string, first bool) time.Duration {
	var d time.Duration
	if first {
		d = ms(op.headStart(o))
	}
	if op.req.Delay >= 0 && action != actionOn {
		d += ms(o.Delay)
	}
	return d
}

// execute orders a node to use a device.
func (f *Fencer) execute(op *operation, o offer, action string) {
	first := op.began.IsZero()
	if first {
		op.began, op.state = f.now, api.FenceExecuting
		f.announce(op)
	}
	f.limitTotal(op, &o)
	f.steps++
	step := op.req.ID + "/" + strconv.Itoa(f.steps)
	if o.Device == watchdogDevice && f.watchdogCovers(op) {
		op.cur = &execution{step: step, peer: f.local, device: o.Device, deadline: f.now.Add(f.config.Watchdog), watchdog: true}
		op.wake = op.cur.deadline
		f.note(false, op, "%s of %s: its watchdog is given %v to reset it", action, op.req.Target, f.config.Watchdog)
		return
	}
	timeout := op.deviceTimeout(&o, action)
	valid := op.share(timeout) + op.delay(&o, action, first)
	op.cur = &execution{step: step, peer: o.peer, device: o.Device, deadline: f.now.Add(valid)}
	order := api.FenceOrder{Op: op.req.ID, Device: o.Device, Action: action, Target: op.req.Target,
		Timeout: timeout.Milliseconds(), NoDelay: op.req.Delay < 0, Wait: valid.Milliseconds()}
	if action != actionOn {
		order.Incarnation = op.life
	}
	if first {
		order.Delay = op.headStart(&o)
	}
	op.wake = op.cur.deadline
	f.note(false, op, "%s of %s with %s on %s", action, op.req.Target, o.Device, o.peer)
	f.emit(Execute{Step: step, Peer: o.peer, Order: order})
}

// limitTotal raises the limit for the whole operation to what the devices found so far may take: all of the
// topology, or else those of the node that is to use o.
func (f *Fencer) limitTotal(op *operation, o *offer) {
	var sum time.Duration
	add := func(o *offer, action string, first bool) {
		sum += op.share(op.deviceTimeout(o, action)) + op.delay(o, action, first)
		if o.Device == watchdogDevice {
			sum += f.config.Watchdog
		}
	}
	if op.levels == nil {
		add(o, op.req.Action, true)
		for i := range op.offers {
			if other := &op.offers[i]; other.peer == o.peer && other.Device != o.Device {
				add(other, op.req.Action, false)
			}
		}
	}
	for i := range op.levels {
		for j, d := range op.levels[i].devices {
			if found, v := f.executor(op, d); v == yes {
				add(&found, op.action(&op.levels[i]), i == 0 && j == 0)
			}
		}
	}
	if limit := op.began.Add(sum); limit.After(op.total) {
		op.total = limit
	}
}

// overdue judges a step whose time is up.
func (f *Fencer) overdue(op *operation) {
	if op.cur.watchdog {
		if f.watchdogStands(op) {
			f.executed(Executed{Step: op.cur.step})
		}
		return
	}
	f.emit(Abandon{op.cur.step})
	// This node itself is not silent: its agent has used the time up, and other devices may be used from here.
	f.failed(op, failure(lrm.Timeout, ReasonPeerSilent), op.cur.peer != f.local)
}

// watchdogStands checks that the target's watchdog may still be trusted, and fails the step when not: a target
// that was back in between may have stopped its watchdog's clock.
func (f *Fencer) watchdogStands(op *operation) bool {
	if f.watchdogCovers(op) && !f.view.Stale {
		return true
	}
	f.executed(Executed{Step: op.cur.step, Result: failure(lrm.Error,
		"Node '"+op.req.Target+"' is back, or the quorum is lost, while its watchdog was awaited")})
	return false
}

// executed takes the answer to a step.
func (f *Fencer) executed(in Executed) {
	op := f.executing(in.Step)
	if op == nil {
		f.restoredPower(in)
		return
	}
	switch {
	case in.Unreachable:
		op.lost = append(op.lost, op.cur.peer)
		f.failed(op, in.Result, true)
	case !in.Result.Proven():
		f.failed(op, in.Result, false)
	case op.levels == nil:
		f.finish(op, withDelegate(op, api.FenceResult{}))
	default:
		op.done = append(op.done, used{op.cur.peer, op.cur.device})
		op.cur = nil
		op.pos++
	}
}

func (f *Fencer) executing(step string) *operation {
	for _, op := range f.ops {
		if op.cur != nil && op.cur.step == step {
			return op
		}
	}
	return nil
}

// failed notes the failure of the current step. otherNode tells that the device may do better on another node.
func (f *Fencer) failed(op *operation, r api.FenceResult, otherNode bool) {
	op.last = withDelegate(op, r)
	f.note(true, op, "%s of %s with %s on %s failed: %s", op.req.Action, op.req.Target, op.cur.device, op.cur.peer, r.Reason)
	silent := otherNode && r.Status == int(lrm.Timeout)
	if silent {
		op.lost = append(op.lost, op.cur.peer)
	}
	op.cur = nil
	switch {
	case op.levels != nil && (!otherNode || silent):
		f.nextLevel(op)
	case op.levels == nil && !otherNode && r.Status == int(lrm.Timeout):
		// The agent used the whole time up; Pacemaker tries no other node then, nor is there time for one.
		f.finish(op, op.last)
	}
}

// succeed ends an operation whose level is complete. After a reboot that was off with several devices the
// target is switched on again, which changes nothing about the result.
func (f *Fencer) succeed(op *operation, l *level) {
	r := api.FenceResult{Device: strings.Join(append(op.accessed, l.devices...), ",")}
	if n := len(op.done); n > 0 {
		r.Delegate = op.done[n-1].peer
	}
	if op.action(l) != op.req.Action {
		f.restore(op)
	}
	f.finish(op, r)
}

// exhausted ends an operation for which no device is left.
func (f *Fencer) exhausted(op *operation) {
	if op.began.IsZero() && f.watchdogCovers(op) {
		op.levels = nil
		f.execute(op, offer{peer: f.local, FenceOffer: api.FenceOffer{Device: watchdogDevice}}, op.req.Action)
		return
	}
	r := f.shortage(op)
	if op.began.IsZero() && len(op.problems) > 0 {
		r.Reason += " (" + strings.Join(op.problems, "; ") + ")"
	}
	f.finish(op, withDelegate(op, r))
}

// shortage is the result of an operation that has run out of devices.
func (f *Fencer) shortage(op *operation) api.FenceResult {
	switch {
	case !op.began.IsZero() && op.levels != nil && !op.required:
		return failure(lrm.Status(op.last.Status), because(ReasonLevels, op.last))
	case !op.began.IsZero():
		return failure(lrm.Status(op.last.Status), because(ReasonAllFailed, op.last))
	case len(op.waiting) > 0:
		return failure(lrm.Timeout, ReasonNoReplies)
	case len(op.asked) == 0:
		return failure(lrm.NoFenceDevice, "No node but '"+op.req.Target+"' itself is there to fence it")
	case len(op.offers) == 0:
		return failure(lrm.NoFenceDevice, "No device configured for target '"+op.req.Target+"'")
	default:
		return failure(lrm.Error, ReasonLevels)
	}
}

// watchdogCovers reports whether the target's own watchdog is trusted to reset it: only a lost node that is
// without quorum does that, so this partition must have it.
func (f *Fencer) watchdogCovers(op *operation) bool {
	return f.config.Watchdog > 0 && op.req.Action != actionOn && f.view != nil && f.view.Quorum.Quorate &&
		!f.isMember(op.req.Target) && (f.config.WatchdogHosts == nil || contains(f.config.WatchdogHosts, op.req.Target))
}
