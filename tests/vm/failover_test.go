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
	vip = "10.77.0.100"
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
	service = `
[properties]
stonith-action = "off"

[[resource]]
id = "vip"
agent = "ocf:holdfast:vip"
params = { ip = "` + vip + `/24", nic = "eth0" }
op.monitor = { interval = "10s", timeout = "60s" }
op.start = { timeout = "60s" }
`
)

// pair are two machines that are the nodes of a cluster, each behind a management card that really switches it.
type pair struct {
	t     *testing.T
	nodes map[string]*node
}

type node struct {
	*machine.Machine
	card    *bmc.IPMI
	daemons map[string]int // the processes by name

	mu sync.Mutex
	// deaths are when the card has taken the power; then the machine was gone.
	deaths []time.Time
	// early tells that the other machine had the service when this one died, or could not be asked.
	early error
}

func newPair(t *testing.T) *pair {
	t.Helper()
	needMachines(t)
	port := freePort(t)
	p := &pair{t: t, nodes: map[string]*node{}}
	for i, name := range []string{"n1", "n2"} {
		p.nodes[name] = &node{daemons: map[string]int{}, Machine: machine.Start(t, machine.Options{Name: name, Kernel: kit.kernel, Initramfs: kit.clustered, MemoryMB: 768,
			Links: []machine.Link{{Addr: fmt.Sprintf("10.77.0.%d/24", i+1), Backend: machine.Cable(port)}, {Addr: "10.0.2.15/24", Backend: machine.Uplink}}})}
	}
	for name, n := range p.nodes {
		n.card = bmc.NewIPMI(t, bmc.NewPowered(func(on bool) { p.switched(name, on) }))
	}
	p.provision()
	for name, n := range p.nodes {
		for _, daemon := range []string{"corosyncd", "fenced", "crmd"} {
			n.daemons[daemon] = in(t, n.Machine, order.Order{Run: []string{daemon}, Background: true, Env: []string{"HOLDFAST_NODE=" + name}}).PID
		}
	}
	return p
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
	serves, err := p.nodes[other(name)].serves()
	if err == nil && serves {
		err = fmt.Errorf("%s served when %s died", other(name), name)
	}
	n.early = err
}

func other(name string) string { return map[string]string{"n1": "n2", "n2": "n1"}[name] }

// serves reports whether the machine has the service's address.
func (n *node) serves() (bool, error) {
	a, err := n.Do(order.Order{Read: "/proc/net/fib_trie"})
	return strings.Contains(string(a.Output), vip), err
}

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

// apply gives the cluster its fence devices and its service.
func (p *pair) apply() {
	p.t.Helper()
	file := members
	for _, name := range []string{"n1", "n2"} {
		file += fmt.Sprintf(powerOf, name, p.nodes[name].card.Addr.Port, name)
	}
	n1 := p.nodes["n1"].Machine
	in(p.t, n1, order.Order{Write: "/root/cluster.toml", Data: []byte(file + service), Mode: 0o600})
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

// serving waits until the cluster is complete and returns the node with the service and the other one.
func (p *pair) serving() (with, without *node) {
	p.t.Helper()
	p.until("both nodes are online", func() (bool, error) {
		text := p.nodes["n1"].status()
		return strings.Contains(text, "Online: [ n1 n2 ]"), fmt.Errorf("n1 says:\n%s", text)
	})
	p.apply()
	p.until("the service and both fence devices run", func() (bool, error) {
		text := p.nodes["n1"].status()
		for name, n := range p.nodes {
			serves, err := n.serves()
			if err != nil {
				return false, err
			}
			if serves {
				with, without = n, p.nodes[other(name)]
			}
		}
		return with != nil && strings.Count(text, "Started") == 3, fmt.Errorf("n1 says:\n%s", text)
	})
	return with, without
}

// Neither of these faults ends the service: without the fence it would run twice.
func TestFailover_ANodeThatHangsIsDeadBeforeItsServiceStartsElsewhere(t *testing.T) {
	for _, fault := range []struct {
		name string
		does func(*node) error
	}{
		{"the whole machine", func(n *node) error { return n.QMP("stop", nil) }},
		{"the heartbeat daemon", func(n *node) error {
			_, err := n.Do(order.Order{Kill: n.daemons["corosyncd"], Signal: int(unix.SIGSTOP)})
			return err
		}},
	} {
		t.Run(fault.name, func(t *testing.T) {
			p := newPair(t)
			victim, survivor := p.serving()
			hung := time.Now()
			if err := fault.does(victim); err != nil {
				t.Fatal(err)
			}
			p.until("the service runs on the other node", survivor.serves)
			served := time.Now()
			victim.mu.Lock()
			defer victim.mu.Unlock()
			if len(victim.deaths) != 1 || victim.Running() {
				t.Fatalf("%s serves, and the power of %s was cut at %v", survivor.Name, victim.Name, victim.deaths)
			}
			end, err := victim.Wait(time.Second)
			if err != nil || end.Reason != "" {
				t.Errorf("%s ended by %q, and not by its power: %v", victim.Name, end.Reason, err)
			}
			if victim.early != nil {
				t.Error(victim.early)
			}
			if orders := survivor.card.Orders(); len(orders) != 0 || !survivor.Running() {
				t.Errorf("the card of %s had orders: %v", survivor.Name, orders)
			}
			t.Logf("%s was dead %.2f s after it hung; %s served %.2f s after that", victim.Name, end.At.Sub(hung).Seconds(), survivor.Name, served.Sub(end.At).Seconds())
		})
	}
}
