package plan

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// restore switches a target on again after all devices of a level have switched it off. The cluster has its
// answer already: it is only about getting the node back.
type restore struct {
	op, target string
	timeout    time.Duration
	left       []offer
	step       string // "" between steps
	deadline   time.Time
}

// restore plans the devices that can be switched on again, each on the node that switched it off.
func (f *Fencer) restore(op *operation) {
	r := &restore{op: op.req.ID, target: op.req.Target, timeout: op.timeout()}
	for _, u := range op.done {
		for _, o := range op.offers {
			if o.peer == u.peer && o.Device == u.device && o.On {
				r.left = append(r.left, o)
			}
		}
	}
	if len(r.left) > 0 {
		f.restores = append(f.restores, r)
	}
}

// dropRestores leaves a target off that is to be fenced again.
func (f *Fencer) dropRestores(target string) {
	for _, r := range f.restores {
		if strings.EqualFold(r.target, target) {
			r.left = nil
		}
	}
}

// advanceRestore starts the next device, and forgets a restore that is complete.
func (f *Fencer) advanceRestore(r *restore) {
	if r.step != "" {
		if f.now.Before(r.deadline) {
			return
		}
		f.emit(Abandon{r.step})
		f.restoreFailed(r, ReasonPeerSilent)
		r.step = ""
	}
	if len(r.left) == 0 {
		f.restores = slices.DeleteFunc(f.restores, func(x *restore) bool { return x == r })
		return
	}
	o := r.left[0]
	r.left = r.left[1:]
	timeout := r.timeout
	if t := o.Timeouts[actionOn]; t > 0 {
		timeout = ms(t)
	}
	valid := timeout + timeout/5
	f.steps++
	r.step = r.op + "/" + strconv.Itoa(f.steps)
	r.deadline = f.now.Add(valid)
	f.emit(Execute{Step: r.step, Peer: o.peer, Order: api.FenceOrder{
		Op: r.op, Device: o.Device, Action: actionOn, Target: r.target, Timeout: timeout.Milliseconds(), NoDelay: true, Wait: valid.Milliseconds()}})
}

// restoredPower takes the answer to a step of a restore.
func (f *Fencer) restoredPower(in Executed) {
	for _, r := range f.restores {
		if r.step != "" && r.step == in.Step {
			if !in.Result.Proven() {
				f.restoreFailed(r, in.Result.Reason)
			}
			r.step = ""
		}
	}
}

func (f *Fencer) restoreFailed(r *restore, why string) {
	f.emit(Note{Warn: true, Op: r.op, Target: r.target, Text: r.target + " stays off: switching it on again failed: " + why})
}
