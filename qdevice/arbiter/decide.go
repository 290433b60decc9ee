package arbiter

import (
	"slices"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/qdevice/wire"
)

// decide chooses the partition that goes on and tells everybody: first those who lose, and when all of them have
// answered those who win. So there is no moment at which two partitions have the vote. corosync-qnetd does that for
// ffsplit; here lms is decided in the same way.
func (m *Machine) decide(k *cluster, a wire.Algorithm) {
	for _, c := range k.clients { // what is decided now replaces what has not been told yet
		c.owing, c.due = false, wire.Undecided
	}
	if a == wire.Test || !m.stable(k) {
		return
	}
	var best *client
	if a == wire.FFSplit {
		best = halves(k)
	} else {
		best = lastMan(k)
	}
	var winners []api.NodeID
	if best != nil {
		winners = best.members
		k.active = best.members
	}
	for _, c := range k.clients {
		if slices.Contains(winners, c.node) && c.ring == best.ring {
			c.due = wire.ACK
			continue
		}
		c.owing = true
		m.tell(c, wire.NACK)
	}
	m.tellWinners(k)
}

// tellWinners gives the vote to the winners, unless a loser does not know yet that it has lost.
func (m *Machine) tellWinners(k *cluster) {
	if slices.ContainsFunc(k.clients, func(c *client) bool { return c.owing }) {
		return
	}
	for _, c := range k.clients {
		if c.due == wire.ACK {
			c.due = wire.Undecided
			m.tell(c, wire.ACK)
		}
	}
}

func (m *Machine) tell(c *client, v wire.Vote) {
	c.info++
	if c.vote != v {
		m.note(false, "cluster %s: node %d: %s", c.cluster, c.node, v)
	}
	c.vote, c.said = v, v
	m.send(c, (&wire.Message{Type: wire.VoteInfo, Seq: c.info, Vote: c.vote, Ring: c.ring}).With(wire.OptSeq, wire.OptVote, wire.OptRing))
}

// stable reports whether what the nodes say fits together. As long as it does not, somebody has not told the newest.
func (m *Machine) stable(k *cluster) bool {
	for _, c := range k.clients {
		if c.config == nil || c.members == nil {
			return false
		}
		for _, o := range k.clients {
			if !slices.Equal(c.config, o.config) {
				return false
			}
			if o != c && slices.Contains(c.members, o.node) && (o.ring != c.ring || !slices.Equal(o.members, c.members)) {
				return false
			}
		}
	}
	return true
}

// weight is what counts for the partition of a client.
type weight struct{ score, clients int }

func weigh(k *cluster, c *client) weight {
	var w weight
	for _, o := range k.clients {
		if !slices.Contains(c.members, o.node) {
			continue
		}
		w.clients++
		w.score++
		switch o.heuristics {
		case wire.HeuristicsPass:
			w.score++
		case wire.HeuristicsFail:
			w.score--
		}
	}
	return w
}

// halves is ffsplit: more than half of the configured nodes, or the better one of two halves. The result stands for
// its partition; nil is none.
func halves(k *cluster) *client {
	keep := !slices.ContainsFunc(k.clients, func(c *client) bool { return !c.keepActive })
	var best *client
	for _, c := range k.clients {
		n := len(c.config)
		switch {
		case 2*len(c.members) > n:
			return c // there is no other
		case 2*len(c.members) == n && (best == nil || beats(k, c, best, keep)):
			best = c
		}
	}
	return best
}

// beats reports whether a's half is better than b's.
func beats(k *cluster, a, b *client, keepActive bool) bool {
	if slices.Contains(b.members, a.node) {
		return false // it is the same
	}
	wa, wb := weigh(k, a), weigh(k, b)
	was, other := slices.Contains(k.active, a.node), slices.Contains(k.active, b.node)
	switch {
	case wa.score != wb.score:
		return wa.score > wb.score
	case wa.clients != wb.clients:
		return wa.clients > wb.clients
	case keepActive && was != other:
		return was
	}
	return slices.Contains(a.members, preferred(a.tie, a.config))
}

// preferred is the node of the tie-breaker.
func preferred(t wire.TieBreaker, ids []api.NodeID) api.NodeID {
	switch {
	case t.Mode == wire.TieNode && slices.Contains(ids, t.Node):
		return t.Node
	case t.Mode == wire.TieHighest:
		return slices.Max(ids)
	}
	return slices.Min(ids)
}

// lastMan is lms, and for two nodes 2nodelms: the partition with the best heuristics, then with the most nodes that
// are connected here, however few. Whoever has just come does not take the vote from those who have it.
func lastMan(k *cluster) *client {
	parts := partitions(k)
	if slices.ContainsFunc(parts, func(c *client) bool { return holds(k, c) }) {
		parts = slices.DeleteFunc(parts, func(c *client) bool { return fresh(k, c) })
	}
	if len(parts) == 0 {
		return nil
	}
	most := func(value func(weight) int) {
		top := value(weigh(k, parts[0]))
		for _, c := range parts {
			top = max(top, value(weigh(k, c)))
		}
		parts = slices.DeleteFunc(parts, func(c *client) bool { return value(weigh(k, c)) < top })
	}
	most(func(w weight) int { return w.score })
	most(func(w weight) int { return w.clients })
	var ids []api.NodeID
	for _, c := range k.clients {
		if slices.ContainsFunc(parts, func(p *client) bool { return p.ring == c.ring }) {
			ids = append(ids, c.node)
		}
	}
	node := preferred(parts[0].tie, ids)
	for _, c := range parts {
		if slices.Contains(c.members, node) {
			return c
		}
	}
	return parts[0]
}

// partitions has one client of each partition.
func partitions(k *cluster) []*client {
	var parts []*client
	for _, c := range k.clients {
		if !slices.ContainsFunc(parts, func(p *client) bool { return p.ring == c.ring }) {
			parts = append(parts, c)
		}
	}
	return parts
}

// holds reports whether somebody in the client's partition has the vote.
func holds(k *cluster, c *client) bool {
	return slices.ContainsFunc(k.clients, func(o *client) bool { return o.ring == c.ring && o.vote == wire.ACK })
}

// fresh reports whether nobody in the client's partition has had an answer yet.
func fresh(k *cluster, c *client) bool {
	return !slices.ContainsFunc(k.clients, func(o *client) bool { return o.ring == c.ring && o.vote != wire.Undecided })
}
