package member

import (
	"encoding/binary"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/corosyncd/frame"
)

// decide brings the proposal in line with what is known, and adopts it when its members agree.
func (m *Machine) decide(now time.Time) {
	m.next = now.Add(time.Hour)
	m.noteExpelled()
	if m.leaving {
		m.farewell(now)
		return
	}
	m.update(now)
	if best := m.best(now); best != m.candidate {
		if !m.unsettled.IsZero() && !m.candidate.Contains(best) {
			m.unsettled = now // whoever comes now has had no time to agree
		}
		m.candidate, m.since = best, now
	}
	digest := m.digestOf(m.candidate)
	if digest == m.digest {
		m.unsettled = time.Time{}
		if m.proposed != digest {
			m.proposal, m.proposed, m.seq = m.view, m.digest, m.ring.Seq
			m.changed()
		}
		m.agree(now)
		return
	}
	if wait := m.wait(now, digest); wait.After(now) {
		m.wakeAt(wait)
		return
	}
	if m.unsettled.IsZero() {
		m.unsettled = now
	}
	if m.proposed != digest {
		m.highest++
		m.proposal, m.proposed, m.seq = m.candidate, digest, m.highest
		m.changed()
	}
	m.agree(now)
	m.insist(now)
}

// update refreshes who accuses whom of the nodes that are heard here.
func (m *Machine) update(now time.Time) {
	heard := m.Hears()
	heard.Add(m.self)
	for i := range m.peers {
		p := &m.peers[i]
		accused := p.said.Silent.And(heard)
		if !p.alive {
			accused = Set{}
		}
		if accused == p.accused {
			continue
		}
		if p.accused.Empty() {
			p.accusing = now
		}
		p.accused, p.accusedLately = accused, now
	}
}

// usable reports whether a node can be in a view with this one.
func (m *Machine) usable(now time.Time, i int) bool {
	p := &m.peers[i]
	life := p.said.Incarnation
	if !p.alive || p.said.Leaving || p.left == life {
		return false
	}
	if p.gone.incarnation == life && m.shutOut(p) || p.said.mark(m.self, m.cfg.Incarnation) == frame.MarkOut {
		return false
	}
	if p.banned.After(now) {
		m.wakeAt(p.banned)
		return false
	}
	return true
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

// best is the view that this node wants: the heaviest clique that it knows of, as far as that contains it.
func (m *Machine) best(now time.Time) Set {
	var nodes Set
	nodes.Add(m.self)
	for i := range m.peers {
		if m.usable(now, i) {
			nodes.Add(i)
		}
	}
	for i := range nodes.All() {
		m.adjacent[i] = Set{}
	}
	for i := range nodes.All() {
		for j := range nodes.All() {
			if j <= i {
				continue
			}
			v := m.edge(now, i, j)
			// Members stay until something is known against them; others come when everything is known.
			if v == connected || v == unknownYet && m.view.Has(i) && m.view.Has(j) {
				m.adjacent[i].Add(j)
				m.adjacent[j].Add(i)
			}
			if v == broken {
				m.notePartial(i, j)
			} else if len(m.told) > 0 {
				delete(m.told, [2]int{i, j})
			}
		}
	}
	m.weigh(nodes)
	for {
		clique := heaviest(nodes, m.adjacent, m.weights)
		if clique.Has(m.self) {
			return clique
		}
		// The others will go together without this node; what remains may form a view with it.
		nodes = nodes.Without(clique)
	}
}

// weigh says what makes a clique better than another. A partition that may act keeps its members, whoever
// else comes; a node that is not in such a partition goes to it.
func (m *Machine) weigh(nodes Set) {
	anchor := Set{}
	if m.quorate {
		anchor = m.view
	} else {
		best := api.RingID{}
		for i := range nodes.All() {
			r := &m.peers[i].said
			if i == m.self || !r.Quorate {
				continue
			}
			if r.Ring.Seq > best.Seq || r.Ring.Seq == best.Seq && r.Ring.Rep < best.Rep {
				best, anchor = r.Ring, r.View
			}
		}
	}
	for i := range nodes.All() {
		w := weight{minor: nodeUnit + uint64(m.cfg.Nodes[i].Votes)*votesUnit}
		if anchor.Has(i) {
			w.major += anchorUnit
		}
		if !m.peers[i].suspect {
			w.major += freshUnit
		}
		if m.view.Has(i) {
			w.minor += viewUnit
		}
		m.weights[i] = w
	}
}

// wait is until when a proposal is held back so that it can be a better one.
func (m *Machine) wait(now time.Time, digest uint64) time.Time {
	if !m.unsettled.IsZero() && m.proposed != m.digest {
		return now // a proposal is out already; its successor must not wait
	}
	for j := range m.view.All() {
		if !m.candidate.Has(j) || m.lifeOf(j) != m.lives[j] {
			return now // a member is lost or lives anew
		}
	}
	if m.candidate.Len() == len(m.cfg.Nodes) {
		return now // nobody is left to wait for
	}
	for j := range m.candidate.All() {
		if j != m.self && m.peers[j].said.Proposal == digest {
			return now // somebody proposes it already
		}
	}
	if m.candidate.Len() == 1 {
		return m.start.Add(m.cfg.Timing.Token)
	}
	return m.since.Add(m.cfg.Timing.Join)
}

func (m *Machine) lifeOf(i int) api.Incarnation {
	if i == m.self {
		return m.cfg.Incarnation
	}
	return m.peers[i].said.Incarnation
}

// digestOf identifies a set of nodes in their present lives.
func (m *Machine) digestOf(s Set) uint64 { return m.hash(s, m.lifeOf) }

// hash is FNV-1a over ids and incarnations. It is not 0.
func (m *Machine) hash(s Set, life func(int) api.Incarnation) uint64 {
	h := uint64(14695981039346656037)
	var b [12]byte
	for i := range s.All() {
		binary.LittleEndian.PutUint32(b[:], uint32(m.cfg.Nodes[i].ID))
		binary.LittleEndian.PutUint64(b[4:], uint64(life(i)))
		for _, c := range b {
			h = (h ^ uint64(c)) * 1099511628211
		}
	}
	return h | 1
}
