package place

import (
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// before keeps the scores of a resource, where they are to be explained.
func (a *Assignment) before(r *model.Resource) model.Table {
	if !a.log.Explain {
		return nil
	}
	return append(model.Table(nil), a.S.Rsc(r).Allowed...)
}

// explain records what a colocation has done to the scores of a resource.
func (a *Assignment) explain(r *model.Resource, before model.Table, why func() string) {
	if before == nil {
		return
	}
	for _, n := range a.M.Nodes {
		was, _ := before.Score(n)
		if is, known := a.S.Rsc(r).Allowed.Score(n); known && is != was {
			by := max(-scalar.Inf, min(scalar.Inf, is-was))
			if is <= -scalar.Inf {
				by = is
			}
			a.log.Scored(r.ID, n.Name, by, why())
		}
	}
}
