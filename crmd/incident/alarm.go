package incident

import (
	"fmt"
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// alarmed opens, renews or ends the record of an alarm of this node, and adds it to what it may explain. One that
// has not been more than an information tells how a node is rather than what happened: it has no record of its own.
func (m *Machine) alarmed(now time.Time, a api.Alarm) {
	m.remember(a)
	if a.Node != m.node {
		m.explain(now, a)
		return
	}
	r := m.find(func(r *record) bool {
		return r.Kind == api.IncidentAlarm && len(r.Evidence) > 0 && r.Evidence[0].Alarm != nil && same(*r.Evidence[0].Alarm, a)
	})
	if r == nil {
		if a.Severity == api.Info {
			m.explain(now, a)
			return
		}
		if a.Cleared != 0 {
			return
		}
		r = m.start(now, api.IncidentAlarm, a.Name, a.Summary)
		r.Node, r.Started, r.Advice = a.Node, a.Raised, a.Advice
	}
	worse := r.Severity != a.Severity || len(r.Evidence) == 0
	r.Severity, r.Headline = a.Severity, a.Name+": "+a.Summary
	e := api.IncidentEvidence{At: a.Updated, Node: a.Node, Text: a.Summary, Alarm: &a}
	// The first entry is the alarm as it is now; those behind it are how it was when it was raised and when it
	// became worse.
	if len(r.Evidence) == 0 {
		r.Evidence = []api.IncidentEvidence{e}
	}
	if first := r.Evidence[0].Alarm; len(r.Evidence) == 1 || first.Severity != a.Severity {
		m.evidence(now, r, api.IncidentEvidence{At: a.Updated, Node: a.Node, Text: a.Severity + ": " + a.Summary, Facts: a.Evidence})
	}
	r.Evidence[0] = e
	if !worse && a.Cleared == 0 && now.Sub(r.touched) < renewal {
		return // what only lasts is not worth a write on every node
	}
	m.touch(now, r)
	if a.Cleared != 0 {
		m.end(now, r, api.IncidentOver)
	}
	m.explain(now, a)
}

// renewal is how often the record of an alarm that lasts is written again.
const renewal = time.Minute

// explain adds an alarm to the open records of its node.
func (m *Machine) explain(now time.Time, a api.Alarm) {
	for _, r := range m.open {
		if r.recovers() && r.Node == a.Node && a.Cleared == 0 {
			m.alarmsOf(now, r, a.Node)
		}
	}
}

func same(a, b api.Alarm) bool {
	return a.Name == b.Name && a.Node == b.Node && a.Subject == b.Subject && a.Raised == b.Raised
}

// remember keeps an alarm of any node.
func (m *Machine) remember(a api.Alarm) {
	if i := slices.IndexFunc(m.alarms, func(x api.Alarm) bool { return same(x, a) }); i >= 0 {
		m.alarms[i] = a
		return
	}
	m.alarms = append(m.alarms, a)
	if over := len(m.alarms) - maxAlarms; over > 0 {
		m.alarms = slices.Clone(m.alarms[over:])
	}
}

// throttled keeps one record from the moment at which the node is throttled until it is not.
func (m *Machine) throttled(now time.Time, ev Throttled) {
	if ev.Mode == m.mode {
		return // only the job limit has changed
	}
	r := m.find(func(r *record) bool { return r.Kind == api.IncidentThrottle })
	text := fmt.Sprintf("throttle mode of %s: %s (was %s)", m.node, ev.Mode, m.mode)
	m.mode = ev.Mode
	if r == nil {
		if ev.Mode == "negligible" {
			return
		}
		r = m.start(now, api.IncidentThrottle, m.node, text)
		r.Node, r.Severity = m.node, api.Info
	}
	if ev.Mode == "high" || ev.Mode == "extreme" {
		r.Severity, r.Headline = api.Warning, text
	}
	e := api.IncidentEvidence{At: now.UnixMilli(), Node: m.node, Text: text}
	for _, in := range ev.Inputs {
		e.Facts = append(e.Facts, api.Evidence{Name: in.Name, Value: fmt.Sprintf("%.4g (%s)", in.Value, in.Mode), Limit: fmt.Sprintf("%.4g", in.Thresholds)})
	}
	m.evidence(now, r, e)
	if ev.Mode == "negligible" {
		m.end(now, r, api.IncidentOver)
	}
}

// held records monitors that were late because of the host.
func (m *Machine) held(now time.Time, ev MonitorHeld) {
	r := m.find(func(r *record) bool { return r.Kind == api.IncidentMonitor })
	if r == nil {
		if ev.Over {
			return
		}
		r = m.start(now, api.IncidentMonitor, ev.Resource, ev.Text)
		r.Node = m.node
		m.alarmsOf(now, r, m.node)
	}
	r.add(ev.Resource)
	m.evidence(now, r, api.IncidentEvidence{At: now.UnixMilli(), Node: m.node, Text: ev.Text, Hang: ev.Hang})
}

// stored takes a record of another node, or of an earlier life of this one: its alarms may explain what happens
// here, and what a DC that is gone has begun goes on under the next one.
func (m *Machine) stored(now time.Time, in api.Incident) {
	if slices.ContainsFunc(m.open, func(r *record) bool { return r.ID == in.ID }) {
		return
	}
	if in.Kind == api.IncidentAlarm {
		for _, e := range in.Evidence {
			if e.Alarm != nil {
				m.remember(*e.Alarm)
				m.explain(now, *e.Alarm)
			}
		}
	}
	m.drop(in.ID)
	if in.Ended != 0 {
		return
	}
	r := &record{Incident: in, touched: now}
	switch {
	case in.Owner == m.node && !r.recovers():
		m.open = append(m.open, r)
		m.note(now, r, "crmd on "+m.node+" has restarted")
		m.end(now, r, api.IncidentOver)
	case r.recovers() && m.leads:
		m.adopt(now, r)
	default:
		m.foreign = append(m.foreign, in)
		m.foreign = m.foreign[max(0, len(m.foreign)-maxForeign):]
	}
}
