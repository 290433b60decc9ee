package place

import (
	"cmp"

	"github.com/holdfast-ha/holdfast/crmd/sched/constraint"
	"github.com/holdfast-ha/holdfast/crmd/sched/mergesort"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// addPromotionScores lets instances be placed where they would be promoted.
func (a *Assignment) addPromotionScores(r *model.Resource) {
	if a.rsc[r.Index].promoted {
		return
	}
	a.rsc[r.Index].promoted = true
	for _, inst := range a.S.Children(r) {
		st := a.S.Rsc(inst)
		for i := range st.Allowed {
			e, n := &st.Allowed[i], a.M.ByIndex[i]
			if !e.In || !a.S.Usable(n) {
				continue
			}
			score, _ := a.promotionScore(inst, n)
			if score > 0 {
				e.Score = scalar.Add(e.Score, score)
			}
			st.Priority = max(st.Priority, int(score))
		}
	}
}

// promotionScore is how much an instance wants to be promoted on a node, and whether nothing says so.
func (a *Assignment) promotionScore(r *model.Resource, n *model.Node) (score scalar.Score, isDefault bool) {
	if len(r.Children) > 0 {
		isDefault = true
		for _, m := range r.Children {
			s, d := a.promotionScore(m, n)
			score += s
			isDefault = isDefault && d
		}
		return score, isDefault
	}
	if !a.scoreApplies(r, n) {
		return 0, true
	}
	name := r.HistoryName
	if name == "" {
		name = r.ID
	}
	v, ok := a.M.NodeAttr(a.S, n, "master-"+name, r)
	if base := model.BaseName(r.ID); !ok && !r.Unique && base != r.ID {
		v, ok = a.M.NodeAttr(a.S, n, "master-"+base, r)
	}
	if !ok {
		return 0, true
	}
	return a.M.World.Health.ParseScore(v), false
}

// scoreApplies reports whether a node's promotion score is this instance's: where it is, or where it has been
// looked for, or anywhere as long as nothing is known.
func (a *Assignment) scoreApplies(r *model.Resource, n *model.Node) bool {
	st := a.S.Rsc(r)
	applies := len(st.Running) == 0 && st.Known.Empty() || st.Known.Has(n) || contains(st.Running, n)
	if top := r.Top(); top.Anonymous() {
		id := model.BaseName(r.ID)
		active := a.memberOn(top, id, n, func(x *model.RscState) bool { return contains(x.Running, n) })
		switch {
		case active == r:
			applies = true
		case active == nil && a.memberOn(top, id, n, func(x *model.RscState) bool { return x.Known.Has(n) }) != nil:
			applies = true
		}
	}
	s, ok := st.Allowed.Score(n)
	return applies && ok && s >= 0
}

// memberOn is the first primitive of that name in a clone of which is holds, nil for none.
func (a *Assignment) memberOn(r *model.Resource, id string, n *model.Node, is func(*model.RscState) bool) *model.Resource {
	if (r.ID == id || r.XMLID == id) && r.Kind != model.Clone && is(a.S.Rsc(r)) {
		return r
	}
	for _, c := range a.S.Children(r) {
		if x := a.memberOn(c, id, n, is); x != nil {
			return x
		}
	}
	return nil
}

func contains(list []*model.Node, n *model.Node) bool {
	for _, o := range list {
		if o == n {
			return true
		}
	}
	return false
}

// promote decides which instances of a promotable clone are promoted.
func (a *Assignment) promote(r *model.Resource) {
	table := a.S.Rsc(r).Allowed
	for i := range table {
		table[i].Count = 0
	}
	for _, inst := range a.S.Children(r) {
		a.promotionPriority(r, inst)
	}
	a.orderPromotion(r)
	a.promoteInstances(r)
}

// promotionPriority works out how much an instance wants to be promoted where it has been placed.
func (a *Assignment) promotionPriority(r, inst *model.Resource) {
	if a.S.HighestRole(inst, false) == model.Started {
		inst.Walk(func(x *model.Resource) {
			if st := a.S.Rsc(x); st.Role == model.Started {
				st.Role = model.Unpromoted
			}
		})
	}
	n := a.Location(inst, false)
	if n == nil {
		return
	}
	st, p := a.S.Rsc(inst), &a.rsc[inst.Index]
	next := a.S.HighestRole(inst, true)
	switch next {
	case model.Started, model.RoleUnknown:
		score, isDefault := a.promotionScore(inst, n)
		if isDefault {
			score = -1
		}
		st.Priority = int(score)
	case model.Unpromoted, model.Stopped:
		st.Priority = int(-scalar.Inf)
	}
	for _, list := range [][]*constraint.Location{a.Set.By[inst.Index].Locations, a.Set.By[r.Index].Locations} {
		a.addPromotedLocations(st, list, n)
	}
	for _, c := range a.Set.By[inst.Index].This {
		a.apply(inst, c.Primary, c)
	}
	p.sortIndex = scalar.Score(st.Priority)
	if next == model.Promoted {
		p.sortIndex = scalar.Inf
	}
}

func (a *Assignment) addPromotedLocations(st *model.RscState, list []*constraint.Location, n *model.Node) {
	for _, l := range list {
		if l.Role != model.Promoted {
			continue
		}
		for _, ns := range l.Nodes {
			if ns.Node == n {
				st.Priority = int(scalar.Add(scalar.Score(st.Priority), ns.Score))
				break
			}
		}
	}
}

// orderPromotion sorts instances by how much they, the clone's locations and its colocations in the promoted
// role like where they are.
func (a *Assignment) orderPromotion(r *model.Resource) {
	p, st, of := &a.rsc[r.Index], a.S.Rsc(r), &a.Set.By[r.Index]
	if p.ordered {
		return
	}
	p.ordered, p.merging = true, true
	for _, inst := range a.S.Children(r) {
		if index := a.rsc[inst.Index].sortIndex; index >= 0 {
			if n := a.Location(inst, false); n != nil {
				if e := st.Allowed.At(n); e != nil {
					e.Score = scalar.Add(e.Score, index)
				}
			}
		}
	}
	for _, c := range of.This {
		if c.DependentRole == model.Promoted {
			m := onlyUsable
			if c.Score >= scalar.Inf {
				m = 0
			}
			st.Allowed = a.merge(c.Primary, st.Allowed, c.Attribute, factor(c.Score), m)
		}
	}
	for _, c := range of.With {
		if c.PrimaryRole == model.Promoted && a.influences(c, nil) {
			st.Allowed = a.merge(c.Dependent, st.Allowed, c.Attribute, factor(c.Score), onlyUsable|nonNegative)
		}
	}
	for _, t := range of.Tickets {
		if t.Role == model.Promoted && (!t.Ticket.Granted || t.Ticket.Standby) {
			a.S.BanAll(a.M, r)
		}
	}
	for _, inst := range a.S.Children(r) {
		q := &a.rsc[inst.Index]
		n := a.Location(inst, false)
		switch {
		case !a.S.Rsc(inst).Managed && a.S.Rsc(inst).NextRole == model.Promoted:
			q.sortIndex = scalar.Inf
		case n == nil || q.sortIndex < 0:
		default:
			q.sortIndex, _ = a.S.Rsc(r).Allowed.Score(n)
		}
	}
	a.S.Rsc(r).Order = mergesort.Sorted(a.S.Children(r), a.comparePromotion)
	p.merging = false
}

func (a *Assignment) comparePromotion(x, y *model.Resource) int {
	if s, t := a.rsc[x.Index].sortIndex, a.rsc[y.Index].sortIndex; s != t {
		return cmp.Compare(t, s)
	}
	if p, q := a.S.HighestRole(x, false), a.S.HighestRole(y, false); p != q {
		return int(q) - int(p)
	}
	return a.compareInstances(x, y)
}

// promoteInstances gives the first instances the promoted role and the others the unpromoted one.
func (a *Assignment) promoteInstances(r *model.Resource) {
	promoted := 0
	for _, inst := range a.S.Children(r) {
		a.showPromotion(inst)
		if a.rsc[inst.Index].sortIndex >= 0 && (promoted < r.Clone.PromotedMax || !a.S.Rsc(r).Managed) {
			if e := a.promotableOn(r, inst); e != nil && !a.frozen(inst) {
				e.Count++
				a.setNextRole(inst)
				promoted++
				continue
			}
		}
		a.demote(inst)
	}
}

// frozen reports whether a partition without quorum may not promote the instance.
func (a *Assignment) frozen(inst *model.Resource) bool {
	return a.S.Rsc(inst).Role < model.Promoted && !a.M.Quorum && a.M.Options.NoQuorum == model.QuorumFreeze
}

func (a *Assignment) setNextRole(inst *model.Resource) {
	inst.Walk(func(x *model.Resource) {
		if st := a.S.Rsc(x); st.NextRole == model.RoleUnknown {
			st.NextRole = model.Promoted
		}
	})
}

// demote leaves an instance unpromoted, or stopped when it has no node.
func (a *Assignment) demote(inst *model.Resource) {
	inst.Walk(func(x *model.Resource) {
		st := a.S.Rsc(x)
		st.NextRole = model.Unpromoted
		if len(a.NextNodes(x, nil)) == 0 {
			st.NextRole = model.Stopped
		}
	})
}

// promotableOn is the clone's entry for the node on which an instance can be promoted, nil when it cannot.
func (a *Assignment) promotableOn(r, inst *model.Resource) *model.Entry {
	if len(inst.Children) > 0 {
		for _, m := range inst.Children {
			if a.promotableOn(r, m) == nil {
				return nil
			}
		}
	}
	n := a.Location(inst, false)
	st := a.S.Rsc(inst)
	switch {
	case n == nil:
		return nil
	case !st.Managed:
		if a.S.HighestRole(inst, false) != model.Promoted {
			return nil
		}
	case st.Priority < 0:
		return nil
	case !a.S.Usable(n) || n.IsGuest() && a.rsc[n.Connection.Container.Index].node == nil:
		return nil
	}
	e := a.S.Rsc(r).Allowed.At(n)
	if e == nil || st.Managed && int(e.Count) >= r.Clone.PromotedNodeMax {
		return nil
	}
	return e
}
