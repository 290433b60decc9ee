package create

import (
	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/hashorder"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

// unfenced reports whether a node has been unfenced since it was fenced.
func unfenced(n *model.Node) bool {
	v, ok := n.Attrs.Lookup("#node-unfenced")
	return ok && v != "0"
}

// afterUnfencing orders an action of a resource that needs its node unfenced after that, and has the node
// unfenced if it never was.
func (m *Maker) afterUnfencing(r *model.Resource, n *model.Node, a *action.Action, flags action.Order) {
	if !(r.FenceDevice && m.M.Options.Unfencing) && !r.NeedsUnfence {
		return
	}
	on := m.B.FenceOp(n, "on", true, "", false)
	action.Linked(on, a, flags)
	if !unfenced(n) {
		m.unfence(n, "required by "+r.ID+" "+a.Task)
	}
}

// unfence asks for a node to be unfenced if it is in use.
func (m *Maker) unfence(n *model.Node, why string) bool {
	st := m.S.Node(n)
	if !m.M.Options.Unfencing || !st.Online || st.Unclean || st.Shutdown {
		return false
	}
	m.B.FenceOp(n, "on", false, why, false)
	return true
}

// deviceChanged unfences a node, or all that a fence device may run on, because the device has changed.
func (m *Maker) deviceChanged(r *model.Resource, n *model.Node, why string) {
	if !m.M.Options.Unfencing || !r.FenceDevice {
		return
	}
	if m.unfence(n, why) {
		return
	}
	byID := map[string]*model.Node{}
	var ids []string
	for _, o := range m.M.Nodes {
		if m.S.Rsc(r).Allowed.At(o) != nil {
			byID[o.ID] = o
			ids = append(ids, o.ID)
		}
	}
	for _, id := range hashorder.Of(ids) {
		m.unfence(byID[id], why)
	}
}
