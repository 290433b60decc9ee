package vm

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/crmd/admission"
	"github.com/holdfast-ha/holdfast/internal/paths"
	"github.com/holdfast-ha/holdfast/internal/pki"
	"github.com/holdfast-ha/holdfast/tests/bmc"
	"github.com/holdfast-ha/holdfast/tests/vm/machine"
	"github.com/holdfast-ha/holdfast/tests/vm/order"
)

const (
	// formLimit bounds what a cluster of emulated machines on a busy host does in some seconds.
	formLimit = 4 * time.Minute

	askEvery = 200 * time.Millisecond

	members = `[cluster]
name = "machines"

[totem]
token = 3000

[quorum]
two_node = true

[[node]]
name = "n1"
id = 1
links = ["10.77.0.1"]

[[node]]
name = "n2"
id = 2
links = ["10.77.0.2"]
`
	powerOf = `
[[stonith]]
id = "power-%s"
agent = "fence_ipmilan"
params = { ip = "10.0.2.2", ipport = "%d", username = "` + bmc.User + `", password = "` + bmc.Password + `", pcmk_host_list = "%s" }
op.monitor = { interval = "60s", timeout = "60s" }
`
)

// layout is what a pair is made of.
type layout struct {
	image    *image
	memoryMB int
	disks    []string // shared
	port     int      // of the cable between them
	// front is the port of another cable, eth1, 0 for none, so that services or storage are not on the link of the
	// heartbeat.
	front int
	// cards gives each machine a management card, which is its fence device.
	cards bool
	// resources follow the node list and the cards in the cluster file; started is how many of them and of the
	// cards run when all is well.
	resources string
	started   int
	// has reports whether a machine has the service.
	has func(*node) (bool, error)
	// prepare makes a machine ready for the cluster, before its daemons start.
	prepare func(*node)
}

// pair are two machines that are the nodes of a cluster. A management card really switches its machine.
type pair struct {
	t *testing.T
	layout
	nodes map[string]*node
}

type node struct {
	*pair
	*machine.Machine
	card    *bmc.IPMI
	daemons map[string]int // the processes by name

	mu sync.Mutex
	// deaths are when the card has taken the power; then the machine was gone.
	deaths []time.Time
	// early tells that the other machine had the service when this one died, or could not be asked.
	early error
}

func newPair(t *testing.T, l layout) *pair {
	t.Helper()
	needMachines(t)
	if l.port == 0 {
		l.port = freePort(t)
	}
	p := &pair{t: t, layout: l, nodes: map[string]*node{}}
	for i, name := range []string{"n1", "n2"} {
		links := []machine.Link{{Addr: fmt.Sprintf("10.77.0.%d/24", i+1), Backend: machine.Cable(l.port)}}
		if l.front != 0 {
			links = append(links, machine.Link{Addr: fmt.Sprintf("10.78.0.%d/24", i+1), Backend: machine.Cable(l.front)})
		}
		if l.cards {
			links = append(links, machine.Link{Addr: "10.0.2.15/24", Backend: machine.Uplink})
		}
		p.nodes[name] = &node{pair: p, Machine: start(t, l.image, machine.Options{Name: name, MemoryMB: l.memoryMB, Disks: l.disks, Links: links})}
	}
	if l.cards {
		for name, n := range p.nodes {
			n.card = bmc.NewIPMI(t, bmc.NewPowered(func(on bool) { p.switched(name, on) }))
		}
	}
	p.provision()
	for _, n := range p.nodes {
		if l.prepare != nil {
			l.prepare(n)
		}
		n.startDaemons()
	}
	return p
}

// startDaemons starts what makes the machine a node.
func (n *node) startDaemons() {
	n.t.Helper()
	n.daemons = map[string]int{}
	for _, daemon := range []string{"corosyncd", "fenced", "crmd"} {
		n.daemons[daemon] = in(n.t, n.Machine, order.Order{Run: []string{daemon}, Background: true, Env: []string{"HOLDFAST_NODE=" + n.Name}}).PID
	}
}

// stopDaemons kills what is left of them.
func (n *node) stopDaemons() {
	n.t.Helper()
	for _, pid := range n.daemons {
		// One that has ended by itself is not there any more.
		_, _ = n.Do(order.Order{Kill: pid, Signal: int(unix.SIGKILL)})
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}

// switched is what a card does. It looks at the other machine when this one is gone, and only then its card
// confirms: what the other one had not begun by then was begun after the death.
func (p *pair) switched(name string, on bool) {
	n := p.nodes[name]
	n.mu.Lock()
	defer n.mu.Unlock()
	if on {
		n.early = fmt.Errorf("the card of %s was to switch it on, and the cluster's action is off", name)
		return
	}
	n.Kill()
	n.deaths = append(n.deaths, time.Now())
	serves, err := p.has(p.nodes[other(name)])
	if err == nil && serves {
		err = fmt.Errorf("%s served when %s died", other(name), name)
	}
	n.early = err
}

func other(name string) string { return map[string]string{"n1": "n2", "n2": "n1"}[name] }

// provision makes both machines members, as `hcs cluster init` and `hcs cluster join` do.
func (p *pair) provision() {
	p.t.Helper()
	var first *admission.Membership
	var ca *pki.Authority
	for _, name := range []string{"n1", "n2"} {
		m, err := admission.Create(name, members)
		if err == nil && first == nil {
			first = m
			ca, err = pki.ParseAuthority(m.CA, m.CAKey)
		}
		if err != nil {
			p.t.Fatal(err)
		}
		csr, key, err := pki.Request(name)
		if err != nil {
			p.t.Fatal(err)
		}
		if m.Cert, err = ca.Sign(name, csr); err != nil {
			p.t.Fatal(err)
		}
		m.CA, m.CAKey, m.Key, m.GossipKey = ca.CertPEM, ca.KeyPEM, key, first.GossipKey
		etc := filepath.Join(p.t.TempDir(), name)
		if err := m.Write(paths.Dirs{Etc: etc}); err != nil {
			p.t.Fatal(err)
		}
		p.copy(etc, p.nodes[name].Machine, "/etc/holdfast")
	}
	in(p.t, p.nodes["n1"].Machine, order.Order{Write: "/var/lib/holdfast/crmd/bootstrap", Data: []byte("n1\n"), Mode: 0o600})
}

// copy copies a directory into a machine.
func (p *pair) copy(dir string, m *machine.Machine, to string) {
	p.t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		_, err = m.Do(order.Order{Write: filepath.Join(to, rel), Data: data, Mode: uint32(info.Mode().Perm())})
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

// apply gives the cluster its fence devices and its resources.
func (p *pair) apply() {
	p.t.Helper()
	file := members
	if p.cards {
		for _, name := range []string{"n1", "n2"} {
			file += fmt.Sprintf(powerOf, name, p.nodes[name].card.Addr.Port, name)
		}
	}
	n1 := p.nodes["n1"].Machine
	in(p.t, n1, order.Order{Write: "/root/cluster.toml", Data: []byte(file + p.resources), Mode: 0o600})
	p.until("the cluster file is in effect", func() (bool, error) {
		a, err := n1.Do(order.Order{Run: []string{"hcs", "apply", "--yes", "/root/cluster.toml"}})
		return err == nil && a.Code == 0, fmt.Errorf("%s %w", a.Output, err)
	})
}

// until asks the machines again and again, not so often that it is them whom that keeps busy.
func (p *pair) until(what string, holds func() (bool, error)) {
	p.t.Helper()
	for until := time.Now().Add(formLimit); ; time.Sleep(askEvery) {
		ok, err := holds()
		if ok {
			return
		}
		if time.Now().After(until) {
			p.t.Fatalf("not within %v: %s: %v", formLimit, what, err)
		}
	}
}

// status is what a node says of the cluster.
func (n *node) status() string {
	a, err := n.Do(order.Order{Run: []string{"crm_mon", "-1r"}})
	if err != nil {
		return err.Error()
	}
	return string(a.Output)
}

// form waits until the cluster is complete, and then gives it its resources.
func (p *pair) form() {
	p.t.Helper()
	p.online()
	p.apply()
	p.until("all resources and fence devices run", func() (bool, error) {
		text := p.nodes["n1"].status()
		return strings.Count(text, "Started") == p.started, fmt.Errorf("n1 says:\n%s", text)
	})
}

// online waits until both nodes are.
func (p *pair) online() {
	p.t.Helper()
	p.until("both nodes are online", func() (bool, error) {
		text := p.nodes["n1"].status()
		return strings.Contains(text, "Online: [ n1 n2 ]"), fmt.Errorf("n1 says:\n%s", text)
	})
}

// serving tells which node has the service and which has not.
func (p *pair) serving() (with, without *node) {
	p.t.Helper()
	for name, n := range p.nodes {
		has, err := p.has(n)
		if err != nil {
			p.t.Fatal(err)
		}
		if has {
			with, without = n, p.nodes[other(name)]
		}
	}
	if with == nil {
		p.t.Fatalf("no node has the service; n1 says:\n%s", p.nodes["n1"].status())
	}
	return with, without
}
