package engine

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/corosyncd/frame"
)

// refused is a node that may not join, or a node that does not let this one join.
type refused struct {
	status api.RefusedNode
	told   time.Time // last Refuse
	noted  time.Time // last Note
}

// blocked is why this node must not act although nobody has lost it.
type blocked struct {
	why   string
	until time.Time
}

const (
	// maxRefused bounds the list; the oldest entry goes first.
	maxRefused = 32
	// tellEvery and noteEvery bound how often a refused node and the administrator are told again.
	tellEvery = time.Second
	noteEvery = 5 * time.Minute
)

// stranger says why the sender of a heartbeat may not be in the cluster, "" when it may.
func (e *Engine) stranger(in *Packet) string {
	b := in.Beat
	if string(b.Cluster) != e.cfg.Cluster {
		return fmt.Sprintf("it belongs to cluster %q, this is cluster %q", b.Cluster, e.cfg.Cluster)
	}
	i := e.member.Index(in.Sender)
	switch {
	case in.Sender == e.cfg.Self:
		return fmt.Sprintf("it uses node id %d, which is the id of %s", in.Sender, e.cfg.Nodes[e.self].Name)
	case i < 0:
		for _, n := range e.cfg.Nodes {
			if n.Name == string(b.Name) {
				return fmt.Sprintf("it calls itself %s with node id %d, but the id of %s is %d", b.Name, in.Sender, b.Name, n.ID)
			}
		}
		return fmt.Sprintf("node %s with id %d is not in the cluster file", b.Name, in.Sender)
	case string(b.Name) != e.cfg.Nodes[i].Name:
		return fmt.Sprintf("it calls itself %s and uses node id %d, which is the id of %s", b.Name, in.Sender, e.cfg.Nodes[i].Name)
	}
	if n := &e.cfg.Nodes[i]; in.From.IsValid() && in.Link < len(n.Addrs) && n.Addrs[in.Link] != in.From {
		return fmt.Sprintf("it is %s with node id %d like the node at %s: two nodes have one name, or its address has changed", n.Name, n.ID, n.Addrs[in.Link])
	}
	return ""
}

// refuse tells the sender and the administrator why.
func (e *Engine) refuse(now time.Time, in *Packet, why string) {
	r := e.remember(string(in.Beat.Name), in.From, why, now)
	if now.Sub(r.noted) >= noteEvery {
		r.noted = now
		e.note(true, fmt.Sprintf("refused %s at %s: %s", in.Beat.Name, in.From, why))
	}
	if now.Sub(r.told) >= tellEvery {
		r.told = now
		e.out = append(e.out, Refuse{To: in.Sender, Link: in.Link, Addr: in.From, Refuse: frame.Refusal{
			Cluster: e.cfg.Cluster, Name: e.cfg.Nodes[e.self].Name, Reason: why}})
	}
}

// refusedBy notes that another node does not let this one join. It does not end the daemon: one node with a
// wrong file must not be able to stop the others, and a file that was corrected there lets this node in.
func (e *Engine) refusedBy(now time.Time, in Refusal) {
	why := fmt.Sprintf("%s of cluster %q does not let this node join: %s", in.Refuse.Name, in.Refuse.Cluster, in.Refuse.Reason)
	r := e.remember(in.Refuse.Name, in.From, why, now)
	if now.Sub(r.noted) >= noteEvery {
		r.noted = now
		e.note(true, why)
	}
	if !e.shared {
		e.blocked = blocked{why: why, until: now.Add(3 * max(tellEvery, e.cfg.Timing.Token))}
	}
}

// foreign notes a configured node that has another cluster key. Packets from elsewhere are only counted.
func (e *Engine) foreign(now time.Time, in Foreign) {
	at := slices.IndexFunc(e.cfg.Nodes, func(n Node) bool { return slices.Contains(n.Addrs, in.From) })
	if at < 0 || at == e.self {
		return
	}
	why := fmt.Sprintf("it encrypts with another cluster key (%s); every node needs the same gossip.key", in.Key)
	r := e.remember(e.cfg.Nodes[at].Name, in.From, why, now)
	if now.Sub(r.noted) >= noteEvery {
		r.noted = now
		e.note(true, fmt.Sprintf("refused %s at %s: %s", e.cfg.Nodes[at].Name, in.From, why))
	}
}

// remember finds or makes the entry of a refusal.
func (e *Engine) remember(name string, from netip.Addr, why string, now time.Time) *refused {
	addr := ""
	if from.IsValid() {
		addr = from.String()
	}
	at := slices.IndexFunc(e.refused, func(r refused) bool {
		return r.status.Name == name && r.status.Addr == addr && r.status.Reason == why
	})
	if at < 0 {
		if len(e.refused) >= maxRefused {
			e.refused = slices.Delete(e.refused, 0, 1)
		}
		e.refused = append(e.refused, refused{status: api.RefusedNode{Name: name, Addr: addr, Reason: why}})
		at = len(e.refused) - 1
	}
	e.refused[at].status.At = now.UnixMilli()
	return &e.refused[at]
}

// differs is how a peer's configuration is unlike this node's.
type differs struct {
	since time.Time
	noted bool
}

// differsAfter is how long cluster files may differ before that is worth a word: a change is on its way.
const differsAfter = 15 * time.Second

// compare notices a peer with another cluster file.
func (e *Engine) compare(now time.Time, i int, p *peer, b *frame.Heartbeat) {
	d := &p.differs
	switch {
	case b.Config == e.cfg.FileDigest:
		*d = differs{}
	case d.since.IsZero():
		d.since = now
	case !d.noted && now.Sub(d.since) >= differsAfter:
		d.noted = true
		text := fmt.Sprintf("the cluster file of %s differs from the one here", e.cfg.Nodes[i].Name)
		if ms := uint32(e.cfg.Timing.Token.Milliseconds()); b.Token != ms {
			text += fmt.Sprintf("; its token is %d ms, here it is %d ms", b.Token, ms)
		}
		e.note(true, text)
	}
}

// Refused lists who was not let in, and who did not let this node in.
func (e *Engine) Refused() []api.RefusedNode {
	list := make([]api.RefusedNode, len(e.refused))
	for i, r := range e.refused {
		list[i] = r.status
	}
	return list
}
