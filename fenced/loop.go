package fenced

import (
	"context"
	"errors"
	"time"

	"github.com/holdfast-ha/holdfast/fenced/plan"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
)

// maxCalls bounds what waits for the loop; beyond it, those who want something of it wait themselves.
const maxCalls = 1024

// errStopping ends requests that arrive while the daemon stops.
var errStopping = errors.New("fenced is stopping")

// post has the loop execute f. It waits while the loop has too much to do.
func (d *Daemon) post(f func(now time.Time)) error {
	select {
	case d.calls <- f:
		return nil
	case <-d.ctx.Done():
		return errStopping
	}
}

// query reads the state in the loop.
func query[T any](ctx context.Context, d *Daemon, read func() T) (T, error) {
	reply := make(chan T, 1)
	var zero T
	if err := d.post(func(time.Time) { reply <- read() }); err != nil {
		return zero, err
	}
	select {
	case v := <-reply:
		return v, nil
	case <-ctx.Done():
		return zero, ctx.Err()
	case <-d.ctx.Done():
		return zero, errStopping
	}
}

// loop owns the state. It ends with ctx.
func (d *Daemon) loop(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	d.restore(time.Now())
	for {
		wait := time.Hour
		for _, at := range []time.Time{d.state.fencer.Deadline(), d.state.exec.Deadline()} {
			if !at.IsZero() {
				wait = max(0, min(wait, time.Until(at)))
			}
		}
		timer.Reset(wait)
		select {
		case f := <-d.calls:
			d.doubt(time.Now())
			f(time.Now())
		case <-timer.C:
			now := time.Now()
			d.doubt(now)
			d.give(now, plan.Wake{}, device.Wake{})
		case <-ctx.Done():
			return
		}
	}
}

// give feeds the machines and performs what they say, until nothing is left to do. Only the loop calls it.
func (d *Daemon) give(now time.Time, inputs ...any) {
	s := &d.state
	s.inputs = append(s.inputs, inputs...)
	for len(s.inputs) > 0 {
		in := s.inputs[0]
		s.inputs = s.inputs[1:]
		switch in := in.(type) {
		case plan.Input:
			for _, o := range s.fencer.Step(now, in) {
				d.performPlan(now, o)
			}
		case device.Input:
			for _, o := range s.exec.Step(now, in) {
				d.performDevice(o)
			}
		}
	}
	s.inputs = nil
}

// later gives an input after what is being processed. Only the loop calls it.
func (d *Daemon) later(in any) { d.state.inputs = append(d.state.inputs, in) }
