// Package state is what a CIB says about a cluster, in the form in which hcs shows it and prints it as JSON.
package state

// Cluster is the state of a cluster.
type Cluster struct {
	Name       string `json:"name"`
	DC         string `json:"dc,omitempty"`
	Quorate    bool   `json:"quorate"`
	CIBVersion string `json:"cib_version"`
	// Fencing tells whether fencing is enabled, FenceDevices whether there is a device.
	Fencing      bool `json:"fencing"`
	FenceDevices bool `json:"fence_devices"`
	Maintenance  bool `json:"maintenance,omitempty"`
	StopAll      bool `json:"stop_all,omitempty"`
	// QuorumPolicy is what a partition without quorum does.
	QuorumPolicy string     `json:"no_quorum_policy"`
	Nodes        []Node     `json:"nodes"`
	Resources    []Resource `json:"resources"`
	Failures     []Failure  `json:"failures"`
	Moves        []Move     `json:"moves"`
	Tickets      []Ticket   `json:"tickets,omitempty"`
	// Warnings are what the scheduler finds wrong with the configuration.
	Warnings []string `json:"warnings"`
}

// Node is one node.
type Node struct {
	Name string `json:"name"`
	ID   string `json:"id"`
	Kind string `json:"kind"` // member, remote, guest, bundle
	// State is the word for the following: online, standby, maintenance, pending, offline, unclean.
	State       string `json:"state"`
	Online      bool   `json:"online"`
	Unclean     bool   `json:"unclean,omitempty"`
	Standby     bool   `json:"standby,omitempty"`
	Maintenance bool   `json:"maintenance,omitempty"`
	Shutdown    bool   `json:"shutdown,omitempty"`
	// Health is red or yellow, "" when it is good or not looked at.
	Health string `json:"health,omitempty"`
	// Runs are the resources that are active on the node.
	Runs       []string          `json:"runs"`
	Attributes map[string]string `json:"attributes"`
}

// Resource is a resource or a collection of them.
type Resource struct {
	ID   string `json:"id"`
	Kind string `json:"kind"` // primitive, fence, group, clone, bundle
	// Agent is class:provider:type of a primitive.
	Agent       string `json:"agent,omitempty"`
	Promotable  bool   `json:"promotable,omitempty"`
	Unique      bool   `json:"unique,omitempty"`
	Managed     bool   `json:"managed"`
	Maintenance bool   `json:"maintenance,omitempty"`
	Disabled    bool   `json:"disabled,omitempty"`
	Orphan      bool   `json:"orphan,omitempty"`
	Blocked     bool   `json:"blocked,omitempty"`
	// Active are the places where it is or is about to be, one for each instance.
	Active []Place `json:"active"`
	// Members are the parts of a group, the resource in a clone, the replicas of a bundle.
	Members []Resource `json:"members,omitempty"`
}

// Place is an instance of a resource on a node.
type Place struct {
	Node string `json:"node"`
	Role string `json:"role"` // Started, Promoted, Unpromoted, Stopped
	// Instance is the instance's name where instances differ.
	Instance string `json:"instance,omitempty"`
	Failed   bool   `json:"failed,omitempty"`
	// Pending is the operation in progress: start, stop, promote, ...
	Pending string `json:"pending,omitempty"`
	// Unclean tells that the node is lost and nobody knows whether the resource still runs there.
	Unclean bool `json:"unclean,omitempty"`
}

// Failure is a failed operation that has not been cleaned up.
type Failure struct {
	Resource  string `json:"resource"`
	Node      string `json:"node"`
	Operation string `json:"operation"`
	Interval  int64  `json:"interval,omitempty"` // ms
	RC        int    `json:"rc"`
	RCText    string `json:"rc_text"`
	Status    string `json:"status"` // of the execution: complete, Timed Out, ...
	Reason    string `json:"reason,omitempty"`
	At        int64  `json:"at,omitempty"` // Unix seconds
	// Count is the fail count of the resource on the node, INFINITY when it may not start there again.
	Count string `json:"count,omitempty"`
}

// Move is a constraint that moving or banning a resource left.
type Move struct {
	ID       string `json:"id"`
	Resource string `json:"resource"`
	Node     string `json:"node"`
	Ban      bool   `json:"ban,omitempty"`
	Until    string `json:"until,omitempty"`
}

// Ticket is a ticket and whether it is granted.
type Ticket struct {
	ID      string `json:"id"`
	Granted bool   `json:"granted"`
	Standby bool   `json:"standby,omitempty"`
}

// Find returns the resource with that id at any depth, nil when there is none.
func (c *Cluster) Find(id string) *Resource { return find(c.Resources, id) }

func find(list []Resource, id string) *Resource {
	for i := range list {
		if list[i].ID == id {
			return &list[i]
		}
		if r := find(list[i].Members, id); r != nil {
			return r
		}
	}
	return nil
}

// Node returns the node of that name, nil when there is none.
func (c *Cluster) Node(name string) *Node {
	for i := range c.Nodes {
		if c.Nodes[i].Name == name {
			return &c.Nodes[i]
		}
	}
	return nil
}

// Primitives visits the resources that are no collections.
func (c *Cluster) Primitives(visit func(*Resource)) { primitives(c.Resources, visit) }

func primitives(list []Resource, visit func(*Resource)) {
	for i := range list {
		if len(list[i].Members) == 0 {
			visit(&list[i])
		}
		primitives(list[i].Members, visit)
	}
}
