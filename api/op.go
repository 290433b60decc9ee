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
	// Waited is for how many ms the throttle held the operation back; it is part of the recorded queue time.
	Waited int64 `json:"waited,omitempty"`
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
	// Hang is what a process was doing that gave no answer.
	Hang *Hang `json:"hang,omitempty"`
	// Fatal tells that the resource is to leave the node because of this failure.
	Fatal bool `json:"fatal,omitempty"`
}

// Hang is the moment at which an agent or a service was found not to answer.
type Hang struct {
	At     int64  `json:"at"`
	Reason string `json:"reason"`
	// Starved says how the host was short of something then, "" when it was not.
	Starved   string        `json:"starved,omitempty"`
	Processes []HungProcess `json:"processes,omitempty"`
	// Host is how the node was.
	Host *Digest `json:"host,omitempty"`
}

// HungProcess is one of the processes.
type HungProcess struct {
	PID   int    `json:"pid"`
	PPID  int    `json:"ppid"`
	Comm  string `json:"comm"`
	State string `json:"state"` // the kernel's letter
	WChan string `json:"wchan,omitempty"`
	// Stack is its kernel stack, innermost function first.
	Stack []string `json:"stack,omitempty"`
}

// Generation orders the leaders that a cluster had: a node takes orders from the newest that enlisted it.
type Generation struct {
	Epoch uint64 `json:"epoch"` // cluster epoch: +1 whenever raft was started anew by survivors
	Ring  uint64 `json:"ring"`  // sequence of the view in which the DC took office
	Term  uint64 `json:"term"`  // raft term
}

// Before reports whether g is older than o.
func (g Generation) Before(o Generation) bool {
	if g.Epoch != o.Epoch {
		return g.Epoch < o.Epoch
	}
	if g.Ring != o.Ring {
		return g.Ring < o.Ring
	}
	return g.Term < o.Term
}

// Enlist is a DC's demand that a node take its orders and report to it.
type Enlist struct {
	DC         string     `json:"dc"`
	Generation Generation `json:"generation"`
}

// Enlisted is the node's answer: everything that it knows of what it runs.
type Enlisted struct {
	Node string `json:"node"`
	// Session identifies this life of the node's crmd; a new one has an empty history and must be probed.
	Session    string `json:"session"`
	FeatureSet string `json:"feature_set"`
	// Seq is the last update that the answer contains.
	Seq uint64 `json:"seq"`
	// History are the lrm_resource elements.
	History []string `json:"history"`
	// Running are the orders whose operations have not ended.
	Running []Order `json:"running,omitempty"`
	// Unsent are results that no DC has acknowledged; History already reflects them.
	Unsent []OpEvent `json:"unsent,omitempty"`
	// Cores, Mode and Jobs, the most jobs that the node takes at once, are for the DC's throttle.
	Cores int    `json:"cores"`
	Mode  string `json:"mode"`
	Jobs  int    `json:"jobs,omitempty"`
	// Fresh tells that the node has no configuration log: it is new, or lost its disk.
	Fresh bool `json:"fresh,omitempty"`
}

// Orders are instructions of one DC, oldest first.
type Orders struct {
	DC         string     `json:"dc"`
	Generation Generation `json:"generation"`
	Orders     []Order    `json:"orders"`
}

// Updates are reports of one node to its DC, oldest first.
type Updates struct {
	Node    string       `json:"node"`
	Session string       `json:"session"`
	Updates []NodeUpdate `json:"updates"`
	Mode    string       `json:"mode"`
	Jobs    int          `json:"jobs,omitempty"`
	// Lost tells that updates were dropped because nobody took them: the node has to be enlisted anew.
	Lost bool `json:"lost,omitempty"`
}

// Mirror is a step of the status section from the DC to a follower.
type Mirror struct {
	// Full is the whole section; Patch the difference to the one before (a format-2 diff of two documents
	// that hold only the status). One of them is set.
	Full       string `json:"full,omitempty"`
	Patch      string `json:"patch,omitempty"`
	NumUpdates int    `json:"num_updates"`
	Acting     bool   `json:"acting,omitempty"`
}
