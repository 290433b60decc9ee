package store

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"github.com/holdfast-ha/holdfast/crmd/store/content"
	"github.com/holdfast-ha/holdfast/crmd/store/disk"
	"github.com/holdfast-ha/holdfast/internal/logx"
)

// Settings of raft that nobody needs to change.
const (
	// commitInterval is how soon an idle leader tells the others what is committed (to twice of it). Followers
	// are that much behind; half of it costs twice the idle traffic.
	commitInterval = 100 * time.Millisecond
	// maxBatch is how many entries are written and sent together.
	maxBatch = 64
	// logCache is how many entries stay in memory for followers that are a little behind.
	logCache = 64
	// trailingLogs is how many entries stay behind a snapshot, so that a node that was away for a moment needs
	// no snapshot.
	trailingLogs = 256
	// snapshotAfter is the number of entries, compactBytes their size, after which a snapshot is taken. The
	// log on disk is bounded by twice of it.
	snapshotAfter    = 1024
	compactBytes     = 16 << 20
	snapshotInterval = 30 * time.Second
)

// Limits of stopping an instance.
const (
	// drainLimit lets proposals finish that a majority still takes.
	drainLimit = 100 * time.Millisecond
	// stopLimit bounds the wait for raft, which can hang only in a write to the disk.
	stopLimit = 5 * time.Second
)

// instance is one run of raft, from a start or a recovery to the next.
type instance struct {
	node     string
	log      *slog.Logger
	raft     *raft.Raft
	net      *streams
	trans    *transport
	health   *disk.Health
	terms    *disk.Terms
	observed chan raft.Observation

	// proposals are handed to raft and wait for their result, in order. refused is guarded by Store.order.
	proposals chan *Proposal
	refused   bool
	acked     chan struct{} // closed when all proposals have their result
	gone      chan struct{} // closed when the instance has ended
	wg        sync.WaitGroup

	// Only Run's goroutine uses these.
	openedTerm uint64 // term for which opening was proposed
	opening    *Proposal
	stopped    bool

	compacting atomic.Bool
}

// newInstance starts raft. The caller must call refuse and stop.
func newInstance(cfg *Config, d *disk.Disk, fsm *machine) (*instance, error) {
	fsm.mark.Store(d.Applied)
	cache, err := raft.NewLogCache(logCache, d.Log)
	if err != nil {
		return nil, err
	}
	net := newStreams(cfg)
	i := &instance{
		node: cfg.Node, log: cfg.Log, net: net, trans: newTransport(cfg, net, d.Health),
		health: d.Health, terms: d.Terms,
		observed: make(chan raft.Observation, 16), proposals: make(chan *Proposal, maxProposals),
		acked: make(chan struct{}), gone: make(chan struct{}),
	}
	i.raft, err = raft.NewRaft(raftConfig(cfg), fsm, cache, d.Terms, d.Snapshots, i.trans)
	if err != nil {
		i.trans.NetworkTransport.Close()
		return nil, errors.Join(err, fsm.failed())
	}
	i.raft.RegisterObserver(raft.NewObserver(i.observed, false, nil))
	i.wg.Go(func() { i.trans.forward(func() bool { return len(i.servers()) > 0 }) })
	go i.acknowledge()
	return i, nil
}

func raftConfig(cfg *Config) *raft.Config {
	c := raft.DefaultConfig()
	c.LocalID = raft.ServerID(cfg.Node)
	c.HeartbeatTimeout = cfg.Heartbeat
	c.ElectionTimeout = cfg.Heartbeat
	c.LeaderLeaseTimeout = cfg.Heartbeat
	c.CommitTimeout = commitInterval
	c.MaxAppendEntries = maxBatch
	c.BatchApplyCh = true
	c.ShutdownOnRemove = false
	c.TrailingLogs = trailingLogs
	c.SnapshotThreshold = snapshotAfter
	c.SnapshotInterval = snapshotInterval
	c.NoLegacyTelemetry = true
	c.Logger = logx.HC(cfg.Log)
	return c
}

// refuse ends the taking of proposals. The caller holds Store.order.
func (i *instance) refuse() {
	if !i.refused {
		i.refused = true
		close(i.proposals)
	}
}

// stop ends raft and everything that waits for it. Connections go first: raft would otherwise wait for
// answers of nodes that are dead.
func (i *instance) stop() error {
	if i.stopped {
		return nil
	}
	i.stopped = true
	defer close(i.gone)
	select {
	case <-i.acked:
	case <-time.After(drainLimit):
	}
	i.terms.Stop()
	close(i.trans.done)
	i.trans.NetworkTransport.Close()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		_ = i.raft.Shutdown().Error() // always nil
		i.wg.Wait()
	}()
	select {
	case <-stopped:
	case <-time.After(stopLimit):
		return fmt.Errorf("raft did not stop within %s: %w", stopLimit, errStuck)
	}
	select {
	case <-i.acked:
	case <-time.After(stopLimit):
		i.log.Warn("raft did not tell what became of some configuration changes")
	}
	return nil
}

// acknowledge gives the proposals their results. It can outlive the instance only when raft loses a result,
// which needs a committed entry that OnApply kept from being applied for longer than drainLimit.
func (i *instance) acknowledge() {
	defer close(i.acked)
	for p := range i.proposals {
		err := p.future.Error()
		if err == nil {
			err, _ = p.future.Response().(error)
		} else {
			err = i.explain(err)
		}
		p.finish(err)
	}
}

// explain turns raft's errors into ours.
func (i *instance) explain(err error) error {
	switch {
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipTransferInProgress):
		return i.notLeader()
	case errors.Is(err, raft.ErrEnqueueTimeout):
		return ErrBusy
	case errors.Is(err, raft.ErrLeadershipLost), errors.Is(err, raft.ErrRaftShutdown), errors.Is(err, raft.ErrAbortedByRestore):
		return ErrUncertain
	}
	if failed := i.health.Err(); failed != nil {
		return fmt.Errorf("%w: %w", ErrDisk, failed)
	}
	return err
}

// submit hands a log entry to raft. The caller holds Store.order.
func (i *instance) submit(raw []byte) *Proposal {
	p := &Proposal{done: make(chan struct{}), gone: i.gone}
	switch {
	case i.refused:
		p.finish(ErrStopped)
		return p
	case i.raft.State() != raft.Leader || i.health.Stuck() > stuckLimit:
		p.finish(i.notLeader())
		return p
	case len(i.proposals) == cap(i.proposals):
		p.finish(ErrBusy)
		return p
	}
	p.future = i.raft.Apply(raw, stuckLimit)
	i.proposals <- p
	return p
}

func (i *instance) notLeader() error {
	_, leader := i.raft.LeaderWithID()
	if string(leader) == i.node {
		leader = ""
	}
	return &NotLeader{Leader: string(leader), Disk: i.health.Err()}
}

func (i *instance) servers() []raft.Server {
	f := i.raft.GetConfiguration()
	if f.Error() != nil {
		return nil
	}
	return f.Configuration().Servers
}

// initialize proposes what every new leader proposes first: the cluster epoch, 1 in a new cluster. When it is
// committed the leader has applied whatever was committed before. It also tells the epoch to nodes that follow
// a recovered log without needing its snapshot. Only Run's goroutine calls it.
func (s *Store) initialize(i *instance, term uint64) {
	switch {
	case i.openedTerm != term:
		i.openedTerm = term
		i.opening = s.Submit(content.SetEpoch{Epoch: max(1, s.Epoch())})
	case i.opening.settled() && i.opening.err != nil:
		i.openedTerm = 0 // the next tick tries again
		return
	default:
		return
	}
	opening := i.opening
	i.wg.Go(func() {
		select {
		case <-opening.done:
		case <-i.trans.done:
		}
		s.poke()
	})
}

// opened tells that the leader of the term can go on.
func (i *instance) opened(term uint64) bool {
	return i.openedTerm == term && i.opening.settled() && i.opening.err == nil
}
