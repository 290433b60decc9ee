package model

// RequestKind is an action that the recorded state of the cluster asks for.
type RequestKind uint8

const (
	// AskFence fences Node. Required tells whether fencing was possible when it was asked for.
	AskFence RequestKind = iota
	// AskStop and AskDemote work on Rsc and Node.
	AskStop
	AskDemote
	// AskRecurring registers a recurring operation that runs.
	AskRecurring
	// AskClearFailures clears Rsc's fail count on Node, after fencing After if that is set.
	AskClearFailures
	// AskDeleteHistory forgets Rsc's history on Node.
	AskDeleteHistory
	// OptionalStops makes the stops of Rsc on Node optional that were asked for so far.
	OptionalStops
)

// Request is one such action, in the order in which it was noticed: action numbers follow it. Verdict is
// what the state of the node allowed at that moment.
type Request struct {
	Kind     RequestKind
	Rsc      *Resource
	Node     *Node
	Op       string // AskRecurring: the operation's name
	Interval int64  // ms
	Required bool
	Reason   string
	// PriorityDelay asks for priority-fencing-delay.
	PriorityDelay bool
	// After is the remote node whose fencing comes first.
	After   *Node
	Verdict Verdict
}

// Verdict is whether an action can run, decided from the state at one moment.
type Verdict struct {
	Runnable bool
	// Block is why it cannot run, for those reasons that the action shows.
	Block string
	// KeepReason tells that the action's present reason stays.
	KeepReason bool
	// Forced makes the action optional whatever was asked: its resource is not managed.
	Forced bool
	// Fence tells that the action's node must be fenced because the action cannot be done.
	Fence bool
	// Unchanged tells that whether it can run is not decided anew.
	Unchanged bool
	// Demotable caps the resource's next role at Unpromoted (no-quorum-policy=demote).
	Demotable bool
}
