package store

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/hashicorp/raft"
)

// Role is a node's part in raft.
type Role string

const (
	// Stopped is a store whose Run has not started or has ended.
	Stopped Role = "stopped"
	// Outsider is not in the log's list of servers: it waits to be added or was removed.
	Outsider Role = "outsider"
	// Learner follows the log without a vote.
	Learner Role = "learner"
	// Follower is a voter with or without a leader.
	Follower Role = "follower"
	// Candidate stands for election.
	Candidate Role = "candidate"
	// Leader leads.
	Leader Role = "leader"
)

// Position says how recent a log is. The acting DC is the node with the highest one.
type Position struct {
	Epoch uint64 `json:"epoch"` // cluster epoch
	Term  uint64 `json:"term"`  // of the last entry
	Index uint64 `json:"index"` // of the last entry
}

// Compare orders positions by recency; a log of a later epoch is always more recent.
func (p Position) Compare(o Position) int {
	return cmp.Or(cmp.Compare(p.Epoch, o.Epoch), cmp.Compare(p.Term, o.Term), cmp.Compare(p.Index, o.Index))
}

// Status is a store's state at one moment.
type Status struct {
	Role Role
	// Ready tells that this node leads, has applied everything that was committed before, and can write. Only
	// then are changes computed from Content sure to be based on the latest configuration.
	Ready  bool
	Leader string // "" when there is none that this node knows of
	Term   uint64
	// Fresh is a node without any log: it has to bootstrap a cluster or to be added to one. When it is among
	// the others' voters its disk was lost: it must be removed and added again as a learner.
	Fresh    bool
	Voters   []string // by name
	Learners []string // by name
	Disk     string   // why writes fail, "" when they work
}

// Status returns the current status.
func (s *Store) Status() Status {
	s.statusMu.Lock()
	defer s.statusMu.Unlock()
	return s.status
}

// Last says how recent this node's log is, for the choice of the acting DC. Before Run has started it knows
// the index only.
func (s *Store) Last() Position {
	c := s.fsm.content()
	if i := s.inst.Load(); i != nil {
		return i.last(c.Epoch)
	}
	return Position{Epoch: c.Epoch, Index: c.Index}
}

// Leader is the leader's node name, "" when this node knows of none.
func (s *Store) Leader() string { return s.Status().Leader }

// await waits until the status is as wanted. It returns the status that was.
func (s *Store) await(ctx context.Context, wanted func(Status) bool) (Status, error) {
	for {
		s.statusMu.Lock()
		status, next := s.status, s.statusNew
		s.statusMu.Unlock()
		if wanted(status) {
			return status, nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return status, ctx.Err()
		case <-s.ended:
			return status, ErrStopped
		}
	}
}

// refresh looks at raft and tells what has changed. Only Run's goroutine calls it.
func (s *Store) refresh(ctx context.Context) {
	i := s.inst.Load()
	status := i.status()
	if status.Role == Leader {
		s.initialize(i, status.Term)
		status.Ready = i.opened(status.Term)
	}
	before := s.publish(status)
	if status.Disk != "" && before.Role == Leader && before.Disk == "" {
		i.wg.Go(func() { i.nominate(ctx) })
	}
	if status.Disk != before.Disk {
		s.logDisk(status.Disk)
	}
}

// publish makes the status known and returns the one before.
func (s *Store) publish(status Status) (before Status) {
	s.statusMu.Lock()
	before = s.status
	same := reflect.DeepEqual(status, before)
	if !same {
		s.status = status
		close(s.statusNew)
		s.statusNew = make(chan struct{})
	}
	s.statusMu.Unlock()
	if !same && s.cfg.OnStatus != nil {
		s.cfg.OnStatus(status)
	}
	return before
}

func (s *Store) logDisk(problem string) {
	if problem == "" {
		s.cfg.Log.Info("the raft directory can be written again", "dir", s.cfg.Dir)
	} else {
		s.cfg.Log.Error("the configuration cannot be written on this node", "dir", s.cfg.Dir, "err", problem)
	}
}

func (i *instance) status() Status {
	_, leader := i.raft.LeaderWithID()
	st := Status{Role: Outsider, Leader: string(leader), Term: i.raft.CurrentTerm()}
	servers := i.servers()
	st.Fresh = len(servers) == 0
	for _, server := range servers {
		name := string(server.ID)
		role := Learner
		if server.Suffrage == raft.Voter {
			role = Follower
			st.Voters = append(st.Voters, name)
		} else {
			st.Learners = append(st.Learners, name)
		}
		if name == i.node {
			st.Role = role
		}
	}
	slices.Sort(st.Voters)
	slices.Sort(st.Learners)
	if st.Role == Follower {
		switch i.raft.State() {
		case raft.Leader:
			st.Role = Leader
		case raft.Candidate:
			st.Role = Candidate
		}
	}
	i.diskStatus(&st)
	return st
}

// diskStatus makes a leader whose disk hangs a follower: raft itself notices nothing.
func (i *instance) diskStatus(st *Status) {
	switch stuck, err := i.health.Stuck(), i.health.Err(); {
	case stuck > stuckLimit:
		st.Disk = errStuck.Error()
		if st.Role == Leader {
			st.Role, st.Leader = Follower, ""
		}
	case err != nil:
		st.Disk = err.Error()
	}
}

// last reads raft's idea of its log's end. Raft shows the term only in its statistics.
func (i *instance) last(epoch uint64) Position {
	stats := i.raft.Stats()
	number := func(key string) uint64 {
		n, err := strconv.ParseUint(stats[key], 10, 64)
		if err != nil {
			return 0
		}
		return n
	}
	log := Position{epoch, number("last_log_term"), number("last_log_index")}
	snapshot := Position{epoch, number("last_snapshot_term"), number("last_snapshot_index")}
	if snapshot.Index > log.Index {
		return snapshot
	}
	return log
}

// nominateWait is how long a nominated node has to win its election before the next one is asked.
const nominateWait = 500 * time.Millisecond

// nominate asks the other voters, the most up to date first, to take over, because this node cannot write.
// Raft steps down after a failed write, but the others would only notice by their timeout.
func (i *instance) nominate(ctx context.Context) {
	var others []raft.Server
	for _, server := range i.servers() {
		if server.Suffrage == raft.Voter && string(server.ID) != i.node {
			others = append(others, server)
		}
	}
	slices.SortStableFunc(others, func(a, b raft.Server) int {
		return cmp.Compare(i.trans.peer(b.ID).last, i.trans.peer(a.ID).last)
	})
	for _, server := range others {
		err := i.trans.TimeoutNow(server.ID, server.Address, campaignRequest(i.node), &raft.TimeoutNowResponse{})
		if err != nil {
			i.log.Info("asking another node to lead the configuration log", "node", string(server.ID), "err", err)
			continue
		}
		select {
		case <-time.After(nominateWait):
		case <-i.trans.done:
			return
		case <-ctx.Done():
			return
		}
		if _, leader := i.raft.LeaderWithID(); leader != "" && string(leader) != i.node {
			i.log.Info("another node leads the configuration log", "node", string(leader))
			return
		}
	}
}

// compactRetry is how soon a snapshot that failed is tried again.
const compactRetry = 30 * time.Second

// compact takes a snapshot when entries have piled up by size; raft itself counts only their number.
func (s *Store) compact() {
	i := s.inst.Load()
	if s.fsm.bytes.Load() <= compactBytes || !i.compacting.CompareAndSwap(false, true) {
		return
	}
	i.wg.Go(func() {
		defer i.compacting.Store(false)
		err := i.raft.Snapshot().Error()
		if err == nil || errors.Is(err, raft.ErrRaftShutdown) {
			return
		}
		s.cfg.Log.Warn("compacting the raft log", "err", err)
		select {
		case <-time.After(compactRetry):
		case <-i.trans.done:
		}
	})
}

// mendDisk opens the raft directory again after an error that left its state in doubt, as soon as it can be
// written. Only Run's goroutine calls it.
func (s *Store) mendDisk() error {
	if !s.disk.Health.Broken() || s.disk.Probe() != nil {
		return nil // the next tick looks again
	}
	s.cfg.Log.Info("the raft directory can be written again; restarting raft on it", "dir", s.cfg.Dir)
	return s.restart(func() error { return nil })
}
