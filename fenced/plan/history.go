package plan

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
)

// maxHistory bounds the history; beyond it the older half of what is finished is forgotten, as in Pacemaker.
const maxHistory = 500

// rcPresumed marks a result that nobody reported: the operation's conductor went away.
const rcPresumed = api.CodeExpired

// human is the delegate of a manual confirmation.
const human = "a human"

// history is what is known of all operations of all nodes.
type history struct {
	events []api.FenceEvent
	// cleaned is, by lower-case target, when the newest operation that was forgotten had ended: a peer that
	// has not forgotten yet must not bring it back.
	cleaned map[string]int64
}

func (h *history) get(id string) *api.FenceEvent {
	for i := range h.events {
		if h.events[i].ID == id {
			return &h.events[i]
		}
	}
	return nil
}

// put adds or updates an event and reports whether that changed anything. A finished state beats a pending
// one, a reported result beats a presumed one, and of two states of the same kind the later one wins.
func (h *history) put(e api.FenceEvent) bool {
	old := h.get(e.ID)
	if old == nil && !e.Pending() && e.Result.Done <= h.cleaned[strings.ToLower(e.Target)] {
		return false
	}
	if old == nil {
		h.events = append(h.events, e)
		h.trim()
		return true
	}
	if !better(&e, old) {
		return false
	}
	*old = e
	return true
}

func better(e, old *api.FenceEvent) bool {
	switch {
	case presumed(old) && !presumed(e):
		return !e.Pending() || e.Seq > old.Seq // a pending one is a new attempt
	case presumed(e) != presumed(old) || e.Pending() != old.Pending():
		return old.Pending()
	default:
		return e.Seq > old.Seq
	}
}

// presumed reports whether the event's result is nobody's word.
func presumed(e *api.FenceEvent) bool { return !e.Pending() && e.Result.RC == rcPresumed }

func (h *history) trim() {
	if len(h.events) <= maxHistory {
		return
	}
	sorted := h.list("")
	keep := map[string]bool{}
	pending, finished := 0, 0
	for i := range sorted {
		if sorted[i].Pending() {
			pending++
		} else {
			finished++
		}
	}
	for i := range sorted {
		keep[sorted[i].ID] = i < pending+finished/2 && i < maxHistory
	}
	h.events = slices.DeleteFunc(h.events, func(e api.FenceEvent) bool { return !keep[e.ID] })
}

// list returns the events of a target, "" of all: pending ones first, then the newest completion first.
func (h *history) list(target string) []api.FenceEvent {
	list := []api.FenceEvent{}
	for _, e := range h.events {
		if target == "" || strings.EqualFold(e.Target, target) {
			list = append(list, e)
		}
	}
	slices.SortStableFunc(list, func(a, b api.FenceEvent) int {
		if a.Pending() != b.Pending() {
			if a.Pending() {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(b.Result.Done, a.Result.Done), cmp.Compare(b.At, a.At))
	})
	return list
}

func (h *history) cleanup(target string) {
	if h.cleaned == nil {
		h.cleaned = map[string]int64{}
	}
	h.events = slices.DeleteFunc(h.events, func(e api.FenceEvent) bool {
		if e.Pending() || target != "" && !strings.EqualFold(e.Target, target) {
			return false
		}
		key := strings.ToLower(e.Target)
		h.cleaned[key] = max(h.cleaned[key], e.Result.Done)
		return true
	})
}

// newest returns the latest proven event for which match holds, nil when there is none.
func (h *history) newest(target string, match func(e *api.FenceEvent) bool) *api.FenceEvent {
	var found *api.FenceEvent
	for i := range h.events {
		e := &h.events[i]
		if e.State == api.FenceDone && strings.EqualFold(e.Target, target) && match(e) && (found == nil || e.Result.Done > found.Result.Done) {
			found = e
		}
	}
	return found
}

// shots counts the times that target was fenced since then. A human's word is none, and operations that were
// joined are one: they ended at the same time.
func (h *history) shots(target string, since time.Time) int {
	ends := map[int64]bool{}
	for i := range h.events {
		e := &h.events[i]
		if e.State == api.FenceDone && e.Follows == "" && e.Action != actionOn && strings.EqualFold(e.Target, target) && e.Result.Delegate != human && e.Result.Done >= since.UnixMilli() {
			ends[e.Result.Done] = true
		}
	}
	return len(ends)
}

// heard takes events of the other nodes. This node's own operations are known here best.
func (f *Fencer) heard(events []api.FenceEvent) {
	for _, e := range events {
		if e.Owner == f.local && f.find(e.ID) != nil {
			continue
		}
		if e.Owner == f.local && e.Pending() {
			f.presume(e, ReasonEarlierLife)
			continue
		}
		if f.history.put(e) {
			if e.Pending() && e.State != api.FenceDuplicate && e.Action != actionOn {
				f.dropRestores(e.Target)
			}
			f.emit(Announce{Event: e})
			f.outsideResult(e)
		}
	}
	f.presumeOrphans()
}

// restored takes what an earlier life of this fenced knew. Its unfinished operations have failed: whatever
// their agents did was not read back.
func (f *Fencer) restored(events []api.FenceEvent) {
	for _, e := range events {
		if e.Owner == f.local && e.Pending() {
			f.presume(e, ReasonEarlierLife)
			continue
		}
		f.history.put(e)
	}
}

// presume records that an operation failed although nobody said so, and tells everybody.
func (f *Fencer) presume(e api.FenceEvent, reason string) {
	e.State = api.FenceFailed
	e.Seq++
	e.Result = api.FenceResult{Status: int(lrm.Invalid), RC: rcPresumed, Reason: reason, Action: e.Action, Started: e.At, Done: f.now.UnixMilli()}
	if f.history.put(e) {
		f.emit(Announce{Event: e, Tell: true})
		f.outsideResult(e)
	}
}

// presumeOrphans fails the operations whose conductor has left the view.
func (f *Fencer) presumeOrphans() {
	if f.view == nil {
		return
	}
	for _, e := range f.history.list("") {
		if e.Pending() && e.Owner != f.local && !f.isMember(e.Owner) {
			f.presume(e, "Node "+e.Owner+", which conducted it, left before the result was known")
		}
	}
}

// outsideResult ends operations of ours by a result from elsewhere.
func (f *Fencer) outsideResult(e api.FenceEvent) {
	if e.Pending() {
		return
	}
	for _, op := range slices.Clone(f.ops) {
		if op.original == e.ID && presumed(&e) {
			f.start(op) // nobody knows how it ended, so we see to it ourselves
			continue
		}
		same := op.original == e.ID || op.forwardedTo != "" && op.req.ID == e.ID && !presumed(&e)
		if same || e.State == api.FenceDone && e.Result.Delegate == human && op.fences(e.Target) {
			f.finish(op, e.Result)
		}
	}
}

// confirm takes a human's word. Whatever was under way against the target is over. A member is alive, so that
// the word is wrong or about another node.
func (f *Fencer) confirm(in Confirm) {
	c := in.Confirm
	if c.Target == "" || f.isMember(c.Target) {
		f.emit(Reply{in.ID, failure(lrm.Invalid, "node '"+c.Target+"' is a member of the cluster and alive; it cannot be confirmed to be down")})
		return
	}
	now := f.now.UnixMilli()
	e := api.FenceEvent{
		ID: in.ID, Target: c.Target, Action: actionOff, Client: c.Client, Origin: c.Origin, Owner: f.local, State: api.FenceDone, At: now,
		Incarnation: f.incarnation(c.Target), Reason: "confirmed by " + c.By,
		Result: api.FenceResult{Delegate: human, Action: actionOff, Started: now, Done: now},
	}
	f.history.put(e)
	f.emit(Reply{in.ID, e.Result})
	f.emit(Announce{Event: e, Tell: true})
	f.emit(Note{Warn: true, Op: in.ID, Target: c.Target, Text: "taken for down on the word of " + c.By})
	f.outsideResult(e)
}
