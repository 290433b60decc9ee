package simnet

import (
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/corosyncd/engine"
)

// Cut stops packets from a to b, not the other way.
func (w *World) Cut(a, b int) {
	w.Faults.cut[[2]int{a, b}] = true
	w.trace("cut n%d > n%d", a+1, b+1)
}

// Partition separates the nodes of a group from all others.
func (w *World) Partition(group ...int) {
	for i := range w.Nodes {
		for j := range w.Nodes {
			if i != j && slices.Contains(group, i) != slices.Contains(group, j) {
				w.Faults.cut[[2]int{i, j}] = true
			}
		}
	}
	w.trace("partition %v", group)
}

// Heal makes the network whole.
func (w *World) Heal() {
	clear(w.Faults.cut)
	w.Faults.Loss, w.Faults.Duplicate, w.Faults.Jitter = 0, 0, 0
	w.trace("heal")
}

// Fencing switches nodes off that a partition which may act has lost, after a while, as a fence device does,
// and on again after another while. Two nodes that shoot each other are served in order.
func (w *World) Fencing(delay, off time.Duration) {
	w.check.fence = func(by *Node, lost api.Departed) {
		victim := w.Nodes[lost.ID-1]
		life := victim.life
		w.At(delay, func() {
			if !by.Up || by.paused || by.View == nil || !by.View.Quorum.Quorate || by.View.Stale || by.View.Has(lost.ID) {
				return
			}
			if victim.life == life && victim.Up {
				w.trace("n%d fences n%d", by.Index+1, lost.ID)
				victim.Crash()
				life := victim.life
				w.At(off, func() {
					if victim.life == life {
						victim.Start()
					}
				})
			}
			for _, n := range w.Nodes {
				n.Do(engine.Fenced{ID: lost.ID, Incarnation: lost.Incarnation})
			}
		})
	}
}

// Agreed reports whether the nodes, and only they, are in one view that all of them have.
func (w *World) Agreed(nodes ...int) bool {
	var first *api.View
	for _, i := range nodes {
		v := w.Nodes[i].View
		if v == nil || len(v.Members) != len(nodes) || v.Stale {
			return false
		}
		if first == nil {
			first = v
		}
		if v.Ring != first.Ring {
			return false
		}
		for _, j := range nodes {
			if !v.Has(w.Nodes[j].ID) {
				return false
			}
		}
	}
	return true
}

// All are the indexes of all nodes.
func (w *World) All() []int {
	all := make([]int, len(w.Nodes))
	for i := range all {
		all[i] = i
	}
	return all
}

// Form starts all nodes within a moment and reports how long they took to form one view.
func (w *World) Form() time.Duration {
	began := w.Now
	for _, n := range w.Nodes {
		w.At(time.Duration(w.rng.Int64N(int64(20*time.Millisecond))), n.Start)
	}
	all := w.All()
	w.RunUntil(w.Now.Add(time.Minute), func() bool { return w.Agreed(all...) })
	return w.Now.Sub(began)
}

// Failure is a way in which a node fails.
type Failure struct {
	Name string
	Do   func(w *World, victim int)
}

// Failures are the ways whose detection is measured.
var Failures = []Failure{
	{"power", func(w *World, victim int) { w.Nodes[victim].Crash() }},
	{"stop", func(w *World, victim int) { w.Nodes[victim].Pause() }},
	{"link", func(w *World, victim int) { w.Partition(victim) }},
}

// Detect lets a node fail at a random moment within the token and reports after how long each other one had a
// view without it, the last one last. Who has none within a minute is left out.
func (w *World) Detect(victim int, f Failure) []time.Duration {
	w.Run(time.Duration(w.rng.Int64N(int64(w.opt.Token))))
	at := w.Now
	f.Do(w, victim)
	waiting := slices.Delete(w.All(), victim, victim+1)
	var took []time.Duration
	w.RunUntil(w.Now.Add(time.Minute), func() bool {
		waiting = slices.DeleteFunc(waiting, func(i int) bool {
			v := w.Nodes[i].View
			if v == nil || v.Has(w.Nodes[victim].ID) {
				return false
			}
			took = append(took, w.Now.Sub(at))
			return true
		})
		return len(waiting) == 0
	})
	return took
}
