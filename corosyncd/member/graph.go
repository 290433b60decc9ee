package member

import (
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/corosyncd/frame"
)

// best is the view that this node wants: the heaviest clique that it knows of, as far as that contains it.
func (m *Machine) best(now time.Time) Set {
	var nodes Set
	nodes.Add(m.self)
	for i := range m.peers {
		if m.usable(i) {
			nodes.Add(i)
		}
	}
	m.connect(now, nodes)
	m.weigh(nodes)
	for i := range m.beyond(now, nodes).All() {
		nodes.Add(i)
	}
	for {
		clique := heaviest(nodes, m.adjacent, m.weights)
		if clique.Has(m.self) {
			return clique
		}
		// The others will go together without this node; what remains may form a view with it.
		nodes = nodes.Without(clique)
	}
}

// connect enters into the graph which of the usable nodes can be in a view together: those that accept each
// other. Most accept everybody, so what is missing is walked over, not what is there.
func (m *Machine) connect(now time.Time, nodes Set) {
	clear(m.adjacent)
	for i := range nodes.All() {
		m.adjacent[i] = nodes
		m.adjacent[i].Remove(i)
	}
	for i := range nodes.All() {
		if i == m.self {
			continue // whoever is usable is heard here
		}
		for j := range nodes.Without(m.accepts(now, i, nodes)).All() {
			if i != j {
				m.adjacent[i].Remove(j)
				m.adjacent[j].Remove(i)
			}
		}
	}
}

// accepts is the set of nodes with which a usable node can be in a view, as far as it says. Members of the
// present view stay until something is known against them; others come when everything is known.
func (m *Machine) accepts(now time.Time, i int, nodes Set) Set {
	p := &m.peers[i]
	ok := p.said.Hears.Without(p.accused)
	if m.view.Has(i) {
		ok = ok.union(nodes.And(m.view))
	}
	if !p.accused.Has(m.self) {
		ok.Add(m.self) // it says so by the address of its heartbeats
	}
	for j := range m.believed(now, p).All() {
		ok.Remove(j)
		m.notePartial(now, i, j)
	}
	for _, k := range p.said.Marks {
		if k.Mark == frame.MarkOut && k.Node != m.self && k.Incarnation == m.peers[k.Node].said.Incarnation {
			ok.Remove(k.Node)
		}
	}
	return ok
}

// believed are the accused of a node whose accusation counts: it has stood long enough, or the accused misses
// heartbeats here too.
func (m *Machine) believed(now time.Time, p *peer) Set {
	if p.accused.Empty() {
		return Set{}
	}
	doubt := m.cfg.Timing.doubt()
	counts := earlier(p.accusedLately.Add(doubt), p.accusing.Add(3*doubt))
	if !counts.After(now) {
		return p.accused
	}
	m.wakeAt(counts)
	var missing Set
	for j := range p.accused.All() {
		if m.peers[j].suspect {
			missing.Add(j)
		}
	}
	return missing
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// beyond finds the nodes that are not usable here but are heard by nodes that are, and enters what those say
// into the graph. Without them a node whose receiver fails for one peer would insist on a view that its
// other peers do not want, because they have a better one with that peer. A node that fell silent is not
// believed to live on elsewhere before the others had the time to notice its silence too.
func (m *Machine) beyond(now time.Time, nodes Set) Set {
	var elsewhere, found Set
	for i := range nodes.All() {
		if q := &m.peers[i].said; i != m.self && !m.peers[i].suspect {
			elsewhere = elsewhere.union(q.Hears.And(q.View))
		}
	}
	elsewhere = elsewhere.Without(nodes)
	for k := range elsewhere.All() {
		p := &m.peers[k]
		if k == m.self || p.said.Leaving && p.alive || !p.banned.IsZero() {
			continue
		}
		if until := p.quiet.since.Add(m.cfg.Timing.doubt()); !p.alive && until.After(now) {
			m.wakeAt(until)
			continue
		}
		var by Set
		for i := range nodes.All() {
			if q := &m.peers[i].said; i != m.self && q.Hears.Has(k) && q.View.Has(k) && !m.peers[i].suspect {
				by.Add(i)
				m.link(i, k)
			}
		}
		for other := range found.All() {
			if !m.adjacent[other].And(by).Empty() {
				m.link(other, k)
			}
		}
		found.Add(k)
	}
	return found
}

func (m *Machine) link(i, j int) {
	m.adjacent[i].Add(j)
	m.adjacent[j].Add(i)
}

// weigh says what makes a clique better than another. It must come out the same on every node that knows the
// same, so nothing but suspicion depends on who asks. A partition that may act keeps its members, whoever else
// comes, and a node that is in no such partition goes to it.
func (m *Machine) weigh(nodes Set) {
	anchor := m.anchor(nodes)
	for i := range m.peers {
		w := weight{minor: nodeUnit + uint64(m.cfg.Nodes[i].Votes)*votesUnit}
		if anchor.Has(i) {
			w.major += anchorUnit
		}
		if !m.peers[i].suspect {
			w.major += freshUnit
		}
		m.weights[i] = w
	}
}

// anchor is the view of the partition that may act, as far as this node knows of one.
func (m *Machine) anchor(nodes Set) Set {
	if m.quorate {
		return m.view
	}
	anchor, best := Set{}, api.RingID{}
	for i := range nodes.All() {
		r := &m.peers[i].said
		if i != m.self && r.Quorate && (r.Ring.Seq > best.Seq || r.Ring.Seq == best.Seq && r.Ring.Rep < best.Rep) {
			best, anchor = r.Ring, r.View
		}
	}
	return anchor
}
