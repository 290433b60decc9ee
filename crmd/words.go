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

func (d *Daemon) listen(ctx context.Context, node string) {
	for ctx.Err() == nil {
		one, cancel := context.WithCancel(ctx)
		silent := time.AfterFunc(wordTimeout, cancel)
		// The error is that of a node that is away; what it last said remains.
		_ = ipc.Watch(one, d.peers.Client(node), pathVitals, func(w api.Word) error {
			silent.Reset(wordTimeout)
			raised, cleared, err := d.observer.Heard(node, w)
			d.actions.elsewhere(raised, cleared)
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

// knockTimeout is how long a crmd may take to answer whether it is there.
const knockTimeout = 250 * time.Millisecond

// knock asks a node's crmd for a sign of life, and reports whether there was one.
func (d *Daemon) knock(ctx context.Context, node string) bool {
	ctx, cancel := context.WithTimeout(ctx, knockTimeout)
	defer cancel()
	if d.peers.Client(node).Call(ctx, http.MethodGet, pathProgress, nil, nil) != nil {
		return false
	}
	d.observer.Answered(node)
	return true
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
		if x.How == api.DepartureLost && old != nil && old.Has(x.ID) {
			lost = append(lost, x.Name)
		}
	}
	d.observer.Members(names, lost)
	if len(lost) == 0 {
		return
	}
	d.spawn(func(ctx context.Context) {
		var all sync.WaitGroup
		for _, n := range lost {
			all.Go(func() {
				asked := time.Now()
				ok := d.knock(ctx, n)
				took := time.Since(asked)
				_ = d.post(func(now time.Time) {
					d.records.step(now, incident.Heard{Node: n, Answered: ok, After: took, Digests: d.observer.Digests(n, lossDigests)})
				})
			})
		}
		all.Wait()
		d.observer.Poke()
	})
}
