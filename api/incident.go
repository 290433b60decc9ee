package api

// Socket paths of crmd's API for what a node measures and what the cluster went through.
const (
	PathVitals    = "/v1/vitals"    // GET ?node=&since= (seconds back) -> VitalsReport
	PathAlarms    = "/v1/alarms"    // GET -> AlarmStatus: every node's, as this one knows them
	PathDetectors = "/v1/detectors" // GET -> []DetectorStatus of this node
	PathIncidents = "/v1/incidents" // GET ?subject=&since=&kind=&open=1 -> []Incident, newest first, without digests
	PathIncident  = "/v1/incident"  // GET ?id= -> Incident; the id may be shortened to what is unique
	PathPlanInput = "/v1/planinput" // GET ?id= -> PlanInput: what the scheduler was given
	PathSupervise = "/v1/supervise" // GET ?node= -> []Supervision of that node, this one by default
	PathMetrics   = "/metrics"      // GET -> Prometheus text, on every daemon's socket
)

// VitalsReport is what a node measured of itself, or what its peers hold of it when it does not answer.
type VitalsReport struct {
	Node    string   `json:"node"`
	Host    *Host    `json:"host,omitempty"`
	Samples []Vitals `json:"samples,omitempty"`
	// Digests are from this node's memory of another one, its last life included; Silent says why there are no
	// samples.
	Digests []Digest `json:"digests,omitempty"`
	Silent  string   `json:"silent,omitempty"`
}

// DetectorStatus is a detector with its settings.
type DetectorStatus struct {
	Name       string             `json:"name"`
	Title      string             `json:"title"`
	Doc        string             `json:"doc"`
	Enabled    bool               `json:"enabled"`
	Raise      int64              `json:"raise"` // ms that the condition must hold
	Clear      int64              `json:"clear"`
	Thresholds map[string]float64 `json:"thresholds,omitempty"`
	Action     string             `json:"action,omitempty"`
	Advice     []string           `json:"advice"`
}

// Supervision is how a resource's processes are watched on a node.
type Supervision struct {
	Resource  string          `json:"resource"`
	Processes []ProcessVitals `json:"processes"`
	OnHang    string          `json:"on_hang"`
	// Monitored tells that a recurring monitor is active; without one a hang is an alarm only.
	Monitored bool `json:"monitored"`
	// Uninterruptible is after how many ms in state D a process counts as hung; 0 is never. Nothing ends such a
	// process but the fencing of its node.
	Uninterruptible int64 `json:"uninterruptible"`
	// Budget is how long it may take, at most, from a hang to the service elsewhere.
	Budget []BudgetStage `json:"budget"`
}

// BudgetStage is a part of a budget.
type BudgetStage struct {
	Name string `json:"name"`
	Max  int64  `json:"max"` // ms
}

// Kinds of incidents.
const (
	IncidentLoss     = "node-lost"        // a node was lost, with the fencing and the recovery that follow
	IncidentFence    = "fence"            // a node was fenced for another reason
	IncidentResource = "resource-failure" // an operation failed, with the recovery
	IncidentChange   = "change"           // a change of the configuration or of a node made the cluster act
	IncidentQuorum   = "quorum"
	IncidentThrottle = "throttle"
	IncidentAlarm    = "alarm"
	IncidentMonitor  = "late-monitor" // monitors got no answer on a starved host, which did not count
)

// IncidentKinds are all kinds.
var IncidentKinds = []string{IncidentLoss, IncidentFence, IncidentResource, IncidentChange, IncidentQuorum, IncidentThrottle, IncidentAlarm, IncidentMonitor}

// States of an incident.
const (
	IncidentOpen      = "open"
	IncidentBlocked   = "blocked" // it cannot go on: a fence fails
	IncidentRecovered = "recovered"
	IncidentFailed    = "failed" // it is over, and something does not run
	IncidentOver      = "over"
)

// Incident is one story: what happened, how that is known, what was decided and why, what was done, and what
// came of it. All times are Unix ms on the owner's clock.
type Incident struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
	// Owner writes the record; Seq rises with every change of it.
	Owner     string   `json:"owner"`
	Seq       int      `json:"seq"`
	Subject   string   `json:"subject"` // node, resource or detector
	Node      string   `json:"node,omitempty"`
	Resources []string `json:"resources,omitempty"`
	Severity  string   `json:"severity"`
	State     string   `json:"state"`
	Started   int64    `json:"started"`
	Ended     int64    `json:"ended,omitempty"`
	// Headline is the story in one line.
	Headline string             `json:"headline"`
	Trigger  string             `json:"trigger"`
	Evidence []IncidentEvidence `json:"evidence,omitempty"`
	Decision []IncidentDecision `json:"decision,omitempty"`
	Actions  []IncidentAction   `json:"actions,omitempty"`
	Result   string             `json:"result,omitempty"`
	Cause    Cause              `json:"cause"`
	Advice   []string           `json:"advice,omitempty"`
	// Held counts operations, probes included, that waited for their turn because of the throttle or the job limit;
	// HeldFor is the longest of these waits in ms.
	Held    int   `json:"held,omitempty"`
	HeldFor int64 `json:"held_for,omitempty"`
	// Dropped counts actions and notes that did not fit.
	Dropped int `json:"dropped,omitempty"`
}

// IncidentEvidence is something that was seen. Exactly one of the last four is set, or none.
type IncidentEvidence struct {
	At   int64  `json:"at"`
	Node string `json:"node"` // where it was seen
	Text string `json:"text"`
	// Digests are the last vitals of a node, which its peers hold.
	Digests []Digest   `json:"digests,omitempty"`
	Alarm   *Alarm     `json:"alarm,omitempty"`
	Hang    *Hang      `json:"hang,omitempty"`
	Facts   []Evidence `json:"facts,omitempty"`
}

// IncidentDecision is a plan of the scheduler.
type IncidentDecision struct {
	At         int64  `json:"at"`
	Transition int    `json:"transition"`
	Reason     string `json:"reason"`
	// Input is the file with what the scheduler was given, on the node that owned the incident; the cluster
	// keeps a copy with the incident.
	Input string `json:"input,omitempty"`
	Notes []Note `json:"notes,omitempty"`
}

// IncidentAction is something that was done.
type IncidentAction struct {
	At      int64  `json:"at"`
	Done    int64  `json:"done,omitempty"` // 0 while it goes on
	Kind    string `json:"kind"`           // fence, or the task: start, stop, promote, ...
	Subject string `json:"subject"`
	Node    string `json:"node"`
	OK      bool   `json:"ok"`
	Text    string `json:"text,omitempty"`
	// Waited is for how many ms the throttle held it back.
	Waited int64  `json:"waited,omitempty"`
	Key    string `json:"key,omitempty"` // ties the result to the order
}

// Confidences of a cause.
const (
	Certain  = "certain"
	Likely   = "likely"
	Possible = "possible"
	Unknown  = "unknown"
)

// Cause is why it happened, as far as the evidence tells.
type Cause struct {
	// Name is that of a detector where one names it, else asked, agent, heartbeat.network, unknown, ...
	Name       string   `json:"name"`
	Confidence string   `json:"confidence"`
	Text       string   `json:"text"`
	Because    []string `json:"because,omitempty"`
}

// PlanInput is the CIB that the scheduler was given, as crm_simulate -x reads it.
type PlanInput struct {
	Name string `json:"name"`
	Data []byte `json:"data"` // bzip2
}
