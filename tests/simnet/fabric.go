package simnet

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/holdfast-ha/holdfast/corosyncd/links"
)

// Fabric is a network in memory for whole daemons, for use in a testing/synctest bubble. It is a
// corosyncd.Network.
type Fabric struct {
	Latency time.Duration
	mu      sync.Mutex
	socks   map[netip.AddrPort]*socket
	tcp     map[netip.AddrPort]*Listener
	cut     map[[2]netip.Addr]bool
	loss    float64
}

// NewFabric makes a network without faults.
func NewFabric() *Fabric {
	return &Fabric{Latency: 200 * time.Microsecond, socks: make(map[netip.AddrPort]*socket), tcp: make(map[netip.AddrPort]*Listener), cut: make(map[[2]netip.Addr]bool)}
}

// Cut stops everything from a to b, not the other way, or lets it through again.
func (f *Fabric) Cut(a, b netip.Addr, on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cut[[2]netip.Addr{a, b}] = on
}

// Lose drops a part of the packets.
func (f *Fabric) Lose(part float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.loss = part
}

// socket is a UDP socket.
type socket struct {
	f      *Fabric
	at     netip.AddrPort
	inbox  chan datagram
	once   sync.Once
	closed chan struct{}
}

type datagram struct {
	from netip.Addr
	data []byte
}

func (f *Fabric) ListenPacket(at netip.AddrPort) (links.PacketConn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.socks[at] != nil {
		return nil, errors.New("address already in use")
	}
	s := &socket{f: f, at: at, inbox: make(chan datagram, maxInbox), closed: make(chan struct{})}
	f.socks[at] = s
	return s, nil
}

func (s *socket) ReadFrom(b []byte) (int, netip.Addr, error) {
	select {
	case d := <-s.inbox:
		return copy(b, d.data), d.from, nil
	case <-s.closed:
		return 0, netip.Addr{}, net.ErrClosed
	}
}

func (s *socket) Writer() links.Writer { return s }

func (s *socket) Whole(bool) {}

func (s *socket) WriteTo(b []byte, to netip.AddrPort) error {
	f := s.f
	f.mu.Lock()
	lost := f.cut[[2]netip.Addr{s.at.Addr(), to.Addr()}] || f.loss > 0 && rand.Float64() < f.loss
	f.mu.Unlock()
	if lost {
		return nil
	}
	d := datagram{from: s.at.Addr(), data: append([]byte(nil), b...)}
	time.AfterFunc(f.Latency, func() {
		f.mu.Lock()
		r := f.socks[to]
		f.mu.Unlock()
		if r == nil {
			return
		}
		select {
		case r.inbox <- d:
		default:
		}
	})
	return nil
}

func (s *socket) Close() error {
	s.once.Do(func() {
		close(s.closed)
		s.f.mu.Lock()
		delete(s.f.socks, s.at)
		s.f.mu.Unlock()
	})
	return nil
}

// Listener accepts connections in memory.
type Listener struct {
	addr   net.Addr
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
	forget func()
}

// NewListener makes a listener that Dial reaches, for a daemon's API.
func NewListener() *Listener {
	return &Listener{addr: &net.UnixAddr{Name: "memory", Net: "unix"}, conns: make(chan net.Conn), closed: make(chan struct{}), forget: func() {}}
}

func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed); l.forget() })
	return nil
}

func (l *Listener) Addr() net.Addr { return l.addr }

// Dial connects to the listener.
func (l *Listener) Dial() (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return ours, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (f *Fabric) ListenStream(at netip.AddrPort) (net.Listener, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := NewListener()
	l.addr = net.TCPAddrFromAddrPort(at)
	l.forget = func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.tcp, at)
	}
	f.tcp[at] = l
	return l, nil
}

func (f *Fabric) DialStream(from netip.Addr, to netip.AddrPort, timeout time.Duration) (net.Conn, error) {
	f.mu.Lock()
	l := f.tcp[to]
	broken := f.cut[[2]netip.Addr{from, to.Addr()}] || f.cut[[2]netip.Addr{to.Addr(), from}]
	f.mu.Unlock()
	if l == nil || broken {
		time.Sleep(timeout)
		return nil, errors.New("connection timed out")
	}
	ours, theirs := net.Pipe()
	select {
	case l.conns <- &stream{theirs, net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 40000))}:
		return ours, nil
	case <-l.closed:
		return nil, errors.New("connection refused")
	case <-time.After(timeout):
		return nil, errors.New("connection timed out")
	}
}

// stream is a connection whose other end has an address.
type stream struct {
	net.Conn
	remote net.Addr
}

func (s *stream) RemoteAddr() net.Addr { return s.remote }
