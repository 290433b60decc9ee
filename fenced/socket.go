package fenced

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"os/user"
	"strconv"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/fenced/plan"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/mesh"
	"github.com/holdfast-ha/holdfast/internal/scrape"
)

// socketHandler serves this node's clients.
func (d *Daemon) socketHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+api.PathFence, func(w http.ResponseWriter, r *http.Request) { d.serveFence(w, r, false) })
	mux.HandleFunc("PUT "+api.PathFenceConfig, d.putConfig)
	mux.HandleFunc("GET "+api.PathFenceConfig, func(w http.ResponseWriter, r *http.Request) {
		c, err := query(r.Context(), d, func() api.FenceConfig { return masked(d.state.config) })
		d.reply(w, err, c)
	})
	mux.HandleFunc("GET "+api.PathFenceHistory, d.serveHistory)
	mux.HandleFunc("DELETE "+api.PathFenceHistory, func(w http.ResponseWriter, r *http.Request) {
		d.reply(w, d.post(func(now time.Time) { d.cleanup(now, r.URL.Query().Get("target"), true) }), nil)
	})
	mux.HandleFunc("GET "+api.PathFenceEvents, d.serveEvents)
	mux.HandleFunc("POST "+api.PathFenceConfirm, d.serveConfirm)
	mux.HandleFunc("GET "+api.PathFenceStatus, d.serveStatus)
	mux.Handle("GET "+scrape.Path, scrape.Handler(d.collect))
	mux.HandleFunc("GET "+api.PathFenceHealth, d.serveHealth)
	mux.HandleFunc("GET "+api.PathFenceBudget, d.serveBudget)
	mux.HandleFunc("POST "+api.PathFenceBudget, d.serveForesight)
	d.handleDevices(mux)
	return mux
}

// serveFence conducts a request and answers when the outcome is known. A client that goes away does not stop
// it: the target has been judged.
func (d *Daemon) serveFence(w http.ResponseWriter, r *http.Request, forwarded bool) {
	var req api.FenceRequest
	if err := ipc.Read(r, &req); err != nil {
		ipc.Fail(w, err)
		return
	}
	if req.ID == "" {
		req.ID = newID()
	}
	if req.Origin == "" {
		req.Origin = d.node
	}
	from := req.Client
	if forwarded {
		from += " by way of " + mesh.Peer(r.Context())
	}
	result := make(chan api.FenceResult, 1)
	err := d.post(func(now time.Time) {
		d.log.Info("fencing is asked for", "action", req.Action, "node", req.Target, "client", from, "origin", req.Origin, "op", req.ID, "reason", req.Reason)
		d.state.replies[req.ID] = append(d.state.replies[req.ID], result)
		d.give(now, plan.Request{Request: req, Forwarded: forwarded})
	})
	if err != nil {
		ipc.Fail(w, err)
		return
	}
	select {
	case res := <-result:
		ipc.Reply(w, res)
	case <-r.Context().Done():
	case <-d.ctx.Done():
		ipc.Fail(w, errStopping)
	}
}

// newID names a request that its client has not named.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return hex.EncodeToString(b[:])
}

// putConfig takes crmd's configuration. One that cannot be kept on disk is used all the same.
func (d *Daemon) putConfig(w http.ResponseWriter, r *http.Request) {
	var c api.FenceConfig
	if err := ipc.Read(r, &c); err != nil {
		ipc.Fail(w, err)
		return
	}
	_, err := query(r.Context(), d, func() bool { d.configure(time.Now(), c); return true })
	if err != nil {
		ipc.Fail(w, err)
		return
	}
	d.spawn(d.checkBudget)
	d.log.Info("new fencing configuration", "version", c.Version, "devices", len(c.Devices), "levels", len(c.Levels))
	if err := d.save(c); err != nil {
		d.log.Error("the fencing configuration is not kept on disk: after a restart this node can fence only when crmd has sent it again", "err", err)
	}
	ipc.Reply(w, nil)
}

func (d *Daemon) serveHistory(w http.ResponseWriter, r *http.Request) {
	events, err := query(r.Context(), d, func() []api.FenceEvent { return d.state.fencer.History(r.URL.Query().Get("target")) })
	d.reply(w, err, events)
}

// serveEvents streams what happens from now on. The first value is empty: it says that the stream stands.
func (d *Daemon) serveEvents(w http.ResponseWriter, r *http.Request) {
	events := make(chan api.FenceEvent, maxListened)
	if _, err := query(r.Context(), d, func() bool { d.state.listeners[events] = true; return true }); err != nil {
		ipc.Fail(w, err)
		return
	}
	defer func() {
		_ = d.post(func(time.Time) { delete(d.state.listeners, events) })
	}()
	s := ipc.NewStream(w)
	if s.Send(api.FenceEvent{}) != nil {
		return
	}
	for {
		select {
		case e, open := <-events:
			if !open || s.Send(e) != nil {
				return
			}
		case <-r.Context().Done():
			return
		case <-d.ctx.Done():
			return
		}
	}
}

// serveConfirm takes a human's word and records whose it was.
func (d *Daemon) serveConfirm(w http.ResponseWriter, r *http.Request) {
	var c api.FenceConfirm
	if err := ipc.Read(r, &c); err != nil {
		ipc.Fail(w, err)
		return
	}
	if c.Origin == "" {
		c.Origin = d.node
	}
	c.By = d.who(r.Context())
	if err := d.audit(c, ""); err != nil {
		ipc.Fail(w, ipc.Errorf(api.CodeIO, "record who confirms that %s is down: %v", c.Target, err))
		return
	}
	id := newID()
	result := make(chan api.FenceResult, 1)
	if err := d.post(func(now time.Time) {
		d.state.replies[id] = append(d.state.replies[id], result)
		d.give(now, plan.Confirm{ID: id, Confirm: c})
	}); err != nil {
		ipc.Fail(w, err)
		return
	}
	select {
	case res := <-result:
		if !res.Proven() {
			if err := d.audit(c, res.Reason); err != nil {
				d.log.Error("the audit does not say that a confirmation was refused", "node", c.Target, "err", err)
			}
			ipc.Fail(w, ipc.Errorf(api.CodeUnsafe, "confirm %s: %s", c.Target, res.Reason))
			return
		}
		ipc.Reply(w, nil)
	case <-d.ctx.Done():
		ipc.Fail(w, errStopping)
	}
}

// who names the user at the other end of the socket.
func (d *Daemon) who(ctx context.Context) string {
	cred, ok := ipc.Peer(ctx)
	if !ok {
		return "an unknown user on " + d.node
	}
	name := strconv.Itoa(int(cred.UID))
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
	}
	return fmt.Sprintf("%s (uid %d, pid %d on %s)", name, cred.UID, cred.PID, d.node)
}

func (d *Daemon) serveStatus(w http.ResponseWriter, r *http.Request) {
	s, err := query(r.Context(), d, func() api.FenceStatus {
		s := api.FenceStatus{Version: Version, Node: d.node, Config: d.state.config.Version, View: *d.viewing.Load(),
			Pending: d.state.fencer.Pending(), Peers: map[string]string{}}
		for name, p := range d.state.peers {
			s.Peers[name] = ""
			if problem := p.problem.Load(); problem != nil {
				s.Peers[name] = *problem
			}
		}
		return s
	})
	d.reply(w, err, s)
}
