package crmd

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/incident"
	"github.com/holdfast-ha/holdfast/internal/ipc"
)

// pathVitals is where a crmd tells the others of its node: a stream of api.Word.
const pathVitals = "/peer/v1/vitals"

// pathHere is where a crmd says that it is there.
const pathHere = "/peer/v1/here"

// serveVitals tells another node of this one, every second, until it goes away.
func (d *Daemon) serveVitals(w http.ResponseWriter, r *http.Request) {
	stream := ipc.NewStream(w)
	// The end of the stream is the other node's affair.
	_ = d.observer.Tell(r.Context(), func(word api.Word) error { return stream.Send(word) })
}

// listeners hear what the other nodes say of themselves. A listener lives as long as its node is configured: a
// node that was lost may still have something to say.
type listeners struct {
	mu sync.Mutex
	by map[string]context.CancelFunc
}

// nodes starts listeners for new nodes and ends those of nodes that are no longer configured.
func (l *listeners) nodes(d *Daemon, v *api.View) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.by == nil {
		l.by = make(map[string]context.CancelFunc)
	}
	configured := make(map[string]bool)
	for _, n := range v.Nodes {
		configured[n.Name] = true
		if n.Name == d.node || l.by[n.Name] != nil {
			continue
		}
		ctx, cancel := context.WithCancel(d.ctx)
		l.by[n.Name] = cancel
		d.spawn(func(context.Context) { d.listen(ctx, n.Name) })
	}
	for name, stop := range l.by {
		if !configured[name] {
			stop()
			delete(l.by, name)
			d.observer.Forget(name)
		}
	}
}

const (
	// wordTimeout ends a connection on which nothing comes: the other side may have lost its power, and its next
	// life knows nothing of it. Digests come every second.
	wordTimeout = 4 * time.Second
	// wordRetry is the pause between two attempts.
	wordRetry = time.Second
)

// warmEvery is how often, in words, a connection for knock is kept ready: when a node is lost there are a few
// milliseconds to ask it before its power is cut.
const warmEvery = 20

func (d *Daemon) listen(ctx context.Context, node string) {
	for ctx.Err() == nil {
		words := 0
		one, cancel := context.WithCancel(ctx)
		silent := time.AfterFunc(wordTimeout, cancel)
		// The error is that of a node that is away; what it last said remains.
		_ = ipc.Watch(one, d.peers.Client(node), pathVitals, func(w api.Word) error {
			silent.Reset(wordTimeout)
			if words++; words%warmEvery == 1 {
				d.spawn(func(ctx context.Context) { d.knock(ctx, node, 0) })
			}
			raised, cleared, err := d.observer.Heard(node, w)
			d.actions.elsewhere(raised, cleared)
			d.heardAlarms(raised, cleared)
			return err
		})
		silent.Stop()
		cancel()
		select {
		case <-time.After(wordRetry):
		case <-ctx.Done():
		}
	}
}

// heardAlarms keeps the alarms of another node for the records that they may explain.
func (d *Daemon) heardAlarms(raised, cleared []api.Alarm) {
	if len(raised)+len(cleared) == 0 {
		return
	}
	d.enqueue(func(now time.Time) {
		for _, a := range raised {
			d.records.step(now, incident.Alarmed{Alarm: a})
		}
		for _, a := range cleared {
			a.Cleared = max(a.Cleared, now.UnixMilli())
			d.records.step(now, incident.Alarmed{Alarm: a})
		}
	})
}

// knockTimeout is how long a crmd may take to answer whether it is there.
const knockTimeout = 250 * time.Millisecond

// knock asks a node's crmd for a sign of life. An answer of a life that began after the silence that is looked
// into (ms) is none: the node has been rebooted.
func (d *Daemon) knock(ctx context.Context, node string, silent int64) (answered bool) {
	ctx, cancel := context.WithTimeout(ctx, knockTimeout)
	defer cancel()
	var here presence
	answered = d.peers.Client(node).Call(ctx, http.MethodGet, pathHere, nil, &here) == nil && here.Up >= silent
	d.observer.Answered(node, answered)
	return answered
}

// presence is the answer to a knock.
type presence struct {
	Up int64 `json:"up"` // ms since crmd started
}

// bereaved takes a view that may have lost members: their crmds are asked whether they are there, and the vitals
// of the moment are kept.
func (d *Daemon) bereaved(old, v *api.View) {
	names := make([]string, len(v.Members))
	for i, m := range v.Members {
		names[i] = m.Name
	}
	var lost []string
	for _, x := range v.Departed {
		if x.How != api.DepartureLost || old == nil || !old.Has(x.ID) {
			continue
		}
		lost = append(lost, x.Name)
		d.spawn(func(ctx context.Context) {
			l := api.LostPeer{Node: x.Name, Silent: max(0, v.At-x.LastHeard)}
			asked := time.Now()
			l.Answered = d.knock(ctx, x.Name, l.Silent)
			took := time.Since(asked)
			_ = d.post(func(now time.Time) { // fails only when the daemon ends
				d.records.step(now, incident.Heard{Node: x.Name, Answered: l.Answered, After: took, Digests: d.observer.Digests(x.Name, lossDigests)})
			})
			d.observer.Lost(l)
			d.observer.Poke()
		})
	}
	d.observer.Members(names, lost)
}

// knockAll knocks at nodes, each with its silence, at the same time.
func (d *Daemon) knockAll(ctx context.Context, nodes map[string]int64) {
	var all sync.WaitGroup
	for n, silent := range nodes {
		all.Go(func() { d.knock(ctx, n, silent) })
	}
	all.Wait()
}
