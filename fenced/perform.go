package fenced

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/fenced/plan"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
)

// maxLearning bounds the questions for metadata at a time: agents are scripts that take a core each.
const maxLearning = 2

// performPlan carries out an output of the plan. It never blocks: what takes time is a task that reports back.
func (d *Daemon) performPlan(now time.Time, o plan.Output) {
	switch o := o.(type) {
	case plan.Query:
		for _, p := range o.Peers {
			if p == d.node {
				d.queryHere(o)
			} else {
				d.queryPeer(p, o)
			}
		}
	case plan.Execute:
		if o.Peer == d.node {
			d.executeHere(o)
		} else {
			d.executeThere(o)
		}
	case plan.Abandon:
		if stop := d.state.steps[o.Step]; stop != nil {
			delete(d.state.steps, o.Step)
			stop()
		}
	case plan.Forward:
		d.forward(o)
	case plan.Reply:
		for _, c := range d.state.replies[o.ID] {
			c <- o.Result
		}
		delete(d.state.replies, o.ID)
	case plan.Announce:
		d.announce(o)
	case plan.Note:
		if o.Warn {
			d.log.Warn(o.Text, "node", o.Target, "op", o.Op)
		} else {
			d.log.Info(o.Text, "node", o.Target, "op", o.Op)
		}
	}
}

// performDevice carries out an output of the devices.
func (d *Daemon) performDevice(o device.Output) {
	switch o := o.(type) {
	case device.Learn:
		d.spawn(func(ctx context.Context) { d.learn(ctx, o) })
	case device.Call:
		d.call(o)
	case device.Kill:
		if cancel := d.state.running[o.Call]; cancel != nil {
			cancel()
		}
	case device.Offers:
		if answer := d.state.offers[o.Query]; answer != nil {
			if o.Done {
				delete(d.state.offers, o.Query)
			}
			answer(o)
		}
	case device.Finished:
		if answer := d.state.finished[o.ID]; answer != nil {
			delete(d.state.finished, o.ID)
			delete(d.state.orders, o.ID)
			answer(o.Result)
		}
	case device.Note:
		if o.Warn {
			d.log.Warn(o.Text, "device", o.Device)
		} else {
			d.log.Info(o.Text, "device", o.Device)
		}
	}
}

// id makes a name for an order, a check or a query to this node's devices.
func (d *Daemon) id(kind string) string {
	d.state.serial++
	return fmt.Sprintf("%s-%d", kind, d.state.serial)
}

func (d *Daemon) queryHere(q plan.Query) {
	id := d.id("query")
	d.state.offers[id] = func(o device.Offers) {
		d.later(plan.Offered{Op: q.Op, Peer: d.node, Offers: o.Offers, Problems: o.Problems, Done: o.Done})
	}
	d.later(device.Query{ID: id, Target: q.Target, Action: q.Action, Self: q.Self})
}

func (d *Daemon) executeHere(x plan.Execute) {
	id := d.id("order")
	d.state.finished[id] = func(r device.Result) {
		delete(d.state.steps, x.Step)
		d.later(plan.Executed{Step: x.Step, Result: outcome(r)})
	}
	d.state.steps[x.Step] = func() {
		delete(d.state.finished, id)
		d.later(device.Cancel{ID: id})
	}
	d.later(device.Order{ID: id, Order: x.Order})
}

// outcome is a device's result as it crosses a boundary.
func outcome(r device.Result) api.FenceResult {
	return api.FenceResult{Status: int(r.Status), RC: r.RC, Reason: r.Reason}
}

// learn asks for an agent's metadata, a few at a time.
func (d *Daemon) learn(ctx context.Context, l device.Learn) {
	select {
	case d.learning <- struct{}{}:
		defer func() { <-d.learning }()
	case <-ctx.Done():
		return
	}
	in := device.Learned{Agent: l.Agent, Driver: l.Driver}
	drv, err := d.drivers.For(l.Driver, l.Agent)
	if err == nil {
		in.Caps, err = drv.Learn(ctx, l.Agent)
	}
	if err != nil {
		in.Err = err.Error()
	}
	_ = d.post(func(now time.Time) { d.give(now, in) })
}

// call runs an agent.
func (d *Daemon) call(c device.Call) {
	ctx, cancel := context.WithCancel(d.ctx)
	d.state.running[c.ID] = cancel
	d.log.Info("running a fence agent", "device", c.Device, "agent", c.Agent, "action", c.Action, "node", c.Target)
	d.tasks.Go(func() {
		begin := time.Now()
		r := d.drive(ctx, c)
		cancel()
		d.log.Info("fence agent ended", "device", c.Device, "action", c.Action, "node", c.Target, "rc", r.RC,
			"status", r.Status.String(), "reason", r.Reason, "took", time.Since(begin).Round(time.Millisecond))
		_ = d.post(func(now time.Time) {
			delete(d.state.running, c.ID)
			d.give(now, device.Returned{Call: c.ID, Result: r})
		})
	})
}

func (d *Daemon) drive(ctx context.Context, c device.Call) device.Result {
	drv, err := d.drivers.For(c.Driver, c.Agent)
	if err != nil {
		return device.Result{Status: lrm.NotInstalled, RC: int(lrm.RCNotInstalled), Reason: err.Error()}
	}
	return drv.Run(ctx, c)
}

// maxListened bounds what a client that listens to events may leave unread.
const maxListened = 256

// announce tells listeners here and peers of an event, and has the history written.
func (d *Daemon) announce(a plan.Announce) {
	for c := range d.state.listeners {
		select {
		case c <- a.Event:
		default: // it is too slow: its stream ends, and it asks for the history when it comes back
			delete(d.state.listeners, c)
			close(c)
		}
	}
	if a.Tell {
		for _, p := range d.state.peers {
			p.send(letter{event: a.Event})
		}
	}
	select {
	case d.dirty <- struct{}{}:
	default:
	}
}

// levelKey tells the targets of topology levels apart.
func levelKey(l *api.FenceLevel) string {
	return strings.Join([]string{l.Target, l.Pattern, l.Attribute, l.Value}, "\x00")
}
