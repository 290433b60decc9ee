package service

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"github.com/holdfast-ha/holdfast/qdevice/arbiter"
	"github.com/holdfast-ha/holdfast/qdevice/wire"
)

// conn is one client. Two goroutines belong to it; both end when it is closed.
type conn struct {
	s      *Service
	id     arbiter.Conn
	ctx    context.Context // of its goroutines
	cancel context.CancelFunc
	raw    net.Conn
	out    chan packet
	// resume lets the reader go on, after the loop has dealt with what it read; true begins TLS first.
	resume chan bool

	// Of the loop: the connection as it is now, and whether TLS is to begin.
	now    net.Conn
	secure bool
}

// packet is a message on its way to a client.
type packet struct {
	to  net.Conn
	raw []byte
}

func newConn(ctx context.Context, s *Service, id arbiter.Conn, raw net.Conn) *conn {
	c := &conn{s: s, id: id, raw: raw, now: raw, out: make(chan packet, maxQueued), resume: make(chan bool, 1)}
	c.ctx, c.cancel = context.WithCancel(ctx)
	return c
}

func (c *conn) close() {
	c.cancel()
	c.raw.Close()
}

// queue gives the writer a message; it is false when too many wait.
func (c *conn) queue(raw []byte) bool {
	select {
	case c.out <- packet{c.now, raw}:
		return true
	default:
		return false
	}
}

// write sends what is queued until the connection is over.
func (c *conn) write() {
	for {
		select {
		case p := <-c.out:
			_ = p.to.SetWriteDeadline(time.Now().Add(writeTimeout)) // the write tells when this does not work
			if _, err := p.to.Write(p.raw); err != nil {
				c.raw.Close() // the reader notices
				return
			}
		case <-c.ctx.Done():
			return
		}
	}
}

// tell gives the loop something and waits until it has dealt with it. It is false when the connection is over.
func (c *conn) tell(in arbiter.Input, secured net.Conn) (secure, ok bool) {
	select {
	case c.s.events <- event{of: c, in: in, secured: secured}:
	case <-c.ctx.Done():
		return false, false
	}
	select {
	case secure = <-c.resume:
		return secure, true
	case <-c.ctx.Done():
		return false, false
	}
}

// read reads messages until the connection is over.
func (c *conn) read() {
	from := c.raw
	for {
		m, err := wire.Read(from, wire.MaxMessage)
		in := c.input(m, err)
		secure, ok := c.tell(in, nil)
		if _, over := in.(arbiter.Closed); over || !ok {
			return
		}
		if secure {
			if from, ok = c.handshake(); !ok {
				return
			}
		}
	}
}

func (c *conn) input(m *wire.Message, err error) arbiter.Input {
	var bad *wire.DecodeError
	switch {
	case err == nil:
		return arbiter.Received{Conn: c.id, Message: m}
	case errors.Is(err, wire.ErrTooLongMessage):
		return arbiter.Garbled{Conn: c.id, Code: wire.ErrTooLong}
	case errors.As(err, &bad) && bad.Unknown:
		return arbiter.Garbled{Conn: c.id, Code: wire.ErrUnsupportedMessage}
	case errors.As(err, &bad):
		return arbiter.Garbled{Conn: c.id, Code: wire.ErrDecoding, HasSeq: bad.HasSeq, Seq: bad.Seq}
	}
	return arbiter.Closed{Conn: c.id}
}

// handshake begins TLS.
func (c *conn) handshake() (net.Conn, bool) {
	t := tls.Server(c.raw, c.s.cfg.Credentials)
	ctx, cancel := context.WithTimeout(c.ctx, handshakeTimeout)
	defer cancel()
	if err := t.HandshakeContext(ctx); err != nil {
		c.s.cfg.Log.Warn("TLS with a client", "addr", c.raw.RemoteAddr(), "err", err)
		c.tell(arbiter.Closed{Conn: c.id}, nil)
		return nil, false
	}
	name := ""
	if certs := t.ConnectionState().PeerCertificates; len(certs) > 0 {
		name = certs[0].Subject.CommonName
	}
	_, ok := c.tell(arbiter.Secured{Conn: c.id, Name: name}, t)
	return t, ok
}
