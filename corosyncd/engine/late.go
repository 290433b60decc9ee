package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/corosyncd/detector"
	"github.com/holdfast-ha/holdfast/corosyncd/member"
)

// lateness is how well this process keeps to its own clock.
type lateness struct {
	last    time.Time     // last step
	worst   time.Duration // since the start
	recent  time.Duration // worst of late
	until   time.Time     // until when recent counts
	starved bool          // what the host says
	// events are the last times at which the engine was late, oldest first.
	events []lateEvent
	missed []api.SchedMiss // the last, the latest first
	count  uint64
	// paused is when this node came back from a pause longer than the token, zero when its view has been
	// confirmed since.
	paused time.Time
}

// lateEvent is one step that came late.
type lateEvent struct {
	at time.Time
	by time.Duration
}

// maxLateEvents bounds how many are kept.
const maxLateEvents = 32

// LateSince is the worst delay of the engine in the steps since a time.
func (e *Engine) LateSince(since time.Time) time.Duration {
	worst := time.Duration(0)
	for _, x := range e.late.events {
		if x.at.After(since) {
			worst = max(worst, x.by)
		}
	}
	return worst
}

// lateFor is how long a lateness is told to the others: a host that was short of CPU once will be again.
const lateFor = 5

// noteLateness measures how long after its deadline the engine runs. Time in which it did not run is not
// counted as silence of the others.
func (e *Engine) noteLateness(now time.Time) {
	due := e.next
	if e.late.last.After(due) {
		due = e.late.last
	}
	e.late.last = now
	late := now.Sub(due)
	if late <= 0 {
		return
	}
	if late >= e.cfg.Timing.Interval/4 {
		e.detectorSaid(now, e.detector.Step(now, detector.Late{By: late}))
	}
	e.lateBy(now, late)
}

// lateBy notes a time in which this process did not run. After one longer than the token, others may have lost this
// node.
func (e *Engine) lateBy(now time.Time, late time.Duration) {
	e.late.worst = max(e.late.worst, late)
	t := &e.cfg.Timing
	if late < t.Interval/4 {
		return
	}
	if n := len(e.late.events); n == maxLateEvents {
		e.late.events = append(e.late.events[:0], e.late.events[1:]...)
	}
	e.late.events = append(e.late.events, lateEvent{now, late})
	if late > e.late.recent || now.After(e.late.until) {
		e.late.recent = late
	}
	e.late.until = now.Add(lateFor * t.Token)
	if late >= t.Interval {
		e.late.miss(now, late)
		e.note(true, fmt.Sprintf("this process was not scheduled for %d ms", late.Milliseconds()))
	}
	if late >= t.Token && e.member.View().Len() > 1 {
		e.late.paused = now
		e.dirty = true
		e.membership(now, member.Quorate{Yes: false})
	}
}

// maxMissed is how many misses are remembered, as many as Corosync does.
const maxMissed = 10

func (l *lateness) miss(now time.Time, late time.Duration) {
	l.count++
	if len(l.missed) == maxMissed {
		l.missed = l.missed[:maxMissed-1]
	}
	l.missed = slices.Insert(l.missed, 0, api.SchedMiss{At: now.UnixMilli(), Delay: float64(late.Microseconds()) / 1000})
}

// stall is what heartbeats say about this node's own lateness.
func (e *Engine) stall(now time.Time) time.Duration {
	if now.After(e.late.until) {
		return 0
	}
	return e.late.recent
}

// starving reports whether this node should admit that it may be late.
func (e *Engine) starving(now time.Time) bool {
	return e.late.starved || e.stall(now) >= e.cfg.Timing.Interval/2
}

// confirm ends the doubt about the view after a pause, when every other member has answered a heartbeat that
// was sent after the pause and is still in the same ring.
func (e *Engine) confirm(now time.Time) {
	if e.late.paused.IsZero() {
		return
	}
	for i := range e.member.View().All() {
		if p := &e.peers[i]; i != e.self && !p.confirmed {
			return
		}
	}
	e.unpause()
	e.membership(now, member.Quorate{Yes: e.mayAct()})
}

func (e *Engine) unpause() {
	if e.late.paused.IsZero() {
		return
	}
	e.late.paused = time.Time{}
	e.dirty = true
	for i := range e.peers {
		e.peers[i].confirmed = false
	}
}

// stamp is this node's clock in heartbeats: microseconds since the engine started, at least 1.
func (e *Engine) stamp(now time.Time) uint64 { return uint64(now.Sub(e.start).Microseconds()) + 1 }
