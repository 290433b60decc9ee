package place

import (
	"github.com/holdfast-ha/holdfast/crmd/sched/constraint"
	"github.com/holdfast-ha/holdfast/crmd/sched/mergesort"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
	"github.com/holdfast-ha/holdfast/crmd/sched/score"
)

// bundle places the containers of a bundle, then what belongs to each, then decides about the instances
// inside. Nothing keeps it from doing so again when it is asked again.
func (a *Assignment) bundle(r *model.Resource, prefer *model.Node) *model.Node {
	p, c := &a.rsc[r.Index], r.Bundle
	p.assigning = true
	a.showScores("pcmk__bundle_allocate", r)
	containers := mergesort.Sorted(a.Instances(r), a.compareInstances)
	a.distribute(r, containers, c.Replicas, c.PerHost)
	for _, rep := range c.List {
		a.replica(r, rep, prefer)
	}
	if inner := c.Child; inner != nil {
		table := a.S.Rsc(inner).Allowed
		for i := range table {
			e := &table[i]
			switch {
			case !e.In:
			case bundleNode(c, a.M.ByIndex[i]):
				e.Score = 0
			default:
				e.Score = -scalar.Inf
			}
		}
		a.Assign(inner, prefer)
	}
	p.assigning, p.done = false, true
	return nil
}

func bundleNode(c *model.BundleConfig, n *model.Node) bool {
	for _, rep := range c.List {
		if rep.Node == n {
			return true
		}
	}
	return false
}

// replica places what belongs to a container: its address, its connection, and the instance inside.
func (a *Assignment) replica(r *model.Resource, rep *model.Replica, prefer *model.Node) {
	if rep.IP != nil {
		a.Assign(rep.IP, prefer)
	}
	host := a.rsc[rep.Container.Index].node
	if rep.Remote != nil && host != nil && host.IsRemoteType() && host.Connection != nil {
		// the connection must come from where the host's own connection comes from
		a.Set.Add(a.S, &constraint.Colocation{ID: "child-remote-with-docker-remote", Score: scalar.Inf,
			Dependent: rep.Remote, Primary: host.Connection, Influence: true})
	}
	if rep.Remote != nil {
		a.Assign(rep.Remote, prefer)
	}
	if rep.Child == nil {
		return
	}
	table := a.S.Rsc(rep.Child).Allowed
	for i := range table {
		e := &table[i]
		switch {
		case !e.In:
		case a.M.ByIndex[i] != rep.Node:
			e.Score = -scalar.Inf
		case !score.ThresholdReached(a.M, a.S, rep.Child, rep.Node):
			e.Score = scalar.Inf
		}
	}
	inner := &a.rsc[r.Bundle.Child.Index]
	inner.assigning = true
	a.Assign(rep.Child, rep.Node)
	inner.assigning = false
}
