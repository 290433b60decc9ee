package fabric

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/tests/lab/enter"
)

// relayQueue bounds the frames that wait for one receiver. What does not fit is lost, as in a router.
const relayQueue = 8192

// relay carries the frames of one sender that have to be late: the filters drop them, the relay takes a copy
// where they come in and sends it to the receiver when it is time.
type relay struct {
	in    *packet.Conn
	lanes map[int]*lane // by receiver
	work  sync.WaitGroup
}

// lane is the way to one receiver.
type lane struct {
	out   *packet.Conn
	mac   net.HardwareAddr
	how   Impairment
	queue chan late
	last  time.Time // when the frame before is due
}

type late struct {
	due   time.Time
	frame []byte
}

// tendRelay starts, changes or ends the relay for what a node sends on a link.
func (f *Fabric) tendRelay(at cable) error {
	f.stopRelay(at)
	r := &relay{lanes: map[int]*lane{}}
	for d, how := range f.rules {
		_, there := f.plugged[d.to]
		if d.from == at.node && d.link == at.link && there && (how.Delay > 0 || how.Jitter > 0) {
			r.lanes[d.to] = &lane{mac: f.mac(d.to, d.link), how: how, queue: make(chan late, relayQueue)}
		}
	}
	if len(r.lanes) == 0 {
		return nil
	}
	err := enter.Do(f.plugged[at.node], enter.Net, func() error { return plainFrames(f.NIC(at.link)) })
	if err != nil {
		return fmt.Errorf("delay frames of node %d: %w", at.node, err)
	}
	if err := r.open(f, at); err != nil {
		r.close()
		return err
	}
	f.relays[at] = r
	for _, l := range r.lanes {
		r.work.Go(l.run)
	}
	own := f.mac(at.node, at.link)
	r.work.Go(func() { r.run(own) })
	return nil
}

// open opens the sender's port and the receivers' ports.
func (r *relay) open(f *Fabric, at cable) (err error) {
	if r.in, err = listen(f.port(at.node, at.link)); err != nil {
		return err
	}
	for to, l := range r.lanes {
		if l.out, err = listen(f.port(to, at.link)); err != nil {
			return err
		}
	}
	return nil
}

func (r *relay) close() {
	if r.in != nil {
		r.in.Close()
	}
	for _, l := range r.lanes {
		if l.out != nil {
			l.out.Close()
		}
	}
}

func (f *Fabric) stopRelay(at cable) {
	if r := f.relays[at]; r != nil {
		delete(f.relays, at)
		r.close()
		r.work.Wait()
	}
}

// run reads until the connection is closed.
func (r *relay) run(own net.HardwareAddr) {
	defer func() {
		for _, l := range r.lanes {
			close(l.queue)
		}
	}()
	buf := make([]byte, 1<<16)
	for {
		n, _, err := r.in.ReadFrom(buf)
		if err != nil {
			return
		}
		frame := buf[:n]
		// The socket also sees what goes out to the node.
		if n < 14 || !bytes.Equal(frame[6:12], own) {
			continue
		}
		for _, l := range r.lanes {
			if frame[0]&1 == 1 || bytes.Equal(frame[:6], l.mac) {
				l.put(bytes.Clone(frame))
			}
		}
	}
}

func (l *lane) put(frame []byte) {
	if rand.Float64() < l.how.Loss {
		return
	}
	due := time.Now().Add(l.how.Delay)
	if l.how.Jitter > 0 {
		due = due.Add(rand.N(l.how.Jitter))
	}
	if due.Before(l.last) {
		due = l.last
	}
	l.last = due
	select {
	case l.queue <- late{due, frame}:
	default:
	}
}

// run sends what is due until the queue is closed.
func (l *lane) run() {
	for f := range l.queue {
		time.Sleep(time.Until(f.due))
		// An error is a cable that is out, or the end.
		l.out.WriteTo(f.frame, &packet.Addr{HardwareAddr: f.frame[:6]})
	}
}

// listen opens a port for whole frames, past the filter on its way out.
func listen(port string) (*packet.Conn, error) {
	nic, err := net.InterfaceByName(port)
	if err != nil {
		return nil, err
	}
	conn, err := packet.Listen(nic, packet.Raw, unix.ETH_P_ALL, nil)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", port, err)
	}
	raw, err := conn.SyscallConn()
	if err == nil {
		err = setBypass(raw)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("listen on %s: %w", port, err)
	}
	return conn, nil
}

func setBypass(raw syscall.RawConn) error {
	var inner error
	err := raw.Control(func(fd uintptr) {
		inner = unix.SetsockoptInt(int(fd), unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1)
	})
	if err != nil {
		return err
	}
	return inner
}
