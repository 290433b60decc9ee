package crmd

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/controller"
	"github.com/holdfast-ha/holdfast/crmd/store"
	"github.com/holdfast-ha/holdfast/internal/ipc"
)

// watchViews follows corosyncd and holds it: as long as resources may run here, corosyncd must not say goodbye
// to the others unless crmd tells it to. While it is away (restarting), its last view stays in force for as long as
// the others wait for it: the token. After that, still makes the view stale.
func (d *Daemon) watchViews(ctx context.Context) {
	connected := false
	for ctx.Err() == nil {
		err := ipc.WatchAlive(ctx, d.corosync, api.PathViews+"?hold=1", d.still.Heard, func(v api.View) error {
			if !connected {
				connected = true
				d.log.Info("connected to corosyncd", "view", v.Ring.String())
			}
			streamed := v
			d.streamed.Store(&streamed)
			if d.still.Stopped() {
				v.Stale = true // it may be from before
			}
			return d.useView(v)
		})
		if ctx.Err() != nil {
			return
		}
		if connected {
			if errors.Is(err, io.EOF) {
				err = errors.New("it ended the connection")
			}
			d.log.Warn("no connection to corosyncd, its last view stays in force for the token", "err", err)
			connected = false
		}
		select {
		case <-time.After(corosyncRetry):
		case <-ctx.Done():
		}
	}
}

// corosyncRetry is the pause between attempts to reach corosyncd; a view must not come later than this.
const corosyncRetry = 20 * time.Millisecond

// applied takes committed content from the store.
func (d *Daemon) applied(a store.Applied) {
	d.raftInput()
	if a.Content == nil {
		return
	}
	// What counts is the content when the loop gets to it, which may be newer.
	d.enqueue(func(now time.Time) {
		if doc := d.store.Document(); doc != nil {
			d.step(now, controller.ConfigChanged{Doc: doc})
		}
	})
	select {
	case d.fileNews <- struct{}{}:
	default:
	}
}

// raftChanged takes a new status of raft.
func (d *Daemon) raftChanged(store.Status) { d.raftInput() }

// raftInput tells the machine of raft's present state. The store calls it from its own goroutines, which must
// not block: the state is read when the loop gets to it.
func (d *Daemon) raftInput() {
	d.enqueue(func(now time.Time) {
		st := d.store.Status()
		state := controller.RaftState{Leader: st.Leader, Term: st.Term, Voters: st.Voters, Epoch: d.store.Epoch(), Last: d.progress(),
			Started: d.store.Document() != nil && len(st.Voters) > 0}
		if st.Leader == d.node && !st.Ready {
			state.Leader = "" // it leads once it knows everything that was committed before
		}
		d.step(now, controller.RaftChanged{State: state})
	})
}

// enqueue is post for callers that must not wait. Beyond the bound of the queue a task waits for them.
func (d *Daemon) enqueue(f func(now time.Time)) {
	select {
	case d.calls <- f:
	default:
		d.spawn(func(context.Context) { _ = d.post(f) })
	}
}
