package api

// Socket paths of fenced's API.
const (
	PathFence        = "/v1/fence"         // POST FenceRequest -> FenceResult, answered when the outcome is known
	PathFenceConfig  = "/v1/config"        // PUT FenceConfig; GET -> FenceConfig without secret values
	PathFenceHistory = "/v1/history"       // GET ?target= -> []FenceEvent; DELETE ?target= clears what is finished
	PathFenceEvents  = "/v1/events"        // GET -> stream of FenceEvent, from now on
	PathFenceDevices = "/v1/devices"       // GET ?target= -> []FenceDeviceStatus; POST FenceDevice registers, DELETE ?id= removes one of ours
	PathFenceLevels  = "/v1/levels"        // POST FenceLevel registers, DELETE FenceLevel removes one of ours
	PathFenceStatus  = "/v1/status"        // GET -> FenceStatus
	PathFenceConfirm = "/v1/confirm"       // POST FenceConfirm: a human vouches that the node is down
	PathFenceHealth  = "/v1/health"        // GET -> FenceHealth
	PathFenceBudget  = "/v1/budget"        // GET -> FenceBudget; POST FenceConfig -> FenceBudget, as it would be with that
	PathFenceTest    = "/v1/devices/check" // POST FenceCheck -> FenceResult: run an action that fences nobody
)

// FenceRequest asks for a node to be fenced.
type FenceRequest struct {
	ID     string `json:"id"`     // chosen by the client; equal ids are one request
	Target string `json:"target"` // node name
	Action string `json:"action"` // reboot, off or on
	// Incarnation is the life of the target that is to end. A target that has already been fenced in that
	// life is not shot again: the request succeeds with the earlier result. 0 does not look at it.
	Incarnation Incarnation `json:"incarnation,omitempty"`
	Timeout     int64       `json:"timeout"` // ms, as stonith-timeout
	// Tolerance: an equal action that succeeded no longer than this many ms ago counts as success.
	Tolerance int64 `json:"tolerance,omitempty"`
	// Delay in ms is waited before the first device of the first level (priority-fencing-delay, and the
	// tie-break of a cut two-node cluster). -1 switches the devices' own delays off.
	Delay  int64  `json:"delay,omitempty"`
	Client string `json:"client"` // such as crmd.812 or stonith_admin.911
	Origin string `json:"origin"` // node on which the request was made
	// AllowSelf lets the target be the executor, which the DC allows only when nobody else is there.
	AllowSelf bool   `json:"allow_self,omitempty"`
	Reason    string `json:"reason,omitempty"` // for the history, such as "node n1 is lost"
}

// FenceResult is the outcome. Only Status 0 (lrm.Done) with RC 0 is a proven fence; anything else means
// that the node must be taken for alive.
type FenceResult struct {
	Status   int    `json:"status"` // an lrm.Status
	RC       int    `json:"rc"`
	Reason   string `json:"reason,omitempty"`
	Delegate string `json:"delegate,omitempty"` // node that did it, or "a human"
	Device   string `json:"device,omitempty"`   // with several in a level: separated by commas
	Action   string `json:"action"`
	Started  int64  `json:"started"`
	Done     int64  `json:"done"`
	// Output and Errors are what the agent wrote, for checks only.
	Output string `json:"output,omitempty"`
	Errors string `json:"errors,omitempty"`
}

// Proven reports whether the result proves what was asked for.
func (r *FenceResult) Proven() bool { return r.Status == 0 && r.RC == 0 }

// FenceEvent is an entry of the fencing history.
type FenceEvent struct {
	ID     string `json:"id"`
	Target string `json:"target"`
	Action string `json:"action"`
	Client string `json:"client"`
	Origin string `json:"origin"`
	// State: querying, executing, done, duplicate, failed.
	State       string      `json:"state"`
	Result      FenceResult `json:"result"`
	Incarnation Incarnation `json:"incarnation,omitempty"`
	At          int64       `json:"at"` // when it was asked for
	// Owner is the node whose fenced conducts the operation; it differs from Origin when the request was for
	// the origin itself. Seq rises with every change that the owner makes.
	Owner string `json:"owner,omitempty"`
	Seq   int    `json:"seq,omitempty"`
	// Follows is the operation that this one completes after it was answered: power, after access was taken away.
	Follows string `json:"follows,omitempty"`
	// Reason is the request's reason, or for a manual confirmation who vouched.
	Reason string `json:"reason,omitempty"`
}

// Pending reports whether the outcome is still open.
func (e *FenceEvent) Pending() bool {
	return e.State == FenceQuerying || e.State == FenceExecuting || e.State == FenceDuplicate
}

// States of a FenceEvent.
const (
	FenceQuerying  = "querying"
	FenceExecuting = "executing"
	FenceDone      = "done"
	FenceDuplicate = "duplicate"
	FenceFailed    = "failed"
)

// FenceStatus is the state of one fenced.
type FenceStatus struct {
	Version string `json:"version"`
	Node    string `json:"node"`
	// Config is the version of the configuration in force, "" when crmd has not sent one.
	Config string `json:"config"`
	// Peers are the other members with what is wrong between their fenced and ours, "" when nothing is.
	Peers map[string]string `json:"peers,omitempty"`
	// View tells whether corosyncd's views arrive: "ok" or what is wrong.
	View string `json:"view"`
	// Pending counts the operations in progress that this node conducts.
	Pending int `json:"pending"`
}

// FenceConfig is what crmd tells fenced of the CIB. fenced keeps the last one on disk, so that it can fence
// while crmd is away.
type FenceConfig struct {
	// Version is the CIB's triple, for display.
	Version string        `json:"version"`
	Devices []FenceDevice `json:"devices"`
	Levels  []FenceLevel  `json:"levels,omitempty"`
	// Enabled is the cluster property stonith-enabled.
	Enabled bool `json:"enabled"`
	// Action is the default of stonith-action: reboot or off.
	Action string `json:"action"`
	// Timeout is stonith-timeout in ms.
	Timeout int64 `json:"timeout"`
	// WatchdogTimeout is stonith-watchdog-timeout in ms: 0 off, negative derived from the watchdog.
	WatchdogTimeout int64 `json:"watchdog_timeout,omitempty"`
	// PriorityDelay is priority-fencing-delay in ms. Requests carry it; here it is for checks.
	PriorityDelay int64 `json:"priority_delay,omitempty"`
	// NodeAttrs are the permanent attributes of the nodes, for topology levels by attribute.
	NodeAttrs map[string]map[string]string `json:"node_attrs,omitempty"`
	// A target that was fenced RateLimit times within RateWindow ms is quarantined: a reboot becomes off, so
	// that it stays down until somebody has looked, until its history is cleaned up or the window has passed.
	// 0 switches the limit off.
	RateLimit  int   `json:"rate_limit,omitempty"`
	RateWindow int64 `json:"rate_window,omitempty"`
}

// FenceDevice is a stonith primitive of the CIB that may be used on this node.
type FenceDevice struct {
	ID     string            `json:"id"`
	Agent  string            `json:"agent"` // fence_ipmilan, ...
	Params map[string]string `json:"params"`
	// Driver chooses who serves the agent: "" the default for it, "legacy" the external agent, "native" ours.
	Driver string `json:"driver,omitempty"`
	// Unfencing is the meta attribute provides=unfencing.
	Unfencing bool `json:"unfencing,omitempty"`
	// Banned tells that location constraints keep the device away from this node.
	Banned bool `json:"banned,omitempty"`
}

// FenceLevel is one level of the topology for the targets that it names.
type FenceLevel struct {
	ID      string   `json:"id"`
	Index   int      `json:"index"` // 1..9, tried in ascending order
	Devices []string `json:"devices"`
	// Exactly one of the three forms is set.
	Target    string `json:"target,omitempty"`
	Pattern   string `json:"pattern,omitempty"`
	Attribute string `json:"attribute,omitempty"`
	Value     string `json:"value,omitempty"`
}

// FenceDeviceStatus is a device as fenced sees it.
type FenceDeviceStatus struct {
	ID       string `json:"id"`
	Agent    string `json:"agent"`
	Driver   string `json:"driver"`
	Verified bool   `json:"verified"` // a monitor, list or status succeeded on this node
	CanFence bool   `json:"can_fence"`
	Running  int    `json:"running"` // actions in progress
	Error    string `json:"error,omitempty"`
	// Registered tells that a command made the device, not the CIB.
	Registered bool `json:"registered,omitempty"`
}

// FenceConfirm is a human's word that a node is down.
type FenceConfirm struct {
	Target string `json:"target"`
	Origin string `json:"origin"`
	Client string `json:"client"`
	// By is who vouches. fenced overwrites it with the user that the kernel names.
	By string `json:"by,omitempty"`
}

// FenceCheck runs monitor, status or list of one device. A success of one of them on a configured device
// makes the device verified on this node; the action "stop" runs nothing and withdraws that.
type FenceCheck struct {
	Device string `json:"device"`
	// Agent and Params check a device that is not configured (yet).
	Agent   string            `json:"agent,omitempty"`
	Params  map[string]string `json:"params,omitempty"`
	Action  string            `json:"action"` // monitor, status, list, metadata, validate-all, stop
	Target  string            `json:"target,omitempty"`
	Timeout int64             `json:"timeout,omitempty"`
}
