// Package fencer runs scenarios of fencing against real fenced daemons, asked by stonith_admin.
package fencer

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/fenced"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/paths"
	"github.com/holdfast-ha/holdfast/internal/pki"
)

// cluster is some nodes' fenced in this process, each with a corosyncd that says what the scenario wants.
type cluster struct {
	t        *testing.T
	ca       *pki.Authority
	dir      string // of agents, power switches and the list of calls
	sections string // of the cluster file
	names    []string
	nodes    map[string]*node
	ring     uint64
	quorate  bool
	mu       sync.Mutex
	addrs    map[string]string
}

type node struct {
	*cluster
	name   string
	dirs   paths.Dirs
	client *ipc.Client
	stop   func()
	mu     sync.Mutex
	view   api.View
	newer  chan struct{}
	life   uint64
}

func newCluster(t *testing.T, sections string, names ...string) *cluster {
	t.Helper()
	ca, err := pki.NewAuthority("test")
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{t: t, ca: ca, dir: t.TempDir(), sections: sections, names: names, nodes: map[string]*node{}, addrs: map[string]string{}, quorate: true}
	for _, a := range agents {
		if err := os.WriteFile(filepath.Join(c.dir, a), []byte(agentScript), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range names {
		n := c.newNode(i, name)
		c.nodes[name] = n
		n.serveViews()
		n.start()
	}
	c.setView(names...)
	return c
}

func (c *cluster) newNode(i int, name string) *node {
	c.t.Helper()
	dir, err := os.MkdirTemp("", "fencer")
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { os.RemoveAll(dir) })
	n := &node{cluster: c, name: name, dirs: paths.Dirs{Etc: dir + "/etc", Var: dir + "/var", Run: dir + "/run"}, newer: make(chan struct{}), life: uint64(i + 1)}
	csr, key, err := pki.Request(name)
	if err != nil {
		c.t.Fatal(err)
	}
	cert, err := c.ca.Sign(name, csr)
	if err == nil {
		err = pki.Write(n.dirs.PKI(), c.ca.CertPEM, nil, cert, key)
	}
	var text strings.Builder
	text.WriteString("[cluster]\nname = \"test\"\n")
	for j, other := range c.names {
		fmt.Fprintf(&text, "[[node]]\nname = %q\nid = %d\nlinks = [\"127.0.0.%d\"]\n", other, j+1, j+1)
	}
	text.WriteString("[fencing]\nprobe = \"0\"\n" + c.sections)
	if err == nil {
		err = os.WriteFile(n.dirs.ClusterFile(), []byte(text.String()), 0o644)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	n.client = ipc.NewClient(n.dirs.Socket("fenced"))
	c.t.Cleanup(n.client.Close)
	return n
}

// start runs the node's fenced until the test ends or n.stop is called.
func (n *node) start() {
	n.t.Helper()
	d, err := fenced.New(fenced.Config{
		Dirs: n.dirs, Log: slog.New(slog.NewTextHandler(n.t.Output(), nil)).With("on", n.name), AgentDirs: []string{n.dir}, Listen: "127.0.0.1:0",
		Resolve: func(peer string) []string {
			n.cluster.mu.Lock()
			defer n.cluster.mu.Unlock()
			return []string{n.addrs[peer]}
		},
	})
	if err != nil {
		n.t.Fatal(err)
	}
	n.cluster.mu.Lock()
	n.addrs[n.name] = d.PeerAddr()
	n.cluster.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	n.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			n.t.Errorf("fenced on %s: %v", n.name, err)
		}
	})
	n.t.Cleanup(n.stop)
}

// serveViews is the node's corosyncd, until the test ends.
func (n *node) serveViews() {
	n.t.Helper()
	l, err := ipc.Listen(n.dirs.Socket("corosyncd"), 0o600)
	if err != nil {
		n.t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+api.PathViews, func(w http.ResponseWriter, r *http.Request) {
		s := ipc.NewStream(w)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		var sent <-chan struct{}
		for {
			n.mu.Lock()
			v, newer := n.view, n.newer
			n.mu.Unlock()
			if s.Alive() != nil {
				return
			}
			if len(v.Members) > 0 && newer != sent {
				if s.Send(v) != nil {
					return
				}
				sent = newer
			}
			select {
			case <-newer:
			case <-tick.C:
			case <-r.Context().Done():
				return
			}
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- ipc.Serve(ctx, l, mux, slog.New(slog.DiscardHandler)) }()
	n.t.Cleanup(func() { cancel(); <-done })
}

// setView makes these nodes the members, as they see it; the others keep what they saw.
func (c *cluster) setView(members ...string) {
	c.t.Helper()
	c.ring++
	for _, name := range members {
		v := api.View{Ring: api.RingID{Rep: 1, Seq: c.ring}, Quorum: api.Quorum{Quorate: c.quorate}, Cluster: "test", Token: 1000}
		for i, other := range c.names {
			id, life := api.NodeID(i+1), api.Incarnation(c.nodes[other].life)
			v.Nodes = append(v.Nodes, api.ConfiguredNode{ID: id, Name: other})
			if other == name {
				v.Local = id
			}
			if slices.Contains(members, other) {
				v.Members = append(v.Members, api.Member{ID: id, Name: other, Incarnation: life})
			} else {
				v.Departed = append(v.Departed, api.Departed{ID: id, Name: other, Incarnation: life, How: api.DepartureLost})
			}
		}
		n := c.nodes[name]
		n.mu.Lock()
		n.view = v
		close(n.newer)
		n.newer = make(chan struct{})
		n.mu.Unlock()
	}
	for _, name := range members {
		n := c.nodes[name]
		c.eventually(name+" has its peers", func() bool {
			s := api.FenceStatus{}
			return n.call(http.MethodGet, api.PathFenceStatus, nil, &s) == nil && len(s.Peers) == len(members)-1
		})
	}
}

func (c *cluster) eventually(what string, ok func() bool) {
	c.t.Helper()
	for limit := time.Now().Add(60 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			c.t.Fatalf("not within 60 s: %s", what)
		}
	}
}

func (n *node) call(method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return n.client.Call(ctx, method, path, in, out)
}
