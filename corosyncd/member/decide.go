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

// update refreshes who accuses whom of the nodes that are heard here, and ends bans.
func (m *Machine) update(now time.Time) {
	heard := m.Hears()
	heard.Add(m.self)
	m.banning = false
	for i := range m.peers {
		p := &m.peers[i]
		if p.banned.After(now) {
			m.banning = true
			m.wakeAt(p.banned)
		} else if !p.banned.IsZero() {
			p.banned = time.Time{}
			m.changed()
		}
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
func (m *Machine) usable(i int) bool {
	p := &m.peers[i]
	life := p.said.Incarnation
	return p.alive && !p.said.Leaving && p.left != life && p.banned.IsZero() && (m.view.Has(i) || !m.banning && !p.suspect) &&
		!(p.gone.incarnation == life && m.shutOut(p)) && p.said.mark(m.self, m.cfg.Incarnation) != frame.MarkOut
}

// wait is until when a proposal is held back so that it can be a better one.
func (m *Machine) wait(now time.Time, digest uint64) time.Time {
	if !m.unsettled.IsZero() && m.proposed != m.digest {
		return now // a proposal is out already; its successor must not wait
	}
	for j := range m.view.All() {
		switch {
		case m.lifeOf(j) != m.lives[j], !m.candidate.Has(j) && !m.usable(j):
			return now // a member is lost or lives anew
		case !m.candidate.Has(j) && m.adjacent[m.self].Has(j):
			// Others seem to be better company than this member, which is well. It may only be that it has
			// not heard them yet.
			return m.since.Add(m.cfg.Timing.doubt())
		case !m.candidate.Has(j):
			return now
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
