package incident

import (
	"fmt"
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// action adds something that is being done.
func (m *Machine) action(now time.Time, r *record, a api.IncidentAction) {
	m.touch(now, r)
	if len(r.Actions) >= maxActions {
		r.Dropped++
		return
	}
	r.Actions = append(r.Actions, a)
}

func (r *record) pending(key string) bool {
	return slices.ContainsFunc(r.Actions, func(a api.IncidentAction) bool { return a.Key == key && a.Done == 0 })
}

// finish records the result of an action.
func (r *record) finish(now time.Time, key string, ok bool, text string) {
	for i := range r.Actions {
		if a := &r.Actions[i]; a.Key == key && a.Done == 0 {
			a.Done, a.OK = now.UnixMilli(), ok
			if text != "" && a.Text != "" {
				a.Text += "; " + text
			} else if text != "" {
				a.Text = text
			}
			return
		}
	}
}

// began adds an operation to the records that it belongs to: those about its resource or node, else every one
// that is being recovered from, because the transition was made for them.
func (m *Machine) began(now time.Time, ev Began) {
	if !ev.Changes {
		return
	}
	for _, r := range m.belongs(ev.Resource, ev.Node) {
		r.add(ev.Resource)
		m.action(now, r, api.IncidentAction{At: now.UnixMilli(), Kind: ev.Task, Subject: ev.Resource, Node: ev.Node, Waited: ev.Waited.Milliseconds(), Key: ev.Key})
	}
}

func (m *Machine) belongs(resource, node string) []*record {
	var exact, all []*record
	for _, r := range m.open {
		if !r.recovers() {
			continue
		}
		all = append(all, r)
		if r.concerns(resource) || r.Kind != api.IncidentLoss && r.Node == node {
			exact = append(exact, r)
		}
	}
	if len(exact) > 0 {
		return exact
	}
	return all
}

// ended takes a result. A failure that no record is about opens one.
func (m *Machine) ended(now time.Time, ev Ended) {
	for _, r := range m.open {
		if r.pending(ev.Key) {
			r.finish(now, ev.Key, ev.OK, ev.Text)
			m.touch(now, r)
		}
	}
	if ev.OK {
		return
	}
	r := m.find(func(r *record) bool { return r.Kind == api.IncidentResource && base(r.Subject) == base(ev.Resource) && r.Node == ev.Node })
	if r == nil {
		r = m.start(now, api.IncidentResource, base(ev.Resource), fmt.Sprintf("%s of %s failed on %s: %s", ev.Task, ev.Resource, ev.Node, ev.Text))
		r.Node = ev.Node
		r.add(ev.Resource)
		m.alarmsOf(now, r, ev.Node)
	}
	kind := "bad answer"
	if ev.NoAnswer {
		kind = "no answer"
	}
	e := api.IncidentEvidence{At: now.UnixMilli(), Node: ev.Node, Text: fmt.Sprintf("%s (%s): %s", ev.Op, kind, ev.Text), Hang: ev.Hang}
	m.evidence(now, r, e)
	m.digests(now, r, ev.Node, ev.Digests)
}

// alarmed opens, renews or ends the record of an alarm of this node, and adds it to what it may explain.
func (m *Machine) alarmed(now time.Time, a api.Alarm) {
	m.remember(a)
	r := m.find(func(r *record) bool {
		return r.Kind == api.IncidentAlarm && len(r.Evidence) > 0 && r.Evidence[0].Alarm != nil && same(*r.Evidence[0].Alarm, a)
	})
	if r == nil {
		if a.Cleared != 0 {
			return
		}
		r = m.start(now, api.IncidentAlarm, a.Name, a.Summary)
		r.Node, r.Started, r.Advice = a.Node, a.Raised, a.Advice
	}
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
	m.touch(now, r)
	if a.Cleared != 0 {
		m.end(now, r, api.IncidentOver)
	}
	m.explain(now, a)
}

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
	r := m.find(func(r *record) bool { return r.Kind == api.IncidentThrottle })
	text := fmt.Sprintf("throttle mode of %s: %s (was %s)", m.node, ev.Mode, ev.From)
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

// stored takes a record of another node: its alarms may explain what happens here, and what a DC that is gone
// has begun goes on under the next one.
func (m *Machine) stored(in api.Incident) {
	if in.Owner == m.node {
		return
	}
	if in.Kind == api.IncidentAlarm {
		for _, e := range in.Evidence {
			if e.Alarm != nil {
				m.remember(*e.Alarm)
			}
		}
	}
}
