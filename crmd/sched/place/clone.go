package place

import (
	"slices"

	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// clone places the instances of a clone and, for a promotable one, decides which are promoted.
func (a *Assignment) clone(r *model.Resource, prefer *model.Node) *model.Node {
	p := &a.rsc[r.Index]
	if p.done || p.assigning {
		return nil
	}
	if r.Promotable {
		a.addPromotionScores(r)
	}
	p.assigning = true
	of := &a.Set.By[r.Index]
	for _, c := range of.This {
		a.Assign(c.Primary, prefer)
	}
	st := a.S.Rsc(r)
	for _, c := range of.With {
		if a.influences(c, nil) {
			st.Allowed = a.merge(c.Dependent, st.Allowed, c.Attribute, factor(c.Score), onlyUsable|nonNegative)
		}
	}
	a.showScores("pcmk__clone_allocate", r)
	a.sortInstances(r)
	a.distribute(r, a.S.Children(r), r.Clone.Max, r.Clone.NodeMax)
	if r.Promotable {
		a.promote(r)
	}
	p.done, p.assigning = true, false
	return nil
}

// distribute places up to limit instances, at most perHost on one node: first those that can stay where they
// are, then the others.
func (a *Assignment) distribute(r *model.Resource, instances []*model.Resource, limit, perHost int) {
	allowed := a.S.Rsc(r).Allowed
	available := 0
	for i := range allowed {
		e := &allowed[i]
		e.Count = 0
		if e.In && a.S.Usable(a.M.ByIndex[i]) {
			available++
		}
	}
	loop := 1
	if available > 0 {
		loop = max(1, limit/available)
	}
	all := limit < available
	placed := 0
	for _, inst := range instances {
		if placed >= limit {
			break
		}
		st := a.S.Rsc(inst)
		if a.rsc[inst.Index].done || len(st.Running) == 0 || st.Failed {
			continue
		}
		n := a.S.Current(inst)
		if a.S.Node(n).Score < 0 || !a.S.Usable(n) {
			continue
		}
		if e := allowed.At(n); e != nil && int(e.Count) >= loop {
			continue
		}
		if a.place(inst, n, all, perHost) != nil {
			placed++
		}
	}
	for _, inst := range instances {
		if a.rsc[inst.Index].done {
			continue
		}
		if placed >= limit {
			a.S.BanAll(a.M, inst)
		} else if a.place(inst, nil, all, perHost) != nil {
			placed++
		}
	}
}

// place tries to place one instance, on a certain node if that is given.
func (a *Assignment) place(inst *model.Resource, prefer *model.Node, all bool, limit int) *model.Node {
	p, parent := &a.rsc[inst.Index], inst.Parent
	if p.done {
		return a.Location(inst, false)
	}
	if p.assigning {
		return nil
	}
	a.inherit(inst, parent, all)
	st := a.S.Rsc(inst)
	if prefer != nil {
		if s, ok := st.Allowed.Score(prefer); !ok || s < 0 {
			return nil
		}
	}
	a.limitNodes(inst, limit)
	backup := slices.Clone(st.Allowed)
	n := a.Assign(inst, prefer)
	if n != nil && prefer != nil && n != prefer {
		st.Allowed = backup
		a.unassign(inst)
		return nil
	}
	if n != nil {
		if e := a.S.Rsc(parent).Allowed.At(n); e != nil {
			e.Count++
		}
	}
	return n
}

// inherit gives an instance the colocations of its parent that matter to a single one. Each attempt to place
// the instance does so once more.
func (a *Assignment) inherit(inst, parent *model.Resource, all bool) {
	of := a.Set.By[parent.Index]
	for _, c := range of.This {
		if all || c.Score < 0 || c.Score == scalar.Inf {
			a.Set.AddThis(a.S, inst, c)
		}
	}
	for _, c := range of.With {
		if a.influences(c, inst) && (all || c.Score < 0) {
			a.Set.AddWith(a.S, inst, c)
		}
	}
}

// limitNodes bans an instance from the nodes that have enough instances or that its parent may not use.
func (a *Assignment) limitNodes(inst *model.Resource, limit int) {
	table := a.S.Rsc(inst).Allowed
	parent := a.S.Rsc(inst.Parent).Allowed
	for i := range table {
		if !table[i].In {
			continue
		}
		n := a.M.ByIndex[i]
		pe := parent.At(n)
		if a.S.Usable(n) && !inst.Orphan && pe != nil && pe.Score >= 0 && int(pe.Count) < limit {
			continue
		}
		inst.Walk(func(x *model.Resource) {
			if e := a.S.Rsc(x).Allowed.At(n); e != nil {
				e.Score = -scalar.Inf
			}
		})
	}
}
