package fenced

import (
	"context"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/standstill"
)

// doubt makes the view stale when this process stood still or corosyncd was silent, before anything else is done: a
// fence that was under way may be one that the others would not want any more. Only the loop calls it.
func (d *Daemon) doubt(now time.Time) {
	v := d.state.view
	if v == nil || v.Stale || !d.still.Stopped() {
		return
	}
	stale := *v
	stale.Stale = true
	d.adopt(now, stale)
}

// askTimeout bounds a question to corosyncd.
const askTimeout = 2 * time.Second

// whenStill renews the view after a standstill. What is kept in between belongs to the goroutine of the watch.
func (d *Daemon) whenStill() standstill.Hooks {
	var view api.View
	var before *api.View // the last view of the stream when corosyncd was asked
	return standstill.Hooks{
		Noticed: func(gap time.Duration, silent bool) {
			what := "this process did not run for a while"
			if silent {
				what = "corosyncd has said nothing for a while, so that the others may have lost this node"
			}
			d.log.Warn(what+"; nothing is fenced until corosyncd has renewed the view", "for", gap.Round(time.Millisecond))
			_ = d.post(func(time.Time) {}) // the loop looks at once
		},
		Renew: func(ctx context.Context) bool {
			ctx, cancel := context.WithTimeout(ctx, askTimeout)
			defer cancel()
			client := ipc.NewClient(d.cfg.Dirs.Socket("corosyncd"))
			defer client.Close()
			before = d.streamed.Load()
			var st api.CorosyncStatus
			err := client.Call(ctx, "GET", api.PathCorosyncStatus, nil, &st)
			view = st.View
			return err == nil && st.View.Ring.Seq > 0 && !st.View.Stale
		},
		Resumed: func() {
			v := view
			if s := d.streamed.Load(); s != nil && s != before {
				v = *s
			}
			_ = d.post(func(now time.Time) { d.adopt(now, v) }) // fails only when the daemon ends
		},
	}
}
