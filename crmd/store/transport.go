package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/holdfast-ha/holdfast/crmd/store/disk"
	"github.com/holdfast-ha/holdfast/internal/logx"
)

// maxPool is how many idle connections raft keeps to each node.
const maxPool = 3

// rpcTimeout is the least time that a peer has to answer; its disk may be slow. Config.Heartbeat counts when it
// is longer.
const rpcTimeout = time.Second

// stuckLimit is how long a write to the raft directory may take before a leader lets another one lead. A
// disk under load needs a second; after five the configuration cannot be changed anyway.
const stuckLimit = 5 * time.Second

// errStuck is what a leader with a hanging disk answers instead of sending heartbeats.
var errStuck = errors.New("writes to the raft directory hang")

// transport is raft's network transport with what crmd knows and raft does not.
type transport struct {
	*raft.NetworkTransport
	health *disk.Health
	rpcs   chan raft.RPC // what raft consumes: from the network and from inject
	done   chan struct{}

	mu    sync.Mutex
	peers map[raft.ServerID]peerLog
}

// peerLog is what a peer answered to the last heartbeat.
type peerLog struct {
	last uint64 // end of its log
	at   time.Time
}

func newTransport(cfg *Config, net *streams, health *disk.Health) *transport {
	return &transport{
		NetworkTransport: raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
			Logger: logx.HC(cfg.Log), Stream: net, MaxPool: maxPool, Timeout: max(cfg.Heartbeat, rpcTimeout),
			// No pipelining: in raft 1.7.3 a follower that refuses entries under load (its disk is full) can leave
			// the pipeline's sender and receiver waiting for each other, until the leader is restarted.
			MaxRPCsInFlight: 1,
		}),
		health: health, rpcs: make(chan raft.RPC), done: make(chan struct{}),
		peers: make(map[raft.ServerID]peerLog),
	}
}

// Consumer is where raft takes requests from.
func (t *transport) Consumer() <-chan raft.RPC { return t.rpcs }

// Close does nothing: the instance closes the transport before it stops raft, or raft would wait for peers.
func (t *transport) Close() error { return nil }

// forward passes requests on until done is closed. member tells whether this node's log names any servers. A
// node without a log gives no votes: it may be a voter whose disk was lost, and raft counts on what it knew.
func (t *transport) forward(member func() bool) {
	for {
		var rpc raft.RPC
		select {
		case rpc = <-t.NetworkTransport.Consumer():
		case <-t.done:
			return
		}
		switch cmd := rpc.Command.(type) {
		case *raft.RequestVoteRequest:
			if !member() {
				rpc.Respond(&raft.RequestVoteResponse{RPCHeader: cmd.RPCHeader, Term: cmd.Term}, nil)
				continue
			}
		case *raft.RequestPreVoteRequest:
			if !member() {
				rpc.Respond(&raft.RequestPreVoteResponse{RPCHeader: cmd.RPCHeader, Term: cmd.Term}, nil)
				continue
			}
		}
		select {
		case t.rpcs <- rpc:
		case <-t.done:
			return
		}
	}
}

// inject gives raft a request as if it came from the network.
func (t *transport) inject(ctx context.Context, command any) error {
	answer := make(chan raft.RPCResponse, 1)
	select {
	case t.rpcs <- raft.RPC{Command: command, RespChan: answer}:
	case <-t.done:
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case a := <-answer:
		return a.Error
	case <-t.done:
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

// AppendEntries also carries the leader's heartbeats. They cease while the disk hangs, and they tell how far
// the peers are.
func (t *transport) AppendEntries(id raft.ServerID, to raft.ServerAddress, args *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	if t.health.Stuck() > stuckLimit {
		return errStuck
	}
	if err := t.NetworkTransport.AppendEntries(id, to, args, resp); err != nil {
		return err
	}
	t.mu.Lock()
	t.peers[id] = peerLog{last: resp.LastLog, at: time.Now()}
	t.mu.Unlock()
	return nil
}

func (t *transport) peer(id raft.ServerID) peerLog {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.peers[id]
}

// RequestVote asks for a vote. Connections to a node that was restarted break at their first use, and raft
// would not ask again before the election has failed.
func (t *transport) RequestVote(id raft.ServerID, to raft.ServerAddress, args *raft.RequestVoteRequest, resp *raft.RequestVoteResponse) error {
	return retryBroken(func() error { return t.NetworkTransport.RequestVote(id, to, args, resp) })
}

// RequestPreVote is RequestVote for raft's first round.
func (t *transport) RequestPreVote(id raft.ServerID, to raft.ServerAddress, args *raft.RequestPreVoteRequest, resp *raft.RequestPreVoteResponse) error {
	return retryBroken(func() error { return t.NetworkTransport.RequestPreVote(id, to, args, resp) })
}

// TimeoutNow makes a peer stand for election.
func (t *transport) TimeoutNow(id raft.ServerID, to raft.ServerAddress, args *raft.TimeoutNowRequest, resp *raft.TimeoutNowResponse) error {
	return retryBroken(func() error { return t.NetworkTransport.TimeoutNow(id, to, args, resp) })
}

// retryBroken repeats a request that is harmless to repeat, once for each pooled connection.
func retryBroken(call func() error) (err error) {
	for range maxPool + 1 {
		var unreachable *dialError
		if err = call(); err == nil || errors.As(err, &unreachable) || errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
	return fmt.Errorf("%d connections broke: %w", maxPool+1, err)
}

// campaignRequest is what makes raft start an election at once.
func campaignRequest(node string) *raft.TimeoutNowRequest {
	return &raft.TimeoutNowRequest{RPCHeader: raft.RPCHeader{
		ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(node), Addr: []byte(node),
	}}
}
