// Package create makes the actions that bring each resource from where it is to where it was placed, with what
// belongs to them: probes, monitors, migrations, notifications, fencing and shutdowns.
package create

import (
	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/place"
	"github.com/holdfast-ha/holdfast/crmd/sched/report"
)

// Maker makes actions for one run.
type Maker struct {
	B *action.Book
	M *model.Model
	S *model.State
	A *place.Assignment // nil until resources have been placed

	log *report.Log
	// restarting is the resource whose restart is being worked out.
	restarting *model.Resource
	deferred   []model.DeferredCheck
	notices    map[*model.Resource]*cloneNotices
	// lastInterval is the last interval in milliseconds that Pacemaker has shown anywhere: it shows that one
	// again instead of zero.
	lastInterval int64
}

// New makes the maker of a run.
func New(b *action.Book) *Maker {
	return &Maker{B: b, M: b.M, S: b.S, log: b.Log, deferred: append([]model.DeferredCheck(nil), b.M.Deferred...),
		notices: map[*model.Resource]*cloneNotices{}}
}

// All makes the actions of every resource once they have been placed.
func (m *Maker) All(a *place.Assignment) {
	m.A = a
	m.deferredChecks()
	tops := m.S.TopList(m.M)
	if m.M.Options.StartupProbes {
		m.probes(tops)
	}
	if m.M.Options.StopOrphans {
		for _, r := range tops {
			m.forgetOrphan(r)
		}
	}
	for _, r := range tops {
		m.resource(r)
	}
}

// forgetOrphan clears the fail counts of a resource that is not configured any more.
func (m *Maker) forgetOrphan(r *model.Resource) {
	if !r.Orphan {
		return
	}
	for _, n := range m.M.Nodes {
		if !n.HasFailures() || !m.S.Node(n).Online {
			continue
		}
		if count, _ := m.M.FailCount(m.S, r, n, nil); count != 0 {
			clear := m.B.ClearFailCount(r, n, "it is orphaned")
			m.B.Order(action.ActionEnd(clear), action.OpEnd(r, "stop"), action.Then)
		}
	}
}

func (m *Maker) resource(r *model.Resource) {
	switch r.Kind {
	case model.Group:
		m.group(r)
	case model.Clone:
		m.clone(r)
	case model.Bundle:
		m.bundle(r)
	default:
		m.primitive(r)
	}
}

// ask requests a one-shot action of a resource on a node.
func (m *Maker) ask(r *model.Resource, op string, n *model.Node, optional bool) *action.Action {
	return m.B.Get(action.Ask{Rsc: r, Op: action.Op{Name: op}, Node: n, Optional: optional})
}

// node is where a primitive has been placed.
func (m *Maker) node(r *model.Resource) *model.Node {
	if m.A == nil {
		return nil
	}
	return m.A.Node(r)
}
