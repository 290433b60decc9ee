package place

import (
	"github.com/holdfast-ha/holdfast/crmd/sched/constraint"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// applyPromotable draws a dependent to the instances of a promotable clone that have a certain role.
func (a *Assignment) applyPromotable(d, p *model.Resource, c *constraint.Colocation) {
	class := a.class(c.Attribute, "#uname")
	st := a.S.Rsc(d)
	type match struct {
		node  *model.Node
		score scalar.Score
	}
	var matches []match
	for _, inst := range a.S.Children(p) {
		n := a.Location(inst, false)
		if n == nil || a.S.HighestRole(inst, true) != c.PrimaryRole {
			continue
		}
		if c.Score < scalar.Inf {
			for i := range st.Allowed {
				if e := &st.Allowed[i]; e.In && class.of[i] == class.of[n.Index] {
					e.Score = scalar.Add(e.Score, c.Score)
				}
			}
		}
		matches = append([]match{{n, a.placedScore(inst)}}, matches...)
	}
	if c.Score < scalar.Inf || c.DependentRole == model.Promoted && c.PrimaryRole == model.Promoted {
		return
	}
	// only the nodes of such instances remain, and how these like them counts
	find := func(n *model.Node) (scalar.Score, bool) {
		for _, m := range matches {
			if m.node == n {
				return m.score, true
			}
		}
		return 0, false
	}
	for i := range st.Allowed {
		e := &st.Allowed[i]
		if !e.In {
			continue
		}
		if s, ok := find(a.M.ByIndex[i]); ok {
			e.Score = scalar.Add(e.Score, s)
		} else {
			e.Score = -scalar.Inf
		}
	}
	for _, m := range matches {
		if st.Allowed.At(m.node) == nil {
			own := a.S.OwnEntry(m.node)
			own.Score = -scalar.Inf
			st.Allowed.Put(m.node, own)
		}
	}
}

// placedScore is the score with which an instance was placed, for a group that of its first member.
func (a *Assignment) placedScore(r *model.Resource) scalar.Score {
	for len(r.Children) > 0 {
		r = r.Children[0]
	}
	return a.rsc[r.Index].score
}

// applyPromotablePriority makes an instance more or less worth promoting by whether an instance of the primary
// has the right role on its node.
func (a *Assignment) applyPromotablePriority(d, p *model.Resource, c *constraint.Colocation) {
	st := a.S.Rsc(d)
	if a.Compatible(d, p, c.PrimaryRole, false) != nil {
		st.Priority = int(scalar.Add(scalar.Score(st.Priority), c.Score))
	} else if c.Score >= scalar.Inf {
		st.Priority = int(-scalar.Inf)
	}
}
