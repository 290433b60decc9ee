package corosyncd

import (
	"context"
	"errors"
	"maps"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/corosyncd/host"
)

// hub passes on what the engine says: views to the clients that watch them, notes to the log, numbers to the
// disk. It takes the core's events so that the core never waits for a client or the log.
type hub struct {
	d       *Daemon
	asks    chan func()
	gone    chan struct{} // closed when the others have let this node go
	ended   chan struct{} // closed when run returns
	current *api.View     // nil before the first view
	subs    map[*subscriber]struct{}
	joins   map[api.NodeID]int
	missed  uint64
}

// subscriber is a client that watches views.
type subscriber struct {
	// views is closed when the client was too slow; it starts again with the current view.
	views chan *api.View
}

// maxBacklog is how many views may wait for a client.
const maxBacklog = 256

func newHub(d *Daemon) *hub {
	return &hub{d: d, asks: make(chan func()), gone: make(chan struct{}), ended: make(chan struct{}), subs: make(map[*subscriber]struct{}), joins: make(map[api.NodeID]int)}
}

func (h *hub) run(ctx context.Context) error {
	defer close(h.ended)
	left := false
	for {
		select {
		case e := <-h.d.core.events:
			switch {
			case e.view != nil:
				h.publish(e.view)
			case e.track > 0:
				h.d.store.change(func(s *saved) { s.Expected = e.track })
			case e.gone:
				if !left {
					left = true
					close(h.gone)
				}
			case e.note.Warn:
				h.d.cfg.Log.Warn(e.note.Text)
			default:
				h.d.cfg.Log.Info(e.note.Text)
			}
		case f := <-h.asks:
			f()
		case <-ctx.Done():
			return nil
		}
	}
}

// publish gives a view to every client. Before its first view a node has nothing to say.
func (h *hub) publish(v *api.View) {
	if v.Ring.Seq == 0 {
		return
	}
	h.count(v)
	changed := h.current == nil || h.current.Ring != v.Ring
	h.current = v
	h.d.device.View(v)
	if n := h.d.core.missed.Load(); n != h.missed {
		// Views did not fit into the queue: nobody has them all, so everybody starts again.
		h.missed = n
		h.current = h.d.core.latest.Load()
		for s := range h.subs {
			h.drop(s)
		}
	}
	for s := range h.subs {
		select {
		case s.views <- v:
		default:
			h.d.cfg.Log.Warn("disconnected a client that does not read its views")
			h.drop(s)
		}
	}
	if changed {
		h.announce(v)
	}
}

// announce tells the log, the disk, the gossip and systemd of a new ring.
func (h *hub) announce(v *api.View) {
	names := make([]string, len(v.Members))
	for i, m := range v.Members {
		names[i] = m.Name
	}
	h.d.cfg.Log.Info("new view", "ring", v.Ring.String(), "members", strings.Join(names, " "), "quorate", v.Quorum.Quorate, "why", v.Quorum.Reason)
	h.d.store.change(func(s *saved) { s.RingSeq = max(s.RingSeq, v.Ring.Seq) })
	h.d.gossip.SetMembers(names)
	quorate := "not quorate"
	if v.Quorum.Quorate {
		quorate = "quorate"
	}
	host.Status("view " + v.Ring.String() + " with " + strings.Join(names, " ") + ", " + quorate)
}

// count counts the lives in which each node was a member.
func (h *hub) count(v *api.View) {
	for _, m := range v.Members {
		if h.current == nil || !h.current.Has(m.ID) || h.current.Member(m.ID).Incarnation != m.Incarnation {
			h.joins[m.ID]++
		}
	}
}

func (h *hub) drop(s *subscriber) {
	delete(h.subs, s)
	close(s.views)
}

// do runs f on the hub's goroutine and waits for it.
func (h *hub) do(ctx context.Context, f func()) error {
	done := make(chan struct{})
	select {
	case h.asks <- func() { f(); close(done) }:
		<-done // f does not wait for anything
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-h.ended:
		return errEnded
	}
}

// subscribe starts a subscription; the current view comes first.
func (h *hub) subscribe(ctx context.Context) (*subscriber, error) {
	s := &subscriber{views: make(chan *api.View, maxBacklog)}
	err := h.do(ctx, func() {
		h.subs[s] = struct{}{}
		if h.current != nil {
			s.views <- h.current
		}
	})
	return s, err
}

// unsubscribe ends a subscription.
func (h *hub) unsubscribe(s *subscriber) {
	// The client's context has ended, so it is not used here. An error means that the hub has ended too.
	_ = h.do(context.Background(), func() {
		if _, ok := h.subs[s]; ok {
			h.drop(s)
		}
	})
}

var errEnded = errors.New("corosyncd is ending")

// view is the current view, nil before the first, and how often each node has joined.
func (h *hub) view(ctx context.Context) (v *api.View, joins map[api.NodeID]int, err error) {
	err = h.do(ctx, func() { v, joins = h.current, maps.Clone(h.joins) })
	return v, joins, err
}
