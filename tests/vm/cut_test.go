package vm

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"
)

const poison = `
[[stonith]]
id = "poison"
agent = "fence_sbd"
params = { devices = "/dev/vda", pcmk_host_list = "n1 n2" }
op.monitor = { interval = "60s", timeout = "60s" }
`

// fronted are machines with the service's address on a cable of its own.
func fronted(t *testing.T) layout {
	t.Helper()
	l := addressed("eth1", "10.78.0.100")
	l.front = freePort(t)
	return l
}

// poisoned are machines that tell each other over a disk that they are fenced, guarded by sbd.
func poisoned(t *testing.T) layout {
	t.Helper()
	needMachines(t)
	l := fronted(t)
	l.cards, l.resources, l.started = false, poison+l.resources, 2
	l.disks = []string{sbdDisk(t, "n1", "n2").File}
	l.prepare = func(n *node) { watch(t, n.Machine) }
	return l
}

// link connects the nodes' heartbeats, or cuts them.
func (p *pair) link(up bool) {
	p.t.Helper()
	for _, n := range p.nodes {
		if err := n.QMP("set_link", map[string]any{"name": "net0", "up": up}); err != nil {
			p.t.Fatal(err)
		}
	}
}

func TestCut_ExactlyOneNodeOutlivesTheLossOfTheLink(t *testing.T) {
	for _, c := range []struct {
		name string
		made func(*testing.T) layout
	}{
		{"IPMI", fronted},
		{"SBD", poisoned},
	} {
		t.Run(c.name, func(t *testing.T) {
			needMachines(t)
			p := newPair(t, c.made(t))
			p.form()
			cut := time.Now()
			p.link(false)
			var victim, survivor *node
			p.until("one node has ended", func() (bool, error) {
				for name, n := range p.nodes {
					if !n.Running() {
						victim, survivor = n, p.nodes[other(name)]
					}
				}
				return victim != nil, nil
			})
			p.until("the other node has the service", func() (bool, error) {
				if !survivor.Running() {
					t.Fatal("both nodes have ended")
				}
				return p.has(survivor)
			})
			t.Logf("%s has the service %.2f s after the cut", survivor.Name, time.Since(cut).Seconds())
			// What the victim has sent before its end could still come: a message on the disk, or an order to a card.
			if end, err := survivor.Wait(msgwait + watchdogTimeout + lag); err == nil {
				t.Fatalf("%s, which had the service, has ended too: %q", survivor.Name, end.Reason)
			}
			end, err := victim.Wait(time.Second)
			if want := map[string]string{"SBD": "guest-shutdown"}[c.name]; err != nil || end.Reason != want {
				t.Errorf("%s ended by %q, want %q: %v", victim.Name, end.Reason, want, err)
			}
			if has, err := p.has(survivor); !has {
				t.Errorf("%s has lost the service: %v", survivor.Name, err)
			}
		})
	}
}

// settles is for how long after a cut the shots of both nodes are waited for: the later one has been asked for by
// then, or never is.
const settles = 6 * time.Second

// Reservations leave both machines their power: the node that is shut out lives, and what it writes is refused.
func TestCut_ExactlyOneNodeKeepsItsReservation(t *testing.T) {
	rounds, err := strconv.Atoi(os.Getenv("HOLDFAST_VM_CUTS"))
	if err != nil {
		rounds = 2
	}
	s := newSAN(t)
	s.form()
	const file = "/run/records"
	for _, n := range s.nodes {
		n.writes(file)
	}
	kept := map[string]int{}
	for round := range rounds {
		s.until("both nodes are registered", func() (bool, error) { return s.registered(s.nodes["n1"], keyOf1, keyOf2) })
		s.link(false)
		cut := time.Now()
		var survivor *node
		s.until("one node is shut out", func() (bool, error) {
			for name, key := range map[string]string{"n1": keyOf1, "n2": keyOf2} {
				if alone, _ := s.registered(s.nodes["n1"], key); alone {
					survivor = s.nodes[name]
				}
			}
			return survivor != nil, fmt.Errorf("registered: %s", s.nodes["n1"].persist("--read-keys"))
		})
		took := time.Since(cut)
		key := map[string]string{"n1": keyOf1, "n2": keyOf2}[survivor.Name]
		for end := time.Now().Add(settles); time.Now().Before(end); time.Sleep(askEvery) {
			if alone, err := s.registered(survivor, key); !alone {
				t.Fatalf("round %d: %s was shut out too, or the other one is back: %v", round, survivor.Name, err)
			}
		}
		victim := s.nodes[other(survivor.Name)]
		before, going := written(t, victim.Machine, file), written(t, survivor.Machine, file)
		time.Sleep(askEvery)
		if now := written(t, victim.Machine, file); now.Done > before.Done || now.Refused <= before.Refused {
			t.Fatalf("round %d: %s is shut out and writes: %+v, then %+v", round, victim.Name, before, now)
		}
		if now := written(t, survivor.Machine, file); now.Done <= going.Done {
			t.Fatalf("round %d: %s, which is registered, writes nothing: %+v", round, survivor.Name, now)
		}
		kept[survivor.Name]++
		t.Logf("round %d: %s alone is registered %.2f s after the cut", round, survivor.Name, took.Seconds())
		victim.stopDaemons()
		s.link(true)
		victim.startDaemons()
		s.online()
	}
	t.Logf("kept: %v", kept)
}
