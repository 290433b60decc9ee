package model

import "github.com/holdfast-ha/holdfast/crmd/sched/scalar"

// AllowDefault lets a resource and all below it run on a node, where nothing says that only some nodes are to
// be considered.
func (s *State) AllowDefault(r *Resource, n *Node) {
	if s.Rsc(r).Exclusive || s.Node(n).Discover == DiscoverNever {
		return
	}
	for _, c := range r.Children {
		s.AllowDefault(c, n)
	}
	s.entry(r, n)
}

// AddScore adds to the scores of a node for a resource and all below it. Nodes that the resource does not know
// start from the node's own score.
func (s *State) AddScore(r *Resource, n *Node, score scalar.Score) {
	for _, c := range r.Children {
		s.AddScore(c, n, score)
	}
	e := s.entry(r, n)
	e.Score = scalar.Add(e.Score, score)
}

// entry returns the resource's entry for a node, made from the node's own when there is none.
func (s *State) entry(r *Resource, n *Node) *Entry {
	t := &s.Rsc(r).Allowed
	if e := t.At(n); e != nil {
		return e
	}
	return t.Put(n, s.OwnEntry(n))
}

// OwnEntry is what a resource that knows nothing about a node starts from.
func (s *State) OwnEntry(n *Node) Entry {
	st := s.Node(n)
	return Entry{Score: st.Score, Mode: st.Discover, In: true}
}

// Ban keeps a resource and all below it from a node.
func (s *State) Ban(r *Resource, n *Node) { s.AddScore(r, n, -scalar.Inf) }

// BanAll keeps a resource and all below it from every node.
func (s *State) BanAll(m *Model, r *Resource) {
	for _, n := range m.Nodes {
		s.Ban(r, n)
	}
}

// ForbidAll replaces the resource's own table, and not those below it, by bans of every node.
func (s *State) ForbidAll(m *Model, r *Resource) {
	t := make(Table, len(m.ByIndex))
	for _, n := range m.Nodes {
		e := s.OwnEntry(n)
		e.Score = -scalar.Inf
		t.Put(n, e)
	}
	s.Rsc(r).Allowed = t
}
