package simnet

import (
	"fmt"
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// checks are what must hold in every history.
type checks struct {
	// rings has the members of every ring that anybody adopted. The name of a ring is unique in one life of its
	// representative; a crash before the disk has the last sequence may use it again.
	rings map[ringLife][]api.Member
	seqs  map[int]seen
	// Broken are the invariants that did not hold.
	broken []string
	fence  func(by *Node, lost api.Departed)
	asked  map[string]bool // fences asked for, by node, victim and life
	// twoNode tells that a cut may leave two partitions that act.
	twoNode bool
}

type ringLife struct {
	ring api.RingID
	life api.Incarnation // of the representative
}

type seen struct {
	life int
	ring api.RingID
}

func newChecks() checks {
	return checks{rings: make(map[ringLife][]api.Member), seqs: make(map[int]seen), asked: make(map[string]bool)}
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
	key := ringLife{v.Ring, v.Members[0].Incarnation}
	if other, ok := c.rings[key]; !ok {
		c.rings[key] = v.Members
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

// Settled checks that the nodes that run agree with each other: members of one view have the same, and nodes
// in different views have a reason, which is that one was lost by a partition that may act. It is false
// when a node was started or resumed so lately that the time to agree has not passed.
func (w *World) Settled() bool {
	for _, n := range w.Nodes {
		if n.Up && w.Now.Sub(n.touched) < w.agreement() {
			return false
		}
	}
	for _, a := range w.Nodes {
		for _, b := range w.Nodes {
			if a.Index >= b.Index || !a.Up || !b.Up || a.paused || b.paused {
				continue
			}
			switch {
			case a.View.Ring == b.View.Ring && a.View.Ring.Seq > 0:
			case a.View.Has(b.ID) || b.View.Has(a.ID):
				w.check.fail(a, "view %s %v, n%d has %s %v", a.View.Ring, ids(a.View), b.Index+1, b.View.Ring, ids(b.View))
			case !shutOut(a.View, b.View) && !shutOut(b.View, a.View):
				w.check.fail(a, "view %s %v and n%d's %s %v are apart without a reason", a.View.Ring, ids(a.View), b.Index+1, b.View.Ring, ids(b.View))
			}
		}
	}
	return true
}

// agreement is the time in which nodes must agree when nothing changes any more.
func (w *World) agreement() time.Duration {
	t := w.Nodes[0].config().Timing
	return t.Token + 2*t.Consensus
}

// shutOut reports whether a view that may act has lost a member of the other.
func shutOut(v, other *api.View) bool {
	return v.Quorum.Quorate && slices.ContainsFunc(v.Departed, func(d api.Departed) bool {
		return d.How == api.DepartureLost && other.Has(d.ID)
	})
}
