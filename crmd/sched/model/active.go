package model

// Current is the node on which the resource counts as active, nil when it is active nowhere. With several,
// the source of an unfinished migration counts, then, unless it needs fencing, one that is online and clean.
func (s *State) Current(r *Resource) *Node {
	st := s.Rsc(r)
	var best *Node
	for _, n := range st.Running {
		if n == st.PartialSource {
			return n
		}
		if best == nil {
			best = n
		} else if !r.NeedsFencing && !s.Good(best) && s.Good(n) {
			best = n
		}
	}
	return best
}

// Good reports whether a node is online and clean.
func (s *State) Good(n *Node) bool { return s.Nodes[n.Index].Online && !s.Nodes[n.Index].Unclean }

// ActiveCount counts the nodes on which the resource is active, and those of them that are online and clean.
func (s *State) ActiveCount(r *Resource) (all, clean int) {
	for _, n := range s.Rsc(r).Running {
		all++
		if s.Good(n) {
			clean++
		}
	}
	return all, clean
}

// MultiplyActive reports whether a primitive is active on more nodes than it may be. What does not need
// fencing is not counted on lost nodes.
func (s *State) MultiplyActive(r *Resource) bool {
	if r.Kind != Primitive {
		return false
	}
	all, clean := s.ActiveCount(r)
	if r.NeedsFencing {
		return all > 1
	}
	return clean > 1
}

// Active reports whether a resource is active: with all, every part of it.
func (s *State) Active(r *Resource, all bool) bool {
	if r.Kind == Primitive {
		for _, n := range s.Rsc(r).Running {
			if st := s.Node(n); st.Unclean || st.Online || !s.Rsc(r).Managed {
				return true
			}
		}
		return false
	}
	if r.Kind == Bundle {
		return s.bundleActive(r, all)
	}
	some := false // an empty group is not active, whereas all of no instances are
	for _, c := range r.Children {
		switch a := s.Active(c, all); {
		case a && !all:
			return true
		case !a && all:
			return false
		default:
			some = some || a
		}
	}
	return some || all && r.Kind != Group
}

func (s *State) bundleActive(r *Resource, all bool) bool {
	for _, rep := range r.Bundle.List {
		for _, part := range []*Resource{rep.IP, rep.Child, rep.Container, rep.Remote} {
			if part == nil {
				continue
			}
			switch a := s.Active(part, all); {
			case a && !all:
				return true
			case !a && all:
				return false
			}
		}
	}
	return all
}

// CurrentNodes adds the nodes on which any part of the resource is active, and with pending those on which an
// operation is in progress, to list; every node once.
func (s *State) CurrentNodes(r *Resource, pending bool, list []*Node) []*Node {
	if len(r.Children) > 0 {
		for _, c := range r.Children {
			list = s.CurrentNodes(c, pending, list)
		}
		return list
	}
	st := s.Rsc(r)
	for _, n := range st.Running {
		list = AddNode(list, n)
	}
	if pending && st.PendingNode != nil {
		list = AddNode(list, st.PendingNode)
	}
	return list
}

// AddNode appends a node that is not in the list yet.
func AddNode(list []*Node, n *Node) []*Node {
	for _, o := range list {
		if o == n {
			return list
		}
	}
	return append(list, n)
}

// HighestRole is the role of a primitive, the highest of its parts for a group or clone, and unknown for a
// bundle.
func (s *State) HighestRole(r *Resource, next bool) Role {
	switch r.Kind {
	case Primitive:
		if next {
			return s.Rsc(r).NextRole
		}
		return s.Rsc(r).Role
	case Bundle:
		return RoleUnknown
	}
	role := RoleUnknown
	for _, c := range r.Children {
		role = max(role, s.HighestRole(c, next))
	}
	return role
}
