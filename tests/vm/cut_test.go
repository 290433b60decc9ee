package vm

import (
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
func fronted(*testing.T) layout {
	l := addressed("eth1", "10.78.0.100")
	l.front = true
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
			for _, n := range p.nodes {
				if err := n.QMP("set_link", map[string]any{"name": "net0", "up": false}); err != nil {
					t.Fatal(err)
				}
			}
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
