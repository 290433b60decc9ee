package probe

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Answer is a request that was answered.
type Answer struct {
	Asked, At time.Time
	Text      string // what was answered, "" for a ping
}

// answers collects answers by the time at which they arrived.
type answers struct {
	mu      sync.Mutex
	all     []Answer
	changed chan struct{}
}

func (a *answers) add(x Answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, x)
	if a.changed != nil {
		close(a.changed)
		a.changed = nil
	}
}

// All returns all answers in the order of their arrival.
func (a *answers) All() []Answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.all)
}

// LastBefore is the last answer that arrived before a time, zero when there is none.
func (a *answers) LastBefore(t time.Time) Answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := len(a.all) - 1; i >= 0; i-- {
		if a.all[i].At.Before(t) {
			return a.all[i]
		}
	}
	return Answer{}
}

// FirstAsked waits for the first answer to a question that was asked after a time.
func (a *answers) FirstAsked(ctx context.Context, after time.Time) (Answer, error) {
	for {
		a.mu.Lock()
		for _, x := range a.all {
			if x.Asked.After(after) {
				a.mu.Unlock()
				return x, nil
			}
		}
		if a.changed == nil {
			a.changed = make(chan struct{})
		}
		changed := a.changed
		a.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return Answer{}, fmt.Errorf("waiting for an answer: %w", ctx.Err())
		}
	}
}

// LongestGap is the longest time without an answer since a time, with the answers at both ends.
func (a *answers) LongestGap(since time.Time) (from, to Answer) {
	var last Answer
	for _, x := range a.All() {
		if x.At.Before(since) {
			continue
		}
		if !last.At.IsZero() && x.At.Sub(last.At) > to.At.Sub(from.At) {
			from, to = last, x
		}
		last = x
	}
	return from, to
}
