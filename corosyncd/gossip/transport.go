package gossip

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// transport is memberlist's network: packets over the sealed links, streams over TCP between link addresses.
type transport struct {
	g         *Gossip
	packets   chan *memberlist.Packet
	streams   chan net.Conn
	listeners []net.Listener
	slots     chan struct{} // one for each stream that others opened
	once      sync.Once
	closed    chan struct{}
}

const (
	// maxStreams bounds the streams that others have open.
	maxStreams = 32
	// maxStream bounds what is read from one: the state of the largest cluster is far below it.
	maxStream = 4 << 20
)

var _ memberlist.NodeAwareTransport = (*transport)(nil)

func newTransport(g *Gossip) (*transport, error) {
	t := &transport{g: g, packets: make(chan *memberlist.Packet, maxPackets), streams: make(chan net.Conn), slots: make(chan struct{}, maxStreams), closed: make(chan struct{})}
	self, ok := g.node(func(n *Node) bool { return n.Name == g.cfg.Self })
	if !ok {
		return nil, fmt.Errorf("gossip: node %s is not configured", g.cfg.Self)
	}
	for _, a := range self.Addrs {
		l, err := g.cfg.Streams.ListenStream(netip.AddrPortFrom(a, uint16(g.cfg.Port)))
		if err != nil {
			t.Shutdown()
			return nil, fmt.Errorf("gossip: %w", err)
		}
		t.listeners = append(t.listeners, l)
	}
	return t, nil
}

// start runs a goroutine for each listener, until Shutdown.
func (t *transport) start(wg *sync.WaitGroup) {
	for _, l := range t.listeners {
		wg.Go(func() { t.accept(l) })
	}
}

// accept takes streams from configured addresses.
func (t *transport) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			select {
			case <-t.closed:
				return
			case <-time.After(100 * time.Millisecond): // out of descriptors, or the like
				continue
			}
		}
		if !t.known(c.RemoteAddr()) {
			c.Close()
			continue
		}
		select {
		case t.slots <- struct{}{}:
		default:
			c.Close()
			continue
		}
		b := &bounded{Conn: c, left: maxStream, release: func() { <-t.slots }}
		select {
		case t.streams <- b:
		case <-t.closed:
			b.Close()
			return
		}
	}
}

func (t *transport) known(a net.Addr) bool {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return false
	}
	_, ok := t.g.node(func(n *Node) bool { return slices.Contains(n.Addrs, ap.Addr().Unmap()) })
	return ok
}

// bounded is a stream that ends when too much has been read from it, and gives its slot back once.
type bounded struct {
	net.Conn
	left    int
	once    sync.Once
	release func()
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

func (b *bounded) Close() error {
	b.once.Do(b.release)
	return b.Conn.Close()
}

func (t *transport) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	self, _ := t.g.node(func(n *Node) bool { return n.Name == t.g.cfg.Self })
	if len(self.Addrs) == 0 {
		return nil, 0, fmt.Errorf("gossip: node %s has no address", t.g.cfg.Self)
	}
	return self.Addrs[0].AsSlice(), t.g.cfg.Port, nil
}

// errUnnamed is for memberlist's old interface without node names, which it does not use with ours.
var errUnnamed = errors.New("gossip: a node name is needed")

func (t *transport) WriteTo([]byte, string) (time.Time, error) { return time.Time{}, errUnnamed }

func (t *transport) DialTimeout(string, time.Duration) (net.Conn, error) { return nil, errUnnamed }

// WriteToAddress sends a packet on the links that are in use. Duplicates do no harm.
func (t *transport) WriteToAddress(b []byte, a memberlist.Address) (time.Time, error) {
	n, ok := t.g.node(func(n *Node) bool { return n.Name == a.Name })
	if !ok {
		return time.Time{}, fmt.Errorf("gossip to %s: %w", a.Name, errStranger)
	}
	var err error
	sent := false
	for _, link := range t.links(&n) {
		if e := t.g.cfg.Sender.SendGossip(n.ID, link, n.Addrs[link], b); e != nil {
			err = e
		} else {
			sent = true
		}
	}
	if sent {
		err = nil
	}
	return time.Now(), err
}

// links are the links for a packet to a node.
func (t *transport) links(n *Node) []int {
	if t.g.cfg.Links != nil {
		use := t.g.cfg.Links(n.ID)
		use = slices.DeleteFunc(slices.Clone(use), func(link int) bool { return link >= len(n.Addrs) })
		if len(use) > 0 {
			return use
		}
	}
	all := make([]int, len(n.Addrs))
	for i := range all {
		all[i] = i
	}
	return all
}

// inOrder are all links of a node, those in use first.
func (t *transport) inOrder(n *Node) []int {
	first := t.links(n)
	for link := range n.Addrs {
		if !slices.Contains(first, link) {
			first = append(first, link)
		}
	}
	return first
}

// DialAddressTimeout connects over the first link that works.
func (t *transport) DialAddressTimeout(a memberlist.Address, timeout time.Duration) (net.Conn, error) {
	n, ok := t.g.node(func(n *Node) bool { return n.Name == a.Name })
	self, _ := t.g.node(func(n *Node) bool { return n.Name == t.g.cfg.Self })
	if !ok || len(self.Addrs) != len(n.Addrs) {
		return nil, fmt.Errorf("gossip with %s: %w", a.Name, errStranger)
	}
	var errs []error
	for _, link := range t.inOrder(&n) {
		c, err := t.g.cfg.Streams.DialStream(self.Addrs[link], netip.AddrPortFrom(n.Addrs[link], uint16(t.g.cfg.Port)), timeout/time.Duration(len(n.Addrs)))
		if err == nil {
			return c, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func (t *transport) PacketCh() <-chan *memberlist.Packet { return t.packets }

func (t *transport) StreamCh() <-chan net.Conn { return t.streams }

// Shutdown closes the sockets. memberlist calls it when it ends.
func (t *transport) Shutdown() error {
	t.once.Do(func() {
		close(t.closed)
		for _, l := range t.listeners {
			l.Close()
		}
	})
	return nil
}
