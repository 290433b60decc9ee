package scsi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/fenced/driver/native"
	"github.com/holdfast-ha/holdfast/fenced/scsipr"
)

// unit is a logical unit with the paths to it from this node.
type unit struct {
	device string // as it was configured
	paths  []*path
	broken []error // paths that could not be opened
}

// open opens every path to a device.
func (d *Driver) open(device string) (*unit, error) {
	names, err := d.cfg.Paths(device)
	if err != nil {
		return nil, err
	}
	u := &unit{device: device}
	for _, name := range names {
		t, err := d.cfg.Open(name)
		if err != nil {
			u.broken = append(u.broken, err)
			continue
		}
		u.paths = append(u.paths, &path{name, t})
	}
	if len(u.paths) == 0 {
		return nil, &native.Problem{Subject: device, Cause: "none of its paths can be opened", Err: errors.Join(u.broken...), Remedy: "check the connection to the storage"}
	}
	return u, nil
}

func (u *unit) close() {
	for _, p := range u.paths {
		p.t.Close()
	}
}

// overFirst does something over the first path that works. What the unit itself refuses is final: another path leads
// to the same unit.
func overFirst[T any](ctx context.Context, u *unit, do func(p *path) (T, error)) (T, error) {
	var zero T
	var problems []error
	for _, p := range u.paths {
		v, err := do(p)
		var said *scsipr.Error
		if err == nil || errors.As(err, &said) || ctx.Err() != nil {
			return v, err
		}
		problems = append(problems, err)
	}
	return zero, errors.Join(problems...)
}

func (u *unit) keys(ctx context.Context) (scsipr.Keys, error) {
	return overFirst(ctx, u, func(p *path) (scsipr.Keys, error) { return p.keys(ctx) })
}

func (u *unit) reservation(ctx context.Context) (scsipr.Reservation, error) {
	return overFirst(ctx, u, func(p *path) (scsipr.Reservation, error) { return p.reservation(ctx) })
}

// send sends a command that any path may carry, because it is about the unit.
func (u *unit) send(ctx context.Context, o scsipr.Out) error {
	_, err := overFirst(ctx, u, func(p *path) (struct{}, error) { return struct{}{}, p.out(ctx, o) })
	return err
}

// register registers a key over every path. Paths that do not work are problems, not errors, as long as one
// does: a path without registration cannot write.
func (u *unit) register(ctx context.Context, key scsipr.Key, aptpl bool) (problems []error, err error) {
	problems = slices.Clone(u.broken)
	good := 0
	for _, p := range u.paths {
		if err := p.out(ctx, scsipr.Out{Action: scsipr.RegisterAndIgnore, Other: key, APTPL: aptpl}); err != nil {
			problems = append(problems, err)
			continue
		}
		good++
	}
	if good == 0 {
		return nil, errors.Join(problems...)
	}
	return problems, nil
}

// reserve makes certain that only registered initiators can write.
func (u *unit) reserve(ctx context.Context, own scsipr.Key, t scsipr.Type) error {
	r, err := u.reservation(ctx)
	if err == nil && !r.Held {
		if err = u.send(ctx, scsipr.Out{Action: scsipr.Reserve, Type: t, Own: own}); err == nil || conflict(err) {
			r, err = u.reservation(ctx) // another node may have been faster, which is as good
		}
	}
	switch {
	case err != nil:
		return err
	case !r.Held:
		return u.problem("a reservation was made and is not there", "look at the storage's own log")
	case !r.Type.Registrants():
		return u.problem(fmt.Sprintf("it is reserved as %s by %v, so that registered nodes cannot write", r.Type, r.Holder),
			"find out who holds it (`sg_persist -r "+u.device+"`) and release it")
	}
	return nil
}

// describe lists who is registered, as far as the unit tells it.
func (u *unit) describe(ctx context.Context) string {
	list, err := overFirst(ctx, u, func(p *path) ([]scsipr.Registration, error) { return p.fullStatus(ctx) })
	if err != nil {
		return ""
	}
	var text strings.Builder
	for _, r := range list {
		fmt.Fprintf(&text, "%s: key %v, port %d, %s", u.device, r.Key, r.Port, r.Name())
		if r.Holder {
			fmt.Fprintf(&text, ", holds %s", r.Type)
		}
		text.WriteString("\n")
	}
	return text.String()
}

func (u *unit) problem(cause, remedy string) error {
	return &native.Problem{Subject: u.device, Cause: cause, Remedy: remedy}
}

// say is a sentence about problems.
func say(problems []error) string {
	var list []string
	for _, p := range problems {
		list = append(list, p.Error())
	}
	return strings.Join(list, "; ")
}
