// Package incident makes one record of what happened, how that is known, what was decided and done, and what
// came of it: for every fence, failover, resource failure, quorum change, throttle change and alarm.
package incident

import (
	"fmt"
	"slices"
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

// FenceAsked is a request to fenced, FenceEnded its outcome. Asker is "" when the cluster itself asked.
type FenceAsked struct {
	Target, Action, Reason, Asker string
	Delay                         time.Duration
}

// FenceEnded is the outcome of a fencing. Next is when a failed one is tried again.
type FenceEnded struct {
	Target, Action      string
	OK                  bool
	By, Device, Reason  string
	Asker               string
	Took, Next          time.Duration
	Attempt             int
	NotAskedFor, Proven bool
}

// Planned is a plan with something to do.
type Planned struct {
	Transition    int
	Reason, Input string
	// Work lists the operations that change something, Fences the nodes to fence.
	Work   []Operation
	Fences []string
}

// Operation is an operation of a plan.
type Operation struct{ Task, Resource, Node string }

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

// Idle tells that the cluster has done what it could. Stopped are resources that should run and do not.
type Idle struct{ Stopped []string }

// Alarmed is an alarm of this node: raised, changed or cleared.
type Alarmed struct{ Alarm api.Alarm }

// Throttled is a change of this node's throttle mode.
type Throttled struct {
	Mode, From string
	Inputs     []api.ThrottleInput
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

// Output is what the owner of the machine has to do: keep a record and give it to the peers.
type Output struct{ Incident api.Incident }

// Bounds: what is more is counted, not kept.
const (
	maxOpen     = 64
	maxActions  = 200
	maxEvidence = 60
	maxNotes    = 100
	maxAlarms   = 256
)

// quiet is how long an incident without an end of its own waits for more of its kind.
const quiet = time.Minute

// Machine writes records. One goroutine owns it.
type Machine struct {
	node   string
	leads  bool
	serial int
	open   []*record
	// alarms are those of every node that were raised lately, newest last.
	alarms []api.Alarm
	// lost are incidents of nodes that have not come back, by node.
	lost  map[string]*api.Incident
	dirty []*record
}

// record is an incident that is being written.
type record struct {
	api.Incident
	touched time.Time
	changed bool
}

// New makes a machine for a node.
func New(node string) *Machine { return &Machine{node: node, lost: make(map[string]*api.Incident)} }

// Step takes an event and returns the records that have changed.
func (m *Machine) Step(now time.Time, ev Event) []Output {
	switch ev := ev.(type) {
	case Office:
		m.office(now, ev.Leads)
	case Stored:
		m.stored(ev.Incident)
	case Alarmed:
		m.alarmed(now, ev.Alarm)
	case Throttled:
		m.throttled(now, ev)
	case MonitorHeld:
		m.held(now, ev)
	case Wake:
	default:
		if m.leads {
			m.cluster(now, ev)
		}
	}
	m.tend(now)
	return m.outputs()
}

// cluster takes what only the DC records.
func (m *Machine) cluster(now time.Time, ev Event) {
	switch ev := ev.(type) {
	case Lost:
		m.nodeLost(now, ev)
	case Heard:
		m.heard(now, ev)
	case Joined:
		m.joined(now, ev)
	case Left:
		m.note(now, m.start(now, api.IncidentChange, ev.Node, ev.Node+" left the cluster in order"), ev.Node+" said goodbye")
	case Quorum:
		m.quorum(now, ev)
	case FenceAsked:
		m.fenceAsked(now, ev)
	case FenceEnded:
		m.fenceEnded(now, ev)
	case Planned:
		m.planned(now, ev)
	case Decided:
		m.decided(now, ev)
	case Began:
		m.began(now, ev)
	case Ended:
		m.ended(now, ev)
	case Idle:
		m.idle(now, ev)
	}
}

// Deadline is when Step wants to be called with Wake, zero for never.
func (m *Machine) Deadline() time.Time {
	var next time.Time
	for _, r := range m.open {
		if at := r.touched.Add(quiet); r.endsByItself() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// endsByItself: it is over when nothing has come for a while.
func (r *record) endsByItself() bool {
	return r.Kind == api.IncidentMonitor || r.Kind == api.IncidentQuorum
}

// tend ends what is over because nothing more came.
func (m *Machine) tend(now time.Time) {
	for _, r := range slices.Clone(m.open) {
		if r.endsByItself() && !now.Before(r.touched.Add(quiet)) {
			m.end(now, r, api.IncidentOver)
		}
	}
}

// outputs are the records that have changed, with their causes found anew.
func (m *Machine) outputs() []Output {
	var out []Output
	for _, r := range m.dirty {
		r.changed = false
		r.Seq++
		m.diagnose(r)
		out = append(out, Output{clone(r.Incident)})
	}
	m.dirty = nil
	return out
}

// clone copies what the machine goes on changing.
func clone(in api.Incident) api.Incident {
	in.Resources = slices.Clone(in.Resources)
	in.Evidence = slices.Clone(in.Evidence)
	in.Decision = slices.Clone(in.Decision)
	in.Actions = slices.Clone(in.Actions)
	in.Advice = slices.Clone(in.Advice)
	return in
}

// touch marks a record as changed.
func (m *Machine) touch(now time.Time, r *record) {
	r.touched = now
	if !r.changed {
		r.changed = true
		m.dirty = append(m.dirty, r)
	}
}

// start opens a record.
func (m *Machine) start(now time.Time, kind, subject, trigger string) *record {
	m.serial++
	at := now.UTC()
	r := &record{Incident: api.Incident{ID: fmt.Sprintf("%s-%s-%d", at.Format("20060102-150405"), m.node, m.serial), Kind: kind, Owner: m.node, Subject: subject,
		Severity: api.Warning, State: api.IncidentOpen, Started: now.UnixMilli(), Headline: trigger, Trigger: trigger}}
	if len(m.open) >= maxOpen {
		m.end(now, m.open[0], api.IncidentOver)
	}
	m.open = append(m.open, r)
	m.touch(now, r)
	return r
}

// end closes a record.
func (m *Machine) end(now time.Time, r *record, state string) {
	r.State, r.Ended = state, now.UnixMilli()
	r.Result = result(&r.Incident)
	m.touch(now, r)
	m.open = slices.DeleteFunc(m.open, func(x *record) bool { return x == r })
}

// find is the newest open record that matches.
func (m *Machine) find(match func(*record) bool) *record {
	for i := len(m.open) - 1; i >= 0; i-- {
		if match(m.open[i]) {
			return m.open[i]
		}
	}
	return nil
}

// note adds something that was seen.
func (m *Machine) note(now time.Time, r *record, text string) {
	m.evidence(now, r, api.IncidentEvidence{At: now.UnixMilli(), Node: m.node, Text: text})
}

func (m *Machine) evidence(now time.Time, r *record, e api.IncidentEvidence) {
	m.touch(now, r)
	if len(r.Evidence) >= maxEvidence {
		r.Dropped++
		return
	}
	r.Evidence = append(r.Evidence, e)
}

// digests adds the last vitals of a node, once.
func (m *Machine) digests(now time.Time, r *record, node string, list []api.Digest) {
	if len(list) == 0 || slices.ContainsFunc(r.Evidence, func(e api.IncidentEvidence) bool {
		return len(e.Digests) > 0 && e.Digests[0].Node == node && e.Digests[len(e.Digests)-1].At >= list[len(list)-1].At
	}) {
		return
	}
	r.Evidence = slices.DeleteFunc(r.Evidence, func(e api.IncidentEvidence) bool { return len(e.Digests) > 0 && e.Digests[0].Node == node })
	m.evidence(now, r, api.IncidentEvidence{At: list[len(list)-1].At, Node: m.node, Text: "the last vitals of " + node, Digests: list})
}
