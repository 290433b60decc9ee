package corosyncd

import (
	"context"
	"errors"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/corosyncd/gossip"
	"github.com/holdfast-ha/holdfast/internal/ipc"
)

// Commands. The words travel between nodes.
const (
	doReload          = "reload"
	doLeave           = "leave"
	doExpected        = "expected"
	doVotes           = "votes"
	doCancelWait      = "cancel-wait"
	doCredentials     = "credentials"
	doWantCredentials = "want-credentials"
)

// everybody carries out a command here and then on every other member. What this node refuses nobody does.
func (d *Daemon) everybody(ctx context.Context, c gossip.Command) error {
	if err := d.apply(ctx, c); err != nil {
		return err
	}
	var errs []error
	for _, m := range d.core.latest.Load().Members {
		if m.ID != d.self.ID {
			errs = append(errs, d.tell(m, c))
		}
	}
	return errors.Join(errs...)
}

// tell gives a member a command.
func (d *Daemon) tell(m api.Member, c gossip.Command) error {
	c.From, c.FromIncarnation, c.To, c.ToIncarnation, c.Seq = d.self.ID, d.life(), m.ID, m.Incarnation, d.seq.Add(1)
	return d.gossip.Tell(m.Name, c)
}

// life is this node's incarnation as the others see it, 0 before the first view.
func (d *Daemon) life() api.Incarnation {
	if m := d.core.latest.Load().Member(d.self.ID); m != nil {
		return m.Incarnation
	}
	return 0
}

// commands carries out what other members say, until ctx ends.
func (d *Daemon) commands(ctx context.Context) error {
	seen := make(map[api.NodeID]gossip.Command) // the last command of each member
	for {
		select {
		case c := <-d.gossip.Commands():
			if !d.current(c, seen[c.From]) {
				d.cfg.Log.Warn("ignored a command of another life or a repeated one", "node", c.From, "do", c.Do)
				continue
			}
			seen[c.From] = c
			d.cfg.Log.Info("another member gives a command", "node", c.From, "do", c.Do)
			if err := d.obey(ctx, c); err != nil {
				d.cfg.Log.Warn("command of another member", "node", c.From, "do", c.Do, "err", err)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// obey carries out another member's command.
func (d *Daemon) obey(ctx context.Context, c gossip.Command) error {
	switch c.Do {
	case addKey, useKey, onlyKey, dropKey:
		return d.takeKey(ctx, c)
	}
	return d.apply(ctx, c)
}

// current reports whether a command is from a present member to this life of this node, and new.
func (d *Daemon) current(c, last gossip.Command) bool {
	from := d.core.latest.Load().Member(c.From)
	return from != nil && c.From != d.self.ID && from.Incarnation == c.FromIncarnation && c.To == d.self.ID && c.ToIncarnation == d.life() &&
		(last.FromIncarnation != c.FromIncarnation || c.Seq > last.Seq)
}

// kill makes a member leave.
func (d *Daemon) kill(ctx context.Context, id api.NodeID) error {
	if id == d.self.ID {
		return d.apply(ctx, gossip.Command{Do: doLeave})
	}
	m := d.core.latest.Load().Member(id)
	if m == nil {
		return ipc.Errorf(api.CodeNoSuchObject, "node %d is not a member", id)
	}
	return d.tell(*m, gossip.Command{Do: doLeave})
}
