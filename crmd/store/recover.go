package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/raft"

	"github.com/holdfast-ha/holdfast/crmd/store/content"
)

// Bootstrap starts a new cluster's log with these voters. The node must be fresh and among them. When it is
// the only one it leads when Bootstrap returns.
func (s *Store) Bootstrap(ctx context.Context, voters ...string) error {
	servers := raft.Configuration{}
	for _, v := range voters {
		servers.Servers = append(servers.Servers, raft.Server{ID: raft.ServerID(v), Address: raft.ServerAddress(v)})
	}
	if len(voters) > MaxVoters || !slices.Contains(voters, s.cfg.Node) {
		return fmt.Errorf("start a new configuration log: %v must be at most %d nodes with %s among them", voters, MaxVoters, s.cfg.Node)
	}
	err := s.perform(ctx, func(context.Context) error {
		if fresh, err := s.disk.Fresh(); err != nil || !fresh {
			return errors.Join(err, errors.New("this node has one already"))
		}
		return s.restart(func() error {
			_, trans := raft.NewInmemTransport(raft.ServerAddress(s.cfg.Node)) // encodes names, sends nothing
			return raft.BootstrapCluster(raftConfig(&s.cfg), s.disk.Log, s.disk.Terms.Impatient(), s.disk.Snapshots, trans, servers)
		})
	})
	if err == nil && len(voters) == 1 {
		err = s.lead(ctx)
	}
	if err != nil {
		return fmt.Errorf("start a new configuration log: %w", err)
	}
	return nil
}

// Recover makes this node the only voter of a new life of the log with a higher cluster epoch, and returns
// when it leads. It loses no entry that this node has, also none that was not committed yet.
//
// It is only for a node that knows every committed entry while all voters that are not with it are proven
// dead: of the survivors the one with the most recent log, after a confirmed fence. The other survivors, and
// the dead when they return, have to Reset and are added again.
//
// A crash in the middle leaves the log as it was or recovered, and so does an error; it can be repeated.
func (s *Store) Recover(ctx context.Context, epoch uint64) error {
	err := s.perform(ctx, func(context.Context) error {
		if now := s.Epoch(); epoch <= now {
			return fmt.Errorf("epoch %d is not above the current %d", epoch, now)
		}
		if len(s.inst.Load().servers()) == 0 {
			return errors.New("this node has no configuration log")
		}
		s.cfg.Log.Info("going on as the only voter of the configuration log", "epoch", epoch)
		err := s.restart(func() error { return s.recoverDisk(epoch) })
		if err != nil && s.Epoch() == epoch {
			s.cfg.Log.Warn("the old configuration log could not be emptied; it does not count any more", "err", err)
			err = nil
		}
		return err
	})
	if err == nil {
		err = s.lead(ctx)
	}
	if err != nil {
		return fmt.Errorf("recover the configuration log: %w", err)
	}
	return nil
}

// recoverDisk writes a snapshot of everything in the log, with this node as the only server and the new
// epoch in it, and empties the log. The snapshot appears by a rename; the log behind it no longer counts.
func (s *Store) recoverDisk(epoch uint64) error {
	fsm := &recovery{machine: &machine{patch: s.cfg.Patch, poke: func() {}}, epoch: epoch}
	fsm.current.Store(&content.Content{})
	_, trans := raft.NewInmemTransport(raft.ServerAddress(s.cfg.Node)) // encodes names, sends nothing
	self := raft.Configuration{Servers: []raft.Server{{ID: raft.ServerID(s.cfg.Node), Address: raft.ServerAddress(s.cfg.Node)}}}
	return raft.RecoverCluster(raftConfig(&s.cfg), fsm, s.disk.Log, s.disk.Terms.Impatient(), s.disk.Snapshots, trans, self)
}

// recovery is a machine that is used once, to make the snapshot of a new epoch.
type recovery struct {
	*machine
	epoch uint64
}

func (r *recovery) Snapshot() (raft.FSMSnapshot, error) {
	if err := r.failed(); err != nil {
		return nil, err
	}
	c := *r.content()
	c.Epoch = r.epoch
	return frozen{&c, &r.bytes}, nil
}

// Reset discards this node's log and configuration, because the others have a higher epoch. It is then fresh
// and has to be added as a learner.
func (s *Store) Reset(ctx context.Context) error {
	err := s.perform(ctx, func(context.Context) error {
		s.cfg.Log.Info("discarding this node's copy of the configuration log", "epoch", s.Epoch())
		return s.restart(func() error {
			if err := s.disk.Discard(); err != nil {
				return err
			}
			s.fsm.reset()
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("reset the configuration log: %w", err)
	}
	return nil
}

// restart stops raft, does something to its directory, and starts it again. When raft cannot be started again
// Run ends. Only Run's goroutine calls it.
func (s *Store) restart(do func() error) error {
	if err := s.stop(); err != nil {
		return s.fsm.fail(err)
	}
	if err := s.disk.Reopen(); err != nil {
		return s.fsm.fail(err)
	}
	s.disk.Health.Mended()
	err := do()
	if serr := s.start(); serr != nil {
		return s.fsm.fail(errors.Join(err, serr))
	}
	return err
}

// lead makes the only voter leader without waiting for a timeout.
func (s *Store) lead(ctx context.Context) error {
	if err := s.Campaign(ctx); err != nil {
		return err
	}
	if st, err := s.await(ctx, func(st Status) bool { return st.Ready }); err != nil {
		return fmt.Errorf("become leader (%s now): %w", st.Role, err)
	}
	return nil
}
