// Package links carries packets between the nodes: one UDP socket for each link, everything sealed.
package links

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/corosyncd/frame"
)

// Network is where packets come from and go to: the host's, or a simulated one.
type Network interface {
	ListenPacket(at netip.AddrPort) (PacketConn, error)
}

// PacketConn is a socket of one link.
type PacketConn interface {
	// ReadFrom waits for a packet. It is called by one goroutine and does not allocate.
	ReadFrom(b []byte) (n int, from netip.Addr, err error)
	// Writer makes a way to send. Each is used by one goroutine at a time.
	Writer() Writer
	Close() error
}

// Writer sends without ever waiting: a packet that does not fit into the socket's buffer is lost, and that is
// an error.
type Writer interface {
	WriteTo(b []byte, to netip.AddrPort) error
	// Whole forbids to fragment what is written from now on, or allows it again.
	Whole(on bool)
}

// Config is what links are made from.
type Config struct {
	Self  api.NodeID
	Addrs []netip.Addr // this node's, by link
	Port  int
	// Keys can all be read; the first is used to seal.
	Keys    []frame.Key
	Network Network
	// Gossip takes a packet of the gossip library. It must not wait, and reports whether it took it; the
	// payload is its to keep.
	Gossip func(from netip.Addr, payload []byte) bool
}

// Links are the open sockets. Run must be called to receive.
type Links struct {
	cfg    Config
	keys   atomic.Pointer[[]frame.Key]
	conns  []PacketConn
	inbox  chan *Received
	free   chan *Received
	made   atomic.Int32
	core   sender
	others sender
	// mu guards others, the sender of everything but heartbeats.
	mu       sync.Mutex
	rejected [frame.Verdicts]atomic.Uint64
	overflow atomic.Uint64
	unsent   atomic.Uint64
}

// Received is a packet for the engine. It goes back with Release.
type Received struct {
	// Kind is KindHeartbeat, KindRefusal, or 0 for a packet that was sealed with the foreign key Key.
	Kind    frame.Kind
	Key     frame.KeyID
	Sender  api.NodeID
	Link    int
	From    netip.Addr
	Size    int // of the UDP payload
	Beat    frame.Heartbeat
	Refusal frame.Refusal
	buf     []byte
}

// maxReceived bounds the packets that wait for the engine: two rounds of heartbeats in the largest cluster.
// What comes beyond that is dropped and counted.
const maxReceived = 1024

// sender seals and sends for one goroutine.
type sender struct {
	sealer  *frame.Sealer
	keys    *[]frame.Key // those that the sealer was made from
	writers []Writer
	buf     []byte
}

// Open binds the sockets.
func Open(cfg Config) (*Links, error) {
	l := &Links{cfg: cfg, inbox: make(chan *Received, maxReceived), free: make(chan *Received, maxReceived)}
	for i, a := range cfg.Addrs {
		c, err := cfg.Network.ListenPacket(netip.AddrPortFrom(a, uint16(cfg.Port)))
		if err != nil {
			l.Close()
			return nil, fmt.Errorf("link %d: %w", i, err)
		}
		l.conns = append(l.conns, c)
	}
	l.SetKeys(cfg.Keys)
	for _, s := range []*sender{&l.core, &l.others} {
		s.buf = make([]byte, 0, frame.MaxPacket)
		for _, c := range l.conns {
			s.writers = append(s.writers, c.Writer())
		}
	}
	return l, nil
}

// SetKeys changes the keys: all are opened, the first one seals. It may be called at any time.
func (l *Links) SetKeys(keys []frame.Key) { l.keys.Store(&keys) }

// rekey makes a sealer for the present keys. It happens once for each change of them.
func (s *sender) rekey(self api.NodeID, keys *[]frame.Key) {
	var salt [8]byte
	_, _ = rand.Read(salt[:]) // never fails
	s.sealer, s.keys = frame.NewSealer((*keys)[0], self, binary.LittleEndian.Uint64(salt[:])), keys
}

// Close closes the sockets, which ends Run.
func (l *Links) Close() {
	for _, c := range l.conns {
		c.Close()
	}
}

// Run receives until ctx ends. It joins the readers, one for each link.
func (l *Links) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, l.Close)
	defer stop()
	errs := make(chan error, len(l.conns))
	for i, c := range l.conns {
		go func() { errs <- l.read(i, c) }()
	}
	var first error
	for range l.conns {
		if err := <-errs; err != nil && ctx.Err() == nil && first == nil {
			first = err
			l.Close()
		}
	}
	return first
}

// Inbox is where the engine's packets arrive.
func (l *Links) Inbox() <-chan *Received { return l.inbox }

// Release gives a packet back.
func (l *Links) Release(r *Received) {
	select {
	case l.free <- r:
	default:
	}
}

// read serves one socket.
func (l *Links) read(link int, c PacketConn) error {
	keys := l.keys.Load()
	opener := frame.NewOpener(*keys, l.cfg.Self, link)
	buf := make([]byte, frame.MaxPacket)
	var second time.Time // in which the opener and the log of foreign keys have their budget
	reported := false
	for {
		n, from, err := c.ReadFrom(buf)
		if err != nil {
			return fmt.Errorf("receive on link %d: %w", link, err)
		}
		if now := time.Now(); now.Sub(second) >= time.Second {
			second, reported = now, false
			opener.Refill()
		}
		if k := l.keys.Load(); k != keys {
			keys = k
			opener.SetKeys(*k)
		}
		var h frame.Header
		payload, v := opener.Open(buf[:n], &h)
		if v != frame.Accepted {
			l.rejected[v].Add(1)
			if v == frame.ForeignKey && !reported {
				reported = true
				l.deliver(&h, link, from, n, nil)
			}
			continue
		}
		if h.Kind == frame.KindGossip {
			if !l.cfg.Gossip(from, append([]byte(nil), payload...)) {
				l.overflow.Add(1)
			}
			continue
		}
		l.deliver(&h, link, from, n, payload)
	}
}

// deliver hands a packet to the engine, without waiting; a nil payload is that of a foreign key.
func (l *Links) deliver(h *frame.Header, link int, from netip.Addr, size int, payload []byte) {
	r := l.take()
	if r == nil {
		l.overflow.Add(1)
		return
	}
	r.Kind, r.Key, r.Sender, r.Link, r.From, r.Size = 0, h.Key, h.From, link, from, size
	if payload != nil {
		r.buf = append(r.buf[:0], payload...)
		ok := false
		switch h.Kind {
		case frame.KindHeartbeat:
			ok = r.Beat.Decode(r.buf)
		case frame.KindRefusal:
			ok = r.Refusal.Decode(r.buf)
		}
		if !ok {
			l.rejected[frame.Malformed].Add(1)
			l.Release(r)
			return
		}
		r.Kind = h.Kind
	}
	select {
	case l.inbox <- r:
	default:
		l.overflow.Add(1)
		l.Release(r)
	}
}

// take finds a free packet, or makes one while there are few.
func (l *Links) take() *Received {
	select {
	case r := <-l.free:
		return r
	default:
	}
	if l.made.Add(1) > maxReceived {
		l.made.Add(-1)
		return nil
	}
	return &Received{}
}

// SendBeat sends a heartbeat. It is for the engine's goroutine alone; it does not wait, lock or allocate.
func (l *Links) SendBeat(to api.NodeID, link int, addr netip.Addr, b *frame.Heartbeat) {
	s := &l.core
	l.send(s, b.Append(s.buf[:frame.HeaderSize]), frame.KindHeartbeat, to, link, addr)
}

// SendProbe sends a heartbeat that is padded to size bytes of UDP payload and not fragmented on its way. It is for the
// engine's goroutine alone.
func (l *Links) SendProbe(to api.NodeID, link int, addr netip.Addr, b *frame.Heartbeat, size int) {
	s := &l.core
	packet := b.Append(s.buf[:frame.HeaderSize])
	if size -= frame.TagSize; size > len(packet) {
		length := len(packet)
		packet = packet[:size] // what follows a heartbeat is not looked at
		clear(packet[length:])
	}
	s.writers[link].Whole(true)
	_ = l.send(s, packet, frame.KindHeartbeat, to, link, addr) // that it does not fit is an answer too
	s.writers[link].Whole(false)
}

// SendRefusal sends a refusal. It is for the engine's goroutine alone.
func (l *Links) SendRefusal(to api.NodeID, link int, addr netip.Addr, r *frame.Refusal) {
	s := &l.core
	l.send(s, r.Append(s.buf[:frame.HeaderSize]), frame.KindRefusal, to, link, addr)
}

// SendGossip sends a packet of the gossip library. It may be called by several goroutines.
func (l *Links) SendGossip(to api.NodeID, link int, addr netip.Addr, payload []byte) error {
	if len(payload) > frame.MaxPacket-frame.Overhead {
		return fmt.Errorf("gossip to %s: packet of %d bytes is too long", addr, len(payload))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &l.others
	return l.send(s, append(s.buf[:frame.HeaderSize], payload...), frame.KindGossip, to, link, addr)
}

func (l *Links) send(s *sender, packet []byte, kind frame.Kind, to api.NodeID, link int, addr netip.Addr) error {
	if k := l.keys.Load(); k != s.keys {
		s.rekey(l.cfg.Self, k)
	}
	if err := s.writers[link].WriteTo(s.sealer.Seal(packet, kind, to, link), netip.AddrPortFrom(addr, uint16(l.cfg.Port))); err != nil {
		l.unsent.Add(1)
		return err
	}
	return nil
}

// Counters are the packets that were dropped, by reason. Reasons that never occurred are left out.
func (l *Links) Counters() map[string]uint64 {
	m := make(map[string]uint64)
	for v := range l.rejected {
		if n := l.rejected[v].Load(); n > 0 {
			m[frame.Verdict(v).String()] = n
		}
	}
	if n := l.overflow.Load(); n > 0 {
		m["too many at once"] = n
	}
	if n := l.unsent.Load(); n > 0 {
		m["could not be sent"] = n
	}
	return m
}
