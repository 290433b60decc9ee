package engine

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/corosyncd/frame"
	"github.com/holdfast-ha/holdfast/corosyncd/quorum"
)

const ms = time.Millisecond

var start = time.Unix(1_000_000, 0)

func config(self api.NodeID, nodes int) Config {
	c := Config{
		Cluster: "shop", Self: self, Incarnation: api.Incarnation(1000 + self),
		Timing: Timing{Token: 1000 * ms, Interval: 200 * ms, Join: 50 * ms, Consensus: 1200 * ms, StallGrace: 3000 * ms},
		Quorum: quorum.Config{Self: self, Votes: 1, Expected: nodes},
	}
	for i := 1; i <= nodes; i++ {
		c.Nodes = append(c.Nodes, Node{ID: api.NodeID(i), Name: fmt.Sprintf("n%d", i), Votes: 1, Addrs: []netip.Addr{addr(i)}})
	}
	return c
}

func addr(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}) }

// pair is engines that hear each other at once.
type pair struct {
	now  time.Time
	es   []*Engine
	text []string // notes and refusals, by engine
	view []*api.View
	gone []bool
}

func newPair(cfgs ...Config) *pair {
	p := &pair{now: start, view: make([]*api.View, len(cfgs)), gone: make([]bool, len(cfgs))}
	for _, c := range cfgs {
		p.es = append(p.es, New(c, start))
	}
	return p
}

// send gives a heartbeat of one engine to the others, as if it came from that engine's address.
func (p *pair) send(from, to int) {
	e := p.es[from]
	for peer := range e.Peers() {
		if peer == e.Self() || e.Peer(peer).ID != p.es[to].cfg.Self && to != from {
			continue
		}
		var b, got frame.Heartbeat
		e.Fill(p.now, peer, 0, &b)
		if !got.Decode(b.Append(nil)) {
			panic("does not decode")
		}
		p.take(to, p.es[to].Step(p.now, &Packet{Sender: e.cfg.Self, From: e.Peer(e.Self()).Addrs[0], Beat: &got}))
	}
}

func (p *pair) take(i int, outs []Output) {
	for _, o := range append([]Output(nil), outs...) {
		switch o := o.(type) {
		case View:
			p.view[i] = o.View
		case Note:
			p.text = append(p.text, fmt.Sprintf("%d: %s", i+1, o.Text))
		case Refuse:
			p.text = append(p.text, fmt.Sprintf("%d refuses %d: %s", i+1, o.To, o.Refuse.Reason))
			for j := range p.es {
				if j != i {
					p.take(j, p.es[j].Step(p.now, Refusal{From: addr(i + 1), Refuse: o.Refuse}))
				}
			}
		case Denied:
			p.text = append(p.text, fmt.Sprintf("%d denied: %s", i+1, o.Why))
		case Gone:
			p.gone[i] = true
		case Beat:
			for j := range p.es {
				if j != i && len(p.text) < 1000 && !p.gone[j] {
					p.send(i, j)
				}
			}
		}
	}
}

func (p *pair) run(d time.Duration) {
	end := p.now.Add(d)
	for ; p.now.Before(end); p.now = p.now.Add(ms) {
		for i, e := range p.es {
			if !p.gone[i] && !e.Deadline().After(p.now) {
				p.take(i, e.Step(p.now, Wake{}))
			}
		}
	}
}

func (p *pair) said(t *testing.T, want string) {
	t.Helper()
	if !strings.Contains(strings.Join(p.text, "\n"), want) {
		t.Errorf("nobody said %q:\n%s", want, strings.Join(p.text, "\n"))
	}
}

func TestStep_TwoEnginesFormAView(t *testing.T) {
	p := newPair(config(1, 2), config(2, 2))
	p.run(500 * ms)
	for i, v := range p.view {
		if v == nil || len(v.Members) != 2 || !v.Quorum.Quorate || v.Ring != p.view[0].Ring || v.Member(2).Incarnation != 1002 {
			t.Errorf("engine %d: %+v", i+1, v)
		}
	}
	p.run(5 * time.Second)
	if l := p.es[0].Links(); len(l) != 2 || !l[1].Connected || l[1].Received == 0 || l[1].Remote != "10.0.0.2" || !l[0].Connected {
		t.Errorf("%+v", l)
	}
}

// Both sides must say what is wrong, and neither may act with the other.
func TestStep_RefusesStrangersOnBothSides(t *testing.T) {
	cases := []struct {
		name   string
		change func(*Config)
		want   []string
	}{
		{"another cluster", func(c *Config) { c.Cluster = "shpo" }, []string{
			`1: refused n2 at 10.0.0.2: it belongs to cluster "shpo", this is cluster "shop"`,
			`2: n1 of cluster "shop" does not let this node join: it belongs to cluster "shpo"`}},
		{"the name of another id", func(c *Config) { c.Nodes[1].Name = "n3" }, []string{
			`1: refused n3 at 10.0.0.2: it calls itself n3 and uses node id 2, which is the id of n2`,
			`2: n1 of cluster "shop" does not let this node join: it calls itself n3`}},
		{"an address of another", func(c *Config) { c.Nodes[1].Addrs = []netip.Addr{addr(9)} }, []string{
			`1: refused n2 at 10.0.0.9: it is n2 with node id 2 like the node at 10.0.0.2: two nodes have one name`,
			`2: n1 of cluster "shop" does not let this node join`}},
		{"an unknown node", func(c *Config) { c.Self, c.Quorum.Self, c.Nodes[1].ID, c.Nodes[1].Name = 7, 7, 7, "n7" }, []string{
			`1: refused n7 at 10.0.0.2: node n7 with id 7 is not in the cluster file`,
			`2: n1 of cluster "shop" does not let this node join: node n7`}},
		{"the id of another name", func(c *Config) { c.Self, c.Quorum.Self, c.Nodes[1].ID = 7, 7, 7 }, []string{
			`1: refused n2 at 10.0.0.2: it calls itself n2 with node id 7, but the id of n2 is 2`}},
	}
	for _, c := range cases {
		other := config(2, 2)
		c.change(&other)
		p := newPair(config(1, 2), other)
		// The stranger's heartbeats arrive although the file of the first engine does not have it.
		for range 30 {
			p.run(100 * ms)
			p.send(1, 1)
			var b, got frame.Heartbeat
			p.es[1].Fill(p.now, 0, 0, &b)
			got.Decode(b.Append(nil))
			p.take(0, p.es[0].Step(p.now, &Packet{Sender: other.Self, From: other.Nodes[1].Addrs[0], Beat: &got}))
		}
		for _, want := range c.want {
			t.Run(c.name, func(t *testing.T) { p.said(t, want) })
		}
		for i, v := range p.view {
			if len(v.Members) > 1 || v.Quorum.Quorate {
				t.Errorf("%s: engine %d has view %+v", c.name, i+1, v)
			}
		}
		if len(p.es[1].Refused()) == 0 || len(p.es[0].Refused()) == 0 {
			t.Errorf("%s: the status does not show it: %+v, %+v", c.name, p.es[0].Refused(), p.es[1].Refused())
		}
	}
}

func TestHold_ARefusedNodeDoesNotActAloneEitherWithTwoNode(t *testing.T) {
	other := config(2, 2)
	other.Cluster = "shpo"
	other.Quorum.TwoNode = true
	p := newPair(config(1, 2), other)
	p.run(5 * time.Second)
	if v := p.view[1]; v.Quorum.Quorate || !strings.Contains(v.Quorum.Reason, "does not let this node join") {
		t.Errorf("%+v", v.Quorum)
	}
}

func TestReconfigure_TakesANodeInAtRunTime(t *testing.T) {
	p := newPair(config(1, 2), config(2, 2))
	p.run(time.Second)
	p.es = append(p.es, New(config(3, 3), p.now))
	p.view, p.gone = append(p.view, nil), append(p.gone, false)
	p.run(time.Second)
	if len(p.view[0].Members) != 2 {
		t.Fatalf("%+v", p.view[0])
	}
	for i := range 2 {
		p.take(i, p.es[i].Reconfigure(p.now, config(api.NodeID(i+1), 3)))
	}
	p.run(5 * time.Second)
	for i, v := range p.view {
		if len(v.Members) != 3 || v.Quorum.Expected != 3 || len(v.Nodes) != 3 {
			t.Errorf("engine %d: %+v", i+1, v)
		}
	}
}

func TestStep_ALifeThatSeemsOldBecomesYounger(t *testing.T) {
	p := newPair(config(1, 2), config(2, 2))
	p.run(time.Second)
	again := config(2, 2)
	again.Incarnation = 5 // the clock went back
	p.es[1] = New(again, p.now)
	p.run(time.Second)
	if v := p.view[0]; v.Member(2) == nil || v.Member(2).Incarnation != 1003 {
		t.Errorf("%+v", v)
	}
	p.said(t, "2: the clock of this host is behind")
}

func TestSetExpected_SaysWhyNot(t *testing.T) {
	p := newPair(config(1, 2), config(2, 2))
	p.run(time.Second)
	p.take(0, p.es[0].Step(p.now, SetExpected{Votes: 1}))
	p.said(t, "1 denied: expected votes 1: 2 votes are here already")
}

func TestStep_DropsWhatWasRecordedInAnEarlierLife(t *testing.T) {
	p := newPair(config(1, 2), config(2, 2))
	p.run(time.Second)
	var b, old frame.Heartbeat
	p.es[1].Fill(p.now, 0, 0, &b)
	old.Decode(b.Append(nil))
	// n1 is started anew, n2 is dead, and somebody plays its packets again.
	again := config(1, 2)
	again.Incarnation += 50
	p = newPair(again)
	for range 20 {
		p.run(100 * ms)
		p.take(0, p.es[0].Step(p.now, &Packet{Sender: 2, From: addr(2), Beat: &old}))
		old.Seq++
	}
	if v := p.view[0]; v.Has(2) {
		t.Errorf("%+v", v)
	}
}

func TestStep_HeartbeatsDoNotAllocate(t *testing.T) {
	p := newPair(config(1, 2), config(2, 2))
	p.run(3 * time.Second)
	e := p.es[0]
	var b, in frame.Heartbeat
	p.es[1].Fill(p.now, 0, 0, &b)
	in.Decode(b.Append(nil))
	pkt := &Packet{Sender: 2, From: addr(2), Beat: &in}
	round := func() {
		p.now = p.now.Add(100 * ms)
		in.Seq++
		in.Sent += 100_000
		e.Step(p.now, pkt)
		for !e.Deadline().After(p.now) {
			e.Step(p.now, Wake{})
		}
		e.Fill(p.now, 1, 0, &b)
	}
	round()
	if n := testing.AllocsPerRun(1000, round); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whatever a node that has the key says, the engine goes on.
func FuzzStep(f *testing.F) {
	p := newPair(config(1, 3), config(2, 3))
	p.run(time.Second)
	var b frame.Heartbeat
	p.es[1].Fill(p.now, 0, 0, &b)
	f.Add(b.Append(nil), b.Append(nil))
	f.Fuzz(func(t *testing.T, one, two []byte) {
		p := newPair(config(1, 3), config(2, 3))
		p.run(300 * ms)
		for i, raw := range [][]byte{one, two, one} {
			var h frame.Heartbeat
			if !h.Decode(raw) {
				continue
			}
			h.Cluster, h.Name = []byte("shop"), []byte("n3")
			p.take(0, p.es[0].Step(p.now, &Packet{Sender: 3, From: addr(3), Beat: &h}))
			h.ToIncarnation, h.Seq = 1001, uint64(i+1)
			p.take(0, p.es[0].Step(p.now, &Packet{Sender: 3, From: addr(3), Beat: &h}))
			p.run(300 * ms)
		}
		p.run(3 * time.Second)
		if v := p.view[0]; !v.Has(1) {
			t.Errorf("%+v", v)
		}
	})
}

func BenchmarkStep_Heartbeat(b *testing.B) {
	p := newPair(config(1, 2), config(2, 2))
	p.run(3 * time.Second)
	e := p.es[0]
	var out, in frame.Heartbeat
	p.es[1].Fill(p.now, 0, 0, &out)
	in.Decode(out.Append(nil))
	pkt := &Packet{Sender: 2, From: addr(2), Beat: &in}
	b.ReportAllocs()
	for b.Loop() {
		in.Seq++
		e.Step(p.now, pkt)
		e.Fill(p.now, 1, 0, &out)
	}
}

func TestSlept_ASuspendedMachineDoubtsItsViewUntilItIsConfirmed(t *testing.T) {
	p := newPair(config(1, 2), config(2, 2))
	p.run(time.Second)
	if v := p.view[0]; len(v.Members) != 2 || v.Stale {
		t.Fatalf("%+v", v)
	}
	// No time has passed on the clock of the machine.
	outs := append([]Output(nil), p.es[0].Step(p.now, Slept{By: 5 * time.Second})...)
	if v := p.es[0].View(p.now); !v.Stale || p.es[0].mayAct() {
		t.Errorf("after it slept: stale %v, may act %v", v.Stale, p.es[0].mayAct())
	}
	p.take(0, outs)
	p.run(time.Second)
	if v := p.view[0]; v.Stale || len(v.Members) != 2 {
		t.Errorf("it is not sure of its view again: %+v", v)
	}
	p.said(t, "not scheduled for 5000 ms")
}
