package links

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/corosyncd/frame"
)

// tapped is the host's network with a tap on what is sent.
type tapped struct {
	Host
	sent chan []byte
}

type tap struct {
	PacketConn
	sent chan []byte
}

func (t tapped) ListenPacket(at netip.AddrPort) (PacketConn, error) {
	c, err := t.Host.ListenPacket(at)
	return tap{c, t.sent}, err
}

func (t tap) Writer() Writer { return tapWriter{t.PacketConn.Writer(), t.sent} }

type tapWriter struct {
	Writer
	sent chan []byte
}

func (t tapWriter) WriteTo(b []byte, to netip.AddrPort) error {
	t.sent <- bytes.Clone(b)
	return t.Writer.WriteTo(b, to)
}

// Whoever can read and send packets on the network, but has no key, gets none of them in: not the same one again,
// not one that he changed, not one for another node or another link.
func TestLinks_DropAndCountForgedAndReplayedPackets(t *testing.T) {
	sent := make(chan []byte, 10)
	a, err := Open(Config{Self: 1, Addrs: []netip.Addr{addr(1)}, Port: testPort, Keys: []frame.Key{key(t, "1")}, Network: tapped{sent: sent}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b := open(t, 2, key(t, "1"))
	beat := &frame.Heartbeat{Incarnation: 7, Table: make([]frame.Entry, 3)}
	for i := range beat.Table {
		beat.Table[i].ID = api.NodeID(i + 1)
	}
	a.SendBeat(2, 0, addr(2), beat)
	genuine := <-sent
	b.Release(receive(t, b))
	for _, other := range []struct {
		to   api.NodeID
		link int
	}{{3, 0}, {2, 1}} { // it has them on this link, and they are not for it
		s := &a.core
		a.send(s, beat.Append(s.buf[:frame.HeaderSize]), frame.KindHeartbeat, other.to, 0, addr(9)) // intercepted
		packet := <-sent
		packet[12] = byte(other.link)
		deliver(t, packet)
	}
	for range 5 {
		deliver(t, genuine)
	}
	a.SendBeat(2, 0, addr(9), beat)
	fresh := <-sent
	for i := range fresh {
		changed := bytes.Clone(fresh)
		changed[i] ^= 0x40
		deliver(t, changed)
		deliver(t, fresh[:i])
	}
	deliver(t, append(bytes.Clone(fresh), 0))
	// What is left of a changed packet tells whom it is not from (4 bytes), or whom it is not for (3), or nothing (3).
	await(t, b, "forged", uint64(len(fresh)-10+1))
	n := b.Counters()
	if n["replayed"] != 5 || n["misdirected"] != 5 || n["malformed"] < frame.Overhead || n["foreign key"] != 4 {
		t.Errorf("%v", n)
	}
	select {
	case r := <-b.Inbox():
		if r.Kind != 0 { // word of a foreign key, which counts for nothing
			t.Errorf("the engine was given %+v", r)
		}
	case <-time.After(50 * time.Millisecond):
	}
	// The sender is still heard.
	a.SendBeat(2, 0, addr(2), beat)
	for r := receive(t, b); r.Kind != frame.KindHeartbeat; r = receive(t, b) {
	}
}

// deliver sends bytes to node 2 from the address of node 1.
func deliver(t *testing.T, raw []byte) {
	t.Helper()
	d := net.Dialer{LocalAddr: net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr(1), 0))}
	c, err := d.DialContext(context.Background(), "udp", netip.AddrPortFrom(addr(2), testPort).String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(raw); err != nil {
		t.Fatal(err)
	}
}

// await waits until at least so many packets were dropped for a reason.
func await(t *testing.T, l *Links, reason string, n uint64) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); l.Counters()[reason] < n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: want %d of %v", reason, n, l.Counters())
		}
	}
}
