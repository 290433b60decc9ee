package corosyncd

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/corosyncd/cmap"
	"github.com/holdfast-ha/holdfast/corosyncd/engine"
	"github.com/holdfast-ha/holdfast/corosyncd/frame"
	"github.com/holdfast-ha/holdfast/corosyncd/gossip"
	"github.com/holdfast-ha/holdfast/corosyncd/host"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/scrape"
)

// handler serves the daemon's socket. Who may open the socket may do everything: root and the group haclient.
func (d *Daemon) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+api.PathCorosyncStatus, answer(d.status))
	mux.HandleFunc("GET "+api.PathLinks, answer(d.linkStatus))
	mux.HandleFunc("GET "+api.PathPulse, answer(d.pulse))
	mux.HandleFunc("GET "+api.PathCmap, answer(d.cmapGet))
	mux.HandleFunc("PUT "+api.PathCmap, answer(d.cmapPut))
	mux.HandleFunc("DELETE "+api.PathCmap, answer(d.cmapDelete))
	mux.HandleFunc("GET "+api.PathViews, d.views)
	mux.HandleFunc("POST "+api.PathReload, answer(d.reloadRequest))
	mux.HandleFunc("POST "+api.PathLeave, answer(d.leaveRequest))
	mux.HandleFunc("POST "+api.PathFencedNode, answer(d.fencedRequest))
	mux.HandleFunc("POST "+api.PathVotes, answer(d.votesRequest))
	mux.Handle("GET "+scrape.Path, scrape.Handler(d.collect))
	mux.HandleFunc("POST "+api.PathKill, answer(d.killRequest))
	mux.HandleFunc("GET "+api.PathQdevice, answer(d.deviceStatus))
	mux.HandleFunc("PUT "+api.PathQdeviceCredentials, answer(d.credentialsRequest))
	mux.HandleFunc("POST "+api.PathKey, answer(d.keyRequest))
	return mux
}

// answer turns a function into a handler.
func answer(f func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, err := f(r)
		if err != nil {
			ipc.Fail(w, err)
			return
		}
		ipc.Reply(w, v)
	}
}

func (d *Daemon) status(r *http.Request) (any, error) {
	p := d.cfg.Protection
	versions := make(map[string]string)
	for name, m := range d.gossip.Metas() {
		versions[name] = m.Version
	}
	s := api.CorosyncStatus{
		Version: Version, Cluster: d.file.Load().Cluster.Name, Local: d.self.ID, Name: d.self.Name,
		Realtime: p.Realtime, Locked: p.Locked, OOMProtected: p.OOMProtected, Rejected: d.links.Counters(), Versions: versions,
		Key: d.clusterKeys.now().Sealing().String(),
	}
	err := d.core.do(r.Context(), func() {
		// Who asks after a pause must not get the view from before: the engine may not have noticed it yet.
		d.core.wake()
		s.Refused = d.core.engine.Refused()
		s.Missed, s.MissedCount = d.core.engine.Missed()
		s.WorstLateness = d.core.engine.WorstLateness().Milliseconds()
	})
	s.View = *d.core.latest.Load()
	return s, err
}

// pulse is what crmd asks every second, so it is short.
func (d *Daemon) pulse(r *http.Request) (any, error) {
	now := time.Now()
	since, _ := strconv.ParseInt(r.URL.Query().Get("since"), 10, 64)
	p := api.Pulse{At: now.UnixMilli(), Realtime: d.cfg.Protection.Realtime}
	err := d.core.do(r.Context(), func() {
		p.Late = d.core.engine.LateSince(time.UnixMilli(since)).Milliseconds()
		p.Links = d.core.engine.Links()
	})
	v := d.core.latest.Load()
	p.Token, p.Interval = v.Token, v.TokenInterval
	return p, err
}

func (d *Daemon) linkStatus(r *http.Request) (any, error) { return d.linkList(r.Context()) }

func (d *Daemon) linkList(ctx context.Context) ([]api.LinkStatus, error) {
	var list []api.LinkStatus
	err := d.core.do(ctx, func() { list = d.core.engine.Links() })
	for i := range list {
		if list[i].MTU == 0 { // not found out yet
			list[i].MTU = host.MTU(list[i].Local, frame.Overhead)
		}
	}
	d.carry(list)
	return list, err
}

// views streams every view. A client that passes hold=1 says that resources run here as long as it watches:
// then corosyncd does not say goodbye when it is merely stopped or restarted.
func (d *Daemon) views(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("hold") == "1" {
		d.holders.Add(1)
		defer d.holders.Add(-1)
	}
	s, err := d.hub.subscribe(r.Context())
	if err != nil {
		ipc.Fail(w, err)
		return
	}
	defer d.hub.unsubscribe(s)
	stream := ipc.NewStream(w)
	tick := time.NewTicker(d.file.Load().Totem.Interval())
	defer tick.Stop()
	for {
		select {
		case v, ok := <-s.views:
			if !ok || stream.Send(v) != nil {
				return
			}
		case <-tick.C:
			if !d.responds(r.Context()) || stream.Alive() != nil {
				return
			}
		case <-r.Context().Done():
			return
		case <-d.hub.ended:
			return
		}
	}
}

// responds waits until both goroutines that a view comes from have answered: as long as one of them hangs, the last
// view may be over. It is false when they have ended.
func (d *Daemon) responds(ctx context.Context) bool {
	if d.core.do(ctx, d.core.wake) != nil {
		return false
	}
	_, _, err := d.hub.view(ctx)
	return err == nil
}

// leaveRequest says goodbye and ends the daemon. With veto=1 a client that says that resources run here can
// prevent it.
func (d *Daemon) leaveRequest(r *http.Request) (any, error) {
	if r.URL.Query().Get("veto") == "1" && d.holders.Load() > 0 {
		return nil, ipc.Errorf(api.CodeUnsafe, "resources may run on this node: stop it with `hcs cluster stop`, or use --force")
	}
	d.end(true)
	return nil, nil
}

func (d *Daemon) fencedRequest(r *http.Request) (any, error) {
	var in api.FencedNode
	if err := ipc.Read(r, &in); err != nil {
		return nil, err
	}
	if in.ID == d.self.ID {
		return nil, ipc.Errorf(api.CodeInvalidParam, "node %d is this node, and alive", in.ID)
	}
	_, err := d.core.give(r.Context(), engine.Fenced{ID: in.ID, Incarnation: in.Incarnation})
	return nil, err
}

// userKeys are the cmap entries that programs have set. They last as long as the daemon.
type userKeys struct {
	mu   sync.Mutex
	list map[string]api.CmapEntry
}

// maxUserKeys bounds them.
const maxUserKeys = 1024

func (d *Daemon) cmapGet(r *http.Request) (any, error) {
	s := &cmap.State{File: d.file.Load(), View: d.core.latest.Load(), Realtime: d.cfg.Protection.Realtime}
	var worst int64
	err := d.core.do(r.Context(), func() {
		s.Waiting = d.core.engine.Waiting()
		worst = d.core.engine.WorstLateness().Milliseconds()
		s.Missed, _ = d.core.engine.Missed()
	})
	if err != nil {
		return nil, err
	}
	if s.Links, err = d.linkList(r.Context()); err != nil {
		return nil, err
	}
	if _, s.Joins, err = d.hub.view(r.Context()); err != nil {
		return nil, err
	}
	prefix := r.URL.Query().Get("prefix")
	var all []api.CmapEntry
	if strings.HasPrefix(prefix, "stats.") {
		all = cmap.Stats(s, worst)
	} else {
		s.User = d.keys.all()
		all = cmap.Entries(s)
	}
	list := make([]api.CmapEntry, 0, len(all))
	for _, e := range all {
		if strings.HasPrefix(e.Key, prefix) {
			list = append(list, e)
		}
	}
	return list, nil
}

func (k *userKeys) all() []api.CmapEntry {
	k.mu.Lock()
	defer k.mu.Unlock()
	list := make([]api.CmapEntry, 0, len(k.list))
	for _, e := range k.list {
		list = append(list, e)
	}
	return list
}

// Keys by which an administrator has statistics forgotten.
const (
	clearMissed = "stats.clear.schedmiss"
	clearAll    = "stats.clear.all"
)

// cancelWait is the key by which an administrator ends wait_for_all.
const cancelWait = "quorum.cancel_wait_for_all"

func (d *Daemon) cmapPut(r *http.Request) (any, error) {
	var e api.CmapEntry
	if err := ipc.Read(r, &e); err != nil {
		return nil, err
	}
	if why := cmap.Check(e); why != "" {
		return nil, ipc.Errorf(api.CodeInvalidParam, "%s", why)
	}
	if e.Key == cancelWait {
		if e.Value == "0" {
			return nil, nil
		}
		return nil, d.everybody(r.Context(), gossip.Command{Do: doCancelWait})
	}
	if e.Key == clearMissed || e.Key == clearAll {
		return nil, d.core.do(r.Context(), func() { d.core.engine.ClearMissed() })
	}
	if cmap.ReadOnly(e.Key) {
		return nil, ipc.Errorf(api.CodePermission, "%s belongs to corosyncd and cannot be set", e.Key)
	}
	k := &d.keys
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, there := k.list[e.Key]; !there && len(k.list) >= maxUserKeys {
		return nil, ipc.Errorf(api.CodeError, "there are %d keys already, no more are possible", maxUserKeys)
	}
	if k.list == nil {
		k.list = make(map[string]api.CmapEntry)
	}
	k.list[e.Key] = e
	return nil, nil
}

func (d *Daemon) cmapDelete(r *http.Request) (any, error) {
	key := r.URL.Query().Get("key")
	if cmap.ReadOnly(key) {
		return nil, ipc.Errorf(api.CodePermission, "%s belongs to corosyncd and cannot be deleted", key)
	}
	d.keys.mu.Lock()
	defer d.keys.mu.Unlock()
	if _, ok := d.keys.list[key]; !ok {
		return nil, ipc.Errorf(api.CodeNoSuchObject, "there is no key %s", key)
	}
	delete(d.keys.list, key)
	return nil, nil
}

func (d *Daemon) votesRequest(r *http.Request) (any, error) {
	var in api.VotesChange
	if err := ipc.Read(r, &in); err != nil {
		return nil, err
	}
	if in.Node == 0 {
		return nil, d.everybody(r.Context(), gossip.Command{Do: doExpected, Votes: in.Votes})
	}
	return nil, d.everybody(r.Context(), gossip.Command{Do: doVotes, Node: in.Node, Votes: in.Votes})
}

// reloadRequest reads the cluster file again; with all=1 on every member.
func (d *Daemon) reloadRequest(r *http.Request) (any, error) {
	if r.URL.Query().Get("all") == "1" {
		return nil, d.everybody(r.Context(), gossip.Command{Do: doReload})
	}
	return nil, d.reload(r.Context())
}

func (d *Daemon) killRequest(r *http.Request) (any, error) {
	var in api.KillNode
	if err := ipc.Read(r, &in); err != nil {
		return nil, err
	}
	return nil, d.kill(r.Context(), in.ID)
}

func (d *Daemon) keyRequest(r *http.Request) (any, error) {
	var in api.KeyChange
	if err := ipc.Read(r, &in); err != nil {
		return nil, err
	}
	return d.changeKey(r.Context(), in)
}

// apply carries out a command on this node.
func (d *Daemon) apply(ctx context.Context, c gossip.Command) error {
	var in engine.Input
	switch c.Do {
	case doReload:
		return d.reload(ctx)
	case doCredentials:
		return d.takeCredentials(ctx, c.Data)
	case doWantCredentials:
		return d.giveCredentials(c.From)
	case doLeave:
		// Whoever is thrown out does not claim that its resources are stopped when they are not.
		d.end(d.holders.Load() == 0)
		return nil
	case doExpected:
		in = engine.SetExpected{Votes: c.Votes}
	case doVotes:
		in = engine.SetVotes{ID: c.Node, Votes: c.Votes}
	case doCancelWait:
		in = engine.CancelWait{}
	default:
		return ipc.Errorf(api.CodeInvalidParam, "unknown command %q: the other node runs a newer version", c.Do)
	}
	denied, err := d.core.give(ctx, in)
	if err == nil && denied != "" {
		err = ipc.Errorf(api.CodeInvalidParam, "%s", denied)
	}
	return err
}
