package api

import "github.com/holdfast-ha/holdfast/cib/lrm"

// Order kinds: what a DC tells a node to do.
const (
	OrderOp        = "op"         // run an operation
	OrderCancel    = "cancel"     // end a recurring operation
	OrderDelete    = "delete"     // forget a resource: its recurring operations and its history
	OrderClearFail = "clear-fail" // forget the recorded failure of an operation
	OrderShutdown  = "shutdown"   // the node's resources are stopped: leave the cluster
)

// Order is an instruction of the DC to a node. Orders to one node arrive in the order in which they were
// given; an order that arrives twice (same Key) is carried out once.
type Order struct {
	Kind string `json:"kind"`
	// Key is the transition key; the result carries it. It identifies the order.
	Key string `json:"key"`
	// Rsc is the resource's name in the history: for an anonymous clone's instance the name without number.
	Rsc      string `json:"rsc,omitempty"`
	Class    string `json:"class,omitempty"`
	Provider string `json:"provider,omitempty"`
	Type     string `json:"type,omitempty"`
	// Task and Interval (ms) name the operation.
	Task     string `json:"task,omitempty"`
	Interval int64  `json:"interval,omitempty"`
	Timeout  int64  `json:"timeout,omitempty"`
	Delay    int64  `json:"delay,omitempty"`
	// Params are the resource's parameters, Meta the CRM_meta_* ones without that prefix.
	Params map[string]string `json:"params,omitempty"`
	Meta   map[string]string `json:"meta,omitempty"`
	// FeatureSet is the DC's, for the record.
	FeatureSet   string `json:"feature_set,omitempty"`
	ShutdownLock string `json:"shutdown_lock,omitempty"`
}

// NodeUpdate is what a node reports to its DC, in the order in which it happened.
type NodeUpdate struct {
	// Seq counts the updates of one crmd life; the DC acknowledges it.
	Seq uint64 `json:"seq"`
	// Rsc is the resource whose history changed; XML is its new lrm_resource element, "" when it is gone.
	Rsc string `json:"rsc,omitempty"`
	XML string `json:"xml,omitempty"`
	// Event is the result that caused the change, if one did.
	Event *OpEvent `json:"event,omitempty"`
}

// OpEvent is the result of an operation or of an order.
type OpEvent struct {
	Key string `json:"key"` // transition key
	Rsc string `json:"rsc"`
	Op  lrm.Op `json:"op"`
	// Recorded is false for results that leave no history (notify, cancel, delete).
	Recorded bool `json:"recorded"`
	// Cancelled is set when the event confirms that a recurring operation has ended.
	Cancelled bool `json:"cancelled,omitempty"`
	// Output is the end of what a failed agent wrote, for the log and the incident.
	Output string `json:"output,omitempty"`
}
