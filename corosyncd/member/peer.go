package member

import (
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/corosyncd/frame"
)

// peer is what is known of one node.
type peer struct {
	alive   bool
	suspect bool // missed heartbeats
	said    Report
	// accusing is since when the node has accused somebody who is heard here, and accusedLately when that
	// changed last.
	accusing, accusedLately time.Time
	accused                 Set
	// banned keeps a node that did not agree out of proposals until then.
	banned time.Time
	// quiet is the silence that may become a departure.
	quiet silence
	gone  departure
	// left and fenced are the last lives that ended so.
	left, fenced api.Incarnation
	backNoted    api.Incarnation // life whose return without a fence has been noted
}

// silence is what the detector said about a life of a node.
type silence struct {
	incarnation api.Incarnation
	why         string
	heard       time.Time // last sign of life
	since       time.Time // when it was found silent
}

// departure is how a node that was a member went; how is "" while there is none.
type departure struct {
	silence
	how api.Departure
	// own tells that this node itself found the other silent.
	own bool
}

// report takes in what a node says and is false when that is nothing new.
func (m *Machine) report(now time.Time, r *Report) bool {
	p := &m.peers[r.From]
	if p.alive && !p.suspect && p.said.same(r) {
		return false
	}
	fresh := !p.alive || p.said.Incarnation != r.Incarnation
	p.alive, p.suspect = true, false
	p.said.copy(r)
	m.highest = max(m.highest, r.Ring.Seq, r.ProposalSeq)
	if r.Leaving && p.left != r.Incarnation {
		p.left = r.Incarnation
		m.changed()
	}
	if fresh {
		p.banned = time.Time{}
		p.accusing, p.accused = time.Time{}, Set{}
		m.changed() // others wait to see that it is heard here
	}
	m.learn(r)
	if r.Incarnation == p.gone.incarnation && m.shutOut(p) && p.backNoted != r.Incarnation {
		p.backNoted = r.Incarnation
		m.note(true, m.name(r.From)+" is heard again without having been fenced: it stays out until it is fenced or its corosyncd is restarted")
	}
	return true
}

// same reports whether two reports of one node say the same.
func (r *Report) same(s *Report) bool {
	return r.Incarnation == s.Incarnation && r.Leaving == s.Leaving && r.Quorate == s.Quorate && r.Ring == s.Ring &&
		r.View == s.View && r.ProposalSeq == s.ProposalSeq && r.Proposal == s.Proposal && r.Hears == s.Hears &&
		r.Silent == s.Silent && slices.Equal(r.Marks, s.Marks)
}

// copy keeps what s says; s may be reused.
func (r *Report) copy(s *Report) {
	marks := append(r.Marks[:0], s.Marks...)
	*r = *s
	r.Marks = marks
}

// mark is what the node says about one life of a node.
func (r *Report) mark(node int, life api.Incarnation) frame.Mark {
	for _, k := range r.Marks {
		if k.Node == node && k.Incarnation == life {
			return k.Mark
		}
	}
	return frame.NoMark
}

func (m *Machine) silent(now time.Time, in Silent) {
	p := &m.peers[in.Node]
	if !p.alive {
		return
	}
	p.alive, p.suspect = false, false
	p.accusing, p.accused = time.Time{}, Set{}
	p.quiet = silence{incarnation: p.said.Incarnation, why: in.Why, heard: in.LastHeard, since: now}
	m.changed()
}

func (m *Machine) fenced(in Fenced) {
	p := &m.peers[in.Node]
	life := in.Incarnation
	if life == 0 {
		life = max(p.gone.incarnation, m.lives[in.Node])
	}
	if life > p.fenced {
		p.fenced = life
		m.note(false, m.name(in.Node)+" has been fenced")
		m.changed()
	}
}

// shutOut reports whether the life in which the node departed must stay out: it was lost by a partition that
// may act, and is not proven dead.
func (m *Machine) shutOut(p *peer) bool {
	return m.quorate && p.gone.how == api.DepartureLost && p.fenced < p.gone.incarnation
}

// learn takes over what a member of the present view knows about the end of other nodes, so that all members
// have the same records although one of them may have skipped a view or started later.
func (m *Machine) learn(r *Report) {
	comrade := m.view.Has(r.From) && r.Ring == m.ring
	for _, k := range r.Marks {
		p := &m.peers[k.Node]
		switch {
		case k.Node == m.self:
		case k.Mark == frame.MarkFenced:
			m.learnFenced(k) // true in whatever view the other is
		case !comrade:
		case k.Mark == frame.MarkLeft:
			m.learnLeft(p, k, r.From)
		case m.view.Has(k.Node):
		case p.gone.incarnation < k.Incarnation && p.fenced < k.Incarnation && p.left < k.Incarnation:
			p.gone = departure{silence{incarnation: k.Incarnation, why: m.name(r.From) + " has lost it"}, api.DepartureLost, false}
			m.out = append(m.out, Amended{})
		}
	}
}

func (m *Machine) learnLeft(p *peer, k MarkedNode, from int) {
	if k.Incarnation > p.left {
		p.left = k.Incarnation
		m.changed()
	}
	if p.gone.incarnation == k.Incarnation && p.gone.how == api.DepartureLost {
		p.gone.how, p.gone.why = api.DepartureLeft, "said goodbye to "+m.name(from)
		m.out = append(m.out, Amended{})
	}
}

func (m *Machine) learnFenced(k MarkedNode) {
	if p := &m.peers[k.Node]; k.Incarnation > p.fenced {
		p.fenced = k.Incarnation
		m.changed()
	}
}

// Departed is how a node that was in an earlier view went; how is "" for all others.
func (m *Machine) Departed(i int) (how api.Departure, life api.Incarnation, why string, heard time.Time) {
	g := &m.peers[i].gone
	if m.view.Has(i) {
		return "", 0, "", time.Time{}
	}
	return g.how, g.incarnation, g.why, g.heard
}

// Mark is what heartbeats say about the end of a node.
func (m *Machine) Mark(i int) (frame.Mark, api.Incarnation) {
	p := &m.peers[i]
	switch {
	case m.view.Has(i) && p.fenced < m.lives[i] && p.left < m.lives[i]:
		return frame.NoMark, 0
	case p.left != 0 && p.left >= p.gone.incarnation && p.left >= p.fenced:
		return frame.MarkLeft, p.left
	case p.fenced != 0 && p.fenced >= p.gone.incarnation:
		return frame.MarkFenced, p.fenced
	case p.gone.how != api.DepartureLost:
		return frame.NoMark, 0
	case m.quorate:
		return frame.MarkOut, p.gone.incarnation
	}
	return frame.MarkLost, p.gone.incarnation
}

// Hears is the set of nodes that are alive.
func (m *Machine) Hears() Set {
	var s Set
	for i := range m.peers {
		if m.peers[i].alive {
			s.Add(i)
		}
	}
	return s
}

// Banned reports whether the node is left out because it did not agree.
func (m *Machine) Banned(i int) bool { return !m.peers[i].banned.IsZero() }

// Proposal identifies the proposed view by its digest, and is its sequence.
func (m *Machine) Proposal() (digest, seq uint64) { return m.proposed, m.seq }

// Leaving reports whether this node is saying goodbye.
func (m *Machine) Leaving() bool { return m.leaving }
