package store

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/store/content"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("STORE_TEST_CRASH_DIR"); dir != "" {
		crashNode(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// appendPatch is the patch function of these tests: the patch is the name of an element that is appended.
func appendPatch(doc *cibxml.Element, patch string) (*cibxml.Element, error) {
	n, err := strconv.Atoi(doc.Get("num_updates"))
	if err != nil {
		return nil, err
	}
	return doc.WithChild(nil, cibxml.New("entry", "id", patch)).WithAttr("num_updates", strconv.Itoa(n+1)), nil
}

func emptyDoc() *cibxml.Element {
	return cibxml.New("cib", "admin_epoch", "0", "epoch", "0", "num_updates", "0")
}

// add is the change that appends id to doc.
func add(doc *cibxml.Element, id string) content.Change {
	n, _ := strconv.Atoi(doc.Get("num_updates"))
	return content.Patch{Base: fmt.Sprintf("0.0.%d", n), Version: fmt.Sprintf("0.0.%d", n+1), Diff: id}
}

// ids are the elements that were appended.
func ids(doc *cibxml.Element) (out []string) {
	for e := range doc.Tags("entry") {
		out = append(out, e.ID())
	}
	return out
}

// cluster is a number of stores in one process.
type cluster struct {
	t     testing.TB
	net   *fabric
	root  string
	cfg   func(*Config) // adjusts a node's configuration
	nodes map[string]*node
}

// node is a store that runs. It is restarted on the same directory by cluster.start.
type node struct {
	*Store
	name   string
	cancel context.CancelFunc
	done   chan error

	mu      sync.Mutex
	applied []Applied
}

// inBubble runs a test in virtual time with a directory on the real disk.
func inBubble(t *testing.T, test func(t *testing.T, c *cluster)) {
	t.Helper()
	root := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, root)
		defer c.stopAll()
		test(t, c)
	})
}

func newCluster(t testing.TB, root string) *cluster {
	return &cluster{t: t, net: newFabric(), root: root, nodes: make(map[string]*node)}
}

func (c *cluster) start(name string) *node {
	c.t.Helper()
	n := &node{name: name, done: make(chan error, 1)}
	cfg := Config{
		Dir: filepath.Join(c.root, name), Node: name, Cluster: "shop", Network: c.net.join(name), Patch: appendPatch,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)).With("node", name),
		OnApply: func(a Applied) {
			n.mu.Lock()
			n.applied = append(n.applied, a)
			n.mu.Unlock()
		},
	}
	if os.Getenv("STORE_TEST_LOG") != "" {
		cfg.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug - 4})).With("node", name)
	}
	if c.cfg != nil {
		c.cfg(&cfg)
	}
	s, err := Open(cfg)
	if err != nil {
		c.t.Fatal(err)
	}
	n.Store = s
	ctx, cancel := context.WithCancel(context.Background())
	n.cancel = cancel
	go func() { n.done <- s.Run(ctx) }()
	c.nodes[name] = n
	return n
}

func (c *cluster) stop(name string) {
	c.t.Helper()
	n := c.nodes[name]
	delete(c.nodes, name)
	n.cancel()
	if err := <-n.done; err != nil {
		c.t.Errorf("%s: %v", name, err)
	}
}

// powerCut stops a node without anybody noticing.
func (c *cluster) powerCut(name string) {
	c.t.Helper()
	c.net.isolate(name, true)
	c.stop(name)
}

func (c *cluster) stopAll() {
	for _, name := range c.names() {
		c.stop(name)
	}
}

func (c *cluster) names() (names []string) {
	for name := range c.nodes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// form makes a cluster of voters n1..n<count> whose document is empty. n1 leads.
func (c *cluster) form(count int) {
	c.t.Helper()
	n1 := c.start("n1")
	c.must(n1.Bootstrap(c.t.Context(), "n1"))
	c.must(n1.Propose(c.t.Context(), content.Replace{Base: content.NoDocument, Doc: emptyDoc()}))
	for i := 2; i <= count; i++ {
		name := "n" + strconv.Itoa(i)
		c.start(name)
		c.must(n1.AddLearner(c.t.Context(), name))
		c.must(n1.Promote(c.t.Context(), name))
		c.eventually(name+" votes", func() bool { return c.nodes[name].Status().Role == Follower })
	}
}

func (c *cluster) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// leader waits until exactly one of the nodes is ready to lead and all of them follow it.
func (c *cluster) leader(among ...string) *node {
	c.t.Helper()
	if len(among) == 0 {
		among = c.names()
	}
	deadline := time.Now().Add(30 * time.Second)
	for {
		var leader *node
		agreed := true
		for _, name := range among {
			if c.nodes[name].Status().Ready {
				leader = c.nodes[name]
			}
		}
		for _, name := range among {
			agreed = agreed && leader != nil && c.nodes[name].Leader() == leader.name
		}
		if agreed {
			return leader
		}
		if time.Now().After(deadline) {
			for _, name := range among {
				c.t.Logf("%s: %+v", name, c.nodes[name].Status())
			}
			c.t.Fatalf("no leader among %v", among)
		}
		time.Sleep(time.Millisecond)
	}
}

// add appends an element through the leader and waits for its commit.
func (c *cluster) add(leader *node, id string) {
	c.t.Helper()
	if err := leader.Propose(c.t.Context(), add(leader.Document(), id)); err != nil {
		c.t.Fatalf("add %.20s on %s: %v", id, leader.name, err)
	}
}

// same waits until all running nodes have the same content, and returns its elements.
func (c *cluster) same() []string {
	c.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		names, same := c.names(), true
		first := c.nodes[names[0]].Content()
		for _, name := range names[1:] {
			same = same && c.nodes[name].Content().Equal(first)
		}
		if same {
			return ids(first.Doc)
		}
		if time.Now().After(deadline) {
			for _, name := range names {
				c.t.Logf("%s: epoch %d, %v", name, c.nodes[name].Epoch(), ids(c.nodes[name].Document()))
			}
			c.t.Fatal("the nodes differ")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// eventually polls a condition.
func (c *cluster) eventually(what string, ok func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			c.t.Fatalf("not within 30 s: %s", what)
		}
	}
}

func want(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
