package api

// Socket paths of corosyncd's API (HTTP+JSON on its unix socket).
const (
	PathCorosyncStatus = "/v1/status" // GET -> CorosyncStatus
	// PathViews: GET -> stream of View, the current one first; nothing comes before the node's first view.
	// With ?hold=1 the reader says that resources may run here as long as it reads: corosyncd then ends
	// without a goodbye on SIGTERM, so that a restart within the token goes unnoticed and a longer one counts
	// as a loss.
	PathViews  = "/v1/views"
	PathLinks  = "/v1/links"  // GET -> []LinkStatus
	PathCmap   = "/v1/cmap"   // GET ?prefix= (stats. for the statistics) -> []CmapEntry; PUT CmapEntry; DELETE ?key=
	PathReload = "/v1/reload" // POST: read the cluster file again; ?all=1 on every member
	// PathLeave: POST: say goodbye to the peers and stop. With ?veto=1 it is refused while a reader holds.
	PathLeave      = "/v1/leave"
	PathFencedNode = "/v1/fenced" // POST FencedNode: a lost node is proven dead
	PathVotes      = "/v1/votes"  // POST VotesChange
	PathKill       = "/v1/kill"   // POST KillNode: make a member leave
	PathKey        = "/v1/key"    // POST KeyChange -> KeyStatus: a new cluster key on every member
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
