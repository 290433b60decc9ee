package crmd

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/admission"
	"github.com/holdfast-ha/holdfast/crmd/executor"
	"github.com/holdfast-ha/holdfast/crmd/vitals"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/paths"
	"github.com/holdfast-ha/holdfast/internal/pki"
)

// The harness runs whole crmds in this process, on addresses 127.0.N.1, with a corosyncd and a fenced that the
// test controls and an agent that writes a journal.

// agentScript is an OCF agent: a state file per resource, and a line in the journal for each start and stop.
const agentScript = `#!/bin/sh
state="$TEST_STATE/$OCF_RESOURCE_INSTANCE"
case "$1" in
start) echo "start $OCF_RESOURCE_INSTANCE $TEST_NODE" >>"$TEST_JOURNAL"; : >"$state"; exit 0 ;;
stop) [ -e "$state" ] && echo "stop $OCF_RESOURCE_INSTANCE $TEST_NODE" >>"$TEST_JOURNAL"; rm -f "$state"; exit 0 ;;
monitor) [ -e "$TEST_STATE/slow" ] && sleep 60; [ -e "$state" ] && exit 0; exit 7 ;;
meta-data) echo '<resource-agent name="Journal"><version>1.1</version><parameters/><actions/></resource-agent>'; exit 0 ;;
esac
exit 3
`

type testCluster struct {
	t       *testing.T
	dir     string
	journal string
	nodes   []*testNode
	ring    uint64
	// schedule is the scheduler of its nodes: simplePlan, which needs no fence devices, or the real one.
	schedule func(*cibxml.Element, time.Time) Plan
}

type testNode struct {
	c      *testCluster
	id     api.NodeID
	name   string
	dirs   paths.Dirs
	life   api.Incarnation
	d      *Daemon
	stop   context.CancelFunc
	ended  chan error
	client *ipc.Client

	mu     sync.Mutex
	view   api.View
	news   chan struct{}
	silent bool            // its corosyncd hangs
	fenced []string        // targets that this node's fenced was asked to fence
	refuse bool            // its fenced fails
	health api.FenceHealth // what its fenced says of its devices; not changed while it runs
	shoots func()          // called before its fenced shoots; may be nil
	spares bool            // its fenced takes access away, which leaves the target running
	shots  []api.FenceEvent
	heard  chan api.FenceEvent // what its fenced tells its crmd
	left   bool                // its corosyncd has said goodbye
	fakes  []func()
}

// newCluster makes a cluster of n nodes that is formed, with every node's daemons not running yet. sections are
// more of the cluster file.
func newCluster(t *testing.T, n int, sections ...string) *testCluster {
	t.Helper()
	c := &testCluster{t: t, dir: t.TempDir(), schedule: simplePlan}
	c.journal = filepath.Join(c.dir, "journal")
	file := fmt.Sprintf("[cluster]\nname = \"test\"\ncrmd_port = %d\n[totem]\ntoken = 1000\n", freePort(t))
	for i := range n {
		file += fmt.Sprintf("[[node]]\nname = \"n%d\"\nid = %d\nlinks = [\"127.0.%d.1\"]\n", i+1, i+1, i+1)
	}
	file += strings.Join(sections, "\n")
	var ca *pki.Authority
	for i := range n {
		name := fmt.Sprintf("n%d", i+1)
		root := filepath.Join(c.dir, name)
		node := &testNode{c: c, id: api.NodeID(i + 1), name: name, life: 1, news: make(chan struct{}), heard: make(chan api.FenceEvent, 8),
			dirs: paths.Dirs{Etc: root + "/etc", Var: root + "/var", Run: root + "/run"}}
		node.write("ocf/resource.d/test/Journal", agentScript, 0o755)
		m, err := admission.Create(name, file)
		if err != nil {
			t.Fatal(err)
		}
		if ca == nil {
			if ca, err = pki.ParseAuthority(m.CA, m.CAKey); err != nil {
				t.Fatal(err)
			}
		}
		csr, key, err := pki.Request(name)
		if err != nil {
			t.Fatal(err)
		}
		if m.Cert, err = ca.Sign(name, csr); err != nil {
			t.Fatal(err)
		}
		m.CA, m.CAKey, m.Key = ca.CertPEM, ca.KeyPEM, key
		if err := m.Write(node.dirs); err != nil {
			t.Fatal(err)
		}
		c.nodes = append(c.nodes, node)
	}
	c.nodes[0].write("var/crmd/bootstrap", "n1\n", 0o600)
	t.Cleanup(func() {
		for _, node := range c.nodes {
			node.kill()
		}
	})
	return c
}

func freePort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func (n *testNode) write(name, text string, mode os.FileMode) {
	n.c.t.Helper()
	path := filepath.Join(n.c.dir, n.name, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		n.c.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		n.c.t.Fatal(err)
	}
}

// start runs the node's crmd and the fakes beside it.
func (n *testNode) start() {
	t := n.c.t
	t.Helper()
	state := filepath.Join(n.c.dir, n.name, "state")
	if err := os.MkdirAll(state, 0o755); err != nil {
		t.Fatal(err)
	}
	n.fake("corosyncd", n.corosyncd())
	n.fake("fenced", n.fencer())
	var log *slog.Logger
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("on", n.name)
	}
	n.life++
	n.mu.Lock()
	n.left = false
	n.mu.Unlock()
	d, err := New(Config{Dirs: n.dirs, Log: log, Schedule: n.c.schedule, Vitals: vitals.Config{Period: 100 * time.Millisecond, Proc: filepath.Join(n.c.dir, n.name, "proc"), Kmsg: os.DevNull}, ListenHost: fmt.Sprintf("127.0.%d.1", n.id),
		Executor: executor.Config{OCFRoot: filepath.Join(n.c.dir, n.name, "ocf"), RscTmp: filepath.Join(n.c.dir, n.name, "rsctmp"),
			Env: map[string]string{"TEST_STATE": state, "TEST_JOURNAL": n.c.journal, "TEST_NODE": n.name}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n.d, n.stop, n.ended = d, cancel, make(chan error, 1)
	n.client = ipc.NewClient(n.dirs.Socket("crmd"))
	go func() { n.ended <- d.Run(ctx) }()
}

// kill ends the node's processes. The resources' state files stay, as resources go on running when crmd ends.
func (n *testNode) kill() {
	if n.stop == nil {
		return
	}
	n.stop()
	if err := <-n.ended; err != nil {
		n.c.t.Errorf("%s: %v", n.name, err)
	}
	n.client.Close()
	for _, f := range n.fakes {
		f()
	}
	n.stop, n.fakes = nil, nil
}

// powerOff is kill with everything that the node ran.
func (n *testNode) powerOff() {
	n.kill()
	os.RemoveAll(filepath.Join(n.c.dir, n.name, "state"))
	os.RemoveAll(n.dirs.Run)
}

// hasLeft reports whether the node's corosyncd has said goodbye.
func (n *testNode) hasLeft() bool {
	if n.stop != nil {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.left
}

func (c *testCluster) node(name string) *testNode {
	for _, n := range c.nodes {
		if n.name == name {
			return n
		}
	}
	c.t.Fatalf("no node %s", name)
	return nil
}

// views gives every node that is named the same view of the named nodes.
func (c *testCluster) views(members ...string) {
	c.ring++
	for _, name := range members {
		n := c.node(name)
		n.mu.Lock()
		v := api.View{Ring: api.RingID{Rep: 1, Seq: c.ring}, Local: n.id, Cluster: "test", Token: 1000, TokenInterval: 200,
			Quorum: api.Quorum{Quorate: 2*len(members) > len(c.nodes) || len(c.nodes) == 2, Reason: fmt.Sprintf("%d of %d", len(members), len(c.nodes))}}
		for _, x := range c.nodes {
			addr := []string{fmt.Sprintf("127.0.%d.1", x.id)}
			v.Nodes = append(v.Nodes, api.ConfiguredNode{ID: x.id, Name: x.name, Votes: 1, Addrs: addr})
			switch {
			case slices.Contains(members, x.name):
				v.Members = append(v.Members, api.Member{ID: x.id, Name: x.name, Incarnation: x.life, Votes: 1, Addrs: addr})
			case n.view.Has(x.id) || slices.ContainsFunc(n.view.Departed, func(d api.Departed) bool { return d.ID == x.id }):
				how := map[bool]api.Departure{true: api.DepartureLeft, false: api.DepartureLost}[x.hasLeft()]
				v.Departed = append(v.Departed, api.Departed{ID: x.id, Name: x.name, Incarnation: x.life, How: how, Reason: "silent"})
			}
		}
		n.view = v
		close(n.news)
		n.news = make(chan struct{})
		n.mu.Unlock()
	}
}

// until polls a condition that real sockets and processes bring about.
func (c *testCluster) until(what string, ok func() bool) {
	c.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	c.t.Fatalf("%s: not within 20 s", what)
}

func (n *testNode) status() api.CRMStatus {
	var s api.CRMStatus
	_ = n.client.Call(n.c.t.Context(), "GET", api.PathCRMStatus, nil, &s) // the zero status is what is not there
	return s
}

func (n *testNode) cib(req api.CIBRequest) (api.CIBReply, error) {
	var out api.CIBReply
	err := n.client.Call(n.c.t.Context(), "POST", api.PathCIB, req, &out)
	return out, err
}

// journalText is the journal on one line.
func (c *testCluster) journalText() string {
	raw, _ := os.ReadFile(c.journal)
	return strings.Join(strings.Split(strings.TrimSpace(string(raw)), "\n"), ", ")
}

// up starts nodes, forms the cluster and waits until every node takes part.
func (c *testCluster) up() {
	c.t.Helper()
	var names []string
	for _, n := range c.nodes {
		n.start()
		names = append(names, n.name)
	}
	c.views(names...)
	c.until("the cluster is idle with every node voting", func() bool {
		dc := c.dc()
		for _, n := range c.nodes {
			if n.d.doc() == nil || n.status().DC == "" {
				return false
			}
		}
		return dc != nil && dc.status().State == "S_IDLE" && len(dc.status().Voters) == len(c.nodes)
	})
}

// dc is the node that leads, nil when none does.
func (c *testCluster) dc() *testNode {
	for _, n := range c.nodes {
		if n.stop != nil && n.d.snap.Load() != nil && n.d.snap.Load().leads {
			return n
		}
	}
	return nil
}
