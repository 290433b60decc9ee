package crmd

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/internal/ipc"
)

func (n *testNode) fake(name string, h http.Handler) {
	l, err := ipc.Listen(n.dirs.Socket(name), 0o600)
	if err != nil {
		n.c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- ipc.Serve(ctx, l, h, slog.New(slog.DiscardHandler)) }()
	n.fakes = append(n.fakes, func() { cancel(); <-done })
}

// aliveEvery is how often this corosyncd says that it lives.
const aliveEvery = 200 * time.Millisecond

func (n *testNode) corosyncd() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+api.PathViews, func(w http.ResponseWriter, r *http.Request) {
		s := ipc.NewStream(w)
		tick := time.NewTicker(aliveEvery)
		defer tick.Stop()
		var sent <-chan struct{}
		for {
			n.mu.Lock()
			v, news, silent := n.view, n.news, n.silent
			n.mu.Unlock()
			if !silent && s.Alive() != nil {
				return
			}
			if !silent && v.Ring.Seq > 0 && news != sent {
				if s.Send(v) != nil {
					return
				}
				sent = news
			}
			select {
			case <-news:
			case <-tick.C:
			case <-r.Context().Done():
				return
			}
		}
	})
	mux.HandleFunc("GET "+api.PathCorosyncStatus, func(w http.ResponseWriter, r *http.Request) {
		n.mu.Lock()
		v, silent := n.view, n.silent
		n.mu.Unlock()
		if silent {
			<-r.Context().Done()
			return
		}
		ipc.Reply(w, api.CorosyncStatus{View: v})
	})
	mux.HandleFunc("GET "+api.PathPulse, func(w http.ResponseWriter, r *http.Request) {
		ipc.Reply(w, api.Pulse{At: time.Now().UnixMilli(), Token: 1000, Interval: 200, Realtime: true})
	})
	ok := func(w http.ResponseWriter, r *http.Request) { ipc.Reply(w, nil) }
	mux.HandleFunc("POST "+api.PathFencedNode, ok)
	mux.HandleFunc("POST "+api.PathReload, ok)
	mux.HandleFunc("POST "+api.PathLeave, func(w http.ResponseWriter, r *http.Request) {
		n.mu.Lock()
		n.left = true
		n.mu.Unlock()
		ok(w, r)
	})
	return mux
}

func (n *testNode) fencer() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+api.PathFence, func(w http.ResponseWriter, r *http.Request) {
		var req api.FenceRequest
		if err := ipc.Read(r, &req); err != nil {
			ipc.Fail(w, err)
			return
		}
		n.mu.Lock()
		n.fenced = append(n.fenced, req.Target)
		refuse, shoots, spares := n.refuse, n.shoots, n.spares
		n.mu.Unlock()
		if shoots != nil {
			shoots()
		}
		res := api.FenceResult{Delegate: n.name, Action: req.Action}
		if refuse {
			res.Status, res.RC, res.Reason = 4, 1, "the power switch does not answer"
		} else if spares {
			n.mu.Lock()
			n.shots = append(n.shots, api.FenceEvent{ID: req.ID, Target: req.Target, Action: req.Action, State: api.FenceDone, Incarnation: req.Incarnation, Result: res})
			n.mu.Unlock()
		} else {
			n.c.node(req.Target).powerOff()
		}
		ipc.Reply(w, res)
	})
	mux.HandleFunc("PUT "+api.PathFenceConfig, func(w http.ResponseWriter, r *http.Request) { ipc.Reply(w, nil) })
	mux.HandleFunc("GET "+api.PathFenceHealth, func(w http.ResponseWriter, r *http.Request) { ipc.Reply(w, n.health) })
	mux.HandleFunc("GET "+api.PathFenceEvents, func(w http.ResponseWriter, r *http.Request) {
		s := ipc.NewStream(w)
		for ev := (api.FenceEvent{}); s.Send(ev) == nil; {
			select {
			case ev = <-n.heard:
			case <-r.Context().Done():
				return
			}
		}
	})
	mux.HandleFunc("GET "+api.PathFenceHistory, func(w http.ResponseWriter, r *http.Request) { ipc.Reply(w, []api.FenceEvent{}) })
	return mux
}
