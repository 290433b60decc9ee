// Package service is a quorum device server: connections, TLS and time for package arbiter, which decides.
package service

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/qdevice/arbiter"
	"github.com/holdfast-ha/holdfast/qdevice/wire"
)

// PathStatus is where the state is on the unix socket: GET -> Status.
const PathStatus = "/v1/status"

// Status is the state of a server.
type Status struct {
	Addr       string            `json:"addr"`
	TLS        string            `json:"tls"` // Unsupported, Supported or Required
	ClientCert bool              `json:"client_cert"`
	Clients    int               `json:"clients"`
	Clusters   []arbiter.Cluster `json:"clusters"`
}

// Config is what a Service is made from.
type Config struct {
	Listener net.Listener
	// Admin is the unix socket for the state.
	Admin net.Listener
	TLS   wire.TLS
	// Credentials is the TLS configuration, nil with TLSUnsupported.
	Credentials *tls.Config
	ClientCert  bool
	// MaxClients bounds the connections.
	MaxClients int
	Log        *slog.Logger
}

// Bounds.
const (
	// maxQueued is how many messages may wait for a client, corosync-qnetd's number.
	maxQueued        = 32
	writeTimeout     = 10 * time.Second
	handshakeTimeout = 10 * time.Second
)

// Service is a quorum device server. Run must be called.
type Service struct {
	cfg    Config
	events chan event
	asks   chan func()

	// What follows belongs to the loop.
	machine *arbiter.Machine
	conns   map[arbiter.Conn]*conn
	last    arbiter.Conn
	jobs    sync.WaitGroup
}

// event is what a goroutine tells the loop.
type event struct {
	of *conn
	in arbiter.Input
	// opened is a connection that has just been accepted, secured one that is encrypted from now on.
	opened, secured net.Conn
}

// New makes a Service and starts nothing.
func New(cfg Config) *Service {
	return &Service{cfg: cfg, events: make(chan event), asks: make(chan func()), conns: make(map[arbiter.Conn]*conn),
		machine: arbiter.New(arbiter.Config{TLS: cfg.TLS, ClientCert: cfg.ClientCert && cfg.TLS != wire.TLSUnsupported})}
}

// Run serves until ctx ends or a socket breaks.
func (s *Service) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.accept(ctx) })
	group.Go(func() error { s.loop(ctx); return nil })
	group.Go(func() error { return ipc.Serve(ctx, s.cfg.Admin, s.handler(), s.cfg.Log) })
	err := group.Wait()
	s.jobs.Wait()
	return err
}

func (s *Service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+PathStatus, func(w http.ResponseWriter, r *http.Request) {
		st := Status{Addr: s.cfg.Listener.Addr().String(), TLS: s.cfg.TLS.String(), ClientCert: s.cfg.ClientCert}
		done := make(chan struct{})
		select {
		case s.asks <- func() { st.Clients, st.Clusters = s.machine.Clients(), s.machine.Status(); close(done) }:
			<-done
			ipc.Reply(w, st)
		case <-r.Context().Done():
		}
	})
	return mux
}

// accept takes connections until ctx ends.
func (s *Service) accept(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { s.cfg.Listener.Close() })
	defer stop()
	for {
		c, err := s.cfg.Listener.Accept()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept on %s: %w", s.cfg.Listener.Addr(), err)
		case err != nil:
			// Out of descriptors, or the client is gone again: others are served meanwhile.
			s.cfg.Log.Warn("accept a connection", "err", err)
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
				return nil
			}
			continue
		}
		select {
		case s.events <- event{opened: c}:
		case <-ctx.Done():
			c.Close()
			return nil
		}
	}
}

// loop owns the machine.
func (s *Service) loop(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	defer func() {
		for _, c := range s.conns {
			c.close()
		}
	}()
	for {
		wait := time.Hour
		if at := s.machine.Deadline(); !at.IsZero() {
			wait = max(time.Until(at), 0)
		}
		timer.Reset(wait)
		select {
		case e := <-s.events:
			s.take(ctx, e)
		case f := <-s.asks:
			f()
		case <-timer.C:
			s.step(arbiter.Wake{})
		case <-ctx.Done():
			return
		}
	}
}

func (s *Service) take(ctx context.Context, e event) {
	if e.opened != nil {
		s.open(ctx, e.opened)
		return
	}
	if s.conns[e.of.id] != e.of {
		if e.secured != nil {
			e.secured.Close()
		}
		return
	}
	if e.secured != nil {
		e.of.now = e.secured
	}
	s.step(e.in)
	if _, over := e.in.(arbiter.Closed); over {
		s.hangup(e.of.id)
	}
	if s.conns[e.of.id] == e.of {
		e.of.resume <- e.of.secure // there is room for one
		e.of.secure = false
	}
}

func (s *Service) open(ctx context.Context, c net.Conn) {
	if len(s.conns) >= s.cfg.MaxClients {
		s.cfg.Log.Warn("too many clients", "addr", c.RemoteAddr(), "limit", s.cfg.MaxClients)
		c.Close()
		return
	}
	s.last++
	n := newConn(ctx, s, s.last, c)
	s.conns[n.id] = n
	s.jobs.Go(n.read)
	s.jobs.Go(n.write)
	s.step(arbiter.Opened{Conn: n.id, Addr: c.RemoteAddr().String()})
}

// step gives the machine an input and does what it wants. A client that does not read is given up, which is the
// next input.
func (s *Service) step(in arbiter.Input) {
	for in != nil {
		outs := s.machine.Step(time.Now(), in)
		in = nil
		for _, o := range outs {
			switch o := o.(type) {
			case arbiter.Send:
				if c := s.conns[o.Conn]; c != nil && !c.queue(o.Message.Append(nil)) {
					s.cfg.Log.Warn("disconnected a client that does not read", "addr", c.raw.RemoteAddr())
					s.hangup(o.Conn)
					in = arbiter.Closed{Conn: o.Conn}
				}
			case arbiter.Secure:
				if c := s.conns[o.Conn]; c != nil {
					c.secure = true
				}
			case arbiter.Close:
				s.hangup(o.Conn)
			case arbiter.Note:
				level := slog.LevelInfo
				if o.Warn {
					level = slog.LevelWarn
				}
				s.cfg.Log.Log(context.Background(), level, o.Text)
			}
		}
	}
}

func (s *Service) hangup(id arbiter.Conn) {
	if c := s.conns[id]; c != nil {
		delete(s.conns, id)
		c.close()
	}
}
