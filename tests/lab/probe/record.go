// Package probe sees from outside what a cluster does for its users: when an address answers, when it appears
// on a node, when a resource's state file does.
package probe

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Event is something that came or went on a node.
type Event struct {
	At   time.Time
	Node string
	What string // an address or a file name
	Up   bool
}

// Record collects events. It is safe for concurrent use.
type Record struct {
	mu      sync.Mutex
	events  []Event
	changed chan struct{} // closed and replaced with every event
}

// NewRecord makes an empty record.
func NewRecord() *Record { return &Record{changed: make(chan struct{})} }

func (r *Record) add(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
	close(r.changed)
	r.changed = make(chan struct{})
}

// Events returns what has happened so far, in order.
func (r *Record) Events() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Event(nil), r.events...)
}

// First returns the first event since a time that fits.
func (r *Record) First(since time.Time, fits func(Event) bool) (Event, bool) {
	for _, e := range r.Events() {
		if !e.At.Before(since) && fits(e) {
			return e, true
		}
	}
	return Event{}, false
}

// Wait waits until holds is true of all events so far. what is for the error when the context ends first.
func (r *Record) Wait(ctx context.Context, what string, holds func([]Event) bool) error {
	for {
		r.mu.Lock()
		changed := r.changed
		events := append([]Event(nil), r.events...)
		r.mu.Unlock()
		if holds(events) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting until %s: %w", what, ctx.Err())
		}
	}
}

// WaitFirst waits for the first event since a time that fits.
func (r *Record) WaitFirst(ctx context.Context, what string, since time.Time, fits func(Event) bool) (Event, error) {
	var found Event
	err := r.Wait(ctx, what, func([]Event) bool {
		var ok bool
		found, ok = r.First(since, fits)
		return ok
	})
	return found, err
}
