// Package incident makes one record of what happened, how that is known, what was decided and done, and what
// came of it: for every fence, failover, resource failure, quorum change, throttle change and alarm.
package incident

import (
	"fmt"
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// Output is what the owner of the machine has to do: keep a record and give it to the peers.
type Output struct{ Incident api.Incident }

// Bounds: what is more is counted, not kept.
const (
	maxOpen      = 64
	maxActions   = 200
	maxEvidence  = 60
	maxNotes     = 100
	maxDecisions = 8
	maxAlarms    = 256
	maxResources = 200
	maxForeign   = 128
)

const (
	// quiet is how long an incident without an end of its own waits for more of its kind.
	quiet = time.Minute
	// lasting is how long what was recovered from may lie back for its late news (a node that is back) to count.
	lasting = time.Hour
)

// Machine writes records. One goroutine owns it.
type Machine struct {
	node   string
	leads  bool
	serial int
	open   []*record
	// alarms are those of every node that were raised lately, newest last.
	alarms []api.Alarm
	// foreign are open records of others, and of this node's crmd before it restarted, oldest first.
	foreign []api.Incident
	// lost are incidents of nodes that have not come back, by node.
	lost  map[string]*record
	dirty []*record
	// answers are those of crmds of nodes that were lost, which may come before the record of the loss.
	answers map[string]answer
	mode    string // of this node's throttle
}

type answer struct {
	at time.Time
	ev Heard
}

// record is an incident that is being written.
type record struct {
	api.Incident
	touched time.Time
	changed bool
	// down are resources that the last plan leaves without a node.
	down []string
}

// New makes a machine for a node.
func New(node string) *Machine {
	return &Machine{node: node, lost: make(map[string]*record), answers: make(map[string]answer), mode: "negligible"}
}

// Step takes an event and returns the records that have changed.
func (m *Machine) Step(now time.Time, ev Event) []Output {
	switch ev := ev.(type) {
	case Office:
		m.office(now, ev.Leads)
	case Stored:
		m.stored(now, ev.Incident)
	case Alarmed:
		m.alarmed(now, ev.Alarm)
	case Throttled:
		m.throttled(now, ev)
	case MonitorHeld:
		m.held(now, ev)
	case Heard:
		m.heard(now, ev)
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
	case Joined:
		m.joined(now, ev)
	case Left:
		m.left(now, ev)
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
		m.idle(now)
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

// tend ends what is over because nothing more came, and forgets nodes that do not come back.
func (m *Machine) tend(now time.Time) {
	for _, r := range slices.Clone(m.open) {
		if r.endsByItself() && !now.Before(r.touched.Add(quiet)) {
			m.end(now, r, api.IncidentOver)
		}
	}
	for node, r := range m.lost {
		if now.Sub(r.touched) > lasting {
			delete(m.lost, node)
		}
	}
}

// outputs are the records that have changed, with their causes found anew.
func (m *Machine) outputs() []Output {
	var out []Output
	for _, r := range m.dirty {
		r.changed = false
		r.Seq++
		diagnose(&r.Incident)
		out = append(out, Output{clone(r.Incident)})
		for i := range m.foreign { // a DC that hands over has just put it there
			if m.foreign[i].ID == r.ID {
				m.foreign[i] = clone(r.Incident)
			}
		}
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
	r.Result = result(r)
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
