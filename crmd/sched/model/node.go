package model

import (
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/pairs"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// NodeKind tells what runs on a node.
type NodeKind uint8

const (
	// Member is a full cluster node.
	Member NodeKind = iota
	// Ping is a node of a type that no longer exists; it runs nothing.
	Ping
	// Remote is a node that is reached through a connection resource: a remote, guest or bundle node.
	Remote
)

// Node is one node of the cluster. Its Index is the order of creation and selects it in slices of per-node
// data; Model.Nodes holds the nodes in the order in which they are considered.
type Node struct {
	Index    int
	ID, Name string
	Kind     NodeKind
	// Attrs are the permanent and transient attributes with those that Pacemaker adds (#uname, #kind, ...).
	Attrs pairs.Table
	// Utilization is the configured capacity.
	Utilization pairs.Table
	// Connection is the resource through which a Remote node is reached, nil when there is none.
	Connection *Resource
	// DC tells that this is the designated controller.
	DC bool
	// State is the node's node_state element, nil when it has none.
	State *cibxml.Element
	// Records are the operation histories of the node's resources, in the order of the document.
	Records []*History

	failures pairs.Table // the attributes that count failures
}

// IsRemoteType reports whether the node is reached through a connection, as remote, guest and bundle nodes are.
func (n *Node) IsRemoteType() bool { return n.Kind == Remote }

// IsGuest reports whether the node's connection lives in a container (a guest or bundle node).
func (n *Node) IsGuest() bool {
	return n.Kind == Remote && n.Connection != nil && n.Connection.Container != nil
}

// IsRemote reports whether the node is of the remote kind and no guest.
func (n *Node) IsRemote() bool {
	return n.Kind == Remote && (n.Connection == nil || n.Connection.Container == nil)
}

// IsBundleNode reports whether the node is inside a bundle.
func (n *Node) IsBundleNode() bool {
	return n.IsGuest() && n.Connection.Parent != nil && n.Connection.Parent.Kind == Bundle
}

// NodeState is what changes about a node while a run proceeds.
type NodeState struct {
	// Score is the node's own weight, to which constraints add.
	Score scalar.Score
	// Discover is how far resources are probed for where nothing else is said.
	Discover Discovery
	// Priority is the sum of the priorities of what runs here, for priority-fencing-delay.
	Priority int

	Online   bool
	Unclean  bool // must be fenced before its resources are safe elsewhere
	Unseen   bool // no state of it is known
	Shutdown bool
	Standby  bool
	// StandbyOnFail tells that the standby is a failure's doing.
	StandbyOnFail bool
	Maintenance   bool
	// Pending members have not finished joining.
	Pending    bool
	ExpectedUp bool
	// NoDiscovery suppresses probes on the node.
	NoDiscovery bool
	// RequiresReset tells that a guest or remote node must be fenced, which recovers its container.
	RequiresReset bool
	// WasFenced tells that a remote node was fenced and has not connected since.
	WasFenced bool
	// RemoteMaintenance is what the node's own state says of its maintenance mode.
	RemoteMaintenance bool
	// Unpacked tells that the node's operation history has been read.
	Unpacked bool
	// Running are the primitives that are active on the node, in the order of discovery.
	Running []*Resource
}

// Usable reports whether the node can run resources at all.
func (s *NodeState) Usable() bool {
	return s.Online && !s.Shutdown && !s.Unclean && !s.Standby && !s.Maintenance
}
