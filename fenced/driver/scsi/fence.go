package scsi

import (
	"context"
	"fmt"
	"slices"

	"github.com/holdfast-ha/holdfast/fenced/driver/catalogue"
	"github.com/holdfast-ha/holdfast/fenced/scsipr"
)

// unfence registers this node's key over every path, removes what an earlier life of the node has left, and makes
// certain that only registered nodes can write.
func (a *action) unfence(ctx context.Context, u *unit, key scsipr.Key) (warning string, err error) {
	before, err := u.keys(ctx)
	if err != nil {
		return "", err
	}
	problems, err := u.register(ctx, key, a.v.Bool("aptpl"))
	if err != nil {
		return "", err
	}
	after, err := u.keys(ctx)
	if err != nil {
		return "", err
	}
	// More registrations than paths are those of an earlier life: an iSCSI initiator has other ports after a
	// boot. They cannot be told apart from ours by their key, so that all of them go and ours are made again.
	if n := after.Count(key); n > len(u.paths)+len(u.broken) && before.Count(key) > 0 {
		if err := u.send(ctx, scsipr.Out{Action: scsipr.Preempt, Type: reservations[a.v.Str("reservation")], Own: key, Other: key}); err != nil {
			return "", err
		}
		if problems, err = u.register(ctx, key, a.v.Bool("aptpl")); err != nil {
			return "", err
		}
	}
	if err := a.forget(ctx, u, key, after.Keys); err != nil {
		return "", err
	}
	if err := u.reserve(ctx, key, reservations[a.v.Str("reservation")]); err != nil {
		return "", err
	}
	if err := a.remember(key, u.device); err != nil {
		return "", fmt.Errorf("%s: this node is registered, but that cannot be noted: %w", u.device, err)
	}
	last, err := u.keys(ctx)
	if err == nil && last.Count(key) == 0 {
		err = u.problem(fmt.Sprintf("key %v was registered and is not there", key), "look at the storage's own log; another node may be fencing this one")
	}
	return say(problems), err
}

// forget removes the keys of earlier lives of this node, which name the life.
func (a *action) forget(ctx context.Context, u *unit, key scsipr.Key, registered []scsipr.Key) error {
	if a.v.Str("key_value") != catalogue.KeyByLife || a.v.Given("key") {
		return nil
	}
	old, err := a.victims(a.v, a.target, 0, registered)
	if err != nil {
		return err
	}
	for _, k := range old {
		if k == key {
			continue
		}
		err := u.send(ctx, scsipr.Out{Action: scsipr.Preempt, Type: reservations[a.v.Str("reservation")], Own: key, Other: k})
		if err != nil && !conflict(err) { // a conflict: it went away by itself
			return err
		}
	}
	return nil
}

// preempt fences the target on one device and proves it.
func (a *action) preempt(ctx context.Context, u *unit) (warning string, err error) {
	k, err := u.keys(ctx)
	if err != nil {
		return "", err
	}
	if k.Count(a.own) == 0 {
		return "", a.fenced(u)
	}
	victims, err := a.victims(a.v, a.target, a.life, k.Keys)
	if err != nil {
		return "", err
	}
	if slices.Contains(victims, a.own) {
		return "", u.problem(fmt.Sprintf("the target's key %v is this node's own; a node cannot fence itself", a.own), "give every node a key of its own (parameters key, key_value)")
	}
	t := reservations[a.v.Str("reservation")]
	// Without a reservation a node that is not registered can write: it comes first.
	if err := u.reserve(ctx, a.own, t); err != nil {
		return "", a.explain(ctx, u, err)
	}
	if r, err := u.reservation(ctx); err != nil {
		return "", err
	} else if r.Held {
		t = r.Type
	}
	for _, victim := range victims {
		err := u.send(ctx, scsipr.Out{Action: scsipr.PreemptAndAbort, Type: t, Own: a.own, Other: victim})
		switch {
		case unsupported(err):
			return "", u.problem("it cannot abort what the target has under way (PREEMPT AND ABORT), so that a write may come late", "use another kind of fence device for it")
		case err != nil:
			if err := a.explain(ctx, u, err); err != nil {
				return "", err
			}
		}
	}
	return "", a.prove(ctx, u)
}

// explain turns a conflict into what it means: this node was fenced itself, or somebody else was faster.
func (a *action) explain(ctx context.Context, u *unit, err error) error {
	if !conflict(err) {
		return err
	}
	k, kerr := u.keys(ctx)
	switch {
	case kerr != nil:
		return kerr
	case k.Count(a.own) == 0:
		return a.fenced(u)
	}
	if left, verr := a.victims(a.v, a.target, a.life, k.Keys); verr == nil && len(left) == 0 {
		return nil
	}
	return err
}

// fenced is the error of a node that has lost its registration. Unlike fence_scsi it does not register again in
// order to fence: it may be the one that was fenced, and must not write before it has joined anew.
func (a *action) fenced(u *unit) error {
	return u.problem(fmt.Sprintf("this node's key %v is not registered there: it was fenced itself, and cannot fence", a.own), "restart the node's cluster stack, so that it is unfenced when it joins")
}

// prove reads back that the target cannot write.
func (a *action) prove(ctx context.Context, u *unit) error {
	k, err := u.keys(ctx)
	if err != nil {
		return err
	}
	left, err := a.victims(a.v, a.target, a.life, k.Keys)
	if err != nil {
		return err
	}
	r, err := u.reservation(ctx)
	switch {
	case err != nil:
		return err
	case len(left) > 0:
		return u.problem(fmt.Sprintf("key %v of %s was preempted and is registered again", left[0], a.target), "the node may register itself by other means (multipath's reservation_key, a script): stop that")
	case !r.Held || !r.Type.Registrants():
		return u.problem("nothing keeps nodes that are not registered from writing", "find out who has released the reservation")
	case k.Count(a.own) == 0:
		return a.fenced(u)
	}
	return nil
}
