// Package peer is the traffic between the crmds of a cluster: raft, calls, and machines that want to join, on
// one port.
package peer

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/mesh"
	"github.com/holdfast-ha/holdfast/internal/pki"
)

// Port is where crmds listen unless the cluster file says otherwise.
const Port = 5420

// raftProto is the protocol (ALPN) of raft's own messages.
const raftProto = "holdfast-raft/1"

// Config is what a Peer needs.
type Config struct {
	Identity *pki.Identity
	// Addr is host:port to listen on; an empty host is every address.
	Addr string
	// Resolve gives the addresses of a node's crmd, one for each link, best first. It is asked with every new
	// connection, so that a node's addresses may change. It must not block.
	Resolve mesh.Resolve
	// Member tells whether a node still belongs to the cluster: the certificate of one that was removed stays
	// valid. nil admits every certificate. It must not block.
	Member func(node string) bool
	Log    *slog.Logger
}

// Peer is this node's end.
type Peer struct {
	cfg      Config
	listener *mesh.Listener
	dialer   *mesh.Dialer
	calls    http.Handler
	joins    http.Handler

	mu      sync.Mutex
	clients map[string]*ipc.Client
}

// New opens the port; nothing is accepted before Run.
func New(cfg Config) (*Peer, error) {
	l, err := mesh.Listen(cfg.Addr, cfg.Identity, cfg.Log, raftProto, mesh.HTTP, mesh.Join)
	if err != nil {
		return nil, err
	}
	return &Peer{
		cfg: cfg, listener: l, dialer: mesh.NewDialer(cfg.Identity, cfg.Resolve),
		calls: http.NotFoundHandler(), joins: http.NotFoundHandler(), clients: make(map[string]*ipc.Client),
	}, nil
}

// Addr is where this node listens.
func (p *Peer) Addr() net.Addr { return p.listener.Addr() }

// Handle sets what answers the calls of members; mesh.Peer names the caller. It must be called before Run.
func (p *Peer) Handle(h http.Handler) { p.calls = h }

// HandleJoin sets what answers machines that have no certificate yet. It must be called before Run.
func (p *Peer) HandleJoin(h http.Handler) { p.joins = h }

// Client calls the crmd of a node. It is shared by all callers and keeps connections open until Forget or the
// end of Run.
func (p *Peer) Client(node string) *ipc.Client {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.clients[node]
	if c == nil {
		c = p.dialer.Client(node)
		p.clients[node] = c
	}
	return c
}

// Forget drops the connections to a node that is no longer a member, or whose addresses have changed.
func (p *Peer) Forget(node string) {
	p.mu.Lock()
	c := p.clients[node]
	delete(p.clients, node)
	p.mu.Unlock()
	if c != nil {
		c.Close()
	}
}

// Run serves until ctx ends.
func (p *Peer) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	serve := func(proto string, h http.Handler) {
		g.Go(func() error { return ipc.ServeConn(ctx, p.listener.Proto(proto), h, p.cfg.Log, mesh.ConnContext) })
	}
	g.Go(func() error { return p.listener.Run(ctx) })
	serve(mesh.HTTP, p.membersOnly(p.calls))
	serve(mesh.Join, p.joins)
	err := g.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.clients {
		c.Close()
	}
	if err != nil {
		return fmt.Errorf("peers: %w", err)
	}
	return nil
}

func (p *Peer) membersOnly(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if node := mesh.Peer(r.Context()); !p.member(node) {
			ipc.Fail(w, ipc.Errorf(api.CodePermission, "node %s does not belong to cluster %s any more", node, p.cfg.Identity.Cluster))
			return
		}
		h.ServeHTTP(w, r)
	})
}

func (p *Peer) member(node string) bool { return p.cfg.Member == nil || p.cfg.Member(node) }

// RaftLayer is the network of the configuration store.
func (p *Peer) RaftLayer() *RaftLayer {
	return &RaftLayer{peer: p, in: p.listener.Proto(raftProto)}
}

// RaftLayer connects raft on this node with raft on others; it is a store.Network.
type RaftLayer struct {
	peer *Peer
	in   net.Listener
}

// Accept waits for a connection from another member.
func (r *RaftLayer) Accept() (net.Conn, error) {
	for {
		c, err := r.in.Accept()
		if err != nil {
			return nil, err
		}
		node := mesh.PeerName(c)
		if r.peer.member(node) {
			return c, nil
		}
		r.peer.cfg.Log.Warn("refused raft traffic of a node that does not belong to the cluster any more", "node", node)
		c.Close()
	}
}

// Dial connects to the raft of a node, by whichever of its links answers.
func (r *RaftLayer) Dial(ctx context.Context, node string) (net.Conn, error) {
	return r.peer.dialer.Dial(ctx, node, raftProto)
}

// Close ends Accept.
func (r *RaftLayer) Close() error { return r.in.Close() }
