// Package standstill notices that what this process knows may be over: it did not run for a while, because it was
// stopped, or its machine was suspended or migrated; or nobody has told it for a while that all is as it was. Others
// may have taken its place meanwhile.
package standstill

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Watch is asked before anything is done that others might do meanwhile. Its methods may be called by any
// goroutine.
type Watch struct {
	limit time.Duration
	clock func() time.Duration
	mu    sync.Mutex
	last  time.Duration // last sign of life of this process, 0 before Run
	word  time.Duration // last word of the source, 0 when none is expected
	// longest is how long the present standstill was, 0 when what is known is current; silent tells that it was
	// the source's and not this process's.
	longest time.Duration
	silent  bool
	over    uint64 // counts standstills
}

// New makes a watch that takes a gap of more than limit for a standstill: of this process, or, since the first
// Heard, between two words of its source. It watches while Run runs.
func New(limit time.Duration) *Watch {
	return &Watch{limit: limit, clock: boot}
}

// boot is the time since the machine was started. It goes on while the machine is suspended, unlike package time.
func boot() time.Duration { return read(unix.CLOCK_BOOTTIME) }

// Asleep is how long the machine has been suspended since it was started.
func Asleep() time.Duration { return boot() - read(unix.CLOCK_MONOTONIC) }

func read(clock int32) time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(clock, &t) // both clocks are as old as Linux 2.6.39
	return time.Duration(t.Nano())
}

// Heard tells that the source of what is known has just said that it is current.
func (w *Watch) Heard() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.word = w.look()
}

// Stopped reports whether there was a standstill and what is known has not been renewed since. It notices a
// standstill itself, so that nobody has to be told first.
func (w *Watch) Stopped() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.look()
	return w.longest > 0
}

// look notes a standstill and returns the time. Whoever makes it the last sign of life must not read the clock
// again: this process may stand still between two readings.
func (w *Watch) look() time.Duration {
	now := w.clock()
	if gap := now - w.last; w.last > 0 && gap > w.limit {
		w.last = now
		w.stood(gap, false)
	}
	if gap := now - w.word; w.word > 0 && gap > w.limit {
		w.word = 0 // the next word begins anew
		w.stood(gap, true)
	}
	return now
}

// stood notes a standstill. One of this process is the source's as well, for all that can be known here.
func (w *Watch) stood(gap time.Duration, silent bool) {
	w.silent = silent && (w.longest == 0 || w.silent)
	w.longest = max(w.longest, gap)
	w.over++
}

// ticksPerLimit is how often in the limit the watch looks, and renewPause lies between two attempts to renew.
const (
	ticksPerLimit = 8
	renewPause    = 20 * time.Millisecond
)

// Hooks are called by Run, one after the other.
type Hooks struct {
	// Noticed tells of a standstill of that length; silent means that it was the source's.
	Noticed func(gap time.Duration, silent bool)
	// Renew learns what is the case now, and is repeated until it is true.
	Renew func(context.Context) bool
	// Resumed tells that the standstill is over: Stopped is false.
	Resumed func()
}

// Run watches until ctx ends.
func (w *Watch) Run(ctx context.Context, h Hooks) {
	w.alive()
	tick := time.NewTicker(max(w.limit/ticksPerLimit, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if now := w.alive(); now.longest > 0 {
			h.Noticed(now.longest, now.silent)
			w.recover(ctx, h)
		}
	}
}

// moment is what is known of standstills at a time.
type moment struct {
	at      time.Duration
	longest time.Duration
	silent  bool
	over    uint64
}

// alive notes that this process runs.
func (w *Watch) alive() moment {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = w.look()
	return moment{w.last, w.longest, w.silent, w.over}
}

// recover renews what is known. What was renewed before another standstill does not count.
func (w *Watch) recover(ctx context.Context, h Hooks) {
	tick := time.NewTicker(renewPause)
	defer tick.Stop()
	for {
		before := w.alive()
		if h.Renew(ctx) && w.end(before) {
			h.Resumed()
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// end ends the standstill unless there was another one meanwhile. What was renewed was current at some time since
// before, so that an answer which took longer than the limit may be over too.
func (w *Watch) end(before moment) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = w.look()
	if w.over != before.over || w.last-before.at > w.limit {
		return false
	}
	w.longest, w.silent = 0, false
	return true
}
