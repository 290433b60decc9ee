package fenced

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/fenced/plan"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/mesh"
)

// viewPause lies between two attempts to reach corosyncd. It is short, because a corosyncd that restarts is
// back within a token, and because a view that comes late delays a fence.
const viewPause = 100 * time.Millisecond

// watchViews follows corosyncd's views. While corosyncd restarts the last one stays, until still makes it stale.
func (d *Daemon) watchViews(ctx context.Context) {
	client := ipc.NewClient(d.cfg.Dirs.Socket("corosyncd"))
	defer client.Close()
	for ctx.Err() == nil {
		err := ipc.WatchAlive(ctx, client, api.PathViews, d.still.Heard, func(v api.View) error {
			d.seeing("ok")
			streamed := v
			d.streamed.Store(&streamed)
			if d.still.Stopped() {
				v.Stale = true // it may be from before
			}
			return d.post(func(now time.Time) { d.adopt(now, v) })
		})
		if errors.Is(err, io.EOF) {
			err = errors.New("corosyncd ended the connection")
		}
		if ctx.Err() == nil {
			d.seeing(err.Error())
		}
		select {
		case <-time.After(viewPause):
		case <-ctx.Done():
		}
	}
}

// seeing notes whether views arrive.
func (d *Daemon) seeing(state string) {
	if old := *d.viewing.Swap(&state); old == state {
		return
	}
	if state == "ok" {
		d.log.Info("connected to corosyncd")
	} else {
		d.log.Warn("no views from corosyncd; the last one stays for the token", "err", state)
	}
}

// adopt takes a view. Only the loop calls it.
func (d *Daemon) adopt(now time.Time, v api.View) {
	if v.Ring.Seq == 0 && d.state.view != nil {
		return // corosyncd has just started: it does not know yet who is there
	}
	d.state.view = &v
	d.seen.Store(&v)
	addrs := map[string][]string{}
	for _, n := range v.Nodes {
		addrs[n.Name] = n.Addrs
	}
	for _, m := range v.Members {
		addrs[m.Name] = m.Addrs
	}
	d.addrs.Store(&addrs)
	d.meet(&v)
	for id, from := range d.state.orders {
		if d.state.peers[from] == nil {
			d.withdraw(now, id)
		}
	}
	d.give(now, plan.ViewChanged{View: &v}, device.Nodes{IDs: device.NodeIDs(v.Nodes)})
}

// resolve is where a node's fenced listens, on each of its links.
func (d *Daemon) resolve(node string) []string {
	var hosts []string
	for _, a := range (*d.addrs.Load())[node] {
		hosts = append(hosts, mesh.HostPort(a, d.port))
	}
	return hosts
}
