package place

import (
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// group places the members of a group one after the other; the first that finds a node draws the others to it.
func (a *Assignment) group(r *model.Resource, prefer *model.Node) *model.Node {
	p := &a.rsc[r.Index]
	if p.done || p.assigning {
		return nil
	}
	if len(r.Children) == 0 {
		p.done = true
		return nil
	}
	p.assigning = true
	st := a.S.Rsc(r)
	st.Role = a.S.Rsc(r.Children[0]).Role
	a.passOn(r)
	a.showScores("pcmk__group_assign", r)
	var first *model.Node
	for _, m := range r.Children {
		if n := a.Assign(m, prefer); first == nil {
			first = n
		}
	}
	st.NextRole = a.S.Rsc(r.Children[0]).NextRole
	p.assigning, p.done = false, true
	if !r.Group.Colocated {
		return nil
	}
	return first
}

// passOn hands the group's colocations to the members that stand for it: what it depends on to the first,
// what depends on it to the last.
func (a *Assignment) passOn(r *model.Resource) {
	of := &a.Set.By[r.Index]
	first, last := r.Children[0], r.Children[len(r.Children)-1]
	for _, c := range of.This {
		a.Set.AddThis(a.S, first, c)
		unmanaged := !a.S.Rsc(first).Managed
		for _, m := range r.Children[1:] {
			// members behind one that stays where it is have to see for themselves
			if unmanaged && c.Score == scalar.Inf {
				a.Set.AddThis(a.S, m, c)
			}
			unmanaged = unmanaged || !a.S.Rsc(m).Managed
		}
	}
	for _, c := range of.With {
		a.Set.AddWith(a.S, last, c)
	}
	of.This, of.With = nil, nil
}
