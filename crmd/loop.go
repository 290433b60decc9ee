package crmd

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/confirm"
	"github.com/holdfast-ha/holdfast/crmd/controller"
	"github.com/holdfast-ha/holdfast/crmd/incident"
)

// snapshot is what the loop lets everybody read. It is immutable; next is closed when a newer one is there.
type snapshot struct {
	doc    *cibxml.Element // the whole CIB, nil before the first configuration
	status api.CRMStatus
	dc     string // who leads, as far as this node knows
	obeys  string // the DC that has enlisted this node
	leads  bool
	acting bool
	next   chan struct{}
}

// errStopping ends requests that arrive while the daemon stops.
var errStopping = errors.New("crmd is stopping")

// post has the loop execute f. It waits while the loop has too much to do.
func (d *Daemon) post(f func(now time.Time)) error {
	ctx := d.ctx
	select {
	case d.calls <- f:
		return nil
	case <-ctx.Done():
		return errStopping
	}
}

// input gives the machine an input.
func (d *Daemon) input(in controller.Input) error {
	return d.post(func(now time.Time) { d.step(now, in) })
}

// ask gives the machine an input that it answers, and waits for the answer.
func (d *Daemon) ask(ctx context.Context, build func(ticket int) controller.Input) (any, error) {
	reply := make(chan answer, 1)
	if err := d.post(func(now time.Time) {
		d.ticket++
		d.tickets[d.ticket] = reply
		d.step(now, build(d.ticket))
	}); err != nil {
		return nil, err
	}
	select {
	case a := <-reply:
		return a.value, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-d.ctx.Done():
		return nil, errStopping
	}
}

// query reads the machine or the worker in the loop.
func query[T any](d *Daemon, read func() T) (T, error) {
	reply := make(chan T, 1)
	var zero T
	if err := d.post(func(time.Time) { reply <- read() }); err != nil {
		return zero, err
	}
	select {
	case v := <-reply:
		return v, nil
	case <-d.ctx.Done():
		return zero, errStopping
	}
}

// loop owns the machine. It ends with ctx.
func (d *Daemon) loop(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	d.records.resume(time.Now())
	d.publish()
	for {
		select {
		case f := <-d.calls:
			d.doubt(time.Now())
			f(time.Now())
			d.drain()
		case <-timer.C:
			d.doubt(time.Now())
			d.step(time.Now(), controller.Wake{})
			d.records.step(time.Now(), incident.Wake{})
			d.judge(time.Now(), confirm.Wake{})
		case <-ctx.Done():
			return nil
		}
		d.publish()
		wait := time.Hour
		for _, at := range []time.Time{d.machine.Deadline(), d.records.machine.Deadline(), d.confirm.Deadline()} {
			if !at.IsZero() {
				wait = max(0, min(wait, time.Until(at)))
			}
		}
		timer.Reset(wait)
	}
}

// drain executes what has piled up, so that many small reports make one new version of the CIB.
func (d *Daemon) drain() {
	for range maxCalls {
		select {
		case f := <-d.calls:
			f(time.Now())
		default:
			return
		}
	}
}

// step lets the machine decide and carries out what it says. Only the loop calls it.
func (d *Daemon) step(now time.Time, in controller.Input) {
	for _, o := range d.machine.Step(now, in) {
		d.perform(now, o)
	}
	d.reportToSelf(now)
}

// publish lets others see the machine's present state.
func (d *Daemon) publish() {
	old := d.snap.Load()
	d.tune(d.machine.Document())
	s := &snapshot{doc: d.machine.Document(), dc: d.machine.DC(), leads: d.machine.Leads(), acting: d.machine.Acting(), next: make(chan struct{})}
	s.status = d.machine.Status()
	s.status.Version, s.status.Node, s.status.NodeID = Version, d.node, d.id
	s.status.Fencing = d.fence.state()
	if v := d.view.Load(); v != nil {
		s.status.View = *v
	}
	if s.doc != nil {
		s.status.CIBVersion = cib.VersionOf(s.doc).String()
	}
	if s.leads {
		s.dc = d.node
	} else if s.dc == "" {
		s.dc = d.worker.DC()
	}
	s.obeys = d.worker.DC()
	if old != nil && s.doc == old.doc && s.dc == old.dc && s.obeys == old.obeys && s.leads == old.leads && s.acting == old.acting &&
		reflect.DeepEqual(s.status, old.status) {
		return // nobody needs to be woken
	}
	d.snap.Store(s)
	d.alerts.attributes(old, s)
	if old != nil {
		close(old.next)
	}
}

// doc is the CIB as this node has it now, nil before Run and until there is one.
func (d *Daemon) doc() *cibxml.Element {
	if s := d.snap.Load(); s != nil {
		return s.doc
	}
	return nil
}

// await waits until the condition holds for a snapshot.
func (d *Daemon) await(ctx context.Context, limit time.Duration, ok func(*snapshot) bool) (*snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		s := d.snap.Load()
		if ok(s) {
			return s, nil
		}
		select {
		case <-s.next:
		case <-ctx.Done():
			return nil, fmt.Errorf("nothing came of it within %s: %w", limit, ctx.Err())
		case <-d.ctx.Done():
			return nil, errStopping
		}
	}
}
