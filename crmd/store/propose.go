package store

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/hashicorp/raft"

	"github.com/holdfast-ha/holdfast/crmd/store/content"
)

// maxProposals is how many changes may wait for their commit.
const maxProposals = 1024

// Results of a proposal besides content's ErrStale and ErrNoToken and the patch function's errors.
var (
	// ErrUncertain is a change of which is not known whether it is in the log: leadership was lost on the way.
	// Read the configuration again. All changes but an unconditional Replace may simply be repeated: they
	// fail with ErrStale, or change nothing, when they are there already.
	ErrUncertain = errors.New("the leader changed while the change was on its way; it may or may not be in the configuration")
	// ErrDisk is a change that the leader could not write; the wrapped error says why. It is not committed.
	// After an I/O error, other than a full disk, it may turn out to be in the log.
	ErrDisk = errors.New("the configuration cannot be written")
	// ErrBusy is a change that was refused because too many are waiting.
	ErrBusy = errors.New("too many configuration changes are waiting")
	// ErrStopped is a store that does not run.
	ErrStopped = errors.New("the configuration store is not running")
)

// NotLeader is a change that only the leader can make. It is not in the log.
type NotLeader struct {
	Leader string // node to ask instead, "" when there is none
	Disk   error  // why this node cannot lead, nil when its disk is well
}

func (e *NotLeader) Error() string {
	text := "this node does not lead the configuration log"
	switch {
	case e.Leader != "":
		text += "; " + e.Leader + " does"
	case e.Disk != nil:
		text += fmt.Sprintf(" and no node does: %v", e.Disk)
	default:
		text += " and no node does: there is no majority of its voters"
	}
	return text
}

// Proposal is a change on its way.
type Proposal struct {
	future raft.ApplyFuture
	once   sync.Once
	done   chan struct{}
	gone   <-chan struct{} // closed when the instance that took it has ended
	err    error           // valid when done is closed
}

func (p *Proposal) finish(err error) {
	p.once.Do(func() {
		p.err = err
		close(p.done)
	})
}

// settled reports whether the result is known.
func (p *Proposal) settled() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Wait returns the change's result: nil when it is committed and applied on this node.
func (p *Proposal) Wait(ctx context.Context) error {
	select {
	case <-p.done:
		return p.err
	default:
	}
	select {
	case <-p.done:
		return p.err
	case <-p.gone:
		if p.settled() {
			return p.err
		}
		return ErrUncertain
	case <-ctx.Done():
		return fmt.Errorf("%w (%w)", ErrUncertain, ctx.Err())
	}
}

// Submit proposes a change without waiting for its result. The order of calls is the order in the log. When
// an earlier change fails those behind it are tried nevertheless; a Patch then fails with ErrStale.
func (s *Store) Submit(change content.Change) *Proposal {
	raw := content.Encode(change)
	// What cannot be read back would stop every node of the cluster.
	if _, err := content.Decode(raw); err != nil {
		p := &Proposal{done: make(chan struct{})}
		p.finish(fmt.Errorf("this change cannot be written: %w", err))
		return p
	}
	return s.handOver(raw)
}

// Propose proposes a change and waits until it is committed and applied here. Only the leader can; others
// return *NotLeader.
func (s *Store) Propose(ctx context.Context, change content.Change) error {
	return s.Submit(change).Wait(ctx)
}

func (s *Store) handOver(raw []byte) *Proposal {
	s.order.Lock()
	defer s.order.Unlock()
	if i := s.inst.Load(); i != nil {
		return i.submit(raw)
	}
	p := &Proposal{done: make(chan struct{})}
	p.finish(ErrStopped)
	return p
}
