package place

import (
	"github.com/holdfast-ha/holdfast/crmd/sched/constraint"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// effect is what a colocation does to a dependent.
type effect uint8

const (
	noEffect effect = iota
	onLocation
	onRole
)

// effectOf tells what a colocation does to a dependent when this is its primary. As a preview the primary
// need not have been placed.
func (a *Assignment) effectOf(d, p *model.Resource, c *constraint.Colocation, preview bool) effect {
	dp, pp := &a.rsc[d.Index], &a.rsc[p.Index]
	if !preview && !pp.done {
		return noEffect
	}
	if c.DependentRole >= model.Unpromoted && d.Parent != nil && d.Parent.Promotable && dp.done {
		return onRole
	}
	if !preview && dp.done {
		return noEffect
	}
	dRole, pRole := a.S.Rsc(d).NextRole, a.S.Rsc(p).NextRole
	differs := func(want, have model.Role) bool { return want != model.RoleUnknown && want != have }
	equals := func(want, have model.Role) bool { return want != model.RoleUnknown && want == have }
	switch {
	case c.Score > 0 && (differs(c.DependentRole, dRole) || differs(c.PrimaryRole, pRole)):
		return noEffect
	case c.Score < 0 && (equals(c.DependentRole, dRole) || equals(c.PrimaryRole, pRole)):
		return noEffect
	}
	return onLocation
}

// apply lets a colocation act on a primitive dependent; what it does depends on the primary's kind.
func (a *Assignment) apply(d, p *model.Resource, c *constraint.Colocation) {
	switch p.Kind {
	case model.Group:
		a.applyGroup(d, p, c)
	case model.Clone:
		a.applyClone(d, p, c)
	case model.Bundle:
		a.applyBundle(d, p, c)
	default:
		switch a.effectOf(d, p, c, false) {
		case onRole:
			a.applyPriority(d, p, c)
		case onLocation:
			a.applyScores(d, p, c)
		}
	}
}

// applyScores draws a dependent to where its primary is, or away from it.
func (a *Assignment) applyScores(d, p *model.Resource, c *constraint.Colocation) {
	where := a.rsc[p.Index].node
	if where == nil && c.Score < 0 {
		return
	}
	class := a.class(c.Attribute, "#id")
	st := a.S.Rsc(d)
	work := st.Allowed.Clone()
	for i := range work {
		e := &work[i]
		switch {
		case !e.In:
		case where == nil:
			e.Score = scalar.Add(-c.Score, e.Score)
		case class.of[i] == class.of[where.Index]:
			if c.Score < scalar.Inf {
				e.Score = scalar.Add(c.Score, e.Score) // a requirement is no preference
			}
		case c.Score >= scalar.Inf:
			e.Score = scalar.Add(-c.Score, e.Score)
		}
	}
	if c.Score <= -scalar.Inf || c.Score >= scalar.Inf || a.anyUsable(work) {
		st.Allowed = work
	}
}

// applyPriority makes an instance more or less worth promoting.
func (a *Assignment) applyPriority(d, p *model.Resource, c *constraint.Colocation) {
	dNode, pNode := a.rsc[d.Index].node, a.rsc[p.Index].node
	if dNode == nil || pNode == nil {
		return
	}
	class := a.class(c.Attribute, "#id")
	st := a.S.Rsc(d)
	if class.of[dNode.Index] != class.of[pNode.Index] {
		if c.Score == scalar.Inf && c.DependentRole == model.Promoted {
			st.Priority = int(-scalar.Inf)
		}
		return
	}
	if c.PrimaryRole != model.RoleUnknown && c.PrimaryRole != a.S.Rsc(p).NextRole {
		return
	}
	score := c.Score
	if c.DependentRole == model.Unpromoted {
		score = -score
	}
	st.Priority = int(scalar.Add(score, scalar.Score(st.Priority)))
}

func (a *Assignment) applyGroup(d, p *model.Resource, c *constraint.Colocation) {
	if !a.rsc[p.Index].done || len(p.Children) == 0 {
		return
	}
	if p.Group.Colocated {
		member := p.Children[0]
		if c.Score >= scalar.Inf {
			member = p.Children[len(p.Children)-1] // the whole group must be there
		}
		a.apply(d, member, c)
		return
	}
	if c.Score >= scalar.Inf {
		a.log.Error("%s: Cannot perform mandatory colocation between non-colocated group and %s", p.ID, d.ID)
		return
	}
	for _, member := range p.Children {
		a.apply(d, member, c)
	}
}

func (a *Assignment) applyClone(d, p *model.Resource, c *constraint.Colocation) {
	done := a.rsc[p.Index].done
	if p.Promotable {
		if !done {
			return
		}
		if c.PrimaryRole != model.RoleUnknown {
			if !a.rsc[d.Index].done {
				a.applyPromotable(d, p, c)
				return
			}
			if c.DependentRole == model.Promoted {
				a.applyPromotablePriority(d, p, c)
				return
			}
		}
	}
	interleaved := a.interleaves(c, p)
	if !done {
		return
	}
	if interleaved {
		if inst := a.Compatible(d, p, model.RoleUnknown, false); inst != nil {
			a.apply(d, inst, c)
		} else if c.Score >= scalar.Inf {
			a.AssignTree(d, nil)
		}
		return
	}
	if c.Score >= scalar.Inf {
		var places []*model.Resource
		for _, inst := range a.S.Children(p) {
			if a.Location(inst, false) != nil && !a.blocked(inst) {
				places = append(places, inst)
			}
		}
		a.onlyWith(d, places)
		return
	}
	for _, inst := range a.S.Children(p) {
		a.apply(d, inst, c)
	}
}

// interleaves reports whether the instances of both sides of a colocation are to be paired.
func (a *Assignment) interleaves(c *constraint.Colocation, p *model.Resource) bool {
	d := c.Dependent
	if d.Kind < model.Clone || !scalar.IsTrue(d.Meta.Get("interleave")) {
		return false
	}
	if copiesPerNode(d) != copiesPerNode(p) {
		a.log.ConfigError("Cannot interleave %s and %s because they do not support the same number of instances per node", d.ID, p.ID)
		return false
	}
	return true
}

func copiesPerNode(r *model.Resource) int {
	switch r.Kind {
	case model.Clone:
		if v, ok := r.Meta.Lookup("clone-node-max"); ok {
			return int(scalar.IntOr(v, 1))
		}
	case model.Bundle:
		return r.Bundle.PerHost
	}
	return 1
}

// onlyWith bans a dependent from all nodes but those on which some resources have been placed. A node that it
// does not know is known to it then as to the resource there.
func (a *Assignment) onlyWith(d *model.Resource, others []*model.Resource) {
	st := a.S.Rsc(d)
	wanted := map[*model.Node]bool{}
	for _, o := range others {
		n := a.Location(o, false)
		wanted[n] = true
		if st.Allowed.At(n) == nil {
			e := a.S.OwnEntry(n)
			if known := a.S.Rsc(a.placed(o)).Allowed.At(n); known != nil {
				e.Mode = known.Mode
			}
			e.Score = -scalar.Inf
			st.Allowed.Put(n, e)
		}
	}
	for i := range st.Allowed {
		if e := &st.Allowed[i]; e.In && !wanted[a.M.ByIndex[i]] {
			e.Score = -scalar.Inf
		}
	}
}

// placed is the first primitive of a resource that has been placed.
func (a *Assignment) placed(r *model.Resource) *model.Resource {
	for _, c := range r.Children {
		if a.Location(c, false) != nil {
			return a.placed(c)
		}
	}
	return r
}

// applyBundle draws a dependent to where the bundle's containers are.
func (a *Assignment) applyBundle(d, p *model.Resource, c *constraint.Colocation) {
	if !a.rsc[p.Index].done {
		return
	}
	if c.Dependent.Kind > model.Group {
		if rep := a.Compatible(d, p, model.RoleUnknown, false); rep != nil {
			a.apply(d, rep, c)
		} else if c.Score >= scalar.Inf {
			a.AssignTree(d, nil)
		}
		return
	}
	var places []*model.Resource
	for _, rep := range p.Bundle.List {
		if c.Score < scalar.Inf {
			a.apply(d, rep.Container, c)
			continue
		}
		n := a.Location(rep.Container, false)
		switch {
		case n == nil || a.blocked(rep.Container):
		case c.PrimaryRole == model.Promoted && (rep.Child == nil || a.S.Rsc(rep.Child).NextRole < model.Promoted):
		default:
			places = append(places, rep.Container)
		}
	}
	if c.Score >= scalar.Inf {
		a.onlyWith(d, places)
	}
}

// Compatible is the instance of a clone, or container of a bundle, on the node of a resource; for one that is
// nowhere yet, on the best node that has one. With a role, only an instance in that role counts.
func (a *Assignment) Compatible(r, of *model.Resource, role model.Role, now bool) *model.Resource {
	if n := a.Location(r, now); n != nil {
		return a.instanceOn(of, n, role, now)
	}
	for _, c := range a.sorted(a.S.Rsc(r).Allowed, nil) {
		if inst := a.instanceOn(of, c.node, role, now); inst != nil {
			return inst
		}
	}
	return nil
}

func (a *Assignment) instanceOn(of *model.Resource, n *model.Node, role model.Role, now bool) *model.Resource {
	for _, inst := range a.Instances(of) {
		if a.blocked(inst) || a.Location(inst, now) != n {
			continue
		}
		if role == model.RoleUnknown || role == a.S.HighestRole(inst, !now) {
			return inst
		}
	}
	return nil
}

// Instances are the instances of a clone or the containers of a bundle, in their present order.
func (a *Assignment) Instances(r *model.Resource) []*model.Resource {
	if r.Kind != model.Bundle {
		return a.S.Children(r)
	}
	out := make([]*model.Resource, 0, len(r.Bundle.List))
	for _, rep := range r.Bundle.List {
		out = append(out, rep.Container)
	}
	return out
}
