// Package qdevice is this node's connection to its quorum device server, and the programs that it runs as
// heuristics. What both mean is decided in package client.
package qdevice

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/internal/ocfexec"
	"github.com/holdfast-ha/holdfast/qdevice/client"
)

// Settings are what the cluster file says.
type Settings struct {
	Client     client.Config
	Host       string
	Port       int
	ForceIP    int    // 0, 4 or 6
	ServerName string // in the server's certificate
	Commands   [][]string
}

// Config is what a Device is made from.
type Config struct {
	// Dir has this cluster's certificate.
	Dir string
	// Vote tells the quorum what the server said. alive is false when there is no device any more. It returns when
	// the quorum has taken it in.
	Vote func(ctx context.Context, v client.Vote, alive bool)
	// Want asks the other members for certificates.
	Want func()
	Log  *slog.Logger
}

// Device is a node's part in the quorum device. Run must be called.
type Device struct {
	cfg   Config
	views chan *api.View // the newest one
	asks  chan func(context.Context)
	run   *ocfexec.Runner

	// What follows belongs to the goroutine of Run.
	settings *Settings // nil: there is no device
	machine  *client.Machine
	view     *api.View
	link     *link
	events   chan event
	broken   string // why the present connection does not work, found while sending
	checking context.CancelFunc
	jobs     sync.WaitGroup
	status   mirror
}

// mirror is the state as others may read it.
type mirror struct {
	mu sync.Mutex
	s  *client.Status
	of *Settings
}

// event is what a goroutine of the device tells its loop.
type event struct {
	of *link // nil: not about a connection
	in client.Input
	// secured is the connection from now on, when TLS has begun.
	secured *secured
}

// New makes a Device that is not configured.
func New(cfg Config) (*Device, error) {
	run, err := ocfexec.New(ocfexec.Options{Log: cfg.Log})
	if err != nil {
		return nil, err
	}
	return &Device{cfg: cfg, views: make(chan *api.View, 1), asks: make(chan func(context.Context)), events: make(chan event), run: run}, nil
}

// View tells the newest view. It does not wait. Only one goroutine may call it.
func (d *Device) View(v *api.View) {
	select {
	case <-d.views: // it is outdated
	default:
	}
	d.views <- v
}

// Run tends the device until ctx ends. Only Use makes it do anything.
func (d *Device) Run(ctx context.Context) error {
	inner, cancel := context.WithCancel(ctx)
	d.jobs.Go(func() { _ = d.run.Run(inner) }) // ends with inner and never fails otherwise
	defer d.jobs.Wait()
	defer cancel()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		d.arm(timer)
		select {
		case v := <-d.views:
			d.view = v
			if d.machine != nil {
				d.step(inner, view(v))
			}
		case e := <-d.events:
			d.take(inner, e)
		case f := <-d.asks:
			f(inner)
		case <-timer.C:
			if d.machine != nil {
				d.step(inner, client.Wake{})
			}
		case <-ctx.Done():
			d.hangup()
			return nil
		}
	}
}

func (d *Device) arm(timer *time.Timer) {
	wait := time.Hour
	if d.machine != nil {
		if at := d.machine.Deadline(); !at.IsZero() {
			wait = max(time.Until(at), 0)
		}
	}
	timer.Reset(wait)
}

func view(v *api.View) client.View {
	in := client.View{Ring: v.Ring, Quorate: v.Quorum.Quorate && !v.Quorum.Undecided}
	for _, m := range v.Members {
		in.Members = append(in.Members, m.ID)
	}
	return in
}

// ask runs f on the loop's goroutine and waits for it.
func (d *Device) ask(ctx context.Context, f func(ctx context.Context)) error {
	done := make(chan struct{})
	select {
	case d.asks <- func(ctx context.Context) { f(ctx); close(done) }:
		<-done
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Use configures the device; nil is none.
func (d *Device) Use(ctx context.Context, s *Settings) error {
	return d.ask(ctx, func(ctx context.Context) {
		switch {
		case s == nil && d.machine == nil:
		case s == nil:
			d.hangup()
			d.machine, d.settings = nil, nil
			d.status.set(nil, nil)
			d.cfg.Vote(ctx, client.Vote{}, false)
		case d.machine == nil:
			d.settings, d.machine = s, client.New(s.Client)
			d.cfg.Vote(ctx, client.Vote{}, true)
			if d.view != nil {
				d.step(ctx, view(d.view))
			}
		default:
			d.settings = s
			d.step(ctx, client.Reload{Config: s.Client})
		}
	})
}

// Reconnect makes a new connection, with what certificates there are now.
func (d *Device) Reconnect(ctx context.Context) error {
	return d.ask(ctx, func(ctx context.Context) {
		if d.machine != nil {
			d.step(ctx, client.Reconnect{})
		}
	})
}

// Status is the present state; ok is false when there is no device.
func (d *Device) Status() (s client.Status, of Settings, ok bool) {
	d.status.mu.Lock()
	defer d.status.mu.Unlock()
	if d.status.s == nil {
		return s, of, false
	}
	return *d.status.s, *d.status.of, true
}

func (m *mirror) set(s *client.Status, of *Settings) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.s, m.of = s, of
}
