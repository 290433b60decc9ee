package create

import (
	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/place"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// probes looks on every node for the resources whose state there is not known.
func (m *Maker) probes(tops []*model.Resource) {
	for _, n := range m.M.Nodes {
		st := m.S.Node(n)
		if !st.Online {
			if n.IsRemote() && m.RemoteState(n) == RemoteFailed {
				m.B.Fence(n, "the connection is unrecoverable", false)
			}
			continue
		}
		if st.Unclean || st.NoDiscovery {
			continue
		}
		if v, ok := n.Attrs.Lookup("probe_complete"); ok && !scalar.IsTrue(v) {
			// only CIBs from before Pacemaker 1.1.14 have this
			m.B.OnNode("probe_again", "probe_again-"+n.Name, n).AddMeta("op_no_wait", "true")
			continue
		}
		for _, r := range tops {
			m.probe(r, n)
		}
	}
}

// probe makes the probes that a resource needs on a node, and reports whether there are any.
func (m *Maker) probe(r *model.Resource, n *model.Node) bool {
	switch r.Kind {
	case model.Clone:
		return m.probeClone(r, n)
	case model.Bundle:
		return m.probeBundle(r, n)
	case model.Group:
		if len(r.Children) > 0 {
			return m.probeAll(r.Children, n)
		}
		// Pacemaker probes a group whose members are all invalid as if it were a primitive
	}
	return m.probePrimitive(r, n)
}

func (m *Maker) probeAll(list []*model.Resource, n *model.Node) bool {
	any := false
	for _, r := range list {
		any = m.probe(r, n) || any
	}
	return any
}

// canBeOn reports whether a resource might be active on a node at all.
func canBeOn(r *model.Resource, n *model.Node) bool {
	if !n.IsRemoteType() {
		return true
	}
	return !r.FenceDevice && !(n.IsGuest() && containsGuest(r)) && !r.Connection
}

// containsGuest reports whether a resource is a container of a guest node.
func containsGuest(r *model.Resource) bool {
	for _, f := range r.Fillers {
		if f.Connection {
			return true
		}
	}
	return false
}

func (m *Maker) probePrimitive(r *model.Resource, n *model.Node) bool {
	st, top := m.S.Rsc(r), r.Top()
	if !canBeOn(r, n) || r.Container != nil && !r.Connection || r.Orphan || st.Known.Has(n) {
		return false
	}
	mode := m.S.Node(n).Discover
	e := st.Allowed.At(n)
	if e != nil {
		mode = e.Mode
	}
	if (st.Exclusive || m.S.Rsc(top).Exclusive) && (e == nil || mode != model.DiscoverExclusive) {
		return false
	}
	if mode == model.DiscoverNever || n.IsGuest() && m.guestDown(n, top) {
		return false
	}
	probe := m.B.Get(action.Ask{Rsc: r, Op: action.Op{Name: "monitor"}, Node: n})
	probe.Clear(action.Optional)
	m.afterUnfencing(r, n, probe, action.Then)
	active := false
	for _, o := range st.Running {
		active = active || o == n
	}
	switch {
	case !active:
		probe.Meta.Set("op_target_rc", "7")
	case st.Role == model.Promoted:
		probe.Meta.Set("op_target_rc", "8")
	}
	if top.Kind != model.Clone || r.FenceDevice && m.M.Options.Unfencing {
		top = r
	}
	flags := action.Then
	if !probe.Is(action.Runnable) && len(st.Running) == 0 {
		flags |= action.OnlyIfRunnable
	}
	m.B.Order(action.ActionEnd(probe), action.OpEnd(top, "start"), flags)
	if len(m.B.All(top, "reload-agent", nil)) > 0 {
		m.B.Order(action.ActionEnd(probe), action.OpEnd(top, "reload-agent"), action.Then)
	}
	return true
}

// guestDown reports whether a guest node is not there or about to go, so that nothing is active on it. What
// starts there waits for the container's state, or for its stop.
func (m *Maker) guestDown(n *model.Node, top *model.Resource) bool {
	guest := n.Connection.Container
	st, next := m.S.Rsc(guest), m.node(guest)
	if st.Role == model.Stopped {
		if next != nil && !st.Known.Has(next) {
			m.B.OrderOps(guest, "monitor", top, "start", action.Then)
		}
		return true
	}
	moves := st.Role > model.Stopped && next != nil
	for _, o := range st.Running {
		moves = moves && o != next
	}
	node := m.S.Node(n)
	if node.RequiresReset || node.Unclean || st.Failed || st.NextRole == model.Stopped || moves {
		m.B.OrderOps(guest, "stop", top, "start", action.Then)
		return true
	}
	return false
}

// probeClone probes one instance of an anonymous clone, which stands for all of them, and every instance of
// a unique one.
func (m *Maker) probeClone(r *model.Resource, n *model.Node) bool {
	instances := place.ByNumber(m.S, r)
	if len(instances) == 0 {
		return false
	}
	st := m.S.Rsc(r)
	if e := st.Allowed.At(n); st.Exclusive && e != nil && e.Mode != model.DiscoverExclusive {
		*e = model.Entry{} // it will never run there, and need not be told about the node
		return false
	}
	if r.Unique {
		return m.probeAll(instances, n)
	}
	for _, inst := range instances {
		if m.knownOn(inst, n) {
			return m.probe(inst, n)
		}
	}
	for _, inst := range instances {
		if m.A.Location(inst, false) == n {
			return m.probe(inst, n)
		}
	}
	return m.probe(instances[0], n)
}

func (m *Maker) knownOn(r *model.Resource, n *model.Node) bool {
	for _, c := range r.Children {
		if m.knownOn(c, n) {
			return true
		}
	}
	return len(r.Children) == 0 && m.S.Rsc(r).Known.Has(n)
}

func (m *Maker) probeBundle(r *model.Resource, n *model.Node) bool {
	any := false
	for _, rep := range r.Bundle.List {
		if rep.IP != nil {
			any = m.probe(rep.IP, n) || any
		}
		if rep.Child != nil && rep.Node == n {
			any = m.probe(rep.Child, n) || any
		}
		if m.probe(rep.Container, n) {
			any = true
			if r.Bundle.PerHost == 1 {
				// no other container may start before it is known that there is none yet
				for _, other := range r.Bundle.List {
					if other != rep {
						m.B.OrderOps(rep.Container, "monitor", other.Container, "start", action.Then|action.SameNode)
					}
				}
			}
		}
		if rep.Remote != nil && m.probe(rep.Remote, n) {
			any = true
			if p := m.B.Newest(rep.Remote, "monitor", n); p != nil {
				m.B.Order(action.OpEnd(rep.Container, "start"), action.ActionEnd(p), action.AfterProbe)
			}
		}
	}
	return any
}
