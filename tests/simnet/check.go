package simnet

import (
	"fmt"
	"slices"

	"github.com/holdfast-ha/holdfast/api"
)

// checks are what must hold in every history.
type checks struct {
	rings map[api.RingID][]api.Member // members of every ring that anybody adopted
	seqs  map[int]seen
	// Broken are the invariants that did not hold.
	broken []string
	fence  func(by *Node, lost api.Departed)
	asked  map[string]bool // fences asked for, by node, victim and life
	// twoNode tells that a cut may leave two partitions that act.
	twoNode bool
}

type seen struct {
	life int
	ring api.RingID
}

func newChecks() checks {
	return checks{rings: make(map[api.RingID][]api.Member), seqs: make(map[int]seen), asked: make(map[string]bool)}
}

// Broken lists the invariants that did not hold.
func (w *World) Broken() []string { return w.check.broken }

func (c *checks) fail(n *Node, format string, args ...any) {
	text := fmt.Sprintf("%.1f ms, %s: ", float64(n.world.Since().Microseconds())/1000, n.name()) + fmt.Sprintf(format, args...)
	c.broken = append(c.broken, text)
	n.world.trace("BROKEN %s", text)
}

// view checks a view that a node publishes.
func (c *checks) view(n *Node) {
	v := n.View
	if v.TwoNode {
		c.twoNode = true
	}
	if v.Ring.Seq == 0 {
		return
	}
	if !v.Has(n.ID) {
		c.fail(n, "is not in its own view %v", ids(v))
	}
	life := func(a, b api.Member) bool { return a.ID == b.ID && a.Incarnation == b.Incarnation }
	if other, ok := c.rings[v.Ring]; !ok {
		c.rings[v.Ring] = v.Members
	} else if !slices.EqualFunc(other, v.Members, life) {
		c.fail(n, "ring %s has members %v here, another node had it with %v", v.Ring, v.Members, other)
	}
	if last := c.seqs[n.Index]; last.life == n.life && v.Ring != last.ring && v.Ring.Seq <= last.ring.Seq {
		c.fail(n, "ring %s follows ring %s", v.Ring, last.ring)
	}
	c.seqs[n.Index] = seen{life: n.life, ring: v.Ring}
	if !v.Quorum.Quorate {
		return
	}
	c.together(n)
	if c.fence == nil || v.Stale {
		return
	}
	for _, d := range v.Departed {
		key := fmt.Sprint(n.Index, n.life, d.ID, d.Incarnation)
		if d.How == api.DepartureLost && !c.asked[key] {
			c.asked[key] = true
			c.fence(n, d)
		}
	}
}

// together checks that no other partition may act.
func (c *checks) together(n *Node) {
	if c.twoNode {
		return
	}
	for _, o := range n.world.Nodes {
		if o == n || !o.Up || o.View == nil || !o.View.Quorum.Quorate {
			continue
		}
		if !slices.ContainsFunc(o.View.Members, func(m api.Member) bool { return n.View.Has(m.ID) }) {
			c.fail(n, "partition %v may act while %v may", ids(n.View), ids(o.View))
		}
	}
}
