package store

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// streams is the network of one raft instance: raft.StreamLayer. It outlives no instance, so that stopping
// one need not wait for answers from nodes that are dead.
type streams struct {
	node   string
	dial   func(ctx context.Context, node string) (net.Conn, error)
	ctx    context.Context // ends with the instance
	cancel context.CancelFunc
	in     chan net.Conn

	mu    sync.Mutex
	conns map[*stream]struct{} // nil when closed
}

func newStreams(cfg *Config) *streams {
	ctx, cancel := context.WithCancel(context.Background())
	return &streams{
		node: cfg.Node, dial: cfg.Network.Dial, ctx: ctx, cancel: cancel,
		in: make(chan net.Conn), conns: make(map[*stream]struct{}),
	}
}

// deliver gives a connection from another node to raft; false when the instance has ended.
func (s *streams) deliver(c net.Conn) bool {
	t, ok := s.track(c)
	if !ok {
		return false
	}
	select {
	case s.in <- t:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// Accept is raft's: the next connection from another node.
func (s *streams) Accept() (net.Conn, error) {
	select {
	case c := <-s.in:
		return c, nil
	case <-s.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Dial is raft's: connect to a node; addresses are node names.
func (s *streams) Dial(node raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(s.ctx, timeout)
	defer cancel()
	c, err := s.dial(ctx, string(node))
	if err != nil {
		return nil, &dialError{err}
	}
	t, ok := s.track(c)
	if !ok {
		c.Close()
		return nil, &dialError{net.ErrClosed}
	}
	return t, nil
}

// Close ends all connections and every call that waits for one.
func (s *streams) Close() error {
	s.cancel()
	s.mu.Lock()
	conns := s.conns
	s.conns = nil
	s.mu.Unlock()
	for c := range conns {
		c.Conn.Close()
	}
	return nil
}

// Addr is this node's address as raft knows it: its name.
func (s *streams) Addr() net.Addr { return nodeAddr(s.node) }

func (s *streams) track(c net.Conn) (*stream, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil {
		return nil, false
	}
	t := &stream{Conn: c, of: s}
	s.conns[t] = struct{}{}
	return t, true
}

// stream is a connection of an instance.
type stream struct {
	net.Conn
	of *streams
}

func (t *stream) Close() error {
	t.of.mu.Lock()
	delete(t.of.conns, t)
	t.of.mu.Unlock()
	return t.Conn.Close()
}

type nodeAddr string

func (a nodeAddr) Network() string { return "raft" }
func (a nodeAddr) String() string  { return string(a) }

// dialError tells a node that cannot be reached from a connection that broke.
type dialError struct{ err error }

func (e *dialError) Error() string { return fmt.Sprintf("connect: %v", e.err) }
func (e *dialError) Unwrap() error { return e.err }
