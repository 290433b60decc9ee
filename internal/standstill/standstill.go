// Package standstill notices that this process did not run for a while: it was stopped, or its machine was
// suspended or migrated. What it knew before may be over, and others may have taken its place.
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
	// longest is how long the present standstill was, 0 when what is known is current.
	longest time.Duration
	over    uint64 // counts standstills
}

// New makes a watch that takes a gap of more than limit for a standstill. It watches while Run runs.
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

// Stopped reports whether this process stood still and what it knows has not been renewed since. It notices a
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
		w.longest = max(w.longest, gap)
		w.over++
	}
	return now
}

// ticksPerLimit is how often in the limit the watch looks, and renewPause lies between two attempts to renew.
const (
	ticksPerLimit = 8
	renewPause    = 20 * time.Millisecond
)

// Hooks are called by Run, one after the other.
type Hooks struct {
	// Noticed tells of a standstill of that length.
	Noticed func(time.Duration)
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
		if gap, _ := w.alive(); gap > 0 {
			h.Noticed(gap)
			w.recover(ctx, h)
		}
	}
}

// alive notes that this process runs. It returns the length of the standstill that is not over yet, and how many
// there have been.
func (w *Watch) alive() (gap time.Duration, count uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = w.look()
	return w.longest, w.over
}

// recover renews what is known. What was renewed before another standstill does not count.
func (w *Watch) recover(ctx context.Context, h Hooks) {
	tick := time.NewTicker(renewPause)
	defer tick.Stop()
	for {
		_, before := w.alive()
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

// end ends the standstill unless there was another one meanwhile.
func (w *Watch) end(before uint64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = w.look()
	if w.over != before {
		return false
	}
	w.longest = 0
	return true
}
