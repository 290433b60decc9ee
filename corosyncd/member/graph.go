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
	for i := range m.adjacent {
		m.adjacent[i] = Set{}
	}
	for i := range nodes.All() {
		for j := range nodes.All() {
			if j > i {
				m.judge(now, i, j)
			}
		}
	}
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

// judge enters the connection of two usable nodes into the graph.
func (m *Machine) judge(now time.Time, i, j int) {
	v := m.edge(now, i, j)
	// Members stay until something is known against them; others come when everything is known.
	if v == connected || v == unknownYet && m.view.Has(i) && m.view.Has(j) {
		m.connect(i, j)
	}
	if v == broken {
		m.notePartial(now, i, j)
	}
}

func (m *Machine) connect(i, j int) {
	m.adjacent[i].Add(j)
	m.adjacent[j].Add(i)
}

// beyond finds the nodes that are not usable here but are heard by nodes that are, and enters what those say
// into the graph. Without them a node whose receiver fails for one peer would insist on a view that its
// other peers do not want, because they have a better one with that peer. A node that fell silent is not
// believed to live on elsewhere before the others had the time to notice its silence too.
func (m *Machine) beyond(now time.Time, nodes Set) Set {
	var found Set
	for k := range m.peers {
		p := &m.peers[k]
		if k == m.self || nodes.Has(k) {
			continue
		}
		if p.said.Leaving && p.alive || !p.banned.IsZero() {
			continue
		}
		var by Set
		for i := range nodes.All() {
			q := &m.peers[i].said
			if i != m.self && q.Hears.Has(k) && q.View.Has(k) && !m.peers[i].suspect {
				by.Add(i)
			}
		}
		if by.Empty() {
			continue
		}
		if until := p.quiet.since.Add(m.cfg.Timing.doubt()); !p.alive && until.After(now) {
			m.wakeAt(until)
			continue
		}
		for i := range by.All() {
			m.connect(i, k)
		}
		for other := range found.All() {
			if !m.adjacent[other].And(by).Empty() {
				m.connect(other, k)
			}
		}
		found.Add(k)
	}
	return found
}

// verdict is what is known about the connection of two usable nodes.
type verdict uint8

const (
	unknownYet verdict = iota
	connected
	broken
	// shunned: one of them keeps the other out.
	shunned
)

// edge judges the connection of i and j, one of which may be this node.
func (m *Machine) edge(now time.Time, i, j int) verdict {
	v := connected
	for _, pair := range [2][2]int{{i, j}, {j, i}} {
		from, to := pair[0], pair[1]
		if from == m.self {
			continue // usable, so it is heard
		}
		p := &m.peers[from]
		switch {
		case p.accused.Has(to):
			if m.believes(now, p, to) {
				return broken
			}
			v = unknownYet
		case to != m.self && p.said.mark(to, m.peers[to].said.Incarnation) == frame.MarkOut:
			return shunned
		case to != m.self && !p.said.Hears.Has(to):
			v = unknownYet
		}
	}
	return v
}

// believes reports whether p's accusation of a node counts.
func (m *Machine) believes(now time.Time, p *peer, to int) bool {
	if to != m.self && m.peers[to].suspect {
		return true // it misses heartbeats here too
	}
	doubt := m.cfg.Timing.doubt()
	counts := earlier(p.accusedLately.Add(doubt), p.accusing.Add(3*doubt))
	if counts.After(now) {
		m.wakeAt(counts)
		return false
	}
	return true
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
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
