package probe

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"

	"github.com/holdfast-ha/holdfast/tests/lab/enter"
)

// Pinger sends echo requests to an address and records the replies.
type Pinger struct {
	answers
	to    netip.Addr
	every time.Duration
	conn  net.PacketConn
	id    uint16
}

// NewPinger makes a pinger in the network namespace that a file stands for, "" for that of this process.
func NewPinger(space string, to netip.Addr, every time.Duration) (*Pinger, error) {
	p := &Pinger{to: to, every: every, id: uint16(time.Now().UnixNano())}
	err := enter.InNet(space, func() (err error) {
		p.conn, err = net.ListenPacket("ip4:icmp", "0.0.0.0")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("ping %s: %w", to, err)
	}
	return p, nil
}

// Run pings until the context ends.
func (p *Pinger) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { p.conn.Close() })
	defer stop()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		p.send(ctx)
	}()
	p.receive()
	<-sent
	return nil
}

// send puts the time of sending into each request, so that a reply tells it.
func (p *Pinger) send(ctx context.Context) {
	tick := time.NewTicker(p.every)
	defer tick.Stop()
	to := &net.IPAddr{IP: p.to.AsSlice()}
	for seq := 0; ; seq++ {
		data := binary.BigEndian.AppendUint64(nil, uint64(time.Now().UnixNano()))
		m := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: int(p.id), Seq: seq & 0xffff, Data: data}}
		if raw, err := m.Marshal(nil); err == nil {
			// An error means that nobody has the address: that is what is to be found out.
			p.conn.WriteTo(raw, to)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (p *Pinger) receive() {
	buf := make([]byte, 1500)
	for {
		n, from, err := p.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		now := time.Now()
		m, err := icmp.ParseMessage(1, buf[:n]) // 1 is ICMP for IPv4
		if err != nil || m.Type != ipv4.ICMPTypeEchoReply || from.String() != p.to.String() {
			continue
		}
		if e, ok := m.Body.(*icmp.Echo); ok && e.ID == int(p.id) && len(e.Data) == 8 {
			p.add(Answer{Asked: time.Unix(0, int64(binary.BigEndian.Uint64(e.Data))), At: now})
		}
	}
}
