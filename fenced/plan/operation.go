package plan

import (
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
)

// verifiedWait is how long an operation waits for a node that has verified its device when another one is
// ready. A peer that lives answers within a few round trips; one that hangs must not cost the failover its
// budget.
const verifiedWait = 300 * time.Millisecond

// operation is a request that this node answers for.
type operation struct {
	req     api.FenceRequest
	state   string // of the event
	seq     int
	created time.Time
	// life is the target's incarnation when the operation began: a target that is back before the agent has
	// reported is alive, and its new life must not pass for the one that was ended.
	life api.Incarnation
	wake time.Time // when advance has something to do

	original    string // id of the operation whose result is ours too, "" for none
	forwardedTo string // peer that conducts the operation, "" for this node

	asked   []string // nodes that were queried
	waiting []string // those that have not answered completely
	lost    []string // those that could not be reached
	offers  []offer
	// problems are why devices and nodes that might have helped do not.
	problems []string
	limit    time.Time // for the answers; for a duplicate: when it stops to wait for the original

	planned  bool
	io       bool     // the first level takes access away, and power comes after it
	accessed []string // devices that have taken access away
	follows  string   // id of the operation that was answered already, and is completed by this one
	levels   []level  // nil: any device will do
	required bool     // the level is not the topology's, but all devices that must unfence
	level    int
	pos      int    // device within the level
	open     bool   // all devices of the level have been found
	peer     string // whose turn it is, without topology
	tried    []used // without topology
	done     []used // devices of the level that have succeeded
	cur      *execution
	began    time.Time // the first step; zero before
	total    time.Time // limit for everything
	last     api.FenceResult
}

// offer is a device that a node has.
type offer struct {
	peer string
	api.FenceOffer
}

// used is a device on the node that used it.
type used struct{ peer, device string }

// execution is the step that runs.
type execution struct {
	step, peer, device string
	deadline           time.Time
	watchdog           bool // nothing runs: the target resets itself until the deadline
}

func (op *operation) timeout() time.Duration { return ms(op.req.Timeout) }

// share is Pacemaker's allowance for what lies between a timeout and its report: a fifth more.
func (op *operation) share(d time.Duration) time.Duration { return d + d/5 }

// fences reports whether the operation ends a life of target.
func (op *operation) fences(target string) bool {
	return op.req.Action != actionOn && strings.EqualFold(op.req.Target, target)
}

// event is the operation as the history has it.
func (f *Fencer) event(op *operation) api.FenceEvent {
	return api.FenceEvent{
		ID: op.req.ID, Target: op.req.Target, Action: op.req.Action, Client: op.req.Client, Origin: op.req.Origin, Owner: f.local,
		State: op.state, Seq: op.seq, Incarnation: op.life, At: op.created.UnixMilli(), Reason: op.req.Reason, Follows: op.follows,
	}
}

func (f *Fencer) announce(op *operation) {
	op.seq++
	e := f.event(op)
	f.history.put(e)
	f.emit(Announce{Event: e, Tell: true})
}

// start asks everybody who could help.
func (f *Fencer) start(op *operation) {
	op.original, op.forwardedTo, op.state = "", "", api.FenceQuerying
	op.limit = f.now.Add(op.share(op.timeout()))
	f.announce(op)
	f.ask(op)
}

// ask queries the members that have not been asked. The target is asked only where it may be the executor.
func (f *Fencer) ask(op *operation) {
	var peers []string
	for _, p := range append([]string{f.local}, f.peers()...) {
		target := strings.EqualFold(p, op.req.Target)
		if (!target || op.req.AllowSelf || op.req.Action == actionOn) && !slices.Contains(op.asked, p) {
			peers = append(peers, p)
		}
	}
	if len(peers) == 0 {
		return
	}
	op.asked = append(op.asked, peers...)
	op.waiting = append(op.waiting, peers...)
	f.emit(Query{Op: op.req.ID, Target: op.req.Target, Action: op.req.Action, Self: op.req.AllowSelf, Peers: peers, Wait: max(op.limit.Sub(f.now), time.Second)})
}

func (f *Fencer) offered(in Offered) {
	op := f.find(in.Op)
	if op == nil || !slices.Contains(op.waiting, in.Peer) {
		return
	}
	for _, o := range in.Offers {
		op.offers = append(op.offers, offer{in.Peer, o})
	}
	for _, p := range in.Problems {
		op.problem(in.Peer + ": " + p)
	}
	if in.Done || in.Err != "" {
		op.waiting = slices.DeleteFunc(op.waiting, func(p string) bool { return p == in.Peer })
	}
	if in.Err != "" {
		op.lost = append(op.lost, in.Peer)
		op.problem(in.Peer + ": " + in.Err)
		f.note(true, op, "%s cannot say whether it can fence %s: %s", in.Peer, op.req.Target, in.Err)
	}
}

// maxProblems bounds what a reason lists.
const maxProblems = 5

func (op *operation) problem(text string) {
	if len(op.problems) < maxProblems {
		op.problems = append(op.problems, text)
	}
}

// advance moves the operation on as far as it goes now.
func (f *Fencer) advance(op *operation) {
	if f.find(op.req.ID) != op {
		return
	}
	op.wake = time.Time{}
	late := func(t time.Time) bool { return !t.IsZero() && !t.After(f.now) }
	switch {
	case op.forwardedTo != "":
		return
	case op.original != "":
		if !late(op.limit) {
			op.wake = op.limit
			return
		}
		f.note(true, op, "the operation that was joined does not end; starting one of our own")
		f.start(op)
	case late(op.total):
		f.finish(op, withDelegate(op, failure(lrm.Timeout, ReasonTotal)))
		return
	}
	if op.cur != nil {
		if !late(op.cur.deadline) {
			op.wake = earlier(op.cur.deadline, op.total)
			return
		}
		f.overdue(op)
		if f.find(op.req.ID) != op {
			return
		}
	}
	if f.pointless(op) {
		return
	}
	f.next(op)
	op.wake = earlier(op.wake, op.total)
}

// withDelegate names who was at it in a result.
func withDelegate(op *operation, r api.FenceResult) api.FenceResult {
	if op.cur != nil {
		r.Delegate, r.Device = op.cur.peer, op.cur.device
	} else {
		r.Delegate, r.Device = op.last.Delegate, op.last.Device
	}
	return r
}

// finish ends the operation with a result, and with it those that joined it.
func (f *Fencer) finish(op *operation, r api.FenceResult) {
	f.ops = slices.DeleteFunc(f.ops, func(o *operation) bool { return o == op })
	if op.cur != nil && !op.cur.watchdog {
		f.emit(Abandon{op.cur.step})
	}
	op.cur = nil
	if op.forwardedTo != "" {
		f.emit(Reply{op.req.ID, r})
		return
	}
	r.Action = op.req.Action
	if r.Started == 0 {
		r.Started, r.Done = op.created.UnixMilli(), f.now.UnixMilli()
	}
	op.state = api.FenceFailed
	if r.Proven() {
		op.state = api.FenceDone
	}
	op.seq++
	e := f.event(op)
	e.Result = r
	f.history.put(e)
	f.emit(Reply{op.req.ID, r})
	f.emit(Announce{Event: e, Tell: true})
	f.report(op, r)
	for _, dup := range slices.Clone(f.ops) {
		if dup.original == op.req.ID {
			f.finish(dup, r)
		}
	}
}

func (f *Fencer) report(op *operation, r api.FenceResult) {
	if r.Proven() {
		f.note(false, op, "%s of %s succeeded: %s on %s", op.req.Action, op.req.Target, r.Device, r.Delegate)
		return
	}
	f.note(true, op, "%s of %s failed: %s", op.req.Action, op.req.Target, r.Reason)
}
