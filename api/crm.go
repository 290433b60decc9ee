package api

// Socket paths of crmd's API for commands on the node.
const (
	PathCIB       = "/v1/cib"       // POST CIBRequest -> CIBReply
	PathCIBWatch  = "/v1/cib/watch" // GET -> stream of CIBEvent, one for each new version
	PathCRMStatus = "/v1/status"    // GET ?node= -> CRMStatus
	PathAttrs     = "/v1/attrs"     // POST AttrUpdate; GET ?name=&node= -> []AttrValue
	PathCleanup   = "/v1/cleanup"   // POST CleanupRequest -> CleanupReply
	PathFail      = "/v1/fail"      // POST FailRequest: pretend that a resource failed
	PathRemove    = "/v1/nodes"     // DELETE ?name=: forget a node
	PathShutdown  = "/v1/shutdown"  // POST ShutdownRequest: stop this node's resources and leave
	PathThrottle  = "/v1/throttle"  // GET -> ThrottleStatus
	PathNotes     = "/v1/notes"     // GET ?subject= -> []Note of the last scheduler runs
	PathTokens    = "/v1/tokens"    // POST TokenRequest -> Token; GET -> []Token; DELETE ?id=
	PathFile      = "/v1/file"      // GET -> ClusterFile; PUT ClusterFile: replace the cluster file everywhere
	PathTimeline  = "/v1/timeline"  // GET ?since= -> []TimelineEvent
	PathTransfer  = "/v1/transfer"  // POST ?node=: hand the DC's role to another node
)

// CIBRequest is one operation on the CIB. The fields mean what cibadmin's options mean.
type CIBRequest struct {
	Op      string `json:"op"`                // a cib.Op
	Section string `json:"section,omitempty"` // scope
	XPath   string `json:"xpath,omitempty"`
	Input   string `json:"input,omitempty"` // XML
	// AllowCreate appends on modify what is not there; All applies a delete to every match.
	AllowCreate bool `json:"allow_create,omitempty"`
	All         bool `json:"all,omitempty"`
	NoChildren  bool `json:"no_children,omitempty"`
	PathsOnly   bool `json:"paths_only,omitempty"`
	Local       bool `json:"local,omitempty"` // read this node's copy even without a DC
	// Client and User go into update-client and update-user. User is overwritten by the daemon from the
	// peer's credentials unless they are root's.
	Client string   `json:"client,omitempty"`
	User   string   `json:"user,omitempty"`
	Groups []string `json:"groups,omitempty"`
	// Base, when set, is the version (the triple) that was read before: a write fails with CodeOld unless the
	// configuration still has its admin_epoch and epoch. For read-modify-write without lost updates.
	Base string `json:"base,omitempty"`
}

// CIBReply is the result of a CIBRequest. Errors come as ipc.Error.
type CIBReply struct {
	XML string `json:"xml,omitempty"`
	// Failed is the <failed> document of a create or modify that was refused.
	Failed string `json:"failed,omitempty"`
	// Version is the CIB's triple after the operation.
	Version string `json:"version"`
	// Note is something the command prints although it succeeded.
	Note string `json:"note,omitempty"`
}

// CIBEvent announces a new version of the CIB.
type CIBEvent struct {
	Version string `json:"version"`
	// Patch is the format-2 diff from the version before; empty for the first event of a stream and after
	// a gap, when the reader must query again.
	Patch string `json:"patch,omitempty"`
}

// CRMStatus is the state of a node's crmd.
type CRMStatus struct {
	Version string `json:"version"`
	Node    string `json:"node"`
	NodeID  NodeID `json:"node_id"`
	// State is Pacemaker's word: S_IDLE, S_NOT_DC, S_TRANSITION_ENGINE, S_POLICY_ENGINE, S_PENDING, ...
	State string `json:"state"`
	DC    string `json:"dc"`
	DCID  NodeID `json:"dc_id"`
	// Acting tells that the DC leads without a raft majority: the configuration is read-only.
	Acting     bool   `json:"acting,omitempty"`
	ReadOnly   string `json:"read_only,omitempty"` // why configuration changes are refused, "" when they are not
	View       View   `json:"view"`
	CIBVersion string `json:"cib_version"`
	// Transition is the number of the running or last transition; Pending counts its unfinished actions.
	Transition int `json:"transition"`
	Pending    int `json:"pending"`
	// Voters are the nodes that vote in raft.
	Voters       []string `json:"voters,omitempty"`
	ClusterEpoch uint64   `json:"cluster_epoch"`
	// Fencing is the connection to fenced: "ok" or what is wrong.
	Fencing string `json:"fencing"`
	// Unreachable lists members whose crmd does not answer, with the reason.
	Unreachable map[string]string `json:"unreachable,omitempty"`
	// Unfenced lists nodes that could not be fenced, with the reason; nothing that they may run is started
	// elsewhere.
	Unfenced map[string]string `json:"unfenced,omitempty"`
}

// AttrUpdate changes a node attribute (attrd_updater, crm_attribute -l reboot).
type AttrUpdate struct {
	// Op: update, update-both, update-delay, delete, refresh.
	Op      string `json:"op"`
	Name    string `json:"name,omitempty"`
	Pattern string `json:"pattern,omitempty"` // extended regular expression instead of Name
	Node    string `json:"node,omitempty"`    // "" is the local node
	Value   string `json:"value,omitempty"`   // value++ and value+=N are expanded
	Set     string `json:"set,omitempty"`     // id of the attribute set
	// Dampen in ms; -1 leaves the attribute's own.
	Dampen  int64  `json:"dampen"`
	Private bool   `json:"private,omitempty"`
	Remote  bool   `json:"remote,omitempty"`
	User    string `json:"user,omitempty"`
}

// AttrValue is the value of an attribute on a node.
type AttrValue struct {
	Name  string `json:"name"`
	Node  string `json:"node"`
	Value string `json:"value"`
	// Private tells that the value is never written to the CIB.
	Private bool `json:"private,omitempty"`
}

// CleanupRequest deletes operation history, so that resources are probed again.
type CleanupRequest struct {
	Resource string `json:"resource,omitempty"` // "" is every resource
	Node     string `json:"node,omitempty"`     // "" is every node
	// Operation and Interval (ms) restrict a cleanup to failures of that operation.
	Operation string `json:"operation,omitempty"`
	Interval  int64  `json:"interval,omitempty"`
	// Refresh deletes history whether or not it holds a failure.
	Refresh bool `json:"refresh,omitempty"`
	Force   bool `json:"force,omitempty"`
}

// CleanupReply lists what was cleaned, as "RESOURCE on NODE".
type CleanupReply struct {
	Cleaned []string `json:"cleaned"`
}

// FailRequest records a failure that did not happen (crm_resource --fail).
type FailRequest struct {
	Resource string `json:"resource"`
	Node     string `json:"node"`
}

// ShutdownRequest stops a node's stack in order.
type ShutdownRequest struct {
	// Node is "" for the local one.
	Node string `json:"node,omitempty"`
}

// Note is one reason for one decision of the scheduler.
type Note struct {
	Subject string `json:"subject"` // resource, node or action
	Stage   string `json:"stage"`   // model, score, place, action, order, graph
	Why     string `json:"why"`
}

// ThrottleStatus shows what limits the jobs of each node and why.
type ThrottleStatus struct {
	BatchLimit int `json:"batch_limit"` // of the running transition; 0 is none
	// Exempt are the classes of actions that do not wait because of load.
	Exempt []string       `json:"exempt,omitempty"`
	Nodes  []ThrottleNode `json:"nodes"`
}

// ThrottleNode is one node's throttle.
type ThrottleNode struct {
	Node    string `json:"node"`
	Mode    string `json:"mode"` // negligible, low, medium, high, extreme
	Limit   int    `json:"limit"`
	Running int    `json:"running"`
	// Maximum is the limit without load.
	Maximum int              `json:"maximum"`
	Waiting []ThrottleWaiter `json:"waiting,omitempty"`
	Inputs  []ThrottleInput  `json:"inputs"`
}

// ThrottleInput is a measured input and the thresholds of its modes low, medium, high, extreme.
type ThrottleInput struct {
	Name       string    `json:"name"`
	Value      float64   `json:"value"`
	Thresholds []float64 `json:"thresholds"`
	Mode       string    `json:"mode"`
}

// ThrottleWaiter is an action that waits for a free job.
type ThrottleWaiter struct {
	Action string `json:"action"` // operation key
	Since  int64  `json:"since"`
	// For is how long it has waited, in ms.
	For int64 `json:"for"`
}

// TimelineEvent is a step of a failover as the cluster saw it, for `hcs explain` and the demo.
type TimelineEvent struct {
	At   int64  `json:"at"`   // Unix ms
	Node string `json:"node"` // observer
	// Kind: view, lost, quorum, dc, fence-asked, fence-done, op-start, op-done, transition, alarm.
	Kind    string `json:"kind"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
}

// ClusterFile is the text of cluster.toml as the cluster agreed on it.
type ClusterFile struct {
	Version uint64 `json:"version"`
	Text    string `json:"text"`
	// Base, on a change, is the version that was edited; 0 does not check.
	Base uint64 `json:"base,omitempty"`
}

// TokenRequest makes a join token.
type TokenRequest struct {
	TTL int64 `json:"ttl"` // ms
}

// Token lets a machine join the cluster until it expires. Secret is only in the answer that makes it.
type Token struct {
	ID      string `json:"id"`
	Secret  string `json:"secret,omitempty"`
	Expires int64  `json:"expires"`
	CAHash  string `json:"ca_hash,omitempty"` // sha256:HEX of the cluster CA's certificate
}
