package fenced

import (
	"net/http"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/fenced/plan"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/mesh"
)

// peerHandler serves the other nodes' fenced. Their names are those of their certificates.
func (d *Daemon) peerHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+api.PathFencePeerQuery, d.servePeerQuery)
	mux.HandleFunc("POST "+api.PathFencePeerOrder, d.servePeerOrder)
	mux.HandleFunc("POST "+api.PathFencePeerFence, func(w http.ResponseWriter, r *http.Request) { d.serveFence(w, r, true) })
	mux.HandleFunc("GET "+api.PathFencePeerHistory, d.serveHistory)
	mux.HandleFunc("POST "+api.PathFencePeerHistory, func(w http.ResponseWriter, r *http.Request) {
		var events []api.FenceEvent
		if err := ipc.Read(r, &events); err != nil {
			ipc.Fail(w, err)
			return
		}
		d.reply(w, d.post(func(now time.Time) { d.give(now, plan.Heard{Events: events}) }), nil)
	})
	mux.HandleFunc("DELETE "+api.PathFencePeerHistory, func(w http.ResponseWriter, r *http.Request) {
		d.reply(w, d.post(func(now time.Time) { d.cleanup(now, r.URL.Query().Get("target"), false) }), nil)
	})
	return mux
}

// reply answers with v unless there is an error.
func (d *Daemon) reply(w http.ResponseWriter, err error, v any) {
	if err != nil {
		ipc.Fail(w, err)
		return
	}
	ipc.Reply(w, v)
}

// servePeerQuery streams what this node's devices can do, as it becomes known.
func (d *Daemon) servePeerQuery(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	q := device.Query{Target: v.Get("target"), Action: v.Get("action"), Self: v.Get("self") == "true"}
	parts, stop := d.ask(q)
	defer stop()
	s := ipc.NewStream(w)
	for {
		select {
		case o := <-parts:
			if err := s.Send(api.FenceOffers{Offers: o.Offers, Problems: o.Problems, Done: o.Done}); err != nil || o.Done {
				return
			}
		case <-r.Context().Done():
			return
		case <-d.ctx.Done():
			return
		}
	}
}

// maxParts bounds the parts of an answer to a query: at most one for each device.
const maxParts = 512

// ask queries this node's devices. stop withdraws the query.
func (d *Daemon) ask(q device.Query) (parts chan device.Offers, stop func()) {
	parts = make(chan device.Offers, maxParts)
	_ = d.post(func(now time.Time) {
		q.ID = d.id("query")
		d.state.offers[q.ID] = func(o device.Offers) {
			select {
			case parts <- o:
			default: // more devices than anybody has; the rest is not offered
			}
		}
		d.give(now, q)
	})
	return parts, func() {
		_ = d.post(func(now time.Time) {
			delete(d.state.offers, q.ID)
			d.give(now, device.Cancel{ID: q.ID})
		})
	}
}

// servePeerOrder uses a device for another node. When that node goes away, an order that has not begun is
// dropped.
func (d *Daemon) servePeerOrder(w http.ResponseWriter, r *http.Request) {
	var o api.FenceOrder
	if err := ipc.Read(r, &o); err != nil {
		ipc.Fail(w, err)
		return
	}
	from := mesh.Peer(r.Context())
	done := make(chan device.Result, 1)
	id := ""
	err := d.post(func(now time.Time) {
		id = d.id("order")
		d.log.Info("fencing for another node", "peer", from, "action", o.Action, "node", o.Target, "device", o.Device, "op", o.Op)
		d.state.finished[id] = func(r device.Result) { done <- r }
		d.state.orders[id] = from
		d.give(now, device.Order{ID: id, Order: o})
	})
	if err != nil {
		ipc.Fail(w, err)
		return
	}
	select {
	case res := <-done:
		ipc.Reply(w, outcome(res))
	case <-r.Context().Done():
		_ = d.post(func(now time.Time) { d.withdraw(now, id) })
	case <-d.ctx.Done():
		ipc.Fail(w, errStopping)
	}
}

// withdraw drops an order that nobody waits for. Only the loop calls it.
func (d *Daemon) withdraw(now time.Time, id string) {
	delete(d.state.finished, id)
	delete(d.state.orders, id)
	d.give(now, device.Cancel{ID: id})
}
