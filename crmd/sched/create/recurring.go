package create

import (
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/opconf"
)

// recurringOp is a recurring operation of the configuration.
type recurringOp struct {
	action.Op
	role model.Role
}

// recurring makes the recurring operations of a resource, and cancels those that do not fit its role any more.
func (m *Maker) recurring(r *model.Resource) {
	st, n := m.S.Rsc(r), m.node(r)
	if st.Blocked || st.Maintenance {
		return
	}
	var start *action.Action
	if n != nil && !m.S.Node(n).Maintenance && (st.NextRole != model.Stopped || !st.Managed) {
		start = m.ask(r, "start", n, true)
	}
	for e := range r.Ops.Tags("op") {
		op, ok := m.recurringOp(r, e)
		if !ok {
			continue
		}
		if start != nil && op.role != model.Stopped {
			m.whileActive(r, op, start, n)
		}
		if op.role == model.Stopped {
			m.whileStopped(r, op, n)
		}
	}
}

// recurringOp reads an op element; it is not ok for one that does not recur or must not.
func (m *Maker) recurringOp(r *model.Resource, e *cibxml.Element) (recurringOp, bool) {
	op := recurringOp{Op: action.Op{Name: e.Get("name"), IntervalMs: opconf.Interval(e)}}
	if op.IntervalMs == 0 {
		return op, false
	}
	if e.ID() == "" {
		m.log.ConfigError("Ignoring recurring operation of %s without ID", r.ID)
		return op, false
	}
	switch strings.ToLower(op.Name) {
	case "stop", "start", "demote", "promote", "reload-agent", "migrate_to", "migrate_from":
		m.log.ConfigError("Ignoring %s because %s action cannot be recurring", e.ID(), op.Name)
		return op, false
	}
	same := 0
	for o := range r.Ops.Tags("op") {
		if o.Get("name") == op.Name && opconf.Interval(o) == op.IntervalMs {
			same++
		}
	}
	if same > 1 {
		m.log.ConfigError("Operation %s is a duplicate (do not use same name and interval combination more than once per resource)", e.ID())
		return op, false
	}
	if text, ok := e.Lookup("role"); ok {
		if op.role = model.ParseRole(text); op.role == model.RoleUnknown {
			m.log.ConfigError("Ignoring %s because %s is not a valid role", e.ID(), text)
			return op, false
		}
	}
	return op, opconf.Find(r, op.Name, op.IntervalMs, false) != nil
}

// whileActive makes an operation that recurs while the resource is active in a role.
func (m *Maker) whileActive(r *model.Resource, op recurringOp, start *action.Action, n *model.Node) {
	st := m.S.Rsc(r)
	optional := m.keepsRunning(r, op, start, n)
	if op.role != model.RoleUnknown && op.role != st.NextRole || op.role == model.RoleUnknown && st.NextRole == model.Promoted {
		if optional {
			m.cancelBeforeChange(r, op, n)
		}
		return
	}
	mon := m.B.Get(action.Ask{Rsc: r, Op: op.Op, Node: n, Optional: optional})
	if node := m.S.Node(n); !start.Is(action.Runnable) || !node.Online || node.Unclean {
		mon.Clear(action.Runnable)
	}
	if st.NextRole == model.Promoted {
		mon.Meta.Set("op_target_rc", "8")
	}
	if !st.Managed {
		return
	}
	const follow = action.FirstNeedsThen | action.OnlyIfRunnable
	m.B.Order(action.OpEnd(r, "start"), action.ActionEnd(mon), follow)
	m.B.Order(action.OpEnd(r, "reload-agent"), action.ActionEnd(mon), follow)
	switch {
	case st.NextRole == model.Promoted:
		m.B.Order(action.OpEnd(r, "promote"), action.ActionEnd(mon), action.Then|action.OnlyIfRunnable)
	case st.Role == model.Promoted:
		m.B.Order(action.OpEnd(r, "demote"), action.ActionEnd(mon), action.Then|action.OnlyIfRunnable)
	}
}

// keepsRunning reports whether the operation runs already and can go on.
func (m *Maker) keepsRunning(r *model.Resource, op recurringOp, start *action.Action, n *model.Node) bool {
	if !start.Is(action.Optional) {
		return false
	}
	known := m.B.Exactly(r, op.Op, n)
	for _, a := range known {
		if a.Is(action.Reschedule) {
			return false
		}
	}
	return len(known) > 0
}

// cancelBeforeChange cancels an operation before the resource leaves the role that it is for.
func (m *Maker) cancelBeforeChange(r *model.Resource, op recurringOp, n *model.Node) {
	st := m.S.Rsc(r)
	cancel := m.cancel(r, op.Op, n)
	after := ""
	switch {
	case st.Role == model.Promoted:
		after = "demote"
	case st.Role != model.Unpromoted && st.Role != model.Started:
	case st.NextRole == model.Promoted:
		after = "promote"
	case st.NextRole == model.Stopped:
		after = "stop"
	}
	if after != "" {
		m.B.Order(action.ActionEnd(cancel), action.OpEnd(r, after), action.OnlyIfRunnable)
	}
}

// cancel turns a recurring operation into its cancellation.
func (m *Maker) cancel(r *model.Resource, op action.Op, n *model.Node) *action.Action {
	a := m.B.Get(action.Ask{Rsc: r, Op: op, Task: "cancel", Node: n})
	a.Task = "cancel"
	a.AddMeta("operation", op.Name)
	a.AddMeta("interval", strconv.FormatInt(op.IntervalMs, 10))
	return a
}

// whileStopped makes an operation that recurs wherever the resource is not.
func (m *Maker) whileStopped(r *model.Resource, op recurringOp, n *model.Node) {
	if !r.Unique {
		m.log.Notice("Ignoring recurring monitor of %s for Stopped role: not supported for anonymous clones", r.ID)
		return
	}
	st := m.S.Rsc(r)
	for _, o := range m.M.Nodes {
		known := m.B.Exactly(r, op.Op, o)
		if n != nil && strings.EqualFold(o.Name, n.Name) {
			if len(known) > 0 {
				cancel := m.cancel(r, op.Op, o)
				if st.NextRole == model.Started || st.NextRole == model.Unpromoted {
					m.B.Order(action.ActionEnd(cancel), action.OpEnd(r, "start"), action.OnlyIfRunnable)
				}
			}
			continue
		}
		mon := m.B.Get(action.Ask{Rsc: r, Op: op.Op, Node: o, Optional: len(known) > 0})
		mon.Meta.Set("op_target_rc", "7")
		if st.Managed {
			for _, probe := range m.B.All(r, "monitor", o) {
				action.Linked(probe, mon, action.OnlyIfRunnable)
			}
		}
		m.afterStops(r, o, mon)
		if node := m.S.Node(o); !node.Online || node.Unclean {
			mon.Clear(action.Runnable)
		}
	}
}

// afterStops lets a monitor of the stopped role wait for the stop on its node.
func (m *Maker) afterStops(r *model.Resource, n *model.Node, mon *action.Action) {
	managed := m.S.Rsc(r).Managed
	for _, stop := range m.B.Exactly(r, action.Op{Name: "stop"}, n) {
		if !stop.Is(action.Optional) && !mon.Is(action.Optional) && !managed {
			mon.Set(action.Optional)
		}
		if !stop.Is(action.Runnable) {
			mon.Clear(action.Runnable)
		}
		if managed {
			m.B.Order(action.ActionEnd(stop), action.ActionEnd(mon), action.FirstNeedsThen|action.OnlyIfRunnable)
		}
	}
}
