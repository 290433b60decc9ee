package links

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Host is the network of this host.
type Host struct{}

// receiveBuffer is the size that is asked for as a socket's buffer: a second of heartbeats of a large cluster
// while this process is held up.
const receiveBuffer = 1 << 20

// ListenPacket opens a UDP socket. The address need not be there yet: a link whose interface comes up later
// works from then on.
func (Host) ListenPacket(at netip.AddrPort) (PacketConn, error) {
	c, err := listenConfig().ListenPacket(context.Background(), family("udp", at), at.String())
	if err != nil {
		return nil, err
	}
	u := c.(*net.UDPConn)
	if err := u.SetReadBuffer(receiveBuffer); err != nil {
		u.Close()
		return nil, fmt.Errorf("socket buffer of %s: %w", at, err)
	}
	raw, err := u.SyscallConn()
	if err != nil {
		u.Close()
		return nil, fmt.Errorf("socket %s: %w", at, err)
	}
	return &udpConn{UDPConn: u, raw: raw}, nil
}

// ListenStream opens a TCP socket for the gossip library.
func (Host) ListenStream(at netip.AddrPort) (net.Listener, error) {
	return listenConfig().Listen(context.Background(), family("tcp", at), at.String())
}

// DialStream connects from one link address to another.
func (Host) DialStream(from netip.Addr, to netip.AddrPort, timeout time.Duration) (net.Conn, error) {
	d := net.Dialer{Timeout: timeout, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	return d.Dial(family("tcp", to), to.String())
}

func family(proto string, a netip.AddrPort) string {
	if a.Addr().Is4() {
		return proto + "4"
	}
	return proto + "6"
}

func listenConfig() *net.ListenConfig {
	return &net.ListenConfig{KeepAlive: -1, Control: func(network, _ string, c syscall.RawConn) error {
		var err error
		cerr := c.Control(func(fd uintptr) {
			if network == "udp6" || network == "tcp6" {
				err = unix.SetsockoptInt(int(fd), unix.SOL_IPV6, unix.IPV6_FREEBIND, 1)
			} else {
				err = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_FREEBIND, 1)
			}
		})
		if cerr != nil {
			return cerr
		}
		return err
	}}
}

// udpConn is a UDP socket.
type udpConn struct {
	*net.UDPConn
	raw syscall.RawConn
}

func (u *udpConn) ReadFrom(b []byte) (int, netip.Addr, error) {
	n, from, err := u.ReadFromUDPAddrPort(b)
	return n, from.Addr().Unmap(), err
}

func (u *udpConn) Writer() Writer {
	local, _ := netip.ParseAddrPort(u.LocalAddr().String())
	w := &udpWriter{raw: u.raw, v6only: !local.Addr().Unmap().Is4()}
	w.call = func(fd uintptr) { w.err = unix.Sendto(int(fd), w.packet, unix.MSG_DONTWAIT, w.to) }
	return w
}

// udpWriter sends with the raw system call: the standard library would wait for room in the socket's buffer,
// and hold a lock meanwhile.
type udpWriter struct {
	raw    syscall.RawConn
	v6only bool
	call   func(fd uintptr)
	packet []byte
	to     unix.Sockaddr
	v4     unix.SockaddrInet4
	v6     unix.SockaddrInet6
	err    error
}

func (w *udpWriter) WriteTo(b []byte, to netip.AddrPort) error {
	if to.Addr().Is4() {
		w.v4.Addr, w.v4.Port, w.to = to.Addr().As4(), int(to.Port()), &w.v4
	} else {
		w.v6.Addr, w.v6.Port, w.to = to.Addr().As16(), int(to.Port()), &w.v6
	}
	w.packet, w.err = b, nil
	if err := w.raw.Control(w.call); err != nil {
		return err
	}
	return w.err
}

// Whole concerns the socket, and so what others write meanwhile too: a packet of theirs that is too large is lost,
// which is rare and repaired.
func (w *udpWriter) Whole(on bool) {
	level, option, value := unix.SOL_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_WANT
	if on {
		value = unix.IP_PMTUDISC_PROBE
	}
	if w.v6only {
		level, option, value = unix.SOL_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_WANT
		if on {
			value = unix.IPV6_PMTUDISC_PROBE
		}
	}
	// Where it is refused probes are fragmented, and tell the interface's size.
	_ = w.raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), level, option, value) })
}
