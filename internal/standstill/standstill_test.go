package standstill

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// jump is a clock that follows the bubble's, with time on top in which the process did not run.
type jump struct {
	start time.Time
	extra atomic.Int64
}

func (j *jump) now() time.Duration {
	return time.Second + time.Since(j.start) + time.Duration(j.extra.Load())
}

func start(t *testing.T, renew func(*jump) bool) (*Watch, *jump, *atomic.Int64) {
	t.Helper()
	j := &jump{start: time.Now()}
	w := &Watch{limit: time.Second, clock: j.now}
	var noticed atomic.Int64
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		w.Run(ctx, Hooks{
			Noticed: func(gap time.Duration, _ bool) { noticed.Store(int64(gap)) },
			Renew:   func(context.Context) bool { return renew(j) },
			Resumed: func() {},
		})
		close(done)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return w, j, &noticed
}

func TestWatch_NothingIsStoppedWhileTheProcessRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, j, _ := start(t, func(*jump) bool { t.Error("renewed"); return true })
		for range 100 {
			time.Sleep(500 * time.Millisecond)
			j.extra.Add(int64(300 * time.Millisecond)) // late, not stopped
			if w.Stopped() {
				t.Fatal("stopped")
			}
			time.Sleep(500 * time.Millisecond)
		}
	})
}

func TestWatch_IsStoppedBeforeAnybodyIsToldAndUntilItIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fresh atomic.Bool
		w, j, noticed := start(t, func(*jump) bool { return fresh.Load() })
		time.Sleep(3 * time.Second)
		j.extra.Add(int64(5 * time.Second))
		if !w.Stopped() {
			t.Error("the first to ask must notice")
		}
		time.Sleep(3 * time.Second)
		if !w.Stopped() || time.Duration(noticed.Load()) < 5*time.Second {
			t.Errorf("noticed %s", time.Duration(noticed.Load()))
		}
		fresh.Store(true)
		time.Sleep(100 * time.Millisecond)
		if w.Stopped() {
			t.Error("still stopped after it was renewed")
		}
	})
}

func TestWatch_WhatWasRenewedBeforeAnotherStandstillDoesNotCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		w, j, _ := start(t, func(j *jump) bool {
			if calls.Add(1) == 1 {
				j.extra.Add(int64(4 * time.Second)) // while the answer was under way
			}
			return true
		})
		time.Sleep(2 * time.Second)
		j.extra.Add(int64(5 * time.Second))
		time.Sleep(time.Second)
		if calls.Load() != 2 || w.Stopped() {
			t.Errorf("%d attempts, stopped %v", calls.Load(), w.Stopped())
		}
	})
}

// What the watch says while its source hangs and comes back, and when nobody can tell.
func TestWatch_ASilentSourceIsAStandstill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &jump{start: time.Now()}
		w := &Watch{limit: time.Second, clock: j.now}
		var log strings.Builder
		var one sync.Mutex
		say := func(format string, args ...any) {
			one.Lock()
			defer one.Unlock()
			fmt.Fprintf(&log, "%5.2f s: "+format+"\n", append([]any{time.Since(j.start).Seconds()}, args...)...)
		}
		answers := make(chan bool)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			w.Run(ctx, Hooks{
				Noticed: func(gap time.Duration, silent bool) {
					say("noticed %.1f s, silent %v", gap.Seconds(), silent)
				},
				Renew: func(context.Context) bool {
					say("asked")
					yes := <-answers
					say("answered %v", yes)
					return yes
				},
				Resumed: func() { say("resumed") },
			})
			close(done)
		}()
		look := func() { say("stopped %v", w.Stopped()) }
		words := func(n int) {
			for range n {
				time.Sleep(200 * time.Millisecond)
				w.Heard()
			}
		}
		time.Sleep(5 * time.Second)
		look() // no word yet: none is expected
		words(10)
		look()
		time.Sleep(990 * time.Millisecond)
		look()
		time.Sleep(20 * time.Millisecond)
		look() // at once, not when the watch looks next
		words(2)
		look() // a word alone renews nothing
		answers <- false
		time.Sleep(3 * time.Second)
		answers <- true // three seconds old, for all that is known
		time.Sleep(100 * time.Millisecond)
		look()
		answers <- true
		time.Sleep(10 * time.Millisecond)
		look()
		words(10)
		look()
		// The word comes before anybody has looked.
		j.extra.Add(int64(4 * time.Second))
		w.Heard()
		look()
		time.Sleep(200 * time.Millisecond)
		answers <- true
		time.Sleep(10 * time.Millisecond)
		look()
		cancel()
		<-done
		const want = ` 5.00 s: stopped false
 7.00 s: stopped false
 7.99 s: stopped false
 8.01 s: stopped true
 8.12 s: noticed 1.0 s, silent true
 8.12 s: asked
 8.41 s: stopped true
 8.41 s: answered false
 8.41 s: asked
11.41 s: answered true
11.41 s: asked
11.51 s: stopped true
11.51 s: answered true
11.51 s: resumed
11.52 s: stopped false
13.52 s: stopped false
13.52 s: stopped true
13.62 s: noticed 4.0 s, silent false
13.62 s: asked
13.72 s: answered true
13.72 s: resumed
13.73 s: stopped false
`
		if got := log.String(); got != want {
			t.Errorf("got\n%s", got)
		}
	})
}
