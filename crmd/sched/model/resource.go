package model

import (
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/pairs"
	"github.com/holdfast-ha/holdfast/crmd/sched/rule"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// Kind is the structure of a resource. The order counts where resources of different kinds are ranked.
type Kind uint8

const (
	Primitive Kind = iota
	Group
	Clone
	Bundle
)

// MultipleActive is what to do with a resource that is active where it should not be.
type MultipleActive uint8

const (
	StopStart MultipleActive = iota
	StopOnly
	BlockMultiple
	StopUnexpected
)

// Resource is a primitive, an instance of one, or a collective of them. Its Index selects it in slices of
// per-resource data.
type Resource struct {
	Index int
	// ID is the instance's name, such as db:1; XMLID the configured one.
	ID, XMLID string
	// HistoryName is the name under which operation history knows an anonymous instance; "" when there is
	// no history or it uses ID.
	HistoryName string
	Kind        Kind
	// XML is the configuration with its template filled in.
	XML *cibxml.Element
	// Ops is the operations element, nil when there is none.
	Ops      *cibxml.Element
	Parent   *Resource
	Children []*Resource
	// Meta are all meta attributes, inherited and default ones included.
	Meta  pairs.Table
	Agent rule.Agent

	Priority      int // as configured
	Stickiness    scalar.Score
	Threshold     scalar.Score // migration-threshold; 0 never
	Multiple      MultipleActive
	Unique        bool
	Promotable    bool
	Notify        bool
	Critical      bool
	AllowMigrate  bool
	RestartType   bool // deprecated restart-type=restart
	FenceDevice   bool
	Connection    bool // ocf:pacemaker:remote
	Orphan        bool
	NeedsQuorum   bool
	NeedsFencing  bool
	NeedsUnfence  bool
	AllowsRemotes bool // a bundle's connection may run on guest and remote nodes
	HasUnfencing  bool // provides unfencing
	OrphanFiller  bool // an orphan that ran inside a container
	Internal      bool // made for a guest node, not configured
	// ReconnectMs is a remote connection's reconnect_interval.
	ReconnectMs int64
	// ExternalIP is the address of the bundle replica that the resource belongs to.
	ExternalIP string
	// Container is the resource inside which this one runs; Fillers are what runs inside this one.
	Container *Resource
	Fillers   []*Resource
	// Node is the node that a connection resource connects to.
	Node *Node
	// Utilization is what the resource consumes.
	Utilization pairs.Table

	Clone  *CloneConfig
	Group  *GroupConfig
	Bundle *BundleConfig
}

// GroupConfig is what only groups have.
type GroupConfig struct {
	Ordered, Colocated bool
}

// CloneConfig is what only clones have.
type CloneConfig struct {
	Max, NodeMax                 int
	PromotedMax, PromotedNodeMax int
	Ordered                      bool
	// Child is the primitive or group element that is cloned.
	Child *cibxml.Element
	Total int // instances, orphans included
}

// BundleConfig is what only bundles have.
type BundleConfig struct {
	Agent                      string // docker, rkt or podman
	Replicas, PerHost          int
	PromotedMax                int
	Image, RunCommand, Options string
	HasOptions                 bool
	Network, IPRange, Mask     string
	Interface, ControlPort     string
	AddHost                    bool
	Ports                      []Port
	Mounts                     []Mount
	List                       []*Replica
	// Child is the implicit clone, nil for a bundle without a primitive.
	Child *Resource
}

// Port is a port that is made reachable from outside a container.
type Port struct{ Source, Target string }

// Mount is a directory that a container sees.
type Mount struct {
	Source, Target, Options string
	Subdir                  bool // each replica has its own subdirectory
}

// Replica is one container of a bundle with what belongs to it.
type Replica struct {
	Offset    int
	Address   string
	Container *Resource
	IP        *Resource // nil without an address range
	Remote    *Resource // connection to the container, nil without a primitive
	Child     *Resource // instance of the bundle's primitive
	Node      *Node     // the bundle node
}

// Top is the outermost ancestor that is not a bundle.
func (r *Resource) Top() *Resource {
	for r.Parent != nil && r.Parent.Kind != Bundle {
		r = r.Parent
	}
	return r
}

// Outermost is the outermost ancestor, a bundle if the resource belongs to one.
func (r *Resource) Outermost() *Resource {
	for r.Parent != nil {
		r = r.Parent
	}
	return r
}

// Bundled reports whether the resource is inside a bundle.
func (r *Resource) Bundled() bool { return r.Top().Parent != nil }

// Anonymous reports whether r is a clone whose instances are interchangeable.
func (r *Resource) Anonymous() bool { return r.Kind == Clone && !r.Unique }

// IsRemoteConnection reports whether r connects to a remote node that is not a guest. It does not when a member
// of the cluster has the name.
func (r *Resource) IsRemoteConnection() bool { return r.Node != nil && r.Node.IsRemote() }

// Within reports whether r is below other.
func (r *Resource) Within(other *Resource) bool {
	for p := r.Parent; p != nil; p = p.Parent {
		if p == other {
			return true
		}
	}
	return false
}

// Name is the configured name of interchangeable instances and the full one of others.
func (r *Resource) Name() string {
	if !r.Unique {
		return r.XMLID
	}
	return r.ID
}

// BaseName is a name without instance number.
func BaseName(id string) string {
	at := strings.LastIndexByte(id, ':')
	if at <= 0 || at == len(id)-1 {
		return id
	}
	for _, c := range id[at+1:] {
		if c < '0' || c > '9' {
			return id
		}
	}
	return id[:at]
}

// Walk visits r and everything below it.
func (r *Resource) Walk(visit func(*Resource)) {
	visit(r)
	for _, c := range r.Children {
		c.Walk(visit)
	}
}

// Primitives visits the leaves at and below r.
func (r *Resource) Primitives(visit func(*Resource)) {
	r.Walk(func(x *Resource) {
		if x.Kind == Primitive {
			visit(x)
		}
	})
}
