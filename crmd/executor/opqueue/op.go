// Package opqueue decides which operation of which resource runs when: one at a time per resource, recurring
// ones again after their interval.
package opqueue

import (
	"maps"

	"github.com/holdfast-ha/holdfast/cib/lrm"
)

// Op is an operation that somebody asks for.
type Op struct {
	Rsc      string // the name in the operation history: instances of anonymous clones share it
	Instance string // OCF_RESOURCE_INSTANCE; "" is Rsc
	Class    string // ocf, systemd, lsb, service or stonith
	Provider string
	Type     string
	Task     string // start, stop, monitor, promote, demote, notify, migrate_to, reload-agent, ...
	// IntervalMs is 0 for an operation that runs once.
	IntervalMs   int64
	TimeoutMs    int64
	StartDelayMs int64 // before the first run
	Params       map[string]string
	Meta         map[string]string // without the prefix CRM_meta_
	// BlockOnFail (on-fail=block) spares what the agent has started when the agent is killed.
	BlockOnFail bool
	// Tag is returned with the results and not looked at.
	Tag string
}

// Key is such as db_monitor_10000.
func (o Op) Key() string { return lrm.OpKey(o.Rsc, o.Task, o.IntervalMs) }

// Recurring operations run until they are cancelled.
func (o Op) Recurring() bool { return o.IntervalMs > 0 }

// sameWork tells that two operations do the same to the same thing.
func (o Op) sameWork(p Op) bool {
	return o.Class == p.Class && o.Provider == p.Provider && o.Type == p.Type && o.Instance == p.Instance &&
		maps.Equal(o.Params, p.Params)
}

// Outcome is what came of one run.
type Outcome struct {
	Status lrm.Status
	RC     lrm.RC
	// ExitReason is the agent's, or why the operation could not be run.
	ExitReason string
	Output     string
	ExecMs     int64
	// Hang is set with status Timeout: what the agent was doing when it was killed.
	Hang []HungProcess
}

// HungProcess is a process of an agent that did not answer in time.
type HungProcess struct {
	PID, PPID int
	Comm      string
	State     string // the kernel's letter: R, S, D (uninterruptible), T (stopped), ...
	WChan     string // kernel function in which it sleeps, "" if unknown
	Stack     []string
}

// Result is a report on an operation. For a recurring one there is a report on its first run and one
// whenever the status or the exit code differs from the report before.
type Result struct {
	Op     Op
	CallID int
	Outcome
	QueueMs int64 // between the request, or the end of the interval, and the run
	// LastRun and LastRCChange are in seconds since the epoch; the latter is when a recurring operation
	// began to have this result.
	LastRun, LastRCChange int64
	First                 bool // first report for this CallID
	Changed               bool // a recurring operation's result differs from the report before
	// Cancelled: the operation was taken back, Status is lrm.Cancelled and RC that of the last run.
	Cancelled bool
	// Deleted: the resource was unregistered meanwhile; the result is not to be recorded.
	Deleted bool
}

// Pending is an operation that has not ended or that recurs.
type Pending struct {
	Op     Op
	CallID int
	State  State
	Since  int64 // seconds since the epoch: of the request, the start or the last end
}

// State of an operation in the queue.
type State uint8

// An operation waits for those before it, runs, or recurs and waits for its interval.
const (
	Queued State = iota
	Running
	Waiting
)

func (s State) String() string {
	switch s {
	case Running:
		return "running"
	case Waiting:
		return "waiting"
	default:
		return "queued"
	}
}
