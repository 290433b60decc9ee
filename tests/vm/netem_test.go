package vm

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/tests/vm/machine"
	"github.com/holdfast-ha/holdfast/tests/vm/order"
)

// heartbeats is a cluster of machines that run corosyncd and nothing else.
type heartbeats struct {
	t     *testing.T
	nodes []*machine.Machine
}

func newHeartbeats(t *testing.T, names ...string) *heartbeats {
	t.Helper()
	needMachines(t)
	port := freePort(t)
	h := &heartbeats{t: t}
	file := "[cluster]\nname = \"beats\"\n\n[totem]\ntoken = 1000\n"
	for i, name := range names {
		file += fmt.Sprintf("\n[[node]]\nname = %q\nid = %d\nlinks = [\"10.77.0.%d\"]\n", name, i+1, i+1)
		h.nodes = append(h.nodes, start(t, beating, machine.Options{Name: name, MemoryMB: 512,
			Links: []machine.Link{{Addr: fmt.Sprintf("10.77.0.%d/24", i+1), Backend: machine.Cable(port)}}}))
	}
	for _, n := range h.nodes {
		in(t, n, order.Order{Write: "/etc/holdfast/gossip.key", Data: []byte(strings.Repeat("5a", 32) + "\n"), Mode: 0o600})
		in(t, n, order.Order{Write: "/etc/holdfast/cluster.toml", Data: []byte(file), Mode: 0o640})
		in(t, n, order.Order{Run: []string{"corosyncd"}, Background: true})
	}
	for until := time.Now().Add(formLimit); !h.together(); time.Sleep(askEvery) {
		if time.Now().After(until) {
			t.Fatalf("not all nodes are in one view within %v", formLimit)
		}
	}
	for _, n := range h.nodes {
		if st := ask[api.CorosyncStatus](t, n, api.PathCorosyncStatus); !st.Realtime || !st.Locked {
			t.Errorf("%s: realtime %t, locked memory %t", n.Name, st.Realtime, st.Locked)
		}
	}
	return h
}

// ask asks the heartbeat daemon of a machine.
func ask[T any](t *testing.T, m *machine.Machine, path string) (v T) {
	t.Helper()
	a := in(t, m, order.Order{Ask: "corosyncd", Path: path})
	if err := json.Unmarshal(a.Output, &v); err != nil {
		t.Fatalf("%s says %s: %v", m.Name, a.Output, err)
	}
	return v
}

// together reports whether every node has the same view with all of them. A daemon that does not answer yet is
// not in it.
func (h *heartbeats) together() bool {
	h.t.Helper()
	var ring api.RingID
	for i, n := range h.nodes {
		a, err := n.Do(order.Order{Ask: "corosyncd", Path: api.PathCorosyncStatus})
		var st api.CorosyncStatus
		if err != nil || json.Unmarshal(a.Output, &st) != nil || len(st.View.Members) != len(h.nodes) || i > 0 && st.View.Ring != ring {
			return false
		}
		ring = st.View.Ring
	}
	return true
}

// rings are the views in which the nodes are. A node's ring rises with every change of its view.
func (h *heartbeats) rings() []api.RingID {
	h.t.Helper()
	var list []api.RingID
	for _, n := range h.nodes {
		list = append(list, ask[api.CorosyncStatus](h.t, n, api.PathCorosyncStatus).View.Ring)
	}
	return list
}

// traffic is what the nodes have seen of each other's heartbeats.
type traffic struct {
	received, missed uint64
	rtt              time.Duration // the longest that is shown now
}

func (h *heartbeats) traffic() (sum traffic) {
	h.t.Helper()
	for _, n := range h.nodes {
		for _, l := range ask[[]api.LinkStatus](h.t, n, api.PathLinks) {
			sum.received += l.Received
			sum.missed += l.Lost
			sum.rtt = max(sum.rtt, time.Duration(l.RTT)*time.Microsecond)
		}
	}
	return sum
}

// disturb has every node's network do the same.
func (h *heartbeats) disturb(n order.Network) {
	h.t.Helper()
	for _, m := range h.nodes {
		in(h.t, m, order.Order{Network: &n})
	}
}

func TestHeartbeat_ABadNetworkCostsNoMember(t *testing.T) {
	span := time.Minute
	if v := os.Getenv("HOLDFAST_VM_LOSS"); v != "" {
		var err error
		if span, err = time.ParseDuration(v); err != nil {
			t.Fatalf("HOLDFAST_VM_LOSS: %v", err)
		}
	}
	h := newHeartbeats(t, "n1", "n2", "n3")
	for _, c := range []struct {
		name    string
		network order.Network
		// least and most are the shares of heartbeats that the receivers miss: netem does what it was told.
		least, most float64
		mayLose     bool
	}{
		{"1 % loss", order.Network{Loss: 1}, 0.001, 0.03, false},
		{"5 % loss", order.Network{Loss: 5}, 0.02, 0.09, false},
		// Each node sends 200 ms after its last heartbeat, which the next one overtakes in a quarter of the cases.
		{"reorder", order.Network{Delay: 300 * time.Millisecond, Overtaking: 25, Duplicate: 1}, 0.05, 0.6, false},
		{"5 % loss and reorder", order.Network{Loss: 5, Delay: 300 * time.Millisecond, Overtaking: 25, Duplicate: 1}, 0.08, 0.6, false},
		{"20 % loss", order.Network{Loss: 20}, 0.15, 0.26, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h.t = t
			rings, before := h.rings(), h.traffic()
			h.disturb(c.network)
			time.Sleep(span)
			after, now := h.traffic(), h.rings()
			h.disturb(order.Network{})
			received, missed := after.received-before.received, after.missed-before.missed
			share := float64(missed) / float64(missed+received)
			var changes uint64
			for i := range rings {
				changes += now[i].Seq - rings[i].Seq
			}
			t.Logf("%v: %d heartbeats received, %.1f %% missed or overtaken, round trip %v, %d changes of views",
				span, received, 100*share, after.rtt.Round(time.Millisecond), changes)
			if share < c.least || share > c.most {
				t.Errorf("%.1f %% of the heartbeats missed: netem does not do what it was told", 100*share)
			}
			if changes > 0 && !c.mayLose {
				t.Errorf("rings %v have become %v", rings, now)
			}
			for until := time.Now().Add(formLimit); !h.together(); time.Sleep(askEvery) {
				if time.Now().After(until) {
					t.Fatal("the nodes do not come together again")
				}
			}
		})
	}
	for _, n := range h.nodes {
		st := ask[api.CorosyncStatus](t, n, api.PathCorosyncStatus)
		t.Logf("%s: worst own lateness %d ms, rejected packets %v", n.Name, st.WorstLateness, st.Rejected)
	}
}
