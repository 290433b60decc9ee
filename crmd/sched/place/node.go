package place

import (
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// candidate is a node of a table.
type candidate struct {
	node  *model.Node
	entry *model.Entry
}

// sorted returns the nodes of a table, the best first. active is a node that is preferred among equal ones.
func (a *Assignment) sorted(t model.Table, active *model.Node) []candidate {
	list := make([]candidate, 0, len(t))
	for i := range t {
		if t[i].In {
			list = append(list, candidate{a.M.ByIndex[i], &t[i]})
		}
	}
	slices.SortFunc(list, func(x, y candidate) int { return a.compare(x, y, active) })
	return list
}

// compare orders nodes: by score, by what is free on them, by how much they have to do, and by name.
func (a *Assignment) compare(x, y candidate, active *model.Node) int {
	s, t := x.entry.Score, y.entry.Score
	if !a.S.Usable(x.node) {
		s = -scalar.Inf
	}
	if !a.S.Usable(y.node) {
		t = -scalar.Inf
	}
	if s != t {
		return int(t) - int(s)
	}
	if a.M.Options.Placement != model.PlaceMinimal {
		if a.M.Options.Placement == model.PlaceBalanced {
			if c := compareFree(a.load[x.node.Index].free, a.load[y.node.Index].free); c != 0 {
				return c
			}
		}
		if c := a.load[x.node.Index].count - a.load[y.node.Index].count; c != 0 {
			return c
		}
		switch active {
		case nil:
		case x.node:
			return -1
		case y.node:
			return 1
		}
	}
	return strings.Compare(x.node.Name, y.node.Name)
}

// best assigns the best node that a resource may use, the preferred one if none is better.
func (a *Assignment) best(r *model.Resource, prefer *model.Node) {
	if free := a.banFull(r); prefer == nil {
		prefer = free
	}
	p := &a.rsc[r.Index]
	if p.done {
		return
	}
	table := a.S.Rsc(r).Allowed
	current := a.S.Current(r)
	list := a.sorted(table, current)
	if len(list) == 0 {
		a.finalize(r, nil, 0, false)
		return
	}
	if prefer != nil {
		if e := table.At(prefer); e != nil && e.Score >= list[0].entry.Score && a.usable(prefer, e) {
			a.finalize(r, prefer, e.Score, false)
			return
		}
	}
	chosen := list[0]
	unique := r.Parent != nil && r.Parent.Kind == model.Clone && r.Parent.Unique
	if !unique && chosen.entry.Score > 0 && a.S.Usable(chosen.node) {
		chosen = a.stay(r, list, current)
	}
	a.finalize(r, chosen.node, chosen.entry.Score, false)
}

// stay picks the node that the resource is on, if that is as good as the best.
func (a *Assignment) stay(r *model.Resource, list []candidate, current *model.Node) candidate {
	chosen, equal := list[0], 1
	if current != nil && (a.S.Node(current).Score < 0 || !a.S.Usable(current)) {
		current = nil
	}
	for _, c := range list[1:] {
		if c.entry.Score != list[0].entry.Score {
			break
		}
		equal++
		if c.node == current {
			chosen = c
		}
	}
	if equal > 1 && chosen.entry.Score >= scalar.Inf {
		a.log.Warning("Chose %s for %s from %d nodes with score %s", chosen.node.Name, r.ID, equal, chosen.entry.Score)
	}
	return chosen
}

// finalize assigns a primitive a node, or none. Unless it is forced, a node that cannot be used counts as
// none, but for a guest node, which is taken to come up.
func (a *Assignment) finalize(r *model.Resource, n *model.Node, score scalar.Score, force bool) bool {
	st, p := a.S.Rsc(r), &a.rsc[r.Index]
	if !force && n != nil && (score < 0 || !a.S.Usable(n) && !n.IsGuest()) {
		st.NextRole = model.Stopped
		n = nil
	}
	a.unassign(r)
	p.done = true
	if n == nil {
		st.NextRole = model.Stopped
		a.B.NowhereToRun(r)
		return false
	}
	p.node, p.score = n, score
	a.load[n.Index].count++
	if e := st.Allowed.At(n); e != nil {
		e.Count++
	}
	a.load[n.Index].free = a.load[n.Index].free.minus(readAmounts(r.Utilization))
	a.showUtilization(r, n)
	return true
}

// unassign takes an assignment back.
func (a *Assignment) unassign(r *model.Resource) {
	p := &a.rsc[r.Index]
	n := p.node
	if n == nil {
		return
	}
	p.done, p.node, p.score = false, nil, 0
	a.load[n.Index].count--
	a.load[n.Index].free = a.load[n.Index].free.plus(readAmounts(r.Utilization))
}

// AssignTree assigns every primitive of a resource the same node, or none.
func (a *Assignment) AssignTree(r *model.Resource, n *model.Node) {
	r.Primitives(func(x *model.Resource) {
		score := scalar.Score(0)
		if n != nil {
			score, _ = a.S.Rsc(x).Allowed.Score(n)
		}
		a.finalize(x, n, score, true)
	})
}

// Evict takes every primitive of a resource off its node, and reports whether any had one.
func (a *Assignment) Evict(r *model.Resource) bool {
	had := false
	r.Primitives(func(x *model.Resource) {
		had = had || a.rsc[x.Index].node != nil
		a.finalize(x, nil, 0, true)
	})
	return had
}
