package corosyncd

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/corosyncd/engine"
	"github.com/holdfast-ha/holdfast/corosyncd/frame"
	"github.com/holdfast-ha/holdfast/corosyncd/links"
	"github.com/holdfast-ha/holdfast/internal/standstill"
)

// core is the goroutine that owns the engine. It never waits for anything but packets, calls and its timer.
type core struct {
	engine *engine.Engine
	links  *links.Links
	calls  chan func()
	events chan event
	// latest is the last view, for whoever was too slow for events; missed counts views that did not fit.
	latest atomic.Pointer[api.View]
	missed atomic.Uint64
	ticks  atomic.Uint64 // rises as long as the core runs
	beat   frame.Heartbeat
	packet engine.Packet
	denied string // why the last input was refused
	asleep time.Duration
	routes *routes
}

// event is something that the hub passes on.
type event struct {
	view  *api.View
	note  engine.Note
	track int
	gone  bool
}

// Bounds of the core's queues.
const (
	maxCalls  = 64
	maxEvents = 1024
)

func newCore(cfg engine.Config, r *routes) *core {
	now := time.Now()
	c := &core{engine: engine.New(cfg, now), calls: make(chan func(), maxCalls), events: make(chan event, maxEvents), asleep: standstill.Asleep(), routes: r}
	c.latest.Store(c.engine.View(now))
	return c
}

// run drives the engine until ctx ends.
func (c *core) run(ctx context.Context, l *links.Links) error {
	c.links = l
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case r := <-l.Inbox():
			c.receive(r)
		case f := <-c.calls:
			f()
		case <-timer.C:
			// What has arrived already counts before anybody is called silent.
			for n := len(l.Inbox()); n > 0; n-- {
				c.receive(<-l.Inbox())
			}
			c.wake()
		case <-ctx.Done():
			return nil
		}
		c.ticks.Add(1)
		timer.Reset(time.Until(c.engine.Deadline()))
	}
}

func (c *core) receive(r *links.Received) {
	switch {
	case r.Kind == frame.KindHeartbeat:
		c.packet = engine.Packet{Sender: r.Sender, Link: r.Link, From: r.From, Size: r.Size, Beat: &r.Beat}
		c.step(&c.packet)
	case r.Kind == frame.KindRefusal:
		c.step(engine.Refusal{From: r.From, Refuse: r.Refusal})
	default:
		c.step(engine.Foreign{From: r.From, Key: r.Key})
	}
	c.links.Release(r)
}

// wake lets the engine see what time it is. Time in which the machine was suspended is not in package time.
func (c *core) wake() {
	asleep := standstill.Asleep()
	if slept := asleep - c.asleep; slept >= leastSleep {
		c.asleep = asleep
		c.step(engine.Slept{By: slept})
	}
	c.step(engine.Wake{})
}

// leastSleep is far above the time between two readings of clocks.
const leastSleep = 50 * time.Millisecond

// step gives the engine an input and does what it wants.
func (c *core) step(in engine.Input) {
	now := time.Now()
	c.act(now, c.engine.Step(now, in))
}

func (c *core) act(now time.Time, outs []engine.Output) {
	for _, o := range outs {
		switch o := o.(type) {
		case engine.Beat:
			c.send(now, o)
		case engine.Probe:
			n := c.engine.Peer(o.Peer)
			c.engine.FillProbe(now, o.Peer, o.Link, &c.beat)
			c.links.SendProbe(n.ID, o.Link, n.Addrs[o.Link], &c.beat, o.Size)
		case engine.View:
			c.latest.Store(o.View)
			if !c.post(event{view: o.View}) {
				c.missed.Add(1)
			}
		case engine.Refuse:
			c.links.SendRefusal(o.To, o.Link, o.Addr, &o.Refuse)
		case engine.Note:
			c.post(event{note: o})
		case engine.Track:
			c.post(event{track: o.Expected})
		case engine.Routes:
			connected := c.engine.Connected()
			c.routes.connected.Store(&connected)
		case engine.Gone:
			c.post(event{gone: true})
		case engine.Denied:
			c.denied = o.Why
		}
	}
}

func (c *core) post(e event) bool {
	select {
	case c.events <- e:
		return true
	default:
		return false
	}
}

// send sends a heartbeat to one peer, or to many.
func (c *core) send(now time.Time, b engine.Beat) {
	if b.Peer >= 0 {
		c.sendTo(now, b.Peer)
		return
	}
	for i := range c.engine.Peers() {
		if i != c.engine.Self() && (b.Peer == engine.All || c.engine.Recent(now, i)) {
			c.sendTo(now, i)
		}
	}
}

func (c *core) sendTo(now time.Time, peer int) {
	n := c.engine.Peer(peer)
	for link, addr := range n.Addrs {
		c.engine.Fill(now, peer, link, &c.beat)
		c.links.SendBeat(n.ID, link, addr, &c.beat)
	}
}

// do runs f on the core's goroutine and waits for it.
func (c *core) do(ctx context.Context, f func()) error {
	done := make(chan struct{})
	select {
	case c.calls <- func() { f(); close(done) }:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// give gives the engine an input from another goroutine and returns why it was refused, "" when it was not.
func (c *core) give(ctx context.Context, in engine.Input) (denied string, err error) {
	err = c.do(ctx, func() {
		c.denied = ""
		c.step(in)
		denied = c.denied
	})
	return denied, err
}
