package standstill

import (
	"context"
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
			Noticed: func(gap time.Duration) { noticed.Store(int64(gap)) },
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
