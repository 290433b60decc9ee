// Package fencetest runs several fenced daemons in a test's process, each with a corosyncd that says what the test wants.
package fencetest

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
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/paths"
	"github.com/holdfast-ha/holdfast/internal/pki"
)

// Daemon is a fenced. The package does not make one itself, so that fenced's own tests can use it.
type Daemon interface {
	PeerAddr() string
	Run(ctx context.Context) error
}

// Options say what a cluster is made of.
type Options struct {
	// Sections is more of the cluster file.
	Sections string
	// Agents are fence agents by name, with their scripts.
	Agents map[string]string
	// Make makes the fenced of a node, whose agents lie in Dir, whose peers Resolve finds, and whose log is Log.
	Make func(n *Node) (Daemon, error)
}

// Cluster is some nodes.
type Cluster struct {
	T       *testing.T
	Dir     string // of agents, power switches and the list of calls
	Names   []string
	Nodes   map[string]*Node
	Quorate bool // of the next view

	options Options
	ca      *pki.Authority
	ring    uint64
	mu      sync.Mutex
	addrs   map[string]string
}

// Node is one of them.
type Node struct {
	*Cluster
	Name   string
	Dirs   paths.Dirs
	Client *ipc.Client
	// Stop ends its fenced, Deaf its corosyncd.
	Stop, Deaf func()
	Life       uint64 // incarnation of its corosyncd

	mu    sync.Mutex
	view  api.View
	newer chan struct{}
}

// New makes the nodes and starts their daemons; all of them are members. Everything ends with the test.
func New(t *testing.T, o Options, names ...string) *Cluster {
	t.Helper()
	ca, err := pki.NewAuthority("test")
	if err != nil {
		t.Fatal(err)
	}
	c := &Cluster{T: t, Dir: t.TempDir(), Names: names, Nodes: make(map[string]*Node), Quorate: true, options: o, ca: ca, addrs: make(map[string]string)}
	for name, script := range o.Agents {
		if err := os.WriteFile(filepath.Join(c.Dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range names {
		c.Nodes[name] = c.newNode(i, name)
	}
	for _, name := range names {
		c.Nodes[name].Hear()
		c.Nodes[name].Start()
	}
	c.SetView(names...)
	return c
}

func (c *Cluster) newNode(i int, name string) *Node {
	c.T.Helper()
	dir, err := os.MkdirTemp("", "fenced") // short: sockets are in it
	if err != nil {
		c.T.Fatal(err)
	}
	c.T.Cleanup(func() { os.RemoveAll(dir) })
	n := &Node{Cluster: c, Name: name, Dirs: paths.Dirs{Etc: dir + "/etc", Var: dir + "/var", Run: dir + "/run"}, newer: make(chan struct{}), Life: uint64(i + 1)}
	csr, key, err := pki.Request(name)
	if err != nil {
		c.T.Fatal(err)
	}
	cert, err := c.ca.Sign(name, csr)
	if err == nil {
		err = pki.Write(n.Dirs.PKI(), c.ca.CertPEM, nil, cert, key)
	}
	var text strings.Builder
	text.WriteString("[cluster]\nname = \"test\"\n")
	for j, other := range c.Names {
		fmt.Fprintf(&text, "[[node]]\nname = %q\nid = %d\nlinks = [\"127.0.0.%d\"]\n", other, j+1, j+1)
	}
	text.WriteString(c.options.Sections)
	if err == nil {
		err = os.WriteFile(n.Dirs.ClusterFile(), []byte(text.String()), 0o644)
	}
	if err != nil {
		c.T.Fatal(err)
	}
	n.Client = ipc.NewClient(n.Dirs.Socket("fenced"))
	c.T.Cleanup(n.Client.Close)
	return n
}

// Log is where the node's fenced writes.
func (n *Node) Log() *slog.Logger {
	return slog.New(slog.NewTextHandler(n.T.Output(), nil)).With("on", n.Name)
}

// Resolve finds the address of another node's fenced.
func (n *Node) Resolve(peer string) []string {
	n.Cluster.mu.Lock()
	defer n.Cluster.mu.Unlock()
	return []string{n.addrs[peer]}
}

// Start runs the node's fenced until the test ends or Stop is called.
func (n *Node) Start() {
	n.T.Helper()
	d, err := n.options.Make(n)
	if err != nil {
		n.T.Fatal(err)
	}
	n.Cluster.mu.Lock()
	n.addrs[n.Name] = d.PeerAddr()
	n.Cluster.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	n.Stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			n.T.Errorf("fenced on %s: %v", n.Name, err)
		}
	})
	n.T.Cleanup(n.Stop)
}

// Hear runs the node's corosyncd until the test ends or Deaf is called.
func (n *Node) Hear() {
	n.T.Helper()
	l, err := ipc.Listen(n.Dirs.Socket("corosyncd"), 0o600)
	if err != nil {
		n.T.Fatal(err)
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
	n.Deaf = sync.OnceFunc(func() { cancel(); <-done })
	n.T.Cleanup(n.Deaf)
}

// SetView makes these nodes the members, as they see it; the others keep what they saw.
func (c *Cluster) SetView(members ...string) {
	c.T.Helper()
	c.ring++
	for _, name := range members {
		v := api.View{Ring: api.RingID{Rep: 1, Seq: c.ring}, Quorum: api.Quorum{Quorate: c.Quorate}, Cluster: "test", Token: 1000}
		for i, other := range c.Names {
			id, life := api.NodeID(i+1), api.Incarnation(c.Nodes[other].Life)
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
		n := c.Nodes[name]
		n.mu.Lock()
		n.view = v
		close(n.newer)
		n.newer = make(chan struct{})
		n.mu.Unlock()
	}
	for _, name := range members {
		n := c.Nodes[name]
		c.Eventually(name+" has its peers", func() bool {
			s := api.FenceStatus{}
			return n.Call(http.MethodGet, api.PathFenceStatus, nil, &s) == nil && len(s.Peers) == len(members)-1
		})
	}
}

// patience bounds what real sockets and processes bring about.
const patience = 60 * time.Second

// Eventually waits until something holds.
func (c *Cluster) Eventually(what string, ok func() bool) {
	c.T.Helper()
	for limit := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			c.T.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// Call asks the node's fenced.
func (n *Node) Call(method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return n.Client.Call(ctx, method, path, in, out)
}
