// Package store replicates the cluster's configuration between the crmds by raft.
//
// DESIGN.md beside this file tells what it guarantees, what a crash leaves, and why.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/store/content"
	"github.com/holdfast-ha/holdfast/crmd/store/disk"
)

// MaxVoters is how many nodes vote at most. More would make every change slower and no loss less likely.
const MaxVoters = 7

// DefaultHeartbeat is used when Config.Heartbeat is 0.
const DefaultHeartbeat = 2 * time.Second

// Config is what a store needs. OnApply and OnStatus may be nil.
type Config struct {
	// Dir is the raft directory, such as /var/lib/holdfast/crmd/raft.
	Dir string
	// Node is this node's name; raft knows nodes by their names alone.
	Node string
	// Cluster tells clusters apart: a directory that was made for another one is refused.
	Cluster string
	// Network carries raft's traffic. Run closes it when it ends.
	Network Network
	// Heartbeat is how long raft waits for a silent leader before it elects another one by itself, and how
	// long a leader without a majority goes on. It is generous, so that a starved leader is not deposed: crmd
	// calls Campaign as soon as the leader is known to be gone. Twice the token timeout is a good value;
	// elections come after one to two of it. The leader sends every Heartbeat/10 to Heartbeat/5.
	Heartbeat time.Duration
	// Patch applies a patch to the document; nil is content.ApplyPatch.
	Patch content.PatchFunc
	// OnApply is called for each change, in the order of the log, from one goroutine. It must not block and
	// must not call Store methods that wait.
	OnApply func(Applied)
	// OnStatus is called, from one goroutine, when the status is another one. It must not block and must not
	// call Store methods that wait.
	OnStatus func(Status)
	Log      *slog.Logger

	// openLog replaces the log file in tests.
	openLog func(path string) (disk.LogFile, error)
}

// Network connects the stores of a cluster; crmd/peer's RaftLayer is one.
type Network interface {
	// Accept waits for a connection from another node. After Close it returns an error.
	Accept() (net.Conn, error)
	// Dial connects to the node of that name.
	Dial(ctx context.Context, node string) (net.Conn, error)
	Close() error
}

// Applied announces new content.
type Applied struct {
	// Change is what made it; nil when the content was replaced as a whole (a snapshot from the leader, a
	// recovery, a reset), after which readers that follow changes have to start anew.
	Change  content.Change
	Content *content.Content
}

// Store is a node's replica. All methods are safe for concurrent use.
type Store struct {
	cfg  Config
	disk *disk.Disk
	fsm  *machine

	requests chan request
	wake     chan struct{} // capacity 1: look at the status again
	started  chan struct{} // closed when raft runs for the first time
	ended    chan struct{} // closed when Run returns

	order sync.Mutex // held while a proposal is handed to raft: the order of calls is the order of the log
	inst  atomic.Pointer[instance]

	statusMu  sync.Mutex
	status    Status
	statusNew chan struct{} // closed and replaced when status changes
}

// request is work for Run's goroutine, which alone starts and stops raft.
type request struct {
	do    func(ctx context.Context) error
	reply chan error
}

// Open opens the raft directory and reads the configuration as far as it is known to be committed, so that
// Content is useful before there is a leader. Run must be called, also to close the directory.
func Open(cfg Config) (*Store, error) {
	if cfg.Node == "" || cfg.Network == nil || cfg.Log == nil {
		return nil, errors.New("store: Node, Network and Log are required")
	}
	if cfg.Patch == nil {
		cfg.Patch = content.ApplyPatch
	}
	if cfg.Heartbeat == 0 {
		cfg.Heartbeat = DefaultHeartbeat
	}
	s := &Store{
		cfg: cfg, requests: make(chan request), wake: make(chan struct{}, 1),
		started: make(chan struct{}), ended: make(chan struct{}), statusNew: make(chan struct{}),
	}
	d, err := disk.Open(disk.Config{Dir: cfg.Dir, Cluster: cfg.Cluster, Node: cfg.Node, Log: cfg.Log, OpenLog: cfg.openLog}, s.poke)
	if err != nil {
		return nil, err
	}
	s.disk = d
	s.fsm = &machine{patch: cfg.Patch, onApply: cfg.OnApply, poke: s.poke}
	if err := s.fsm.prime(d); err != nil {
		d.Close()
		return nil, err
	}
	s.status = Status{Role: Stopped}
	return s, nil
}

// Content is the configuration as this node has it. On a node that is not connected to the leader it may be
// old; it never goes back, except by Reset. It is immutable.
func (s *Store) Content() *content.Content { return s.fsm.content() }

// Document is the <cib> without status, nil when this node has none yet.
func (s *Store) Document() *cibxml.Element { return s.fsm.content().Doc }

// File is the cluster file.
func (s *Store) File() content.File { return s.fsm.content().File }

// Epoch is the cluster epoch, see content.Content.
func (s *Store) Epoch() uint64 { return s.fsm.content().Epoch }

// Run takes part in the cluster until ctx ends. It returns an error when this node cannot go on, because its
// log was written by a newer version or its disk does not come back.
func (s *Store) Run(ctx context.Context) error {
	defer close(s.ended)
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer s.cfg.Network.Close()
	defer cancel()
	defer func() {
		if err := s.disk.Close(); err != nil {
			s.cfg.Log.Warn("closing the raft directory", "err", err)
		}
	}()
	if err := s.start(); err != nil {
		return err
	}
	close(s.started)
	wg.Go(s.accept)
	err := s.loop(ctx)
	err = errors.Join(err, s.stop())
	s.publish(Status{Role: Stopped})
	return err
}

// accept hands connections to the raft instance that runs when they come.
func (s *Store) accept() {
	for {
		c, err := s.cfg.Network.Accept()
		if err != nil {
			return
		}
		if inst := s.inst.Load(); inst == nil || !inst.net.deliver(c) {
			c.Close()
		}
	}
}

// diskInterval is how often a disk that failed is looked at.
const diskInterval = time.Second

func (s *Store) loop(ctx context.Context) error {
	tick := time.NewTicker(diskInterval)
	defer tick.Stop()
	s.poke()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.inst.Load().observed:
		case <-s.wake:
		case r := <-s.requests:
			err := r.do(ctx)
			s.refresh(ctx) // what waits for the result must not see the status before it
			r.reply <- err
		case <-tick.C:
			if err := s.mendDisk(); err != nil {
				return err
			}
		}
		if err := s.fsm.failed(); err != nil {
			return err
		}
		s.refresh(ctx)
		s.compact()
	}
}

// poke makes Run look at the status. It never blocks.
func (s *Store) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// perform has Run's goroutine do something.
func (s *Store) perform(ctx context.Context, do func(context.Context) error) error {
	r := request{do: do, reply: make(chan error, 1)}
	select {
	case s.requests <- r:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.ended:
		return ErrStopped
	}
	select {
	case err := <-r.reply:
		return err
	case <-s.ended:
		return ErrStopped
	}
}

// running waits until Run has started raft.
func (s *Store) running(ctx context.Context) (*instance, error) {
	select {
	case <-s.started:
		return s.inst.Load(), nil
	case <-s.ended:
		return nil, ErrStopped
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// start starts raft on the open directory. Only Run's goroutine calls it, and stop.
func (s *Store) start() error {
	if s.disk.Log == nil {
		if err := s.disk.Reopen(); err != nil {
			return err
		}
	}
	inst, err := newInstance(&s.cfg, s.disk, s.fsm)
	if err != nil {
		return fmt.Errorf("start raft: %w", err)
	}
	s.inst.Store(inst)
	return nil
}

// stop stops raft. What was proposed and is not committed by then has an uncertain result.
func (s *Store) stop() error {
	inst := s.inst.Load()
	s.order.Lock()
	inst.refuse()
	s.order.Unlock()
	return inst.stop()
}
