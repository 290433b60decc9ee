package corosyncd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/corosyncd/engine"
	"github.com/holdfast-ha/holdfast/corosyncd/frame"
	"github.com/holdfast-ha/holdfast/corosyncd/gossip"
	"github.com/holdfast-ha/holdfast/corosyncd/keyring"
	"github.com/holdfast-ha/holdfast/internal/ipc"
)

// Steps of a change of the cluster key. Every member can open the new key before anybody seals with it, and
// everybody seals with it before anybody forgets the old one; the heartbeats say how far each member is.
const (
	addKey  = "key-add"  // open the key in the envelope too
	useKey  = "key-use"  // seal with the key
	onlyKey = "key-only" // forget all others
	dropKey = "key-drop" // forget the key again
)

// keyTimeout is how long the members may take for one step. They need a few heartbeats and a write to the disk.
const keyTimeout = 10 * time.Second

// keys are the cluster keys of a running daemon.
type keys struct {
	identity *keyring.Identity
	// turn is held by the one change of the key that this node leads.
	turn sync.Mutex
	mu   sync.Mutex
	ring keyring.Ring
}

func (k *keys) now() keyring.Ring {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ring
}

// setKeys takes over changed keys, in the file first.
func (d *Daemon) setKeys(ctx context.Context, change func(keyring.Ring) keyring.Ring) error {
	d.clusterKeys.mu.Lock()
	defer d.clusterKeys.mu.Unlock()
	next := change(d.clusterKeys.ring)
	if next.Digest() == d.clusterKeys.ring.Digest() {
		return nil
	}
	if err := next.Save(d.cfg.Dirs.GossipKey()); err != nil {
		return err
	}
	return d.useRing(ctx, next)
}

// useRing makes a ring the one in force. The caller holds the lock.
func (d *Daemon) useRing(ctx context.Context, next keyring.Ring) error {
	if err := d.gossip.SetKeys(gossipKeys(next)); err != nil {
		return err
	}
	d.links.SetKeys(next.Keys())
	d.clusterKeys.ring = next
	_, err := d.core.give(ctx, engine.SetKeys{Digest: next.Digest()})
	return err
}

// reloadKeys takes over a key file that was changed by hand.
func (d *Daemon) reloadKeys(ctx context.Context) error {
	next, err := keyring.Load(d.cfg.Dirs.GossipKey(), d.cfg.Log)
	if err != nil {
		return ipc.Errorf(api.CodeConfig, "%v", err)
	}
	d.clusterKeys.mu.Lock()
	defer d.clusterKeys.mu.Unlock()
	if next.Digest() == d.clusterKeys.ring.Digest() {
		return nil
	}
	d.cfg.Log.Info("took over the changed cluster keys", "keys", len(next), "sealing", next.Sealing())
	return d.useRing(ctx, next)
}

// gossipKeys are the keys of the gossip library.
func gossipKeys(r keyring.Ring) [][]byte {
	var list [][]byte
	for _, k := range r.Keys() {
		list = append(list, k.Derive("holdfast gossip", 32))
	}
	return list
}

// takeKey carries out a step that another member leads.
func (d *Daemon) takeKey(ctx context.Context, c gossip.Command) error {
	id := frame.KeyID(c.Key)
	switch c.Do {
	case addKey:
		e, err := d.clusterKeys.identity.Unwrap(c.Secret)
		if err != nil {
			return err
		}
		return d.setKeys(ctx, func(r keyring.Ring) keyring.Ring { return r.With(e) })
	case useKey:
		return d.setKeys(ctx, func(r keyring.Ring) keyring.Ring { return r.Sealed(id) })
	case onlyKey:
		return d.setKeys(ctx, func(r keyring.Ring) keyring.Ring { return r.Only(id) })
	default:
		return d.setKeys(ctx, func(r keyring.Ring) keyring.Ring { return r.Without(id) })
	}
}

// changeKey makes a new cluster key the only one on every member, without a member being lost. When a member does
// not follow, everything stays as it was.
func (d *Daemon) changeKey(ctx context.Context, in api.KeyChange) (api.KeyStatus, error) {
	if !d.clusterKeys.turn.TryLock() {
		return api.KeyStatus{}, ipc.Errorf(api.CodeError, "this node is changing the cluster key already")
	}
	defer d.clusterKeys.turn.Unlock()
	if lead := d.core.latest.Load().Members; len(lead) == 0 || lead[0].ID != d.self.ID {
		return api.KeyStatus{}, ipc.Errorf(api.CodeError, "%s", notLeading(lead))
	}
	absent := d.absent()
	if len(absent) > 0 && !in.Force {
		return api.KeyStatus{}, ipc.Errorf(api.CodeUnsafe, "%s would keep the old key and be shut out: start it first, or use --force and copy %s there before it starts again",
			strings.Join(absent, ", "), d.cfg.Dirs.GossipKey())
	}
	e, err := keyring.Generate()
	if in.Key != "" {
		e, err = keyring.NewEntry(in.Key)
	}
	if err != nil {
		return api.KeyStatus{}, ipc.Errorf(api.CodeInvalidParam, "%v", err)
	}
	before := d.clusterKeys.now()
	if before.Has(e.ID) && len(before) == 1 {
		return api.KeyStatus{}, ipc.Errorf(api.CodeInvalidParam, "this is the key that the cluster has already")
	}
	err = d.settleKeys(ctx, before)
	if err == nil {
		err = d.turnKey(ctx, e)
	}
	if err != nil {
		// Nobody seals with it yet, or everybody could open the old one as well: either way it can go.
		undo := context.WithoutCancel(ctx)
		_ = d.step(undo, gossip.Command{Do: useKey, Key: uint32(before.Sealing())}, nil)
		_ = d.step(undo, gossip.Command{Do: dropKey, Key: uint32(e.ID)}, nil)
		return api.KeyStatus{}, ipc.Errorf(api.CodeError, "the cluster key stays as it was: %v", err)
	}
	if err := d.step(ctx, gossip.Command{Do: onlyKey, Key: uint32(e.ID)}, nil); err != nil {
		return api.KeyStatus{}, ipc.Errorf(api.CodeError, "the new cluster key is in use, but the old one is still accepted: %v", err)
	}
	err = d.followed(ctx, keyring.Ring{e}.Digest())
	d.cfg.Log.Info("the cluster key was changed", "key", e.ID, "absent", absent)
	return api.KeyStatus{Key: e.ID.String(), Absent: absent}, err
}

// notLeading says which node changes keys. It is always the same one, so that two changes never meet.
func notLeading(members []api.Member) string {
	if len(members) == 0 {
		return "this node is in no view yet"
	}
	return fmt.Sprintf("the member with the lowest id leads changes of the key: run this on %s", members[0].Name)
}

// settleKeys ends a change that broke off, so that every member has the sealing key alone.
func (d *Daemon) settleKeys(ctx context.Context, before keyring.Ring) error {
	id := before.Sealing()
	alone := before.Only(id).Digest()
	var missing []string
	if err := d.core.do(ctx, func() { missing = d.core.engine.Keyless(alone) }); err != nil || len(missing) == 0 {
		return err
	}
	if err := d.step(ctx, gossip.Command{Do: useKey, Key: uint32(id)}, nil); err != nil {
		return err
	}
	select {
	case <-time.After(2 * d.file.Load().Totem.Interval()): // what was sealed before has arrived
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := d.step(ctx, gossip.Command{Do: onlyKey, Key: uint32(id)}, nil); err != nil {
		return err
	}
	return d.followed(ctx, alone)
}

// turnKey brings the members to seal with a new key, all of them still able to open the old one.
func (d *Daemon) turnKey(ctx context.Context, e keyring.Entry) error {
	if err := d.step(ctx, gossip.Command{Do: addKey, Key: uint32(e.ID)}, &e); err != nil {
		return err
	}
	if err := d.followed(ctx, d.clusterKeys.now().Digest()); err != nil {
		return err
	}
	if err := d.step(ctx, gossip.Command{Do: useKey, Key: uint32(e.ID)}, nil); err != nil {
		return err
	}
	return d.followed(ctx, d.clusterKeys.now().Digest())
}

// absent are the configured nodes that are not members.
func (d *Daemon) absent() []string {
	var names []string
	v := d.core.latest.Load()
	for _, n := range d.file.Load().Nodes {
		if !v.Has(n.ID) {
			names = append(names, n.Name)
		}
	}
	return names
}

// step carries out a step on this node and on every other member. With e the command carries that key.
func (d *Daemon) step(ctx context.Context, c gossip.Command, e *keyring.Entry) error {
	metas := d.gossip.Metas()
	var errs []error
	for _, m := range d.core.latest.Load().Members {
		if m.ID == d.self.ID {
			continue
		}
		c := c
		if e != nil {
			var err error
			if c.Secret, err = keyring.Wrap(*e, metas[m.Name].Public); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", m.Name, err))
				continue
			}
		}
		errs = append(errs, d.tell(m, c))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if e != nil {
		return d.setKeys(ctx, func(r keyring.Ring) keyring.Ring { return r.With(*e) })
	}
	return d.takeKey(ctx, c)
}

// followed waits until every member says that it has the keys with that digest.
func (d *Daemon) followed(ctx context.Context, digest uint32) error {
	ctx, cancel := context.WithTimeout(ctx, keyTimeout)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	missing := []string{"nobody"}
	for {
		var now []string
		// When do fails the function may run later, so now is only looked at when it has not.
		if err := d.core.do(ctx, func() { now = d.core.engine.Keyless(digest) }); err == nil {
			missing = now
		}
		if len(missing) == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ipc.Errorf(api.CodeTimeout, "%s did not follow within %s; its log says why", strings.Join(missing, ", "), keyTimeout)
		}
	}
}
