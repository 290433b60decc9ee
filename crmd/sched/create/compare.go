package create

import (
	"cmp"
	"strings"

	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/history"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/opconf"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// CompareHistory compares what was run with what is configured now, and asks for what brings the one in line
// with the other: restarts, reloads, cancellations and clean-ups.
func (m *Maker) CompareHistory() {
	byName := map[string][]*model.Resource{}
	for _, top := range m.M.Resources {
		m.S.Walk(top, func(r *model.Resource) {
			if r.Kind != model.Primitive {
				return
			}
			byName[r.ID] = append(byName[r.ID], r)
			if h := r.HistoryName; h != "" && h != r.ID {
				byName[h] = append(byName[h], r)
			}
		})
	}
	for _, n := range m.M.Nodes {
		if !m.S.Node(n).Maintenance && !m.S.Usable(n) {
			continue
		}
		for _, h := range n.Records {
			if len(h.Ops) == 0 {
				continue
			}
			list := byName[h.ID]
			for i := len(list) - 1; i >= 0; i-- {
				m.compare(list[i], h, n)
			}
		}
	}
}

// compare compares one record with the resource that it belongs to.
func (m *Maker) compare(r *model.Resource, h *model.History, n *model.Node) {
	if r.Orphan {
		if !r.Top().Anonymous() {
			m.cleanUp(r, n, false)
		}
		return
	}
	active := false
	for _, o := range m.S.Rsc(r).Running {
		active = active || o == n
	}
	if m.agentChanged(r, h, n, active) {
		m.cleanUp(r, n, false)
	}
	if !active {
		return
	}
	start, stop := history.Window(h.Sorted)
	if start < stop {
		return
	}
	for i, o := range h.Sorted {
		if i >= start {
			m.compareOp(r, o, n)
		}
	}
}

func (m *Maker) compareOp(r *model.Resource, o *model.Op, n *model.Node) {
	switch {
	case o.IntervalMs > 0 && (m.S.Rsc(r).Maintenance || m.S.Node(n).Maintenance):
		m.cancelRecorded(r, o, n)
	case o.IntervalMs > 0 || affectsParameters(o.Task):
		if m.B.Conf.NeedsHostAddress(r) {
			m.deferred = append(m.deferred, model.DeferredCheck{Op: o, Rsc: r, Node: n})
		} else {
			m.checkActive(r, o, n, "")
		}
	}
}

func affectsParameters(task string) bool {
	switch strings.ToLower(task) {
	case "monitor", "start", "promote", "migrate_from":
		return true
	}
	return false
}

// checkActive compares an operation and forgets failures of a resource that is going to be different.
func (m *Maker) checkActive(r *model.Resource, o *model.Op, n *model.Node, addr string) {
	if !m.differs(r, o, n, addr) {
		return
	}
	if count, _ := m.M.FailCount(m.S, r, n, nil); count != 0 {
		m.B.ClearFailCount(r, n, "action definition changed")
	}
}

// deferredChecks makes the comparisons that had to wait until it is known where containers will be.
func (m *Maker) deferredChecks() {
	for i := len(m.deferred) - 1; i >= 0; i-- {
		d := m.deferred[i]
		addr := m.HostAddress(d.Rsc)
		if !d.Failure {
			m.checkActive(d.Rsc, d.Op, d.Node, addr)
			continue
		}
		switch m.B.Conf.Compare(d.Rsc, d.Op, d.Node, addr) {
		case opconf.Same, opconf.Unknown:
		default:
			m.B.ClearFailCount(d.Rsc, d.Node, "resource parameters have changed")
		}
	}
}

// HostAddress is the node through which a bundle's connection without an address of its own is reached.
func (m *Maker) HostAddress(r *model.Resource) string {
	n := m.node(r.Container)
	if n == nil {
		n = m.S.Current(r.Container)
	}
	if n == nil {
		return ""
	}
	return n.Name
}

// agentChanged reports whether the record is of another agent. A resource that is active with the old one is
// stopped.
func (m *Maker) agentChanged(r *model.Resource, h *model.History, n *model.Node, active bool) bool {
	changed := false
	for _, attr := range []string{"type", "class", "provider"} {
		now, okNow := r.XML.Lookup(attr)
		then, okThen := h.XML.Lookup(attr)
		if now == then && okNow == okThen {
			continue
		}
		changed = true
		m.deviceChanged(r, n, "Device definition changed")
		if active {
			m.log.Notice("Forcing restart of %s on %s because %s changed from '%s' to '%s'", r.ID, n.Name, attr, then, now)
		}
	}
	if changed && active {
		m.ask(r, "stop", n, false)
		m.S.Rsc(r).StartPending = true
	}
	return changed
}

// cancelRecorded cancels a recurring operation that is on record.
func (m *Maker) cancelRecorded(r *model.Resource, o *model.Op, n *model.Node) {
	m.lastInterval = o.IntervalMs
	a := m.cancel(r, action.Op{Name: o.Task, IntervalMs: o.IntervalMs}, n)
	if id, ok := o.XML.Lookup("call-id"); ok {
		a.AddMeta("call-id", id)
	}
	m.B.Order(action.OpEnd(r, "stop"), action.ActionEnd(a), action.Then)
}

// differs reports whether an operation would be different if it were run now, and asks for what follows.
func (m *Maker) differs(r *model.Resource, o *model.Op, n *model.Node, addr string) bool {
	if o.IntervalMs > 0 && opconf.Find(r, o.Task, o.IntervalMs, false) == nil {
		m.lastInterval = o.IntervalMs
		if m.M.Options.CancelOrphans {
			m.cancelRecorded(r, o, n)
		}
		return true
	}
	change := m.B.Conf.Compare(r, o, n, addr)
	if change == opconf.Same {
		return false
	}
	task := o.Task
	if o.IntervalMs == 0 && (task == "monitor" || task == "migrate_from" || task == "promote") {
		task = "start"
	}
	if m.B.Conf.Sanitized && m.B.Conf.OnlySecretsChanged(r, o, n, addr) {
		m.lastInterval = cmp.Or(o.IntervalMs, m.lastInterval)
		m.log.Say("Only 'private' parameters to %s-interval %s for %s on %s changed: %s",
			scalar.ReadableInterval(m.lastInterval), task, r.ID, n.Name, o.XML.Get("transition-magic"))
		return false
	}
	switch {
	case change == opconf.Restart:
		m.forceRestart(r, action.Op{Name: task, IntervalMs: o.IntervalMs}, n)
	case o.IntervalMs > 0:
		m.deviceChanged(r, n, "Device parameters changed (reschedule)")
		a := m.B.Get(action.Ask{Rsc: r, Op: action.Op{Name: task, IntervalMs: o.IntervalMs}, Node: n, Optional: true})
		a.Set(action.Reschedule)
	case o.RestartDigest != "":
		m.deviceChanged(r, n, "Device parameters changed (reload)")
		m.reload(r, n)
	default:
		m.forceRestart(r, action.Op{Name: task}, n)
	}
	return true
}

// forceRestart requires an operation wherever the resource is going to be.
func (m *Maker) forceRestart(r *model.Resource, op action.Op, n *model.Node) {
	a := m.B.Get(action.Ask{Rsc: r, Op: op})
	a.Reason = "resource definition change"
	m.deviceChanged(r, n, "Device parameters changed")
}

// reload lets an agent take over parameters without a restart, unless there is one anyway.
func (m *Maker) reload(r *model.Resource, n *model.Node) {
	if r.Kind != model.Primitive {
		for _, c := range m.S.Children(r) {
			m.reload(c, n)
		}
		return
	}
	st := m.S.Rsc(r)
	if !st.Managed || st.Failed {
		return
	}
	if st.StartPending {
		m.ask(r, "stop", n, false)
		return
	}
	st.Reload = true
	a := m.ask(r, "reload-agent", n, false)
	a.Because("resource definition change")
	m.B.Order(action.ActionEnd(a), action.OpEnd(r, "stop"), action.Then|action.ThenCancels)
	m.B.Order(action.ActionEnd(a), action.OpEnd(r, "demote"), action.Then|action.ThenCancels)
}
