// Package holdfast runs clusters of the real daemons in the lab and talks to them.
package holdfast

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/room"
)

// Options say what a cluster is made of. Nodes, Links, State, StateSize and Log are the lab's; the rest of its
// options is set here.
type Options struct {
	lab.Options
	// Totem are lines of the cluster file's section [totem]. Without them the token is 1000 ms.
	Totem string
	// Sections is more of the cluster file. Without a [quorum] there, two nodes get two_node.
	Sections string
	// Bare is how many machines there are besides the members, for what else a test needs. They run nothing.
	Bare int
	// Before is a shell script that a node runs each time before its daemons start.
	Before string
	// Daemons are what runs on the nodes; none is all of them.
	Daemons []string
}

// Cluster is a lab cluster whose nodes are members of one Holdfast cluster.
type Cluster struct {
	*lab.Cluster
	// File is the cluster file.
	File      string
	gossipKey string
	members   int
}

// Nodes are the members.
func (c *Cluster) Nodes() []*lab.Node { return c.Cluster.Nodes()[:c.members] }

// Bare are the machines besides the members.
func (c *Cluster) Bare() []*lab.Node { return c.Cluster.Nodes()[c.members:] }

// Start makes a cluster for a test, which ends with it. Its nodes are provisioned and off.
func Start(t testing.TB, o Options) *Cluster {
	t.Helper()
	if why := room.Missing(); why != "" {
		t.Skipf("no lab on this machine: %s", why)
	}
	if err := o.fill(); err != nil {
		t.Fatal(err)
	}
	c := &Cluster{Cluster: lab.Start(t, o.Options), members: o.Nodes - o.Bare}
	if err := c.provision(o); err != nil {
		t.Fatal(err)
	}
	return c
}

// New makes a cluster that the caller closes. Its nodes are provisioned and off.
func New(o Options) (*Cluster, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	l, err := lab.New(o.Options)
	if err != nil {
		return nil, err
	}
	c := &Cluster{Cluster: l, members: o.Nodes - o.Bare}
	if err := c.provision(o); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// fill sets the software and the command of the nodes.
func (o *Options) fill() error {
	software, err := Software()
	if err != nil {
		return err
	}
	o.Software = software
	if len(o.Daemons) == 0 {
		o.Daemons = []string{"corosyncd", "fenced", "crmd"}
	}
	o.Command = append([]string{"sh", "-c", supervise, "supervise", o.Before}, o.Daemons...)
	o.Nodes += o.Bare
	return nil
}

// supervise runs a script and then keeps daemons running.
const supervise = `mkdir -p /run/holdfast
[ -e /etc/holdfast/cluster.toml ] || exec sleep infinity
eval "$1"; shift
for d in "$@"; do while :; do $d; echo "$d ended with $?"; sleep 0.2; done & done; wait`

// file writes the cluster file.
func (c *Cluster) file(o Options) string {
	var b strings.Builder
	totem := o.Totem
	if totem == "" {
		totem = "token = 1000"
	}
	fmt.Fprintf(&b, "[cluster]\nname = \"lab\"\n\n[totem]\n%s\n", totem)
	if len(c.Nodes()) == 2 && !strings.Contains(o.Sections, "[quorum") {
		b.WriteString("\n[quorum]\ntwo_node = true\n")
	}
	if !strings.Contains(o.Sections, "[fencing]") {
		b.WriteString("\n[fencing]\nrate_limit = 0\n") // long tests fence a node more often than any cluster
	}
	for _, n := range c.Nodes() {
		var links []string
		for link := range max(1, o.Links) {
			links = append(links, fmt.Sprintf("%q", n.Addr(link)))
		}
		fmt.Fprintf(&b, "\n[[node]]\nname = %q\nid = %d\nlinks = [%s]\n", n.Name, n.ID, strings.Join(links, ", "))
	}
	b.WriteString("\n" + o.Sections)
	return b.String()
}

// PowerOnAll switches all nodes on and waits until the cluster has formed.
func (c *Cluster) PowerOnAll(ctx context.Context) error {
	if err := c.Cluster.PowerOnAll(ctx); err != nil {
		return err
	}
	return c.WaitMembers(ctx, c.Nodes(), c.Nodes())
}
