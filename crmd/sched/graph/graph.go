// Package graph is the transition graph: the actions that a scheduler run orders and what each waits for.
package graph

import "github.com/holdfast-ha/holdfast/cib/cibxml"

// Kind is how an action is carried out.
type Kind uint8

const (
	// Pseudo actions are done as soon as they are ready; they only join orderings.
	Pseudo Kind = iota
	// Resource actions are run by a node's executor.
	Resource
	// Cluster actions are done by the controller: fencing, shutdown, clearing of fail counts and history.
	Cluster
)

// Tasks of cluster actions.
const (
	TaskFence            = "stonith"
	TaskShutdown         = "do_shutdown"
	TaskClearFailCount   = "clear_failcount"
	TaskDeleteHistory    = "lrm_delete"
	TaskMaintenanceNodes = "maintenance_nodes"
	TaskCancel           = "cancel"
	TaskDelete           = "delete"
	TaskNotify           = "notify"
)

// Infinity is the score and priority that nothing exceeds.
const Infinity = 1000000

// Graph is the result of one scheduler run, ready to be executed. It is not changed afterwards.
type Graph struct {
	TransitionID int
	// ClusterDelay, StonithTimeout and BatchLimit are the texts of the cluster options, for the XML; the
	// values that the engine uses stand beside them.
	ClusterDelay, StonithTimeout, BatchLimit string
	ClusterDelayMs, StonithTimeoutMs         int64
	BatchLimitN                              int    // 0: only the throttle limits
	MigrationLimit                           int    // 0 or less: none
	FailedStopOffset, FailedStartOffset      string // INFINITY or a number
	RecheckBy                                int64  // epoch seconds at which a rule or an expiry changes something; 0 never
	Synapses                                 []*Synapse
}

// Synapse is an action with the actions that must be confirmed before it may start.
type Synapse struct {
	ID       int
	Priority int
	Action   *Action
	// Inputs are in ascending order of action id. An input that is not itself in the graph can never be
	// confirmed, so its synapse never fires.
	Inputs []*Action
}

// Action is one node of the graph.
type Action struct {
	ID          int
	Kind        Kind
	Task        string
	Key         string // operation_key
	InternalKey string // internal_operation_key, "" when equal
	Node        string // name of the node that runs it; "" for most pseudo actions
	NodeUUID    string
	Router      string // cluster node that hosts the connection when Node is a remote or guest node
	// ShutdownLock is the time to record with the result, as text; "" for none.
	ShutdownLock string
	Resource     *Primitive
	// Downed are the uuids of nodes that are expected to go down by this action.
	Downed []string
	// Maintenance are the nodes that a maintenance_nodes action tells about, uuid and "1" or "0".
	Maintenance []cibxml.Attr
	// Attrs are the children <attributes>, sorted by name: parameters and CRM_meta_*.
	Attrs []cibxml.Attr
	// Params are the <param> children, for names that start with a digit.
	Params []cibxml.Attr
}

// Primitive is the resource that a resource action works on.
type Primitive struct {
	Tag             string // XML element name, "primitive"
	ID, LongID      string
	Class, Provider string
	Type            string
}

// Attr returns a value of Attrs, "" when it is not there.
func (a *Action) Attr(name string) string {
	for _, x := range a.Attrs {
		if x.Name == name {
			return x.Value
		}
	}
	return ""
}

// Meta returns the action's meta attribute of that name (without CRM_meta_, with underscores).
func (a *Action) Meta(name string) string { return a.Attr("CRM_meta_" + name) }
