package api

// Vitals is what a node measured of itself in one second. Zero values mean that nothing was measured; Stale
// names the sources that did not answer in time.
type Vitals struct {
	At       int64          `json:"at"`
	CPU      CPUVitals      `json:"cpu"`
	Pressure PressureVitals `json:"pressure"`
	Memory   MemoryVitals   `json:"memory"`
	VM       VMVitals       `json:"vm"`
	Cgroups  CgroupVitals   `json:"cgroups"`
	Zones    []Zone         `json:"zones,omitempty"`
	// Kernel are the messages of the kernel in this second that mean damage.
	Kernel    []KernelEvent   `json:"kernel,omitempty"`
	Disks     []DiskVitals    `json:"disks,omitempty"`
	Processes []ProcessVitals `json:"processes,omitempty"`
	Clock     ClockVitals     `json:"clock"`
	Heartbeat HeartbeatVitals `json:"heartbeat"`
	Peers     []PeerVitals    `json:"peers,omitempty"`
	// Lost are nodes that were lost since the last sample.
	Lost     []LostPeer       `json:"lost,omitempty"`
	Fencing  []FencePath      `json:"fencing,omitempty"`
	Throttle ThrottleVitals   `json:"throttle"`
	Timeouts []TimeoutProblem `json:"timeouts,omitempty"`
	// Late is by how many ms the sampler itself came late: how long a normal process waits for a CPU.
	Late  int64         `json:"late"`
	Stale []StaleSource `json:"stale,omitempty"`
}

// Host are facts of a node that last as long as its boot.
type Host struct {
	Kernel string `json:"kernel"` // release, such as 4.19.90-25.15.v2101.ky10.x86_64
	Cores  int    `json:"cores"`
	BootID string `json:"boot_id"`
	// NoKmem tells that kernel memory is not accounted to cgroups (cgroup.memory=nokmem).
	NoKmem bool `json:"no_kmem,omitempty"`
	// CgroupV1 tells that memory is controlled by the version 1 hierarchy.
	CgroupV1 bool `json:"cgroup_v1,omitempty"`
}

// CPUVitals is the use of the processors. Shares are percent of all of them since the last sample.
type CPUVitals struct {
	Load    [3]float64 `json:"load"` // averages of 1, 5 and 15 minutes
	Running int        `json:"running"`
	Blocked int        `json:"blocked"` // waiting for a disk
	Busy    float64    `json:"busy"`
	System  float64    `json:"system"`
	IOWait  float64    `json:"iowait"`
	Steal   float64    `json:"steal"`
}

// PressureVitals is the kernel's pressure stall information; Known is false where the kernel has none.
type PressureVitals struct {
	Known  bool     `json:"known"`
	CPU    Pressure `json:"cpu"`
	Memory Pressure `json:"memory"`
	IO     Pressure `json:"io"`
}

// Pressure is the percentage of time in which some, or all, tasks waited for a resource.
type Pressure struct {
	Some10 float64 `json:"some10"`
	Some60 float64 `json:"some60"`
	Full10 float64 `json:"full10"`
	Full60 float64 `json:"full60"`
}

// MemoryVitals is memory in KiB. Available and Total are those of the tightest limit that the node lives in:
// the machine, or a cgroup of which Limit is the path.
type MemoryVitals struct {
	Total     int64  `json:"total"`
	Available int64  `json:"available"`
	Limit     string `json:"limit,omitempty"`
	// Slope is by how much Available changes per second lately, negative when it falls; Exhausted is in how
	// many seconds nothing is left if that goes on, -1 when it does not fall.
	Slope     int64   `json:"slope"`
	Exhausted float64 `json:"exhausted"`

	HostTotal     int64 `json:"host_total"`
	HostAvailable int64 `json:"host_available"`
	Free          int64 `json:"free"`
	Cached        int64 `json:"cached"`
	SwapTotal     int64 `json:"swap_total"`
	SwapFree      int64 `json:"swap_free"`
	SUnreclaim    int64 `json:"sunreclaim"`
	SReclaimable  int64 `json:"sreclaimable"`
	Dirty         int64 `json:"dirty"`
	Writeback     int64 `json:"writeback"`
}

// VMVitals are events of memory management since the last sample.
type VMVitals struct {
	AllocStall   int64 `json:"alloc_stall"` // allocations that had to reclaim first
	OOMKill      int64 `json:"oom_kill"`    // of the whole machine, cgroups included
	MajorFaults  int64 `json:"major_faults"`
	CompactStall int64 `json:"compact_stall"`
	SwapIn       int64 `json:"swap_in"`
	SwapOut      int64 `json:"swap_out"`
}

// CgroupVitals counts memory cgroups, and what happened in those that the node lives in or runs resources in.
type CgroupVitals struct {
	Live  int `json:"live"`
	Dying int `json:"dying"` // deleted, but still holding memory
	// Kmem is the kernel memory that is accounted to cgroups, in KiB; 0 where that is not told.
	Kmem int64 `json:"kmem"`
	// OOMKills are kills in cgroups since the last sample, by cgroup path.
	OOMKills []CgroupOOM `json:"oom_kills,omitempty"`
}

// CgroupOOM counts processes that were killed because a cgroup had reached its limit.
type CgroupOOM struct {
	Path  string `json:"path"`
	Kills int64  `json:"kills"`
}

// Zone is a memory zone of a NUMA node, in pages.
type Zone struct {
	Node    string `json:"node"`
	Name    string `json:"name"`
	Spanned int64  `json:"spanned"`
	Present int64  `json:"present"`
	Managed int64  `json:"managed"`
	Free    int64  `json:"free"`
	Min     int64  `json:"min"`
	Low     int64  `json:"low"`
	High    int64  `json:"high"`
}

// Kinds of KernelEvent.
const (
	KernelOOM        = "oom"         // the machine ran out of memory
	KernelCgroupOOM  = "cgroup-oom"  // a cgroup reached its limit
	KernelHungTask   = "hung-task"   // a task has been in state D for minutes
	KernelSoftLockup = "soft-lockup" // a CPU did not schedule
	KernelIOError    = "io-error"
	KernelReadOnly   = "read-only" // a file system was remounted read-only because of an error
	KernelLinkDown   = "link-down" // a network interface lost its carrier
)

// KernelEvent is a message in the kernel's log.
type KernelEvent struct {
	At      int64  `json:"at"`
	Kind    string `json:"kind"`
	Subject string `json:"subject"` // process, device or cgroup
	Text    string `json:"text"`
}

// DiskVitals is a file system that is probed and measured.
type DiskVitals struct {
	Path   string `json:"path"`
	Device string `json:"device"`
	// State: "" not probed yet, ok, stuck, damaged, read-only, unreadable.
	State string `json:"state"`
	// Took is how long in ms the last write, fsync and read took, or has taken so far when it is stuck.
	Took  int64  `json:"took"`
	Error string `json:"error,omitempty"`
	// Used and UsedInodes are percent of what an unprivileged user may use.
	Used       float64 `json:"used"`
	UsedInodes float64 `json:"used_inodes"`
	Total      int64   `json:"total"` // KiB
	Free       int64   `json:"free"`  // KiB
}

// States of DiskVitals.
const (
	DiskOK         = "ok"
	DiskStuck      = "stuck"
	DiskDamaged    = "damaged"
	DiskReadOnly   = "read-only"
	DiskUnreadable = "unreadable" // it cannot be asked for its usage
)

// ProcessVitals is a process of a resource.
type ProcessVitals struct {
	Resource string `json:"resource"`
	PID      int    `json:"pid"`
	Start    uint64 `json:"start"` // clock ticks after boot; tells it from a later process with that pid
	Comm     string `json:"comm"`
	// Main is the process that the resource stands and falls with.
	Main bool `json:"main,omitempty"`
	// State is the kernel's letter: R, S, D (uninterruptible), T (stopped), t (traced), Z (zombie); "-" is gone.
	State string `json:"state"`
	WChan string `json:"wchan,omitempty"`
	// For is how long in ms it has been in that state without a break, as sampled.
	For int64 `json:"for"`
	// Probe is the result of the resource's own probe, "" when it has none: ok, failed, timeout; Failures
	// counts how often in a row it was not ok.
	Probe    string `json:"probe,omitempty"`
	Failures int    `json:"failures,omitempty"`
}

// ClockVitals is how the wall clock keeps step with the monotonic clock.
type ClockVitals struct {
	// Jump is by how many ms the wall clock was set since the last sample.
	Jump int64 `json:"jump"`
}

// HeartbeatVitals is what corosyncd says of itself and its links.
type HeartbeatVitals struct {
	// Known is false while corosyncd does not answer, which Error explains.
	Known bool   `json:"known"`
	Error string `json:"error,omitempty"`
	Token int64  `json:"token"`
	// Interval is the time in ms between two heartbeats of a node.
	Interval int64 `json:"interval"`
	// Answered is when corosyncd last answered, Unix ms.
	Answered int64 `json:"answered,omitempty"`
	// Late is corosyncd's worst lateness against its own clock since the last sample, in ms.
	Late     int64        `json:"late"`
	Realtime bool         `json:"realtime"`
	Links    []LinkVitals `json:"links,omitempty"`
}

// LinkVitals is a link to one node since the last sample.
type LinkVitals struct {
	Link int    `json:"link"`
	Node string `json:"node"`
	Up   bool   `json:"up"`
	// Silent is for how many ms nothing came.
	Silent   int64  `json:"silent"`
	RTT      int64  `json:"rtt"` // microseconds
	Received uint64 `json:"received"`
	Lost     uint64 `json:"lost"`
	Flaps    uint64 `json:"flaps"`
}

// PeerVitals is how this node sees another one besides heartbeats.
type PeerVitals struct {
	Node string `json:"node"`
	// Digest is how long ago, in ms, its crmd gave a sign of life: a vitals digest, or an answer. -1 is never.
	Digest int64 `json:"digest"`
	// Unanswered tells that its crmd has been asked for one since, and has not answered.
	Unanswered bool `json:"unanswered,omitempty"`
	// Refused is how long ago, in ms, its crmd last did not answer; 0 is never.
	Refused int64 `json:"refused,omitempty"`
}

// LostPeer is a node that fell silent for so long that it is no longer a member.
type LostPeer struct {
	Node   string `json:"node"`
	Silent int64  `json:"silent"` // ms
	// Answered tells that its crmd answered when it was asked at that moment.
	Answered bool `json:"answered"`
}

// FencePath is a fence device of this node, or the way to fenced itself (ID "fenced"), that does not work.
type FencePath struct {
	ID    string `json:"id"`
	Error string `json:"error"`
	// Since is when that began, Checked when the fencer tried it last, Unix ms; 0 is not known.
	Since   int64 `json:"since,omitempty"`
	Checked int64 `json:"checked,omitempty"`
	// Failures of so many Probes since fenced started.
	Failures uint64 `json:"failures,omitempty"`
	Probes   uint64 `json:"probes,omitempty"`
}

// ThrottleVitals is the node's throttle mode and what made it.
type ThrottleVitals struct {
	Mode   string          `json:"mode"`
	Inputs []ThrottleInput `json:"inputs,omitempty"`
}

// TimeoutProblem is a pair of settings that contradict each other.
type TimeoutProblem struct {
	Setting string `json:"setting"`
	Text    string `json:"text"`
}

// StaleSource is a part of the vitals that has not been renewed in time.
type StaleSource struct {
	Name string `json:"name"`
	For  int64  `json:"for"` // ms
}

// Digest is what the peers hold of a node's vitals: one a second, at most 200 bytes each on the wire.
type Digest struct {
	Node      string   `json:"node"`
	At        int64    `json:"at"`
	Load      float64  `json:"load"`
	Cores     int      `json:"cores"`
	Running   int      `json:"running"`
	Blocked   int      `json:"blocked"`
	CPU       float64  `json:"cpu"` // pressure, some, percent
	Memory    float64  `json:"memory"`
	MemFull   float64  `json:"mem_full"`
	IO        float64  `json:"io"`
	IOFull    float64  `json:"io_full"`
	Steal     float64  `json:"steal"`
	Total     int64    `json:"total"` // memory, MiB
	Available int64    `json:"available"`
	Slope     int64    `json:"slope"` // MiB/s
	SwapFree  int64    `json:"swap_free"`
	Slab      int64    `json:"slab"` // SUnreclaim, MiB
	Dying     int      `json:"dying"`
	Stalls    int64    `json:"stalls"` // allocation stalls in this second
	OOMKills  int64    `json:"oom_kills"`
	Faults    int64    `json:"faults"`
	Late      int64    `json:"late"`      // of crmd, ms
	Heartbeat int64    `json:"heartbeat"` // lateness of corosyncd, ms
	Disk      int64    `json:"disk"`      // slowest probe, ms
	DiskUsed  int      `json:"disk_used"` // fullest watched disk, percent
	Hung      int      `json:"hung"`      // watched processes that hang
	Mode      string   `json:"mode"`      // throttle
	Alarms    []string `json:"alarms,omitempty"`
}

// Severities of an alarm.
const (
	Info     = "info"
	Warning  = "warning"
	Critical = "critical"
)

// Alarm is something that a detector has found and that is still so, or was.
type Alarm struct {
	Name     string `json:"name"` // the detector, such as memory.exhaustion
	Node     string `json:"node"`
	Subject  string `json:"subject,omitempty"` // disk, link, process, zone; "" is the node
	Severity string `json:"severity"`
	Summary  string `json:"summary"`
	// Raised is when it was found, Cleared when it ended (0 while it lasts), Updated the last evidence.
	Raised   int64      `json:"raised"`
	Cleared  int64      `json:"cleared,omitempty"`
	Updated  int64      `json:"updated"`
	Evidence []Evidence `json:"evidence,omitempty"`
	Advice   []string   `json:"advice,omitempty"`
}

// Evidence is one measured fact, with the limit that it passed where there is one.
type Evidence struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Limit string `json:"limit,omitempty"`
}

// Word is what a crmd tells the others about its node, once a second.
type Word struct {
	Digest []byte `json:"d,omitempty"` // packed; at most 200 bytes on the wire with what is around it
	// Alarms are all alarms of the node, when they are not what was told last.
	Alarms *Alarms `json:"alarms,omitempty"`
}

// Alarms are those that last, and those that ended lately.
type Alarms struct {
	Active []Alarm `json:"active"`
	Ended  []Alarm `json:"ended,omitempty"`
}

// AlarmStatus is every node's alarms, as the node that was asked knows them.
type AlarmStatus struct {
	Node  string       `json:"node"`
	Nodes []NodeAlarms `json:"nodes"`
}

// NodeAlarms are the alarms of one node. A node that is silent keeps those that it told last.
type NodeAlarms struct {
	Node string `json:"node"`
	// Age is how long ago in ms the node's crmd gave a sign of life, -1 when it never did.
	Age    int64   `json:"age"`
	Digest *Digest `json:"digest,omitempty"` // its last
	Alarms []Alarm `json:"alarms"`
	Ended  []Alarm `json:"ended,omitempty"`
}
