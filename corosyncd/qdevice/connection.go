package qdevice

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/holdfast-ha/holdfast/internal/ocfexec"
	"github.com/holdfast-ha/holdfast/qdevice/client"
	"github.com/holdfast-ha/holdfast/qdevice/credentials"
	"github.com/holdfast-ha/holdfast/qdevice/wire"
)

const (
	// sendTimeout bounds a write: messages are small, and a server that does not read them is none.
	sendTimeout = 2 * time.Second
	// maxReply bounds a server's message, as corosync-qdevice does.
	maxReply = 1 << 24
	// handshakeTimeout bounds a TLS handshake besides the machine's own patience.
	handshakeTimeout = 30 * time.Second
)

// link is one connection. Its goroutine reads; the loop writes.
type link struct {
	cancel context.CancelFunc
	conn   net.Conn // nil until it is dialed
	secure bool     // TLS is to begin
	// resume lets the goroutine read on, after the loop has dealt with what it read; true begins TLS first.
	resume chan bool
}

// secured is a connection after its first bytes.
type secured struct{ conn net.Conn }

// step gives the machine an input and does what it wants.
func (d *Device) step(ctx context.Context, in client.Input) {
	for in != nil {
		d.broken = ""
		for _, o := range d.machine.Step(time.Now(), in) {
			d.act(ctx, o)
		}
		in = nil
		if d.broken != "" {
			in = client.Broken{Why: d.broken}
		}
	}
	s := d.machine.Status()
	d.status.set(&s, d.settings)
}

func (d *Device) act(ctx context.Context, o client.Output) {
	switch o := o.(type) {
	case client.Connect:
		d.dial(ctx, o.Timeout)
	case client.Secure:
		d.link.secure = true
	case client.Send:
		d.send(o.Message)
	case client.Hangup:
		d.hangup()
	case client.Vote:
		d.cfg.Vote(ctx, o, true)
	case client.Run:
		d.check(ctx, o)
	case client.Note:
		if o.Warn {
			d.cfg.Log.Warn(o.Text)
		} else {
			d.cfg.Log.Info(o.Text)
		}
	}
}

// take deals with what a goroutine tells, unless it belongs to a connection that is over.
func (d *Device) take(ctx context.Context, e event) {
	if d.machine == nil || e.of != nil && e.of != d.link {
		if e.secured != nil {
			e.secured.conn.Close()
		}
		return
	}
	if e.secured != nil {
		d.link.conn = e.secured.conn
	}
	d.step(ctx, e.in)
	if e.of != nil && e.of == d.link {
		e.of.resume <- e.of.secure // there is room for one
		e.of.secure = false
	}
}

func (d *Device) send(m *wire.Message) {
	if d.link == nil || d.link.conn == nil || d.broken != "" {
		return
	}
	_ = d.link.conn.SetWriteDeadline(time.Now().Add(sendTimeout)) // the write tells when this does not work
	if _, err := d.link.conn.Write(m.Append(nil)); err != nil {
		d.broken = fmt.Sprintf("send %s: %v", m.Type, err)
	}
}

func (d *Device) hangup() {
	if d.checking != nil {
		d.checking()
		d.checking = nil
	}
	if d.link == nil {
		return
	}
	d.link.cancel()
	if d.link.conn != nil {
		d.link.conn.Close()
	}
	d.link = nil
}

// dial starts a connection and the goroutine that reads from it.
func (d *Device) dial(ctx context.Context, limit time.Duration) {
	d.hangup()
	ctx, cancel := context.WithCancel(ctx)
	l := &link{cancel: cancel, resume: make(chan bool, 1)}
	d.link = l
	network := "tcp"
	if d.settings.ForceIP != 0 {
		network += strconv.Itoa(d.settings.ForceIP)
	}
	r := &reader{d: d, of: l, network: network, address: net.JoinHostPort(d.settings.Host, strconv.Itoa(d.settings.Port)),
		serverName: d.settings.ServerName, limit: limit}
	d.jobs.Go(func() { r.run(ctx) })
}

// reader is the goroutine of one connection.
type reader struct {
	d                            *Device
	of                           *link
	network, address, serverName string
	limit                        time.Duration
}

// tell gives the loop something and waits until it has dealt with it. It is false when the connection is over.
func (r *reader) tell(ctx context.Context, in client.Input, conn net.Conn) (secure, ok bool) {
	e := event{of: r.of, in: in}
	if conn != nil {
		e.secured = &secured{conn}
	}
	select {
	case r.d.events <- e:
	case <-ctx.Done():
		if conn != nil {
			conn.Close()
		}
		return false, false
	}
	select {
	case secure = <-r.of.resume:
		return secure, true
	case <-ctx.Done():
		return false, false
	}
}

// run dials and then reads until the connection is over.
func (r *reader) run(ctx context.Context) {
	dialer := net.Dialer{Timeout: r.limit}
	conn, err := dialer.DialContext(ctx, r.network, r.address)
	if err != nil {
		r.tell(ctx, client.Dialed{Err: err.Error()}, nil)
		return
	}
	if _, ok := r.tell(ctx, client.Dialed{}, conn); !ok {
		return
	}
	for {
		m, err := wire.Read(conn, maxReply)
		var in client.Input = client.Received{Message: m}
		switch {
		case errors.Is(err, io.EOF):
			in = client.Broken{Why: "the server has closed the connection"}
		case err != nil:
			in = client.Broken{Why: err.Error()}
		}
		secure, ok := r.tell(ctx, in, nil)
		if !ok || err != nil {
			return
		}
		if secure {
			if conn, ok = r.secure(ctx, conn); !ok {
				return
			}
		}
	}
}

// secure begins TLS.
func (r *reader) secure(ctx context.Context, plain net.Conn) (net.Conn, bool) {
	cfg, err := credentials.ClientConfig(r.d.cfg.Dir, r.serverName, func(text string) { r.d.cfg.Log.Warn(text) })
	if errors.Is(err, credentials.ErrNone) {
		r.d.cfg.Want()
	}
	if err == nil {
		conn := tls.Client(plain, cfg)
		limited, cancel := context.WithTimeout(ctx, handshakeTimeout)
		err = conn.HandshakeContext(limited)
		cancel()
		if err == nil {
			_, ok := r.tell(ctx, client.Secured{}, conn)
			return conn, ok
		}
		err = fmt.Errorf("TLS: %w", err)
	}
	_, _ = r.tell(ctx, client.Secured{Err: err.Error()}, nil)
	return nil, false
}

// check runs the commands, all at once; they pass when all end with 0 in time.
func (d *Device) check(ctx context.Context, o client.Run) {
	if d.checking != nil {
		d.checking()
	}
	ctx, cancel := context.WithCancel(ctx)
	d.checking = cancel
	commands := d.settings.Commands
	d.jobs.Go(func() {
		defer cancel()
		pass := d.pass(ctx, commands, o.Timeout)
		select {
		case d.events <- event{in: client.Ran{ID: o.ID, Pass: pass}}:
		case <-ctx.Done():
		}
	})
}

// termGrace lies between SIGTERM and SIGKILL of a command that takes too long.
const termGrace = 500 * time.Millisecond

func (d *Device) pass(ctx context.Context, commands [][]string, limit time.Duration) bool {
	results := make(chan bool, len(commands))
	for _, words := range commands {
		go func() {
			x, err := d.run.Exec(ctx, ocfexec.Command{
				Path: words[0], Args: words[1:], Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"},
				Timeout: limit, Grace: termGrace, EndGroup: true, Limit: 4096, Label: "heuristics " + words[0]})
			ok := err == nil && x.Code == 0 && !x.TimedOut && !x.Cancelled
			if !ok && !x.Cancelled && ctx.Err() == nil {
				d.cfg.Log.Warn("a command of the quorum device's heuristics fails", "command", words[0], "code", x.Code, "timed_out", x.TimedOut, "err", err)
			}
			results <- ok
		}()
	}
	pass := true
	for range commands {
		pass = <-results && pass
	}
	return pass
}
