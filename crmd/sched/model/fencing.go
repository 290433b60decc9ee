package model

// CanFence reports whether a node could be fenced now. A guest node is fenced by recovering its container,
// for which the host must be reachable or be fenced itself.
func (m *Model) CanFence(s *State, n *Node) bool {
	switch {
	case n.IsGuest():
		for _, host := range s.Rsc(n.Connection.Container).Running {
			if !s.Node(host).Online && !m.CanFence(s, host) {
				return false
			}
		}
		return true
	case !m.Options.Fencing || !m.HasFenceDevice:
		return false
	case m.Quorum || m.Options.NoQuorum == QuorumIgnore:
		return true
	}
	return s.Node(n).Online
}

// Doom notes that a node must be fenced because of why. It reports whether a fence operation belongs to it:
// guest nodes are fenced by recovering their containers instead.
func (m *Model) Doom(s *State, n *Node, why string) (operation bool) {
	st := s.Node(n)
	switch conn := n.Connection; {
	case n.IsGuest():
		container := s.Rsc(conn.Container)
		switch {
		case container.Failed:
		case !container.Managed:
			s.Log.Notice("Not fencing guest node %s (otherwise would because %s): its guest resource %s is unmanaged", n.Name, why, conn.Container.ID)
		default:
			s.Log.Warning("Guest node %s will be fenced (by recovering its guest resource %s): %s", n.Name, conn.Container.ID, why)
			st.RequiresReset = true
			container.Failed, container.StopRequired = true, true
		}
		return false
	case n.Kind == Remote && conn != nil && conn.OrphanFiller:
		c := s.Rsc(conn)
		c.Failed, c.StopRequired = true, true
		return false
	case n.Kind == Remote:
		if conn != nil && !s.Rsc(conn).Managed {
			s.Log.Notice("Not fencing remote node %s (otherwise would because %s): connection is unmanaged", n.Name, why)
		} else {
			st.RequiresReset = true
		}
		st.Unclean = true
		return true
	case st.Unclean:
		return false
	}
	s.Log.Warning("Cluster node %s will be fenced: %s", n.Name, why)
	st.Unclean = true
	return true
}
