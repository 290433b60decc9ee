package model

// Judge decides whether an action of a resource can run on a node; a nil node is none. Recorded actions may
// have the consequence that the node must be fenced.
func (m *Model) Judge(s *State, r *Resource, task string, n *Node, recurring bool, needs Needs, recorded bool) Verdict {
	if n == nil {
		return Verdict{KeepReason: true}
	}
	st, rst := s.Node(n), s.Rsc(r)
	v := Verdict{KeepReason: true, Forced: !rst.Managed && !recurring}
	byController := task == "lrm_delete"
	switch {
	case !byController && !st.Online && (!n.IsGuest() || st.RequiresReset):
		v.Fence = recorded && rst.Managed && task == "stop" && !st.Unclean
		return v
	case !byController && st.Pending:
		return v
	case needs == NeedsNothing:
		v.KeepReason = false
		v.Runnable = !n.IsGuest() || m.CanFence(s, n)
		return v
	}
	policy := m.Options.NoQuorum
	switch {
	case m.Quorum:
		policy = QuorumIgnore
	case policy == QuorumDemote && (rst.Role == Promoted || rst.Role == Unpromoted):
		v.Demotable = true
		policy = QuorumIgnore
	case policy == QuorumDemote:
		policy = QuorumStop
	}
	switch {
	case policy == QuorumStop:
		v.Block = "no quorum"
	case policy == QuorumFreeze && (!s.Active(r, true) || rst.NextRole > rst.Role):
		v.Block = "quorum freeze"
	case policy == QuorumFreeze:
		v.Unchanged = true
	default:
		v.Runnable = true
	}
	return v
}
