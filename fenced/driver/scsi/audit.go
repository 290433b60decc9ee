package scsi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/fenced/driver/native"
	"github.com/holdfast-ha/holdfast/fenced/scsipr"
)

const (
	// auditPeriod is how often this node's registrations are read back: often enough that a lost one is known
	// before the next fence needs it, seldom enough that a disk with 64 nodes is asked 13 times a second.
	auditPeriod = 5 * time.Second
	// auditLimit bounds one look at a device.
	auditLimit = 4 * time.Second
)

// Serve looks after this node's registrations until ctx ends.
func (d *Driver) Serve(ctx context.Context) error {
	t := time.NewTicker(auditPeriod)
	defer t.Stop()
	alarmed := map[string]string{}
	for {
		select {
		case <-t.C:
			d.audit(ctx, alarmed)
		case <-ctx.Done():
			return nil
		}
	}
}

// audit checks every device on which this node was unfenced, and tells what has changed since the last time.
// Devices are looked at one after the other: nothing waits for the outcome.
func (d *Driver) audit(ctx context.Context, alarmed map[string]string) {
	own := d.storedKey()
	if own == 0 {
		return
	}
	for _, name := range d.storedDevices() {
		limited, cancel := context.WithTimeout(ctx, auditLimit)
		err := d.auditDevice(limited, name, own)
		cancel()
		if ctx.Err() != nil {
			return
		}
		text := ""
		if err != nil {
			text = err.Error()
		}
		if text == alarmed[name] {
			continue
		}
		alarmed[name] = text
		if text == "" {
			d.cfg.Log.Info("this node is registered with the disk on every path again", "device", name)
		} else {
			d.cfg.Log.Warn("this node's registration with a disk", "device", name, "err", text)
		}
		if d.cfg.Alarm != nil {
			d.cfg.Alarm(name, text)
		}
	}
}

// auditDevice reads the keys back, and registers paths that have come without registration.
func (d *Driver) auditDevice(ctx context.Context, name string, own scsipr.Key) error {
	u, err := d.open(name)
	if err != nil {
		return err
	}
	defer u.close()
	k, err := u.keys(ctx)
	if err != nil {
		return err
	}
	n := k.Count(own)
	switch {
	case n == 0:
		return u.problem(fmt.Sprintf("this node's key %v is not registered any more: it was fenced, or the storage has forgotten", own),
			"restart the node's cluster stack, so that it is unfenced when it joins")
	case n < len(u.paths):
		if err := d.mend(ctx, u, own); err != nil {
			return err
		}
	}
	r, err := u.reservation(ctx)
	switch {
	case err != nil:
		return err
	case !r.Held || !r.Type.Registrants():
		return u.problem("nothing keeps nodes that are not registered from writing", "find out who has released the reservation; the next fencing makes a new one")
	}
	return errors.Join(u.broken...)
}

// mend registers the paths that are not. A node that may have been lost by the others must not: a path that is
// registered after the preemption would undo it. So it has to be a member for certain, before and after, and what
// it has registered is taken back when its other registrations went away meanwhile.
func (d *Driver) mend(ctx context.Context, u *unit, own scsipr.Key) error {
	if d.cfg.Member == nil || !d.cfg.Member() {
		return u.problem("a path is not registered", "it is registered when this node is in the cluster with a quorum")
	}
	var added []*path
	var problems []error
	for _, p := range u.paths {
		// With a current key of 0 only a path without registration is registered; the others conflict.
		switch err := p.out(ctx, scsipr.Out{Action: scsipr.Register, Other: own}); {
		case err == nil:
			added = append(added, p)
		case !conflict(err):
			problems = append(problems, err)
		}
	}
	if len(added) == 0 {
		return errors.Join(problems...)
	}
	k, err := u.keys(ctx)
	if err == nil && k.Count(own) > len(added) && d.cfg.Member() {
		for _, p := range added {
			d.cfg.Log.Info("registered a path", "device", u.device, "path", p.name)
		}
		return errors.Join(problems...)
	}
	for _, p := range added {
		if back := p.out(ctx, scsipr.Out{Action: scsipr.Register, Own: own}); back != nil && !conflict(back) {
			problems = append(problems, back)
		}
	}
	if err != nil {
		problems = append(problems, err)
	}
	return errors.Join(slices.Insert(problems, 0, error(&native.Problem{Subject: u.device, Cause: "this node was fenced while one of its paths was being registered, which was taken back",
		Remedy: "restart the node's cluster stack, so that it is unfenced when it joins"}))...)
}
