package create

import (
	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

// RemoteState is what becomes of the connection to a remote node.
type RemoteState uint8

const (
	RemoteUnknown RemoteState = iota
	// RemoteAlive connections stay up.
	RemoteAlive
	// RemoteResting connections come up again, maybe from elsewhere.
	RemoteResting
	// RemoteFailed connections cannot be used any more, so that their nodes must be fenced.
	RemoteFailed
	// RemoteStopped connections are closed in good order.
	RemoteStopped
)

// RemoteState tells what becomes of the connection to a remote node.
func (m *Maker) RemoteState(n *model.Node) RemoteState {
	conn := n.Connection
	if conn == nil {
		return RemoteUnknown
	}
	st := m.S.Rsc(conn)
	current := m.S.Current(conn)
	if st.NextRole == model.Stopped || m.node(conn) == nil {
		node := m.S.Node(n)
		switch {
		case current != nil && m.S.Node(current).Unclean:
			return RemoteFailed // the node that it was reached through is gone
		case !st.Failed:
			return RemoteStopped
		case st.NextRole == model.Stopped && conn.ReconnectMs > 0 && node.WasFenced && !shutdownRequested(n):
			return RemoteUnknown // it waits for the next attempt
		}
		return RemoteFailed
	}
	switch all, _ := m.S.ActiveCount(conn); {
	case current == nil:
		return RemoteUnknown
	case m.S.Node(current).Unclean || !m.S.Node(current).Online:
		return RemoteResting
	case all > 1 && st.PartialSource != nil && st.PartialTarget != nil:
		return RemoteResting
	}
	return RemoteAlive
}

func shutdownRequested(n *model.Node) bool {
	v, ok := n.Attrs.Lookup("shutdown")
	return ok && v != "0"
}

// OrderRemotes orders what happens behind connections with what happens to these.
func (m *Maker) OrderRemotes() {
	if !m.M.HasRemoteNodes {
		return
	}
	acts := m.B.Actions
	for i := len(acts) - 1; i >= 0; i-- {
		a := acts[i]
		if a.Rsc == nil {
			continue
		}
		if a.Rsc.Connection && a.Task == "clear_failcount" {
			m.B.Order(action.ActionEnd(a), action.OpEnd(a.Rsc, "start"), action.Then)
			continue
		}
		n := a.Node
		if n == nil || !n.IsRemoteType() || n.Connection == nil || a.Is(action.Pseudo) {
			continue
		}
		if a.Task == "start" {
			m.stopElsewhere(a, n)
		}
		if n.IsGuest() {
			m.orderGuest(a, n)
		} else {
			m.orderRemote(a, n)
		}
	}
}

// stopElsewhere holds back the stop of a resource that moves to a remote node until that can be reached.
func (m *Maker) stopElsewhere(start *action.Action, n *model.Node) {
	list := m.B.Of(start.Rsc)
	for i := len(list) - 1; i >= 0; i-- {
		if stop := list[i]; stop.Task == "stop" && stop.Node != nil && stop.Node != n {
			m.B.Order(action.OpEnd(n.Connection, "start"), action.ActionEnd(stop), action.Then)
		}
	}
}

// effect is what an action is for its resource's role.
func effect(a *action.Action) string {
	switch a.Task {
	case "migrate_to", "migrate_from":
		return "stop"
	}
	return a.Task
}

// afterStart orders an action after the start of what its node is reached through.
func (m *Maker) afterStart(first *model.Resource, a *action.Action, more action.Order) {
	m.B.Order(action.OpEnd(first, "start"), action.ActionEnd(a), action.Preserved|action.OnlyIfRunnable|more)
}

// beforeStop orders an action before the stop of what its node is reached through.
func (m *Maker) beforeStop(a *action.Action, then *model.Resource, more action.Order) {
	m.B.Order(action.ActionEnd(a), action.OpEnd(then, "stop"), action.Preserved|more)
}

func (m *Maker) orderGuest(a *action.Action, n *model.Node) {
	conn := n.Connection
	container := conn.Container
	failed := m.S.Rsc(container).Failed
	if failed {
		m.B.Fence(n, "container failed", false)
	}
	switch effect(a) {
	case "start", "promote":
		m.afterStart(container, a, action.FirstNeedsThen)
		m.afterStart(conn, a, 0)
	case "stop", "demote":
		if !failed {
			m.beforeStop(a, conn, 0)
		}
	case "monitor":
		more := action.Order(0)
		if recurring(a) {
			more = action.FirstNeedsThen
		}
		m.afterStart(conn, a, more)
	default:
		if !recurring(a) {
			m.afterStart(conn, a, 0)
		}
	}
}

func recurring(a *action.Action) bool {
	_, ok := a.MetaValue("interval")
	return ok
}

func (m *Maker) orderRemote(a *action.Action, n *model.Node) {
	conn := n.Connection
	state := m.RemoteState(n)
	switch effect(a) {
	case "start", "promote":
		more := action.Order(0)
		if state == RemoteFailed {
			more = action.FirstNeedsThen // it cannot be done until the connection is back
		}
		m.afterStart(conn, a, more)
	case "stop":
		switch {
		case state == RemoteAlive:
			m.beforeStop(a, conn, action.ThenNeedsFirst)
		case state == RemoteFailed:
			m.B.Fence(n, "resources are active but connection is unrecoverable", false)
		case m.S.Rsc(conn).NextRole == model.Stopped:
			m.beforeStop(a, conn, action.ThenNeedsFirst)
		default:
			m.afterStart(conn, a, 0)
		}
	case "demote":
		if state == RemoteResting || state == RemoteUnknown {
			m.afterStart(conn, a, 0)
		}
	default:
		m.orderRemoteOther(a, n, state)
	}
}

func (m *Maker) orderRemoteOther(a *action.Action, n *model.Node, state RemoteState) {
	conn := n.Connection
	if recurring(a) {
		m.afterStart(conn, a, action.FirstNeedsThen)
		return
	}
	if a.Task == "monitor" && state == RemoteFailed {
		m.B.Fence(n, "resources are in unknown state and connection is unrecoverable", false)
	}
	if m.S.Current(conn) != nil && state == RemoteStopped {
		m.beforeStop(a, conn, action.OnlyIfRunnable)
	} else {
		m.afterStart(conn, a, 0)
	}
}
