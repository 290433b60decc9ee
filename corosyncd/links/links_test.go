package links

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/corosyncd/frame"
)

const testPort = 25405

func key(t testing.TB, digit string) frame.Key {
	t.Helper()
	k, err := frame.ParseKey(strings.Repeat(digit, 64))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func addr(n byte) netip.Addr { return netip.AddrFrom4([4]byte{127, 44, 0, n}) }

// open starts the links of a node on loopback.
func open(t testing.TB, id api.NodeID, k frame.Key) *Links {
	t.Helper()
	return openFor(t, id, k, func(netip.Addr, []byte) bool { return false })
}

func openFor(t testing.TB, id api.NodeID, k frame.Key, gossip func(netip.Addr, []byte) bool) *Links {
	t.Helper()
	l, err := Open(Config{Self: id, Addrs: []netip.Addr{addr(byte(id))}, Port: testPort, Keys: []frame.Key{k}, Network: Host{}, Gossip: gossip})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l
}

func receive(t testing.TB, l *Links) *Received {
	t.Helper()
	select {
	case r := <-l.Inbox():
		return r
	case <-time.After(5 * time.Second):
		t.Fatal("nothing arrived")
		return nil
	}
}

func TestLinks_CarryHeartbeatsRefusalsAndGossip(t *testing.T) {
	rumours := make(chan string, 1)
	a, b := open(t, 1, key(t, "1")), openFor(t, 2, key(t, "1"), func(from netip.Addr, payload []byte) bool {
		rumours <- from.String() + " " + string(payload)
		return true
	})
	beat := frame.Heartbeat{Incarnation: 7, Name: []byte("n1"), Table: []frame.Entry{{ID: 1}, {ID: 2, Flags: frame.Hears}}}
	a.SendBeat(2, 0, addr(2), &beat)
	r := receive(t, b)
	if r.Kind != frame.KindHeartbeat || r.Sender != 1 || r.From != addr(1) || r.Beat.Incarnation != 7 || string(r.Beat.Name) != "n1" || len(r.Beat.Table) != 2 {
		t.Errorf("%+v", r)
	}
	b.Release(r)
	a.SendRefusal(2, 0, addr(2), &frame.Refusal{Name: "n1", Reason: "because"})
	if r := receive(t, b); r.Kind != frame.KindRefusal || r.Refusal.Reason != "because" {
		t.Errorf("%+v", r)
	}
	if err := a.SendGossip(2, 0, addr(2), []byte("rumour")); err != nil {
		t.Fatal(err)
	}
	select {
	case r := <-rumours:
		if r != "127.44.0.1 rumour" {
			t.Errorf("got %q", r)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("no gossip arrived")
	}
}

func TestLinks_DropAndCountWhatIsForeign(t *testing.T) {
	a, b := open(t, 1, key(t, "2")), open(t, 2, key(t, "1"))
	a.SendBeat(2, 0, addr(2), &frame.Heartbeat{Incarnation: 7})
	if r := receive(t, b); r.Kind != 0 || r.Key != key(t, "2").ID || r.From != addr(1) || r.Sender != 1 {
		t.Errorf("%+v", r)
	}
	c, err := net.Dial("udp", netip.AddrPortFrom(addr(2), testPort).String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(strings.Repeat("who are you? ", 10))); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(5 * time.Second); b.Counters()["malformed"] != 1; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%v", b.Counters())
		}
	}
	if n := b.Counters(); n["foreign key"] != 1 {
		t.Errorf("%v", n)
	}
}

func TestOpen_WorksBeforeTheAddressIsThere(t *testing.T) {
	l, err := Open(Config{Self: 1, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}, Port: testPort,
		Keys: []frame.Key{key(t, "1")}, Network: Host{}})
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

func TestSendBeat_DoesNotAllocate(t *testing.T) {
	a := open(t, 1, key(t, "1"))
	beat := &frame.Heartbeat{Incarnation: 7, Table: make([]frame.Entry, 3)}
	if n := testing.AllocsPerRun(500, func() { a.SendBeat(2, 0, addr(2), beat) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkHeartbeat_OverLoopback(b *testing.B) {
	s, r := open(b, 1, key(b, "1")), open(b, 2, key(b, "1"))
	beat := &frame.Heartbeat{Incarnation: 7, Table: []frame.Entry{{ID: 1}, {ID: 2}, {ID: 3}}}
	b.ReportAllocs()
	for b.Loop() {
		s.SendBeat(2, 0, addr(2), beat)
		r.Release(<-r.Inbox())
	}
}
