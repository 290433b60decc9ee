package model

import (
	"slices"

	"github.com/holdfast-ha/holdfast/crmd/sched/report"
)

// RscState is what changes about a resource while a run proceeds. Each stage starts from a copy of its
// predecessor's.
type RscState struct {
	Role     Role
	NextRole Role

	Managed        bool
	Blocked        bool
	Maintenance    bool
	Failed         bool
	StopRequired   bool // the failure asks for a stop
	FailureIgnored bool
	StartPending   bool
	NoMigration    bool // a failed migration forbids another one
	Exclusive      bool // some location constraint discovers it exclusively
	// UnexpectedStop tells that only surplus active instances are stopped.
	UnexpectedStop bool
	Reload         bool

	Priority       int
	FailureTimeout int64 // seconds; 0 never expires
	// Running are the nodes on which the resource is active, in the order of discovery.
	Running []*Node
	// Dangling are nodes on which a migration left something to stop.
	Dangling []*Node
	// Known are the nodes on which the state of the resource is known.
	Known Set
	// PartialSource and PartialTarget belong to a migration that has not been finished.
	PartialSource, PartialTarget *Node
	// Pending is the operation that is in progress on PendingNode; "" when there is none.
	Pending     string
	PendingNode *Node
	// Lock is the node to which a shutdown keeps the resource, since LockTime.
	Lock     *Node
	LockTime int64
	// Order are the children in the order in which they are considered, nil for that of the configuration.
	Order []*Resource
	// Allowed are the nodes that the resource may use, with their scores.
	Allowed Table
}

// State is everything that changes, for all nodes and resources.
type State struct {
	Nodes []NodeState
	Rscs  []RscState
	// Tops are the top-level resources in the order in which they are considered, nil for the model's.
	Tops []*Resource
	// Log is told what is found out while the state changes. A copy has none.
	Log *report.Log
}

// Clone copies the state deeply.
func (s *State) Clone() *State {
	c := &State{Nodes: slices.Clone(s.Nodes), Rscs: slices.Clone(s.Rscs)}
	for i := range c.Nodes {
		c.Nodes[i].Running = slices.Clip(c.Nodes[i].Running)
	}
	width := 0
	for i := range c.Rscs {
		width += len(c.Rscs[i].Allowed)
	}
	// one block for all tables, since there are many small ones
	block := make(Table, width)
	for i := range c.Rscs {
		r := &c.Rscs[i]
		n := copy(block, r.Allowed)
		r.Allowed, block = block[:n:n], block[n:]
		r.Running, r.Dangling = slices.Clip(r.Running), slices.Clip(r.Dangling)
		r.Known = slices.Clone(r.Known)
	}
	return c
}

// Node is the state of a node.
func (s *State) Node(n *Node) *NodeState { return &s.Nodes[n.Index] }

// Rsc is the state of a resource.
func (s *State) Rsc(r *Resource) *RscState { return &s.Rscs[r.Index] }

// Usable reports whether a node can run resources at all.
func (s *State) Usable(n *Node) bool { return s.Nodes[n.Index].Usable() }

// Children are the parts of a resource in the order in which they are considered at present.
func (s *State) Children(r *Resource) []*Resource {
	if o := s.Rscs[r.Index].Order; o != nil {
		return o
	}
	return r.Children
}

// Walk visits r and everything below it in the present order.
func (s *State) Walk(r *Resource, visit func(*Resource)) {
	visit(r)
	for _, c := range s.Children(r) {
		s.Walk(c, visit)
	}
}

// TopList are the top-level resources in the order in which they are considered at present.
func (s *State) TopList(m *Model) []*Resource {
	if s.Tops != nil {
		return s.Tops
	}
	return m.Resources
}
