package vm

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/tests/vm/order"
)

const (
	vip = "10.77.0.100"

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

// addressed are machines of which one has the service's address.
func addressed() layout {
	return layout{image: clustered, memoryMB: 768, cards: true, resources: service, started: 3, has: func(n *node) (bool, error) {
		a, err := n.Do(order.Order{Read: "/proc/net/fib_trie"})
		return strings.Contains(string(a.Output), vip), err
	}}
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
			p := newPair(t, addressed())
			p.form()
			victim, survivor := p.serving()
			hung := time.Now()
			if err := fault.does(victim); err != nil {
				t.Fatal(err)
			}
			p.until("the service runs on the other node", func() (bool, error) { return p.has(survivor) })
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
