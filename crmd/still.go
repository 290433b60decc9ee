package crmd

import (
	"context"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/controller"
	"github.com/holdfast-ha/holdfast/internal/standstill"
)

// useView makes a view the one in force.
func (d *Daemon) useView(v api.View) error {
	old := d.view.Swap(&v)
	d.couriers.members(&v)
	d.records.members(&v)
	d.words.nodes(d, &v)
	d.bereaved(old, &v)
	d.alerts.views(old, &v)
	return d.input(controller.ViewChanged{View: v})
}

// doubt makes the view stale when this process stood still or corosyncd was silent, before anything else is done: the
// others may have lost this node meanwhile, and have fenced it or be about to. corosyncd notices a pause as well, but
// its word may come after what was waiting here. Only the loop calls it.
func (d *Daemon) doubt(now time.Time) {
	v := d.view.Load()
	if v == nil || v.Stale || !d.still.Stopped() {
		return
	}
	stale := *v
	stale.Stale = true
	d.view.Store(&stale)
	d.step(now, controller.ViewChanged{View: stale})
}

// stoodStill tells of a standstill.
func (d *Daemon) stoodStill(gap time.Duration, silent bool) {
	what := "this process did not run for a while"
	if silent {
		what = "corosyncd has said nothing for a while, so that the others may have lost this node"
	}
	d.log.Warn(what+"; nothing is started until corosyncd has renewed the view", "for", gap.Round(time.Millisecond))
	_ = d.post(func(time.Time) {}) // the loop looks at once
}

// renewed is what corosyncd says after a standstill. It belongs to the goroutine of the watch.
type renewed struct {
	d    *Daemon
	view api.View
	// before is the last view of the stream when corosyncd was asked.
	before *api.View
}

func (d *Daemon) whenStill() standstill.Hooks {
	r := &renewed{d: d}
	return standstill.Hooks{Noticed: d.stoodStill, Renew: r.renew, Resumed: r.resume}
}

// renew asks corosyncd for the view as it is now.
func (r *renewed) renew(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	r.before = r.d.streamed.Load()
	var st api.CorosyncStatus
	err := r.d.corosync.Call(ctx, "GET", api.PathCorosyncStatus, nil, &st)
	r.view = st.View
	return err == nil && st.View.Ring.Seq > 0 && !st.View.Stale
}

// resume goes on with that view, or with a later one of the stream.
func (r *renewed) resume() {
	v := r.view
	if s := r.d.streamed.Load(); s != nil && s != r.before {
		v = *s
	}
	r.d.exec.Thaw()
	_ = r.d.useView(v) // fails only when the daemon ends
}
