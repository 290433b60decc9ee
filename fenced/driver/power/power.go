// Package power switches machines off and on through whatever reads and sets their power state, and believes
// only what it has read.
package power

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/holdfast-ha/holdfast/fenced/driver/native"
	"github.com/holdfast-ha/holdfast/fenced/driver/param"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
)

// State is a machine's power state.
type State uint8

const (
	// Unknown is what cannot be told; it is never taken for off.
	Unknown State = iota
	On
	Off
)

func (s State) String() string {
	return [...]string{Unknown: "unknown", On: "on", Off: "off"}[s]
}

// Switch is an open connection to a management card or another switch. Its methods return when their context
// ends. Errors are for a person: *native.Problem where the remedy is known.
type Switch interface {
	State(ctx context.Context) (State, error)
	// Turn asks for a state. That it was accepted proves nothing.
	Turn(ctx context.Context, to State) error
	// Close ends the session; it takes a moment at most, whatever the other side does.
	Close()
}

// Procedure is how a machine is switched.
type Procedure struct {
	// Who names the device in errors.
	Who string
	// Open connects; it returns when ctx ends.
	Open func(ctx context.Context) (Switch, error)
	// Wait follows switching, before the state is read.
	Wait time.Duration
	// Limit bounds the wait for the change; 0 leaves it to the context.
	Limit time.Duration
	// Poll is the pause between two readings; the first readings come faster.
	Poll time.Duration
	// Tries is how often switching on is attempted.
	Tries int
}

// From reads the parameters of a device that say how it is switched.
func From(who string, v *param.Values, open func(ctx context.Context) (Switch, error)) Procedure {
	return Procedure{Who: who, Open: open, Wait: v.Time("power_wait"), Limit: v.Time("power_timeout"), Poll: v.Time("stonith_status_sleep"), Tries: max(v.Int("retry_on"), 1)}
}

const (
	// confirmPause lies between the two readings that prove off: management cards have been seen to report off
	// while the machine was still on its way, and to report on again.
	confirmPause = 300 * time.Millisecond
	// closing is kept of the time for the end of the session: one that is left open may be the last that a card
	// had.
	closing = 500 * time.Millisecond
	// firstPoll is the first pause between readings; it doubles up to Poll.
	firstPoll = 100 * time.Millisecond
)

// Run performs an action: on, off, reboot, status or monitor.
func (p Procedure) Run(ctx context.Context, action string) device.Result {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-min(closing, time.Until(deadline)/4)))
		defer cancel()
	}
	s, err := p.Open(ctx)
	if err != nil {
		return native.Error(ctx, err)
	}
	defer s.Close()
	switch action {
	case device.Status, device.Monitor:
		return p.status(ctx, s, action)
	case device.Off:
		err = p.off(ctx, s)
	case device.On:
		err = p.on(ctx, s)
	case device.Reboot:
		if err = p.off(ctx, s); err == nil {
			if err := p.on(ctx, s); err != nil {
				return device.Result{Warning: "it stays off: " + err.Error()}
			}
		}
	default:
		err = fmt.Errorf("there is no action %q", action)
	}
	if err != nil {
		return native.Error(ctx, err)
	}
	return device.Result{}
}

// status reads the state. A device whose state cannot be told does not work.
func (p Procedure) status(ctx context.Context, s Switch, action string) device.Result {
	state, err := s.State(ctx)
	switch {
	case err != nil:
		return native.Error(ctx, err)
	case state == Unknown:
		return native.Error(ctx, &native.Problem{Subject: p.Who, Cause: "it cannot tell the power state", Remedy: "look at it on its own console"})
	case state == Off && action == device.Status:
		return device.Result{RC: native.RCOff}
	}
	return device.Result{}
}

// off switches off and proves it. A machine that is off already is a success, once that is proven.
func (p Procedure) off(ctx context.Context, s Switch) error {
	state, err := s.State(ctx)
	if err != nil {
		return err
	}
	if state == Off {
		if err := p.confirm(ctx, s); err == nil {
			return nil
		} else if ctx.Err() != nil {
			return err
		}
	}
	// Cards have been seen to lose their tongue over an order that they obey.
	var problem *native.Problem
	err = s.Turn(ctx, Off)
	if err != nil && !(errors.As(err, &problem) && problem.Silent) {
		return err
	}
	if err := native.Sleep(ctx, p.Wait); err != nil {
		return fmt.Errorf("%s was told to switch off; its state was not read yet: %w", p.Who, err)
	}
	return p.reach(ctx, s, Off, err)
}

// on switches on.
func (p Procedure) on(ctx context.Context, s Switch) error {
	var err error
	for range max(p.Tries, 1) {
		if err = s.Turn(ctx, On); err == nil {
			if err = native.Sleep(ctx, p.Wait); err == nil {
				err = p.reach(ctx, s, On, nil)
			}
		}
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// reach waits until the state is read, for off twice in a row. Readings that fail meanwhile are forgiven: cards
// are busy when they switch. last is what went wrong so far.
func (p Procedure) reach(ctx context.Context, s Switch, want State, last error) error {
	all := ctx
	if p.Limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.Limit)
		defer cancel()
	}
	begin, pause := time.Now(), firstPoll
	if last == nil {
		last = fmt.Errorf("%s has accepted %s; its state was not read yet", p.Who, want)
	}
	for {
		state, err := s.State(ctx)
		switch {
		case err == nil && state == want && want == On:
			return nil
		case err == nil && state == want:
			if err = p.confirm(ctx, s); err == nil {
				return nil
			}
			last = err
		case err != nil && ctx.Err() == nil:
			last = err
		case err == nil:
			last = &native.Problem{Subject: p.Who, Cause: fmt.Sprintf("it has accepted %s and reads %s", want, state), Remedy: "check the machine and its card by hand; a second fencing level helps where a card fails"}
		}
		if native.Sleep(ctx, pause) != nil {
			if all.Err() != nil {
				return last
			}
			return fmt.Errorf("not %s %v after it was switched (power_timeout): %w", want, time.Since(begin).Round(time.Second), last)
		}
		pause = min(2*pause, max(p.Poll, firstPoll))
	}
}

// confirm reads off once more.
func (p Procedure) confirm(ctx context.Context, s Switch) error {
	if err := native.Sleep(ctx, confirmPause); err != nil {
		return fmt.Errorf("%s reads off; that was not confirmed by a second reading: %w", p.Who, err)
	}
	state, err := s.State(ctx)
	if err != nil {
		return fmt.Errorf("%s reads off; the second reading failed: %w", p.Who, err)
	}
	if state != Off {
		return &native.Problem{Subject: p.Who, Cause: "it read off and then " + state.String() + " again", Remedy: "it cannot be relied on: update its firmware, or add a second fencing level"}
	}
	return nil
}
