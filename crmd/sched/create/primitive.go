package create

import (
	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

// towards is the next role on the way from one role (row) to another (column).
var towards = [5][5]model.Role{
	model.RoleUnknown: {model.RoleUnknown, model.Stopped, model.Stopped, model.Stopped, model.Stopped},
	model.Stopped:     {model.Stopped, model.Stopped, model.Started, model.Unpromoted, model.Unpromoted},
	model.Started:     {model.Stopped, model.Stopped, model.Started, model.Unpromoted, model.Promoted},
	model.Unpromoted:  {model.Stopped, model.Stopped, model.Stopped, model.Unpromoted, model.Promoted},
	model.Promoted:    {model.Stopped, model.Unpromoted, model.Unpromoted, model.Unpromoted, model.Promoted},
}

// need is what has to happen to a resource beside its change of role.
type need struct {
	stop, promote bool
	moving        bool
	migrate       bool
}

// primitive makes the actions of a primitive.
func (m *Maker) primitive(r *model.Resource) {
	st := m.S.Rsc(r)
	next := m.node(r)
	if st.NextRole == model.RoleUnknown {
		st.NextRole = model.Started
		if next == nil {
			st.NextRole = model.Stopped
		}
	}
	current := m.S.Current(r)
	for _, n := range st.Dangling {
		stop := m.ask(r, "stop", n, false)
		stop.Set(action.Dangling)
		if m.M.Options.RemoveAfterStop {
			m.cleanUp(r, n, false)
		}
	}
	var w need
	if current != nil && next != nil && current != next && st.NextRole >= model.Started {
		w.moving, w.stop = true, true
		w.migrate = m.canMigrate(r, current)
	}
	m.multiplyActive(r, current, &w)
	if st.StartPending {
		m.ask(r, "start", next, true).Set(action.Printed)
	}
	switch {
	case w.moving:
	case st.Failed && st.StopRequired:
		w.stop = true
	case st.Failed:
		w.promote = st.NextRole == model.Promoted
	case st.Blocked:
		w.stop = true
	case st.Role > model.Started && current != nil && next != nil:
		if start := m.ask(r, "start", next, true); !start.Is(action.Optional) {
			w.stop = true
		}
	}
	m.restart(r, current, w)
	for role := st.Role; role != st.NextRole; {
		step := towards[role][st.NextRole]
		if !m.step(r, role, step, next, false) {
			break
		}
		role = step
	}
	m.recurring(r)
	if w.migrate {
		m.migrate(r, current)
	}
}

// multiplyActive decides about unfinished migrations and resources that are active where they should not be.
func (m *Maker) multiplyActive(r *model.Resource, current *model.Node, w *need) {
	st := m.S.Rsc(r)
	all, clean := m.S.ActiveCount(r)
	source, target := st.PartialSource, st.PartialTarget
	surplus := false
	switch {
	case source != nil && target != nil && w.migrate && all == 2 && current == source && m.node(r) == target:
		// the migration goes on
	case source != nil || target != nil:
		m.log.Notice("Forcing recovery of %s because it can no longer migrate", r.ID)
		w.stop, w.migrate = true, false
		st.PartialSource, st.PartialTarget = nil, nil
	case r.NeedsFencing:
		surplus = all > 1
	default:
		surplus = clean > 1
	}
	st.UnexpectedStop = false
	if !surplus {
		return
	}
	m.log.Error("Resource %s might be active on %d nodes", r.ID, all)
	switch r.Multiple {
	case model.StopStart:
		w.stop = true
	case model.StopUnexpected:
		w.stop, st.UnexpectedStop = true, true
	}
}

// restart makes the actions that bring a resource down and up to the same role again. Without need they are
// optional, for orderings to require them.
func (m *Maker) restart(r *model.Resource, current *model.Node, w need) {
	st := m.S.Rsc(r)
	m.restarting = r
	defer func() { m.restarting = nil }()
	role := st.Role
	for role != model.Stopped {
		step := towards[role][model.Stopped]
		if !m.step(r, role, step, current, !w.stop) {
			break
		}
		role = step
	}
	for st.Role <= st.NextRole && role != st.Role && !st.Blocked {
		step := towards[role][st.Role]
		required := w.stop || step == model.Promoted && w.promote
		if !m.step(r, role, step, m.node(r), !required) {
			break
		}
		role = step
	}
}

// step makes the actions for one change of role. It reports false when there is none.
func (m *Maker) step(r *model.Resource, from, to model.Role, n *model.Node, optional bool) bool {
	switch {
	case to == model.Stopped && from != model.Stopped:
		m.stop(r, optional)
	case from == model.Stopped && to > model.Stopped:
		m.start(r, n, optional)
	case to == model.Promoted && from < model.Promoted:
		m.promote(r, n, optional)
	case from == model.Promoted && to < model.Promoted:
		m.demote(r, optional)
	default:
		return false
	}
	return true
}

// spared reports whether a node is the one on which a multiply active resource is left alone while surplus
// instances of it are stopped.
func (m *Maker) spared(r *model.Resource, n *model.Node) bool {
	st := m.S.Rsc(r)
	return m.restarting == r && st.UnexpectedStop && st.NextRole > model.Stopped && n != nil && m.node(r) == n
}

func (m *Maker) stop(r *model.Resource, optional bool) {
	st := m.S.Rsc(r)
	for _, n := range st.Running {
		if m.spared(r, n) {
			continue
		}
		if st.PartialTarget != nil {
			if n == st.PartialTarget && n == m.node(r) {
				continue // the migration to there goes on
			}
			optional = false
		}
		stop := m.ask(r, "stop", n, optional)
		switch {
		case m.node(r) == nil:
			stop.Reason = "node availability"
		case m.restarting == r && st.UnexpectedStop:
			stop.Reason = "being multiply active"
		}
		if !st.Managed {
			stop.Clear(action.Runnable)
		}
		if m.M.Options.RemoveAfterStop {
			m.cleanUp(r, n, optional)
		}
		if r.NeedsUnfence {
			on := m.B.FenceOp(n, "on", true, "", false)
			action.Linked(stop, on, action.ThenNeedsFirst)
			if !unfenced(n) {
				m.log.Error("Stopping %s until %s can be unfenced", r.ID, n.Name)
			}
		}
	}
}

func (m *Maker) start(r *model.Resource, n *model.Node, optional bool) {
	start := m.ask(r, "start", n, true)
	if n != nil {
		m.afterUnfencing(r, n, start, action.FirstNeedsThen)
	}
	if start.Is(action.Runnable) && !optional {
		start.Clear(action.Optional)
	}
	if m.spared(r, n) {
		start.Set(action.Pseudo)
	}
}

func (m *Maker) promote(r *model.Resource, n *model.Node, optional bool) {
	for _, start := range m.B.Exactly(r, action.Op{Name: "start"}, n) {
		if !start.Is(action.Runnable) {
			for _, p := range m.B.Exactly(r, action.Op{Name: "promote"}, n) {
				p.Clear(action.Runnable)
			}
			return
		}
	}
	p := m.ask(r, "promote", n, optional)
	if m.spared(r, n) {
		p.Set(action.Pseudo)
	}
}

func (m *Maker) demote(r *model.Resource, optional bool) {
	for _, n := range m.S.Rsc(r).Running {
		if !m.spared(r, n) {
			m.ask(r, "demote", n, optional)
		}
	}
}

// cleanUp deletes the history of a resource on a node between its stop and its start.
func (m *Maker) cleanUp(r *model.Resource, n *model.Node, optional bool) {
	node := m.S.Node(n)
	if m.S.Rsc(r).Failed || node.Unclean || !node.Online {
		return
	}
	flags := action.Then
	if optional {
		flags = action.FirstNeedsThen
	}
	m.ask(r, "delete", n, optional)
	m.B.OrderOps(r, "stop", r, "delete", flags)
	m.B.OrderOps(r, "delete", r, "start", flags)
}
