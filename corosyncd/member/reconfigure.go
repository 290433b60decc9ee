package member

import "time"

// Reconfigure changes the node list and the timing. Nodes that stay keep everything that is known of them; a
// node that is not configured any more drops out of the view. The own node must stay.
func (m *Machine) Reconfigure(now time.Time, nodes []Node, timing Timing) []Output {
	clear(m.out)
	m.out = m.out[:0]
	m.cfg.Timing = timing
	oldNodes, oldPeers, oldLives := m.cfg.Nodes, m.peers, m.lives
	m.resize(nodes)
	table := make([]int, len(oldNodes))
	for i, n := range oldNodes {
		table[i] = m.Index(n.ID)
		if j := table[i]; j >= 0 {
			m.peers[j], m.lives[j] = oldPeers[i], oldLives[i]
		}
	}
	for i := range m.peers {
		m.peers[i].translate(table)
	}
	m.view = m.view.translate(table)
	m.proposal = m.proposal.translate(table)
	m.candidate = m.candidate.translate(table)
	m.told = make(map[[2]int]time.Time)
	m.reviewed()
	m.changed()
	m.decide(now)
	return m.out
}

// reviewed recomputes the digest of the view, which differs from the proposal's when a member was removed
// from the configuration: then a new view is due.
func (m *Machine) reviewed() {
	if m.digest != m.hash(m.view, m.Life) {
		m.digest = 0
	}
}

func (p *peer) translate(table []int) {
	p.accused = p.accused.translate(table)
	s := &p.said
	s.View, s.Hears, s.Silent = s.View.translate(table), s.Hears.translate(table), s.Silent.translate(table)
	kept := s.Marks[:0]
	for _, k := range s.Marks {
		if k.Node < len(table) && table[k.Node] >= 0 {
			k.Node = table[k.Node]
			kept = append(kept, k)
		}
	}
	s.Marks = kept
}
