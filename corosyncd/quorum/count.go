package quorum

import (
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// count recomputes everything. Unless the quorum may fall it only rises: votes that went without an
// administrator's or a rule's doing must not make a smaller partition quorate.
func (m *Machine) count(mayFall bool) {
	if own := m.node(m.cfg.Self); own != nil {
		own.votes, own.expected = m.cfg.Votes, m.expected
	}
	m.total = m.nodeVotes()
	// The device's votes are expected whether they are cast or not.
	m.expected = max(m.expected, m.total+m.cfg.Device.Votes)
	if m.device.cast {
		m.total += m.cfg.Device.Votes
	}
	if m.cfg.Tracking && m.expected > m.barrier {
		m.barrier = m.expected
		m.out = append(m.out, Track{Expected: m.barrier})
	}
	m.quorum = m.needed(mayFall)
	m.judge()
}

// nodeVotes are the votes of the members, without the device.
func (m *Machine) nodeVotes() int { return m.sum(0, 0) }

// complete reports whether all nodes are here. votequorum wants the device's votes too; who waits for all nodes
// does not wait for the arbiter.
func (m *Machine) complete() bool { return m.nodeVotes() == m.expected-m.cfg.Device.Votes }

// highestExpected is the highest number of votes that a member expects. A member whose partition may not act
// counts with this node's number, which is how a late starter with an old file does no harm.
func (m *Machine) highestExpected() int {
	highest := m.expected
	for _, id := range m.members {
		if n := m.node(id); n != nil && id != m.cfg.Self && (n.flags&FlagQuorate != 0 || m.cfg.Tracking) {
			highest = max(highest, n.expected)
		}
	}
	return highest
}

// needed is the number of votes that makes a partition quorate.
func (m *Machine) needed(mayFall bool) int {
	need := max((m.highestExpected()+2)/2, (m.total+2)/2)
	if !mayFall {
		need = max(need, m.quorum)
	}
	if m.cfg.TwoNode && len(m.members) <= 2 {
		need = 1
	}
	return need
}

// judge decides whether the partition may act.
func (m *Machine) judge() {
	m.device.undecided = false
	if len(m.members) == 0 {
		m.quorate = false
		return
	}
	if m.hold != "" {
		m.quorate = false
		m.waiting = m.cfg.WaitForAll
		return
	}
	if m.cfg.WaitForAll && m.waiting && !m.complete() {
		m.quorate = false
		return
	}
	was := m.quorate
	m.quorate = m.total >= m.quorum || m.masterWins()
	m.device.undecided = was && m.mayYetWin()
	if m.device.undecided {
		m.quorate = true
		return
	}
	if m.quorate {
		m.lowest, m.highest = m.members[0], m.members[len(m.members)-1]
	} else if m.cfg.AutoTieBreaker && m.evenSplit() && m.winsTie() {
		m.quorate = true
		if !was {
			m.note("even split: this half goes on")
		}
	}
	if m.cfg.WaitForAll {
		// Losing quorum arms it again: the rest may have gone on.
		m.waiting = !m.quorate && (m.waiting || !m.cfg.WaitOnce)
	}
}

// evenSplit reports whether this partition is one of two halves. votequorum rounds an odd number of votes down,
// so that two of five may act although three others can; here a half is a half.
func (m *Machine) evenSplit() bool {
	return 2*m.total == m.expected && len(m.previous)-len(m.members) < m.quorum
}

func (m *Machine) winsTie() bool {
	switch m.cfg.TieBreaker {
	case TieBreakerHighest:
		return m.member(m.highest)
	case TieBreakerList:
		for _, id := range m.cfg.TieBreakerNodes {
			if m.member(id) {
				return true
			}
			if slices.Contains(m.previous, id) {
				return false // the other half has a better one
			}
		}
		return false
	}
	return m.member(m.lowest)
}

// info takes in what a node says.
func (m *Machine) info(in Info) {
	if in.Node == m.cfg.Self {
		return
	}
	n := m.node(in.Node)
	if n == nil {
		m.nodes = append(m.nodes, node{id: in.Node})
		n = &m.nodes[len(m.nodes)-1]
	}
	old := *n
	*n = node{id: in.Node, votes: in.Votes, expected: in.Expected, flags: in.Flags}
	if *n == old || !m.member(in.Node) {
		return
	}
	mayFall := in.Expected < old.expected || in.Votes < old.votes
	if m.join(n) {
		mayFall = true
	}
	m.count(mayFall)
}

// join takes over what a quorate node knows when this one is not quorate. It reports whether it did.
func (m *Machine) join(n *node) bool {
	if m.quorate || n.flags&FlagQuorate == 0 || n.id == m.cfg.Self {
		return false
	}
	m.expected = n.expected
	if m.cfg.WaitForAll && n.flags&FlagWaiting == 0 {
		m.waiting = false
	}
	return true
}

// joinAny is join with every member.
func (m *Machine) joinAny() bool {
	joined := false
	for _, id := range m.members {
		if n := m.node(id); n != nil && m.join(n) {
			joined = true
		}
	}
	return joined
}

func (m *Machine) view(now time.Time, in View) {
	m.previous, m.members = m.members, slices.Clone(in.Members)
	for i := range m.nodes {
		m.nodes[i].flags &^= FlagCast // like the own one it was about the view before
	}
	m.device.cast, m.device.answered = false, false // what it said was about the view before
	mayFall := m.joinAny() || len(m.previous) == 0
	if m.cfg.AllowDownscale && len(in.Left) > 0 {
		// Down to the configured number, or to those who are here when that is more.
		here := 0
		for _, id := range m.members {
			here += m.Votes(id)
		}
		m.expected = max(m.cfg.Expected, here)
		mayFall = true
	}
	m.armLastMan(now)
	m.askDevice(now)
	m.count(mayFall)
}

// reset makes every member expect the number of votes.
func (m *Machine) reset(expected int) {
	m.expected = expected
	for _, id := range m.members {
		if n := m.node(id); n != nil {
			n.expected = expected
		}
	}
}

// sum is the number of votes that the nodes hold after a change of one of them.
func (m *Machine) sum(changed api.NodeID, votes int) int {
	total := 0
	for _, id := range m.members {
		if id == changed {
			total += votes
		} else {
			total += m.Votes(id)
		}
	}
	return total
}
