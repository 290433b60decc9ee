package observer

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/detect"
	"github.com/holdfast-ha/holdfast/crmd/vitals/series"
)

// book is what is known of another node. It outlives the node.
type book struct {
	heard   time.Time // last sign of life of its crmd
	refused time.Time // when it last did not answer
	digests series.Digests
	alarms  []api.Alarm
	ended   []api.Alarm
}

// mourning is for how long the silence of a node that was lost is still looked at.
const mourning = 15 * time.Second

// Members says whose silence means something: the members', and for a while that of nodes that were just lost.
func (o *Observer) Members(names, lost []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for n, until := range o.members {
		if until.IsZero() {
			delete(o.members, n)
		}
	}
	for _, n := range lost {
		o.members[n] = time.Now().Add(mourning)
	}
	for _, n := range names {
		if n != o.cfg.Node {
			o.members[n] = time.Time{}
		}
	}
}

func (o *Observer) book(node string) *book {
	b := o.peers[node]
	if b == nil {
		b = &book{}
		o.peers[node] = b
	}
	return b
}

// Forget drops what is known of a node that is no longer configured.
func (o *Observer) Forget(node string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.peers, node)
}

// Answered notes whether a node's crmd, when it was asked, gave a sign of life.
func (o *Observer) Answered(node string, yes bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if b := o.book(node); yes {
		b.heard = time.Now()
	} else {
		b.refused = time.Now()
	}
}

// Heard takes what a node says of itself, and returns the alarms that are new or worse there and those that are over.
func (o *Observer) Heard(node string, w api.Word) (raised, cleared []api.Alarm, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := o.book(node)
	b.heard = time.Now()
	if w.Alarms != nil {
		raised, cleared = missing(w.Alarms.Active, b.alarms, true), missing(b.alarms, w.Alarms.Active, false)
		b.alarms, b.ended = w.Alarms.Active, w.Alarms.Ended
	}
	if len(w.Digest) == 0 {
		return raised, cleared, nil
	}
	d, err := series.Decode(node, w.Digest, detect.Names())
	if err != nil {
		return raised, cleared, fmt.Errorf("vitals of %s: %w", node, err)
	}
	b.digests.Add(d)
	return raised, cleared, nil
}

// Lost notes that a node was lost, for the next sample.
func (o *Observer) Lost(p api.LostPeer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lost = append(o.lost, p)
}

// missing are the alarms of a that are not in b, where the severity counts if it says so.
func missing(a, b []api.Alarm, severity bool) []api.Alarm {
	var out []api.Alarm
	for _, x := range a {
		if !slices.ContainsFunc(b, func(y api.Alarm) bool {
			return x.Name == y.Name && x.Subject == y.Subject && (!severity || x.Severity == y.Severity)
		}) {
			out = append(out, x)
		}
	}
	return out
}

// Tell gives send a word with every new digest until ctx ends or send fails. What changed while send waited is
// told once: a reader that is slow gets the newest only.
func (o *Observer) Tell(ctx context.Context, send func(api.Word) error) error {
	told := ^uint64(0)
	for {
		o.mu.Lock()
		next := o.next
		w := api.Word{Digest: o.digest}
		if told != o.alarms {
			told = o.alarms
			w.Alarms = &api.Alarms{Active: o.machine.Alarms(), Ended: slices.Clone(o.ended)}
		}
		o.mu.Unlock()
		if err := send(w); err != nil {
			return err
		}
		select {
		case <-next:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Digests are the last n digests of a node, oldest first: what this node holds of another, or its own.
func (o *Observer) Digests(node string, n int) []api.Digest {
	o.mu.Lock()
	defer o.mu.Unlock()
	if node != o.cfg.Node {
		if b := o.peers[node]; b != nil {
			return b.digests.Last(n)
		}
		return nil
	}
	// Its own ring has more than digests have; a digest of each sample is what its peers hold.
	var out []api.Digest
	samples := o.machine.Ring().From(0)
	for _, v := range samples[max(0, len(samples)-n):] {
		out = append(out, series.Condense(node, o.machine.Host(), v, 0, nil))
	}
	return out
}

// Nodes are the alarms of every node as this one knows them, this one included, by name.
func (o *Observer) Nodes() []api.NodeAlarms {
	o.mu.Lock()
	defer o.mu.Unlock()
	own := api.NodeAlarms{Node: o.cfg.Node, Alarms: o.machine.Alarms(), Ended: slices.Clone(o.ended)}
	if o.digest != nil {
		d := o.last
		own.Digest = &d
	}
	out := []api.NodeAlarms{own}
	for name, b := range o.peers {
		n := api.NodeAlarms{Node: name, Age: -1, Alarms: append([]api.Alarm{}, b.alarms...), Ended: slices.Clone(b.ended)}
		if !b.heard.IsZero() {
			n.Age = time.Since(b.heard).Milliseconds()
		}
		if last := b.digests.Last(1); len(last) > 0 {
			n.Digest = &last[0]
		}
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b api.NodeAlarms) int { return cmp.Compare(a.Node, b.Node) })
	return out
}

func sortPeers(list []api.PeerVitals) {
	slices.SortFunc(list, func(a, b api.PeerVitals) int { return cmp.Compare(a.Node, b.Node) })
}

// linksOf are the links to those nodes.
func linksOf(links []api.LinkVitals, nodes map[string]time.Time) []api.LinkVitals {
	var out []api.LinkVitals
	for _, l := range links {
		if _, ok := nodes[l.Node]; ok {
			out = append(out, l)
		}
	}
	return out
}
