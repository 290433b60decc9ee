package plan

import (
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
)

// Fencing actions.
const (
	actionOn     = "on"
	actionOff    = "off"
	actionReboot = "reboot"
)

// defaultTimeout is stonith-timeout where neither the request nor the configuration has one.
const defaultTimeout = 60 * time.Second

// maxOperations bounds the operations that one node conducts at a time.
const maxOperations = 256

// request takes a client's request: answered from what is known already, joined to an equal one in progress,
// handed to a peer, or started.
func (f *Fencer) request(req api.FenceRequest, forwarded bool) {
	if why := f.refusal(&req); why != "" {
		r := failure(lrm.Invalid, why)
		r.Action = req.Action
		f.emit(Reply{req.ID, r})
		return
	}
	if f.find(req.ID) != nil {
		return // the same request once more: its Reply answers both
	}
	if req.Timeout <= 0 {
		if req.Timeout = f.config.Timeout.Milliseconds(); req.Timeout <= 0 {
			req.Timeout = defaultTimeout.Milliseconds()
		}
	}
	op := &operation{req: req, created: f.now, state: api.FenceQuerying, life: req.Incarnation}
	if op.life == 0 {
		op.life = f.incarnation(req.Target)
	}
	switch e := f.history.get(req.ID); {
	case e == nil:
	case presumed(e):
		op.seq = e.Seq // a new attempt
	case e.Pending():
		op.forwardedTo = e.Owner // a peer conducts it and will tell
		f.ops = append(f.ops, op)
		return
	default:
		f.emit(Reply{req.ID, e.Result})
		return
	}
	f.quarantine(op)
	if e := f.settled(op); e != nil {
		f.note(false, op, "%s of %s is not done again: %s of it by %s succeeded already", op.req.Action, req.Target, e.Action, e.Result.Delegate)
		f.emit(Reply{req.ID, e.Result})
		return
	}
	if req.Action != actionOn {
		f.dropRestores(req.Target)
	}
	f.ops = append(f.ops, op)
	if f.join(op) || !forwarded && f.forward(op) {
		return
	}
	f.start(op)
}

func (f *Fencer) refusal(req *api.FenceRequest) string {
	switch {
	case req.ID == "":
		return "the request has no id"
	case req.Target == "":
		return "the request names no target"
	case !slices.Contains([]string{actionOn, actionOff, actionReboot}, req.Action):
		return "there is no fencing action " + req.Action + "; use reboot, off or on"
	case len(f.ops) >= maxOperations:
		return "too many fencing operations are in progress"
	}
	return ""
}

// quarantine turns a reboot into off when the target has been fenced too often: a node in a fence loop stays
// down until somebody has looked. It is never spared, because what it runs must be safe to recover.
func (f *Fencer) quarantine(op *operation) {
	if f.config.RateLimit <= 0 || op.req.Action != actionReboot {
		return
	}
	if n := f.history.shots(op.req.Target, f.now.Add(-f.config.RateWindow)); n >= f.config.RateLimit {
		op.req.Action = actionOff
		f.note(true, op, "%s is quarantined: fenced %d times within %v, so that it is switched off instead of rebooted; "+
			"find the cause, clean up its fencing history and switch it on", op.req.Target, n, f.config.RateWindow)
	}
}

// settled returns the earlier success that answers the request: the target was already fenced in the life
// that is to end, and was not given its access back in that life (unfenced) since, or the same was done within the
// tolerance.
func (f *Fencer) settled(op *operation) *api.FenceEvent {
	req := &op.req
	if req.Incarnation != 0 && req.Action != actionOn {
		e := f.history.newest(req.Target, func(e *api.FenceEvent) bool { return e.Incarnation == req.Incarnation })
		if e != nil && e.Action != actionOn {
			return e
		}
	}
	if req.Tolerance <= 0 {
		return nil
	}
	return f.history.newest(req.Target, func(e *api.FenceEvent) bool {
		return e.Action == req.Action && f.now.UnixMilli()-e.Result.Done <= req.Tolerance
	})
}

// join makes the operation a duplicate of an equal one in progress here or on a living peer. Unlike in
// Pacemaker the client's name does not matter: shooting twice at once helps nobody. The life must be the same:
// an operation that began in the life before may have had its effect already.
func (f *Fencer) join(op *operation) bool {
	for _, e := range f.history.list(op.req.Target) {
		equal := e.Pending() && e.State != api.FenceDuplicate && e.Action == op.req.Action && e.Incarnation == op.life && e.ID != op.req.ID
		if !equal || strings.EqualFold(e.Owner, e.Target) || !f.isMember(e.Owner) {
			continue
		}
		op.original, op.state = e.ID, api.FenceDuplicate
		op.limit = f.now.Add(op.share(op.timeout()))
		f.note(false, op, "%s of %s for %s joins the one for %s@%s", op.req.Action, op.req.Target, op.req.Client, e.Client, e.Origin)
		f.announce(op)
		return true
	}
	return false
}

// forward gives a request for this node itself to a peer, if there is one: nobody should have to report his
// own death.
func (f *Fencer) forward(op *operation) bool {
	if !strings.EqualFold(op.req.Target, f.local) || op.req.Action == actionOn {
		return false
	}
	for _, p := range f.peers() {
		if !slices.Contains(op.lost, p) {
			op.forwardedTo = p
			f.emit(Forward{Op: op.req.ID, Peer: p, Request: op.req})
			return true
		}
	}
	op.forwardedTo = ""
	return false
}

func (f *Fencer) forwarded(in ForwardDone) {
	op := f.find(in.Op)
	switch {
	case op == nil || op.forwardedTo == "":
	case in.Unreachable:
		f.forwardAgain(op)
	default:
		f.finish(op, in.Result)
	}
}

// forwardAgain tries the next peer, and in the end this node.
func (f *Fencer) forwardAgain(op *operation) {
	op.lost = append(op.lost, op.forwardedTo)
	if !f.forward(op) {
		op.lost = nil
		f.start(op)
	}
}

// viewChanged adapts what is under way to who is there.
func (f *Fencer) viewChanged(v *api.View) {
	f.view = v
	f.presumeOrphans()
	for _, op := range slices.Clone(f.ops) {
		switch {
		case op.forwardedTo != "":
			if !f.isMember(op.forwardedTo) {
				f.forwardAgain(op)
			}
		case op.original == "":
			f.peersChanged(op)
		}
	}
}

// peersChanged forgets peers that left, also as executors, and asks those that came.
func (f *Fencer) peersChanged(op *operation) {
	gone := func(name string) bool { return !f.isMember(name) }
	op.waiting = slices.DeleteFunc(op.waiting, gone)
	op.asked = slices.DeleteFunc(op.asked, gone)
	op.lost = slices.DeleteFunc(op.lost, gone)
	op.offers = slices.DeleteFunc(op.offers, func(o offer) bool { return gone(o.peer) })
	if op.cur != nil && op.cur.watchdog {
		f.watchdogStands(op)
	} else if op.cur != nil && gone(op.cur.peer) {
		f.executed(Executed{Step: op.cur.step, Unreachable: true, Result: failure(lrm.NotConnected, "Node "+op.cur.peer+" left the cluster")})
	}
	f.ask(op)
}
