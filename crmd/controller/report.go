package controller

import (
	"maps"
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// Leads reports whether this node is the DC.
func (m *Machine) Leads() bool { return m.role.leads }

// Takes reports whether this node leads and has enlisted that life of a node's crmd: only then its reports count.
func (m *Machine) Takes(node, session string) bool {
	x := m.members[node]
	return m.role.leads && x != nil && x.state == ready && x.session == session
}

// Acting reports whether it leads without a raft majority.
func (m *Machine) Acting() bool { return m.role.leads && m.role.acting }

// Status is the controller's part of the node's state.
func (m *Machine) Status() api.CRMStatus {
	s := api.CRMStatus{State: m.State(), DC: m.DC(), Acting: m.Acting(), ReadOnly: m.ReadOnly(), Transition: m.plan.number,
		Voters: slices.Clone(m.raft.Voters), ClusterEpoch: m.raft.Epoch, Unreachable: make(map[string]string)}
	s.DCID = m.nodeID(s.DC)
	if m.plan.engine != nil {
		c := m.plan.engine.Counts()
		s.Pending = c.Pending + c.Fired + c.Incomplete
	}
	for name, x := range m.members {
		if x.state != ready && x.why != "" {
			s.Unreachable[name] = x.why
		}
	}
	s.Unfenced = m.FenceFailures()
	return s
}

// Throttle shows what limits each node, and what waits.
func (m *Machine) Throttle(now time.Time) api.ThrottleStatus {
	limits := m.limits()
	out := api.ThrottleStatus{BatchLimit: limits.Total, Exempt: limits.Exempt}
	for _, name := range slices.Sorted(maps.Keys(m.members)) {
		x := m.members[name]
		n := api.ThrottleNode{Node: name, Mode: x.mode.String(), Limit: limits.Node[name], Maximum: limits.Maximum[name], Inputs: []api.ThrottleInput{}}
		if e := m.plan.engine; e != nil {
			for _, a := range e.Pending() {
				if a.Node == name {
					n.Running++
				}
			}
			for _, h := range e.Held() {
				if h.Action.Node == name {
					n.Waiting = append(n.Waiting, api.ThrottleWaiter{Action: h.Action.Key, Since: h.Since.UnixMilli(), For: now.Sub(h.Since).Milliseconds()})
				}
			}
		}
		out.Nodes = append(out.Nodes, n)
	}
	return out
}
