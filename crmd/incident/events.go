package incident

import (
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// Event is something that belongs into a record.
type Event interface{ event() }

// Office tells whether this node is the DC, which writes the records of what the cluster does.
type Office struct{ Leads bool }

// Lost is a node that fell silent. Resources are those that were active on it; Digests its last vitals.
type Lost struct {
	Node, Reason string
	LastHeard    int64
	Resources    []string
	Digests      []api.Digest
}

// Heard tells that crmd of a lost node still answered, or did not, After the question.
type Heard struct {
	Node     string
	Answered bool
	After    time.Duration
	Digests  []api.Digest
}

// Joined is a node that is a member again; Reborn tells that its stack lived on since it was lost.
type Joined struct {
	Node   string
	Reborn bool
}

// Left is a node that went in order.
type Left struct{ Node string }

// Quorum is a change of the verdict.
type Quorum struct {
	Quorate bool
	Reason  string
}

// FenceAsked is a request of the cluster to fenced.
type FenceAsked struct {
	Target, Action, Reason string
	Delay                  time.Duration
}

// FenceEnded is the outcome of a fencing. Next is when a failed one, the Attempt-th, is tried again.
type FenceEnded struct {
	Target, Action, By, Reason, Asker string
	OK                                bool
	Took, Next                        time.Duration
	Attempt                           int
}

// Planned is a plan with something to do. Changes are what becomes of resources; it is empty when there are only
// probes or monitors to begin.
type Planned struct {
	Transition    int
	Reason, Input string
	Changes       []Change
}

// Change is what a plan makes of a resource. Verb is Start, Stop, Move, Migrate, Recover, Restart, Reload, Promote
// or Demote; From and To are the nodes before and after, "" for none. Blocked: it should happen, but cannot.
type Change struct {
	Verb, Resource, From, To, Reason string
	Blocked                          bool
}

// Decided are the scheduler's reasons for the plan of that transition.
type Decided struct {
	Transition int
	Notes      []api.Note
}

// Began is an operation that was ordered.
type Began struct {
	Key, Task, Resource, Node string
	Waited                    time.Duration
	// Changes is false for probes and for recurring monitors that begin.
	Changes bool
}

// Ended is the result of an operation. Digests are the vitals of its node when it failed.
type Ended struct {
	Key, Op, Task, Resource, Node string
	OK, NoAnswer                  bool
	Text                          string
	Hang                          *api.Hang
	Digests                       []api.Digest
}

// Idle tells that the cluster has done what it could.
type Idle struct{}

// Alarmed is an alarm: raised, changed or cleared. One of this node gets a record; those of other nodes, which
// record them, may explain what happens here.
type Alarmed struct{ Alarm api.Alarm }

// Throttled is this node's throttle mode.
type Throttled struct {
	Mode   string
	Inputs []api.ThrottleInput
}

// MonitorHeld is a monitor of this node that got no answer, which does not count yet; or that got one after all.
type MonitorHeld struct {
	Op, Resource string
	Text         string
	Hang         *api.Hang
	Over         bool
}

// Stored is a record that another node has written.
type Stored struct{ Incident api.Incident }

// Wake is only the passing of time.
type Wake struct{}

func (Office) event()      {}
func (Lost) event()        {}
func (Heard) event()       {}
func (Joined) event()      {}
func (Left) event()        {}
func (Quorum) event()      {}
func (FenceAsked) event()  {}
func (FenceEnded) event()  {}
func (Planned) event()     {}
func (Decided) event()     {}
func (Began) event()       {}
func (Ended) event()       {}
func (Idle) event()        {}
func (Alarmed) event()     {}
func (Throttled) event()   {}
func (MonitorHeld) event() {}
func (Stored) event()      {}
func (Wake) event()        {}
