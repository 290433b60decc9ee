package create

import (
	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

// FenceAndShutDown makes the actions that take nodes down, and orders what runs on these around them. The
// controller's own node goes last.
func (m *Maker) FenceAndShutDown() {
	var fences, shutdowns []*action.Action
	var dcDown *action.Action
	manages := m.managesAnything()
	for _, n := range m.M.Nodes {
		st := m.S.Node(n)
		if n.IsGuest() {
			if manages && st.RequiresReset && m.M.CanFence(m.S, n) {
				m.fenceGuest(n)
			}
			continue
		}
		switch {
		case manages && st.Unclean && m.M.CanFence(m.S, n):
			fence := m.B.FenceOp(n, "", false, "node is unclean", false)
			m.fenced(n, fence)
			if n.DC {
				dcDown = fence
				break
			}
			if !m.M.Options.ParallelFencing && len(fences) > 0 {
				action.Linked(fences[0], fence, action.Then)
			}
			fences = append([]*action.Action{fence}, fences...)
			continue
		case st.Online && st.Shutdown && !n.IsRemoteType():
			down := m.shutDown(n)
			if n.DC {
				dcDown = down
			} else {
				shutdowns = append([]*action.Action{down}, shutdowns...)
			}
		}
		if st.Unclean && (!manages || !m.M.CanFence(m.S, n)) {
			m.log.ConfigWarning("Node %s is unclean but cannot be fenced", n.Name)
		}
	}
	if dcDown == nil {
		return
	}
	if dcDown.Task == "do_shutdown" {
		for _, down := range shutdowns {
			action.Linked(down, dcDown, action.Then)
		}
	}
	if !m.M.Options.ParallelFencing && len(fences) > 1 {
		fences = fences[:1] // the last of the chain
	}
	for _, fence := range fences {
		action.Linked(fence, dcDown, action.Then)
	}
}

// managesAnything reports whether any resource is managed at all.
func (m *Maker) managesAnything() bool {
	for _, top := range m.M.Resources {
		found := false
		top.Walk(func(r *model.Resource) { found = found || m.S.Rsc(r).Managed })
		if found {
			return true
		}
	}
	return false
}

// fenceGuest notes that a guest node is recovered with its container.
func (m *Maker) fenceGuest(n *model.Node) {
	container := n.Connection.Container
	op := "off"
	if len(m.B.All(container, "start", nil)) > 0 {
		op = "reboot"
	}
	fence := m.B.FenceOp(n, op, false, "guest is unclean", false)
	fence.Set(action.Pseudo | action.Runnable)
	if stop := m.B.Newest(container, "stop", nil); stop != nil {
		const follow = action.OnlyIfRunnable | action.FirstNeedsThen
		if stop.Is(action.Pseudo) {
			host := m.B.FenceOp(stop.Node, "", false, "", false)
			action.Linked(host, fence, follow)
		} else {
			action.Linked(stop, fence, follow)
		}
	} else if stop := m.B.Newest(n.Connection, "stop", nil); stop != nil {
		action.Linked(stop, fence, action.Then)
	}
	m.fenced(n, fence)
}

// fenced orders everything around the fencing of a node.
func (m *Maker) fenced(n *model.Node, fence *action.Action) {
	for _, top := range m.S.TopList(m.M) {
		m.fencedRsc(top, n, fence)
	}
}

func (m *Maker) fencedRsc(r *model.Resource, n *model.Node, fence *action.Action) {
	if children := m.S.Children(r); len(children) > 0 {
		for _, c := range children {
			m.fencedRsc(c, n, fence)
		}
		return
	}
	if !m.S.Rsc(r).Managed {
		return
	}
	m.startsAfterFence(r, n, fence)
	m.stopsByFence(r, n, fence)
}

// startsAfterFence holds back what must not start before the node is down.
func (m *Maker) startsAfterFence(r *model.Resource, n *model.Node, fence *action.Action) {
	list := m.B.Of(r)
	for i := len(list) - 1; i >= 0; i-- {
		a := list[i]
		switch {
		case a.Needs == model.NeedsFencing:
			action.Linked(fence, a, action.Then)
		case a.Needs == model.NeedsQuorum && a.Task == "start" && m.S.Rsc(r).Allowed.At(n) != nil && !m.knownThere(r, n):
			// it might be active there
			action.Linked(fence, a, action.Then|action.OnlyIfRunnable)
		}
	}
}

// knownThere reports whether the state of a resource on a node is known; of an anonymous instance it is when
// any instance was looked for.
func (m *Maker) knownThere(r *model.Resource, n *model.Node) bool {
	if m.S.Rsc(r).Known.Has(n) {
		return true
	}
	if r.Parent != nil && r.Parent.Anonymous() {
		return m.S.Rsc(r.Parent).Known.Has(n)
	}
	return false
}

// stopsByFence turns the stops and demotes on a fenced node into consequences of the fencing.
func (m *Maker) stopsByFence(r *model.Resource, n *model.Node, fence *action.Action) {
	top := r.Top()
	implied := r.NeedsFencing || n.IsGuest()
	parentStop := m.B.NewestTask(top, "stop", nil)
	for _, stop := range m.B.All(r, "stop", n) {
		stop.Set(action.Pseudo | action.Runnable)
		if implied {
			stop.Set(action.ByFence)
			if !r.Bundled() {
				action.Linked(fence, stop, action.Preserved)
			}
			if parentStop != nil {
				action.Linked(fence, parentStop, action.Preserved)
			}
		}
		if r.Notify {
			m.notifyFenced(stop, r, fence)
		}
	}
	for _, demote := range m.B.All(r, "demote", n) {
		st := m.S.Node(demote.Node)
		if st.Online && !st.Unclean && !m.S.Rsc(r).Failed {
			continue
		}
		demote.Set(action.Pseudo | action.Runnable)
		if !r.Bundled() && implied {
			action.Linked(fence, demote, action.Preserved|action.Then)
		}
	}
}

// shutDown makes the action that ends the cluster stack on a node after everything there has stopped.
func (m *Maker) shutDown(n *model.Node) *action.Action {
	down := m.B.OnNode("do_shutdown", "do_shutdown-"+n.Name, n)
	for i := len(m.B.Actions) - 1; i >= 0; i-- {
		a := m.B.Actions[i]
		if a.Rsc == nil || a.Node != n || a.Task != "stop" {
			continue
		}
		st := m.S.Rsc(a.Rsc)
		if st.Maintenance || m.S.Node(n).Maintenance || !st.Managed && !st.Blocked {
			continue // it stays as it is, or can only be stopped by hand
		}
		a.Clear(action.Optional)
		m.B.Order(action.ActionEnd(a), action.ActionEnd(down), action.Then|action.OnlyIfRunnable)
	}
	down.AddMeta("op_no_wait", "true")
	return down
}
