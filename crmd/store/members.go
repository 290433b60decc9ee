package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/raft"
)

// Campaign makes this node stand for election now, because the leader is known to be gone. It is for the
// node with the most recent log (Last) among those that are left: another one cannot win, and would only delay
// the election. Only one node should be told at a time. It returns when the election has begun; Status tells
// the result.
func (s *Store) Campaign(ctx context.Context) error {
	i, err := s.running(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(i.servers(), func(srv raft.Server) bool {
		return string(srv.ID) == i.node && srv.Suffrage == raft.Voter
	}) {
		return fmt.Errorf("stand for election on %s: the node does not vote", i.node)
	}
	s.cfg.Log.Info("standing for election as leader of the configuration log", "term", i.raft.CurrentTerm()+1)
	if err := i.campaign(ctx); err != nil {
		return fmt.Errorf("stand for election on %s: %w", i.node, err)
	}
	return nil
}

func (i *instance) campaign(ctx context.Context) error {
	switch i.raft.State() {
	case raft.Leader:
		return nil
	case raft.Candidate:
		// A candidate would wait for the end of the election that it is losing. A heartbeat of a later term, from
		// nobody, makes it a follower.
		heartbeat := &raft.AppendEntriesRequest{
			RPCHeader: raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax}, Term: i.raft.CurrentTerm() + 1,
		}
		if err := i.trans.inject(ctx, heartbeat); err != nil {
			return err
		}
	}
	return i.trans.inject(ctx, campaignRequest(i.node))
}

// Transfer hands the lead to another voter, which is brought up to date first. Changes are refused with
// NotLeader meanwhile. Only the leader can.
func (s *Store) Transfer(ctx context.Context, node string) error {
	return s.member(ctx, "hand the lead to "+node, func(i *instance, _ time.Duration) (raft.Future, error) {
		srv, ok := i.server(node)
		if !ok || srv.Suffrage != raft.Voter {
			return nil, fmt.Errorf("%s does not vote", node)
		}
		return i.raft.LeadershipTransferToServer(srv.ID, srv.Address), nil
	})
}

// AddLearner adds a node that follows the log without a vote. Only the leader can.
func (s *Store) AddLearner(ctx context.Context, node string) error {
	return s.member(ctx, "add learner "+node, func(i *instance, wait time.Duration) (raft.Future, error) {
		if srv, ok := i.server(node); ok && srv.Suffrage == raft.Voter {
			return nil, fmt.Errorf("%s votes already", node)
		}
		return i.raft.AddNonvoter(raft.ServerID(node), raft.ServerAddress(node), 0, wait), nil
	})
}

// promoteLag is how many entries a learner may be behind when it becomes a voter.
const promoteLag = 32

// promotePoll is how often the lag is looked at.
const promotePoll = 20 * time.Millisecond

// Promote gives a learner a vote as soon as it has caught up; before that it would only delay commits. Only
// the leader can. At most MaxVoters nodes vote.
func (s *Store) Promote(ctx context.Context, node string) error {
	return s.member(ctx, "give "+node+" a vote", func(i *instance, wait time.Duration) (raft.Future, error) {
		srv, ok := i.server(node)
		if !ok {
			return nil, fmt.Errorf("%s does not follow the log yet; add it as a learner first", node)
		}
		voters := 0
		for _, srv := range i.servers() {
			if srv.Suffrage == raft.Voter {
				voters++
			}
		}
		if srv.Suffrage != raft.Voter && voters >= MaxVoters {
			return nil, fmt.Errorf("%d nodes vote already, more do not make the cluster safer", voters)
		}
		for i.trans.peer(srv.ID).last+promoteLag < i.raft.LastIndex() {
			select {
			case <-time.After(promotePoll):
			case <-ctx.Done():
				return nil, fmt.Errorf("it has not caught up: %w", ctx.Err())
			case <-i.trans.done:
				return nil, ErrStopped
			}
			if i.raft.State() != raft.Leader {
				return nil, i.notLeader()
			}
		}
		return i.raft.AddVoter(srv.ID, srv.Address, 0, wait), nil
	})
}

// Demote makes a voter a learner. Only the leader can.
func (s *Store) Demote(ctx context.Context, node string) error {
	return s.member(ctx, "take the vote of "+node, func(i *instance, wait time.Duration) (raft.Future, error) {
		return i.raft.DemoteVoter(raft.ServerID(node), 0, wait), nil
	})
}

// Remove takes a node out of the log's servers. Only the leader can; it can remove itself and then no longer
// leads.
func (s *Store) Remove(ctx context.Context, node string) error {
	return s.member(ctx, "remove "+node, func(i *instance, wait time.Duration) (raft.Future, error) {
		return i.raft.RemoveServer(raft.ServerID(node), 0, wait), nil
	})
}

// memberLimit bounds how long a change of the members waits for the one before, without a deadline.
const memberLimit = 10 * time.Second

// member makes one change of the members. begin may block for as long as it is told. The goroutine ends with
// raft's answer, which comes at the latest when this node stops to lead.
func (s *Store) member(ctx context.Context, what string, begin func(i *instance, wait time.Duration) (raft.Future, error)) error {
	i, err := s.running(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if i.raft.State() != raft.Leader {
		return fmt.Errorf("%s: %w", what, i.notLeader())
	}
	wait := memberLimit
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline))
	}
	result := make(chan error, 1)
	go func() {
		f, err := begin(i, max(wait, time.Millisecond))
		if err == nil {
			if err = f.Error(); err != nil {
				err = i.explain(err)
			}
		}
		result <- err
	}()
	select {
	case err = <-result:
	case <-ctx.Done():
		err = ctx.Err()
	case <-i.gone:
		err = ErrStopped
	}
	if err == nil {
		err = s.perform(ctx, func(context.Context) error { return nil }) // Status shows the change from now on
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func (i *instance) server(node string) (raft.Server, bool) {
	for _, srv := range i.servers() {
		if string(srv.ID) == node {
			return srv, true
		}
	}
	return raft.Server{}, false
}
