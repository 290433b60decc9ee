package create

import (
	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

// canMigrate reports whether a resource can be moved without stopping it.
func (m *Maker) canMigrate(r *model.Resource, current *model.Node) bool {
	st, next := m.S.Rsc(r), m.node(r)
	return r.AllowMigrate && !st.NoMigration && st.Managed && !st.Failed && !st.StartPending &&
		current != nil && !m.S.Node(current).Unclean && next != nil && !m.S.Node(next).Unclean
}

// migrate makes the actions of a live migration beside those of the restart that it may replace.
func (m *Maker) migrate(r *model.Resource, current *model.Node) {
	st, next := m.S.Rsc(r), m.node(r)
	start, stop := m.ask(r, "start", next, true), m.ask(r, "stop", current, true)
	var to *action.Action
	if st.PartialTarget == nil {
		to = m.ask(r, "migrate_to", current, true)
	}
	from := m.ask(r, "migrate_from", next, true)
	start.Set(action.Migratable | action.Pseudo)
	stop.Set(action.Migratable)
	from.Set(action.Migratable)
	if to != nil {
		to.Set(action.Migratable)
		to.Needs = start.Needs
		m.B.OrderOps(r, "monitor", r, "migrate_to", action.Then)
		m.B.OrderOps(r, "migrate_to", r, "migrate_from", action.Then|action.WhileMigrating)
	} else {
		from.Needs = start.Needs
		m.B.OrderOps(r, "monitor", r, "migrate_from", action.Then)
	}
	m.B.OrderOps(r, "migrate_from", r, "stop", action.Then|action.WhileMigrating)
	m.B.OrderOps(r, "migrate_from", r, "start", action.Then|action.WhileMigrating|action.PseudoIfRunnable)
	for _, a := range []*action.Action{to, from} {
		if a != nil {
			a.AddMeta("migrate_source", current.Name)
			a.AddMeta("migrate_target", next.Name)
		}
	}
	if to != nil && !r.Connection {
		// what it does at the target must be known even if the source dies before it is finished
		to.AddMeta("record-pending", "true")
	}
}
