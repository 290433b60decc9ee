package lab

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/holdfast-ha/holdfast/tests/lab/fabric"
	"github.com/holdfast-ha/holdfast/tests/lab/journal"
	"github.com/holdfast-ha/holdfast/tests/lab/power"
	"github.com/holdfast-ha/holdfast/tests/lab/room"
)

// Options say what a cluster is made of.
type Options struct {
	Nodes int // n1, n2, ...; 1..199
	Links int // networks between them, 1..8; 0 is 1
	// Command is what process 1 of a node starts, the node's stack; none leaves the node bare.
	Command []string
	Env     []string // more environment of Command and of what Exec runs, NAME=VALUE
	// Software is a tree that lies over the machine's /usr, /etc, /var and so on in each node; make it with
	// Layer. The fence agent and the journal agent are added to it.
	Software *Layer
	// State is a directory on a real disk for the nodes' /var/lib/holdfast; "" is memory.
	State string
	// StateSize bounds each node's /var/lib/holdfast in bytes, to fill it up; 0 is no bound. Not with State.
	StateSize int64
	Log       *slog.Logger // nil discards
}

// Cluster is a set of nodes, their network and their power switch. Its methods are safe for concurrent use.
type Cluster struct {
	Net   *fabric.Fabric
	Power *power.Switch

	index  int
	dir    string
	nodes  []*Node
	log    *slog.Logger
	serve  errgroup.Group
	cancel context.CancelFunc
}

// indexes are the numbers of the clusters that exist in this room.
var indexes struct {
	sync.Mutex
	used [255]bool
}

func takeIndex() (int, error) {
	indexes.Lock()
	defer indexes.Unlock()
	for i, used := range indexes.used {
		if !used {
			indexes.used[i] = true
			return i, nil
		}
	}
	return 0, errors.New("too many clusters in one room")
}

func freeIndex(i int) {
	indexes.Lock()
	defer indexes.Unlock()
	indexes.used[i] = false
}

// New makes a cluster; its nodes are off. The caller closes it.
func New(o Options) (*Cluster, error) {
	if why := room.Missing(); why != "" {
		return nil, fmt.Errorf("make a lab cluster: %s", why)
	}
	if o.Nodes < 1 || o.Nodes > 199 || o.Links < 0 || o.Links > 8 {
		return nil, fmt.Errorf("make a lab cluster: %d nodes on %d links", o.Nodes, o.Links)
	}
	o.Links = max(o.Links, 1)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	index, err := takeIndex()
	if err != nil {
		return nil, err
	}
	c := &Cluster{index: index, dir: filepath.Join(room.Dir, fmt.Sprintf("c%d", index)), log: o.Log}
	if err := c.build(o); err != nil {
		return nil, errors.Join(fmt.Errorf("make a lab cluster: %w", err), c.Close())
	}
	return c, nil
}

func (c *Cluster) build(o Options) error {
	// A cluster of this number may have been here before.
	if err := os.RemoveAll(c.dir); err != nil {
		return err
	}
	for _, dir := range []string{c.shared("faults"), filepath.Join(c.dir, "layer")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := c.installLayer(o.Software); err != nil {
		return err
	}
	var err error
	if c.Net, err = fabric.New(c.index, o.Links); err != nil {
		return err
	}
	machines := map[string]power.Machine{}
	for i := 1; i <= o.Nodes; i++ {
		n, err := c.newNode(i, o)
		if err != nil {
			return err
		}
		c.nodes = append(c.nodes, n)
		machines[n.Name] = n
	}
	for _, n := range c.nodes {
		if err := os.WriteFile(n.Disk("etc/hosts"), []byte(c.hosts()), 0o644); err != nil {
			return err
		}
	}
	c.Power = power.New(machines)
	l, err := net.Listen("unix", c.shared("power.sock"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	c.serve.Go(func() error { return c.Power.Serve(ctx, l) })
	return nil
}

// hosts is the nodes' /etc/hosts.
func (c *Cluster) hosts() string {
	var b strings.Builder
	b.WriteString("127.0.0.1 localhost\n::1 localhost\n")
	for _, n := range c.nodes {
		fmt.Fprintf(&b, "%s %s\n", n.Addr(0), n.Name)
	}
	return b.String()
}

// shared is a path in the directory that nodes see as /run/lab.
func (c *Cluster) shared(name string) string { return filepath.Join(c.dir, "shared", name) }

// Close switches all nodes off and removes everything. It may be called more than once.
func (c *Cluster) Close() error {
	var errs []error
	if c.cancel != nil {
		c.cancel()
		errs = append(errs, c.serve.Wait())
		c.cancel = nil
	}
	errs = append(errs, c.each(func(n *Node) error { return errors.Join(n.PowerOff(), n.remove()) }))
	if c.Net != nil {
		errs = append(errs, c.Net.Close())
		c.Net = nil
		freeIndex(c.index)
	}
	errs = append(errs, os.RemoveAll(c.dir))
	return errors.Join(errs...)
}

// each does something with all nodes at once.
func (c *Cluster) each(do func(n *Node) error) error {
	errs := make([]error, len(c.nodes))
	var all sync.WaitGroup
	for i, n := range c.nodes {
		all.Go(func() { errs[i] = do(n) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// Nodes are all nodes in the order of their numbers.
func (c *Cluster) Nodes() []*Node { return c.nodes }

// Node returns the node with that name; a wrong name is a broken test.
func (c *Cluster) Node(name string) *Node {
	for _, n := range c.nodes {
		if n.Name == name {
			return n
		}
	}
	panic("lab: there is no node " + name)
}

// Names are the names of the nodes.
func (c *Cluster) Names() []string {
	names := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		names[i] = n.Name
	}
	return names
}

// Journal reads what the journal agents have written.
func (c *Cluster) Journal() ([]journal.Entry, error) {
	f, err := os.Open(c.shared("journal"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return journal.Parse(f)
}

// Overlaps are the moments at which a resource of ocf:lab:journal was active in more places than it may. An
// unreadable journal is one too: it proves nothing.
func (c *Cluster) Overlaps() []journal.Overlap {
	entries, err := c.Journal()
	if err != nil {
		return []journal.Overlap{{Intervals: []journal.Interval{{Resource: "unreadable journal: " + err.Error()}}}}
	}
	return journal.Check(entries, c.Outages())
}

// Outages are the ends of all nodes' lives so far.
func (c *Cluster) Outages() []journal.Outage {
	var all []journal.Outage
	for _, n := range c.nodes {
		all = append(all, n.outages()...)
	}
	return all
}

// Fault makes an operation of ocf:lab:journal go wrong: how is "fail RC", "hang" or "delay MS", "" ends it. A
// node of "" is every node.
func (c *Cluster) Fault(resource, op, node, how string) error {
	path := c.shared(filepath.Join("faults", resource+"."+op))
	if node != "" {
		path += "." + node
	}
	if how == "" {
		return os.Remove(path)
	}
	return os.WriteFile(path, []byte(how), 0o644)
}
