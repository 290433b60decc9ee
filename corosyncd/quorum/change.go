package quorum

import "time"

// setExpected is what an administrator does with corosync-quorumtool -e.
func (m *Machine) setExpected(votes int) {
	switch {
	case votes < 1:
		m.refuse("expected votes %d: must be at least 1", votes)
		return
	case votes < m.total:
		m.refuse("expected votes %d: %d votes are here already", votes, m.total)
		return
	case votes < m.nodeVotes()+m.cfg.Device.Votes:
		m.refuse("expected votes %d: %d votes are here already, with those of the quorum device", votes, m.nodeVotes()+m.cfg.Device.Votes)
		return
	case m.quorate && m.total < (votes+2)/2 && !m.cfg.TwoNode:
		m.refuse("expected votes %d: the %d votes that are here would not be quorate any more", votes, m.total)
		return
	}
	m.reset(votes)
	m.count(true)
}

// setVotes is what an administrator does with corosync-quorumtool -v.
func (m *Machine) setVotes(in SetVotes) {
	n := m.node(in.Node)
	if n == nil {
		m.refuse("votes of node %d: it has never been seen", in.Node)
		return
	}
	total := m.sum(in.Node, in.Votes)
	if m.device.cast {
		total += m.cfg.Device.Votes
	}
	need := max((max(m.highestExpected(), total)+2)/2, (total+2)/2)
	switch {
	case m.cfg.Device.OneVoteEach && in.Votes != 1:
		m.refuse("votes of node %d: with the algorithm of the quorum device every node has one vote", in.Node)
		return
	case in.Votes < 0:
		m.refuse("votes of node %d: %d is negative", in.Node, in.Votes)
		return
	case need > total || need < total/2:
		m.refuse("votes of node %d: with %d the partition would have %d votes and need %d", in.Node, in.Votes, total, need)
		return
	}
	n.votes = in.Votes
	if in.Node == m.cfg.Self {
		m.cfg.Votes = in.Votes
	}
	m.count(true)
}

// reload takes over what may change at run time.
func (m *Machine) reload(cfg Config) {
	if cfg.WaitForAll != m.cfg.WaitForAll && cfg.TwoNode == m.cfg.TwoNode && cfg.Device == m.cfg.Device || cfg.LastManStanding != m.cfg.LastManStanding ||
		cfg.LastManWindow != m.cfg.LastManWindow || cfg.AutoTieBreaker != m.cfg.AutoTieBreaker || cfg.AllowDownscale != m.cfg.AllowDownscale ||
		cfg.Tracking != m.cfg.Tracking {
		m.note("wait_for_all, last_man_standing, auto_tie_breaker, allow_downscale and expected_votes_tracking change with the next start of corosyncd")
	}
	if cfg.TwoNode != m.cfg.TwoNode {
		// two_node brings its wait_for_all along.
		m.cfg.TwoNode, m.cfg.WaitForAll, m.cfg.WaitOnce = cfg.TwoNode, cfg.WaitForAll, cfg.WaitOnce
		m.waiting = m.waiting && m.cfg.WaitForAll
	}
	m.cfg.Votes = cfg.Votes
	if cfg.Device != m.cfg.Device {
		if cfg.Device.Votes == 0 || m.cfg.Device.Votes == 0 {
			m.device = device{}
		}
		if cfg.WaitForAll != m.cfg.WaitForAll { // a device brings its wait_for_all along, as two_node does
			m.cfg.WaitForAll, m.cfg.WaitOnce = cfg.WaitForAll, cfg.WaitOnce
			m.waiting = m.waiting && cfg.WaitForAll
		}
		m.cfg.Device = cfg.Device
	}
	if cfg.Expected != m.cfg.Expected {
		m.cfg.Expected = cfg.Expected
		m.expected = cfg.Expected
	}
	m.count(true)
}

// armLastMan starts last_man_standing's window when the view has shrunk.
func (m *Machine) armLastMan(now time.Time) {
	if !m.cfg.LastManStanding || len(m.members) >= len(m.previous) {
		return
	}
	for _, id := range m.members {
		if m.Votes(id) > 1 {
			m.note("last_man_standing does not work with nodes that have more than one vote, such as node %d", id)
			return
		}
	}
	if len(m.members) >= m.quorum || m.cfg.AutoTieBreaker && m.member(m.lowest) {
		m.lastMan = now.Add(m.cfg.LastManWindow)
	}
}

// lastManStanding lowers the expected votes to those who are still here.
func (m *Machine) lastManStanding(now time.Time) {
	if m.lastMan.IsZero() || m.lastMan.After(now) {
		return
	}
	m.lastMan = time.Time{}
	if !m.quorate || len(m.members) == m.expected {
		return
	}
	m.note("last_man_standing: %d votes are expected from now on, instead of %d", len(m.members), m.expected)
	m.reset(len(m.members))
	m.count(true)
}
