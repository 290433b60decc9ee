package peer

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/mesh"
	"github.com/holdfast-ha/holdfast/internal/pki"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// cluster is the peers of one cluster on loopback.
type cluster struct {
	t  *testing.T
	ca *pki.Authority

	mu      sync.Mutex
	addrs   map[string][]string
	removed string // a node that is no longer a member
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	ca, err := pki.NewAuthority("shop")
	if err != nil {
		t.Fatal(err)
	}
	return &cluster{t: t, ca: ca, addrs: make(map[string][]string)}
}

func (c *cluster) resolve(node string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.addrs[node]
}

func (c *cluster) member(node string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return node != c.removed
}

func (c *cluster) start(node string) *Peer {
	c.t.Helper()
	csr, key, err := pki.Request(node)
	if err != nil {
		c.t.Fatal(err)
	}
	cert, err := c.ca.Sign(node, csr)
	if err != nil {
		c.t.Fatal(err)
	}
	dir := c.t.TempDir()
	if err := pki.Write(dir, c.ca.CertPEM, nil, cert, key); err != nil {
		c.t.Fatal(err)
	}
	id, err := pki.Load(dir)
	if err != nil {
		c.t.Fatal(err)
	}
	p, err := New(Config{Identity: id, Addr: "127.0.0.1:0", Resolve: c.resolve, Member: c.member,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		c.t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /who", func(w http.ResponseWriter, r *http.Request) { ipc.Reply(w, mesh.Peer(r.Context())) })
	p.Handle(mux)
	c.mu.Lock()
	c.addrs[node] = []string{p.Addr().String()}
	c.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	c.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			c.t.Error(err)
		}
	})
	return p
}

func TestClient_CallsMembersAndOnlyMembers(t *testing.T) {
	c := newCluster(t)
	c.start("n1")
	n2 := c.start("n2")
	var who string
	if err := n2.Client("n1").Call(t.Context(), "GET", "/who", nil, &who); err != nil || who != "n2" {
		t.Errorf("n1 saw %q, %v", who, err)
	}
	c.mu.Lock()
	c.removed = "n2"
	c.mu.Unlock()
	err := n2.Client("n1").Call(t.Context(), "GET", "/who", nil, &who)
	if err == nil || !strings.Contains(err.Error(), "node n2 does not belong to cluster shop any more") {
		t.Errorf("a removed node got %v", err)
	}
}

// A node that comes back with another address, or with one of two links dead, is reached all the same.
func TestDial_FollowsAddressesAndLinks(t *testing.T) {
	c := newCluster(t)
	n1, n2 := c.start("n1"), c.start("n2")
	if err := n2.Client("n1").Call(t.Context(), "GET", "/who", nil, nil); err != nil {
		t.Fatal(err)
	}
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	c.mu.Lock()
	c.addrs["n1"] = []string{dead.Addr().String(), n1.Addr().String()}
	c.mu.Unlock()
	n2.Forget("n1")
	if err := n2.Client("n1").Call(t.Context(), "GET", "/who", nil, nil); err != nil {
		t.Errorf("with one dead link: %v", err)
	}
	if _, err := n2.RaftLayer().Dial(t.Context(), "n9"); err == nil || !strings.Contains(err.Error(), "n9") {
		t.Errorf("a node without address: %v", err)
	}
}

func TestRaftLayer_ConnectsMembers(t *testing.T) {
	c := newCluster(t)
	n1, n2 := c.start("n1"), c.start("n2")
	layer := n1.RaftLayer()
	accepted := make(chan net.Conn, 1)
	go func() {
		defer close(accepted)
		for {
			conn, err := layer.Accept()
			if err != nil {
				return
			}
			accepted <- conn
		}
	}()
	out, err := n2.RaftLayer().Dial(t.Context(), "n1")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := out.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	in := <-accepted
	defer in.Close()
	if b := make([]byte, 1); mesh.PeerName(in) != "n2" {
		t.Errorf("peer is %q", mesh.PeerName(in))
	} else if _, err := io.ReadFull(in, b); err != nil || b[0] != 'x' {
		t.Errorf("read %q, %v", b, err)
	}
	c.mu.Lock()
	c.removed = "n2"
	c.mu.Unlock()
	refused, err := n2.RaftLayer().Dial(t.Context(), "n1")
	if err == nil {
		defer refused.Close()
		_ = refused.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := refused.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("a removed node's connection ended with %v", err)
		}
	}
	if err := layer.Close(); err != nil {
		t.Error(err)
	}
	if _, open := <-accepted; open {
		t.Error("a removed node reached raft")
	}
}
