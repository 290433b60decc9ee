package member

import (
	"fmt"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/corosyncd/frame"
)

// agree adopts the proposal when all of its members propose it. The ring is named by its representative, the
// member with the lowest id, and carries the sequence of that node's proposal: a node uses a sequence for one
// proposal only, so no two views have the same name. The sequence must not be below anybody's, so that every
// member's rings rise.
func (m *Machine) agree(now time.Time) {
	rep := m.proposal.First()
	if rep < 0 {
		return
	}
	top := m.seq
	for j := range m.proposal.All() {
		if j == m.self {
			continue
		}
		p := &m.peers[j]
		if !p.alive || p.said.Proposal != m.proposed {
			return
		}
		top = max(top, p.said.ProposalSeq)
	}
	var seq uint64
	if rep == m.self {
		if top > m.seq {
			m.highest++
			m.seq = m.highest
			m.changed()
		}
		seq = m.seq
	} else if seq = m.peers[rep].said.ProposalSeq; seq < top {
		return // the representative will raise its own
	}
	if seq > m.ring.Seq {
		m.adopt(now, api.RingID{Rep: m.cfg.Nodes[rep].ID, Seq: seq})
	}
}

func (m *Machine) adopt(now time.Time, ring api.RingID) {
	for i := range m.view.Without(m.proposal).All() {
		p := &m.peers[i]
		p.gone = m.departed(p, m.lives[i])
		m.note(p.gone.how == api.DepartureLost, fmt.Sprintf("%s is %s: %s", m.name(i), p.gone.how, p.gone.why))
	}
	for i := range m.proposal.All() {
		m.peers[i].gone = departure{}
		m.lives[i] = m.lifeOf(i)
	}
	m.view, m.digest, m.ring = m.proposal, m.proposed, ring
	m.seq = max(m.seq, ring.Seq)
	m.highest = max(m.highest, ring.Seq)
	m.unsettled = time.Time{}
	m.out = append(m.out, Adopted{})
	m.changed()
}

// departed says how a member went that is not in the next view.
func (m *Machine) departed(p *peer, life api.Incarnation) departure {
	d := departure{silence: silence{incarnation: life, heard: p.quiet.heard}, how: api.DepartureLost}
	switch {
	case p.left == life:
		d.how, d.why = api.DepartureLeft, "said goodbye"
	case !p.alive && p.quiet.incarnation == life:
		d.silence, d.own = p.quiet, true
	case p.said.mark(m.self, m.cfg.Incarnation) == frame.MarkOut:
		d.why = "it has declared this node lost"
	case !p.alive:
		d.why = "it is not heard"
	default:
		d.why = m.disconnected(p)
	}
	return d
}

// disconnected says why a node that is heard here is not in the view.
func (m *Machine) disconnected(p *peer) string {
	for i := range m.proposal.All() {
		switch {
		case p.accused.Has(i):
			return fmt.Sprintf("it does not hear %s", m.name(i))
		case m.peers[i].accused.Has(m.indexOf(p)):
			return fmt.Sprintf("%s does not hear it", m.name(i))
		}
	}
	return fmt.Sprintf("it did not agree on a view within %d ms", m.cfg.Timing.Consensus.Milliseconds())
}

func (m *Machine) indexOf(p *peer) int {
	for i := range m.peers {
		if &m.peers[i] == p {
			return i
		}
	}
	return -1
}

// insist leaves out those who do not agree for too long: first those who miss heartbeats, then those who would
// be new, then members.
func (m *Machine) insist(now time.Time) {
	if m.unsettled.IsZero() {
		return
	}
	due := m.unsettled.Add(m.cfg.Timing.Consensus)
	if due.After(now) {
		m.wakeAt(due)
		return
	}
	var against, missing Set
	for j := range m.proposal.All() {
		if p := &m.peers[j]; j != m.self && p.said.Proposal != m.proposed {
			against.Add(j)
			if p.suspect {
				missing.Add(j)
			}
		}
	}
	if joining := against.Without(m.view); !missing.Empty() {
		against = missing
	} else if !joining.Empty() {
		against = joining
	}
	// All bans end together: otherwise this node would go on proposing views that lack the others in turn.
	until := now.Add(m.cfg.Timing.Consensus)
	for j := range m.peers {
		if m.Banned(j) {
			m.peers[j].banned = until
		}
	}
	for j := range against.All() {
		m.peers[j].banned = until
		m.note(true, fmt.Sprintf("%s does not agree on a view within %d ms and is left out for now", m.name(j), m.cfg.Timing.Consensus.Milliseconds()))
	}
	m.unsettled = now
	m.changed()
	m.wakeAt(now)
}

// farewell waits until no node has this one in its view any more.
func (m *Machine) farewell(now time.Time) {
	if m.gone {
		return
	}
	for i := range m.peers {
		if p := &m.peers[i]; p.alive && !p.said.Leaving && p.said.View.Has(m.self) && m.leaveBy.After(now) {
			m.wakeAt(m.leaveBy)
			return
		}
	}
	m.gone = true
	m.out = append(m.out, Gone{})
}

// noteExpelled notices that another node has declared this one lost. Two nodes that found each other silent
// have expelled nobody: their fencing decides.
func (m *Machine) noteExpelled() {
	by := -1
	for i := range m.peers {
		p := &m.peers[i]
		if p.alive && p.said.mark(m.self, m.cfg.Incarnation) == frame.MarkOut && !(p.gone.how == api.DepartureLost && p.gone.own) {
			by = i
			break
		}
	}
	if m.expelled == (by >= 0) {
		return
	}
	m.expelled = by >= 0
	if m.expelled {
		m.note(true, m.name(by)+" has declared this node lost: it may not act until it is fenced or its corosyncd is restarted")
	} else {
		m.note(false, "no node holds this node for lost any more")
	}
	m.out = append(m.out, Amended{})
}

// notePartial tells of two nodes that are both heard here and do not hear each other.
func (m *Machine) notePartial(now time.Time, i, j int) {
	if last, ok := m.told[[2]int{i, j}]; ok && now.Sub(last) < tellAgain {
		return
	}
	m.told[[2]int{i, j}] = now
	a, b := i, j
	if m.peers[j].accused.Has(i) {
		a, b = j, i
	}
	who := m.name(m.self) + " hears both"
	if a == m.self || b == m.self {
		who = "the other way works"
	}
	m.note(true, fmt.Sprintf("%s does not hear %s; %s", m.name(a), m.name(b), who))
}

// tellAgain is after how long a broken connection is noted again.
const tellAgain = 5 * time.Minute
