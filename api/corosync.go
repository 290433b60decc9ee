package api

// Socket paths of corosyncd's API (HTTP+JSON on its unix socket).
const (
	PathCorosyncStatus = "/v1/status" // GET -> CorosyncStatus
	// PathViews: GET -> stream of View, the current one first; nothing comes before the node's first view.
	// With ?hold=1 the reader says that resources may run here as long as it reads: corosyncd then ends
	// without a goodbye on SIGTERM, so that a restart within the token goes unnoticed and a longer one counts
	// as a loss. An empty line comes every heartbeat interval, as long as membership is watched: without one for
	// longer than the token, the others may have lost this node.
	PathViews  = "/v1/views"
	PathLinks  = "/v1/links"  // GET -> []LinkStatus
	PathPulse  = "/v1/pulse"  // GET ?since= (Unix ms of the last one) -> Pulse
	PathCmap   = "/v1/cmap"   // GET ?prefix= (stats. for the statistics) -> []CmapEntry; PUT CmapEntry; DELETE ?key=
	PathReload = "/v1/reload" // POST: read the cluster file again; ?all=1 on every member
	// PathLeave: POST: say goodbye to the peers and stop. With ?veto=1 it is refused while a reader holds.
	PathLeave      = "/v1/leave"
	PathFencedNode = "/v1/fenced"  // POST FencedNode: a lost node is proven dead
	PathVotes      = "/v1/votes"   // POST VotesChange
	PathKill       = "/v1/kill"    // POST KillNode: make a member leave
	PathQdevice    = "/v1/qdevice" // GET -> QdeviceStatus; CodeNoSuchObject without a device
	// PathQdeviceCredentials: PUT the certificates for the quorum device server (ca, cert, key: PEM), which every
	// member then has.
	PathQdeviceCredentials = "/v1/qdevice/credentials"
	PathKey                = "/v1/key" // POST KeyChange -> KeyStatus: a new cluster key on every member
)

// CorosyncStatus is the state of one corosyncd.
type CorosyncStatus struct {
	Version string `json:"version"`
	Cluster string `json:"cluster"`
	Local   NodeID `json:"local"`
	Name    string `json:"name"`
	View    View   `json:"view"`
	// Realtime, Locked and OOMProtected tell which protections against starvation are in force.
	Realtime     bool `json:"realtime"`
	Locked       bool `json:"locked"`
	OOMProtected bool `json:"oom_protected"`
	// Rejected counts packets that were dropped, by reason: foreign key, other cluster, replay, malformed.
	Rejected map[string]uint64 `json:"rejected,omitempty"`
	// Refused are nodes that may not join, with the reason, such as a duplicate id.
	Refused []RefusedNode `json:"refused,omitempty"`
	// Versions are what the members run, by name, as far as gossip has told.
	Versions map[string]string `json:"versions,omitempty"`
	// WorstLateness is the largest delay of the daemon's own loop in ms since it started.
	WorstLateness int64 `json:"worst_lateness"`
	// Missed are the last times when the daemon was not scheduled for a heartbeat interval, the latest first;
	// MissedCount is how often that was since it started.
	Missed      []SchedMiss `json:"missed,omitempty"`
	MissedCount uint64      `json:"missed_count"`
	// Key is the id of the cluster key that packets are sealed with, which says nothing about it.
	Key string `json:"key"`
}

// SchedMiss is a time in which a daemon did not run although it wanted to.
type SchedMiss struct {
	At    int64   `json:"at"`    // its end
	Delay float64 `json:"delay"` // ms
}

// RefusedNode is a node that asked to join and may not.
type RefusedNode struct {
	Name   string `json:"name"`
	Addr   string `json:"addr"`
	Reason string `json:"reason"`
	At     int64  `json:"at"`
}

// LinkStatus is one link to one node, as corosync-cfgtool -s and -n show it.
type LinkStatus struct {
	Link      int    `json:"link"`
	Node      NodeID `json:"node"`
	Local     string `json:"local"`  // our address
	Remote    string `json:"remote"` // the node's address; equal to Local for ourselves
	Enabled   bool   `json:"enabled"`
	Connected bool   `json:"connected"`
	MTU       int    `json:"mtu"`
	// RTT is the smoothed round trip in microseconds; 0 when not measured.
	RTT int64 `json:"rtt"`
	// RTTMin and RTTMax are the extremes since corosyncd started.
	RTTMin int64 `json:"rtt_min"`
	RTTMax int64 `json:"rtt_max"`
	// Since is when it was connected or disconnected last, 0 when it never was connected.
	Since int64 `json:"since"`
	// Priority is knet_link_priority; InUse tells that it carries what is not a heartbeat.
	Priority  int    `json:"priority"`
	InUse     bool   `json:"in_use"`
	Sent      uint64 `json:"sent"`
	Received  uint64 `json:"received"`
	Lost      uint64 `json:"lost"`
	Flaps     uint64 `json:"flaps"`
	LastHeard int64  `json:"last_heard"`
}

// Pulse is how well heartbeats work at the moment.
type Pulse struct {
	At       int64 `json:"at"`       // Unix ms
	Token    int64 `json:"token"`    // ms
	Interval int64 `json:"interval"` // ms between two heartbeats of a node
	// Late is the worst delay of corosyncd's own loop since the time that was asked for, in ms.
	Late     int64        `json:"late"`
	Realtime bool         `json:"realtime"`
	Links    []LinkStatus `json:"links"` // without MTU
}

// CmapEntry is one key of Corosync's configuration map.
type CmapEntry struct {
	Key   string `json:"key"`
	Type  string `json:"type"` // i8 u8 i16 u16 i32 u32 i64 u64 flt dbl str bin
	Value string `json:"value"`
}

// FencedNode tells corosyncd that a node of that incarnation is dead for certain.
type FencedNode struct {
	ID          NodeID      `json:"id"`
	Incarnation Incarnation `json:"incarnation"`
}

// VotesChange sets expected votes (Node 0) or a node's votes at run time.
type VotesChange struct {
	Node  NodeID `json:"node,omitempty"`
	Votes int    `json:"votes"`
}

// KillNode makes a member leave the cluster.
type KillNode struct {
	ID NodeID `json:"id"`
}

// QdeviceStatus is the state of a node's quorum device client, in corosync-qdevice's words. Times of the
// configuration are milliseconds.
type QdeviceStatus struct {
	Cluster        string `json:"cluster"`
	Node           NodeID `json:"node"`
	Host           string `json:"host"` // with the port
	Algorithm      string `json:"algorithm"`
	TieBreaker     string `json:"tie_breaker"` // lowest, highest or node
	TieBreakerNode NodeID `json:"tie_breaker_node,omitempty"`
	// KeepActive is keep_active_partition_tie_breaker, KeepActiveSupported whether the server knows it.
	KeepActive          bool   `json:"keep_active"`
	KeepActiveSupported bool   `json:"keep_active_supported"`
	ForceIP             int    `json:"force_ip,omitempty"`
	TLS                 string `json:"tls"` // on, off or required
	TLSActive           bool   `json:"tls_active"`
	// State is Connected, Connecting or Disconnected; Problem why the last connection ended.
	State       string   `json:"state"`
	Problem     string   `json:"problem,omitempty"`
	Vote        string   `json:"vote"` // ACK, NACK or Undefined
	Votes       int      `json:"votes"`
	Ring        RingID   `json:"ring"`
	Members     []NodeID `json:"members"`
	Nodes       []NodeID `json:"nodes"`
	Quorate     bool     `json:"quorate"`
	Expected    int      `json:"expected"`
	Timeout     int64    `json:"timeout"`
	SyncTimeout int64    `json:"sync_timeout"`
	// ConnectTimeout bounds a connection, Heartbeat is the time between two echo requests.
	ConnectTimeout int64 `json:"connect_timeout"`
	Heartbeat      int64 `json:"heartbeat"`
	// Heuristics is off, on or sync; the results are Pass, Fail or Undefined: the last, and by occasion.
	Heuristics string `json:"heuristics"`
	Result     string `json:"result"`
	Regular    string `json:"regular"`
	Membership string `json:"membership"`
	Connect    string `json:"connect"`
	Since      int64  `json:"since,omitempty"`   // connected, Unix ms
	Echo       int64  `json:"echo,omitempty"`    // last answer to an echo request, Unix ms
	Decided    int64  `json:"decided,omitempty"` // when Vote was decided, Unix ms
}

// KeyChange asks for a new cluster key.
type KeyChange struct {
	// Key is the new one as its file has it; "" makes one.
	Key string `json:"key,omitempty"`
	// Force changes the key although configured nodes are not members; they are shut out until they get it.
	Force bool `json:"force,omitempty"`
}

// KeyStatus is the result of a change.
type KeyStatus struct {
	Key    string   `json:"key"` // the new key's id, which says nothing about it
	Absent []string `json:"absent,omitempty"`
}
