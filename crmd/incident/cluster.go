package incident

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// recovers tells the kinds that end when the cluster is idle again.
func (r *record) recovers() bool {
	switch r.Kind {
	case api.IncidentLoss, api.IncidentFence, api.IncidentResource, api.IncidentChange:
		return true
	}
	return false
}

// office: a new DC goes on with what the old one had begun, because its records are replicated.
func (m *Machine) office(now time.Time, leads bool) {
	if m.leads == leads {
		return
	}
	m.leads = leads
	if leads {
		for _, in := range slices.Clone(m.foreign) {
			if r := (&record{Incident: in, touched: now}); r.recovers() {
				m.adopt(now, r)
			}
		}
		return
	}
	for _, r := range slices.Clone(m.open) {
		if r.recovers() || r.Kind == api.IncidentQuorum {
			m.note(now, r, m.node+" is not the DC any more; the next one goes on with this")
			m.open = slices.DeleteFunc(m.open, func(x *record) bool { return x == r })
			m.foreign = append(m.foreign, r.Incident)
		}
	}
}

// adopt goes on with a record that somebody else has begun.
func (m *Machine) adopt(now time.Time, r *record) {
	m.drop(r.ID)
	if r.Owner != m.node {
		m.note(now, r, fmt.Sprintf("%s is the DC now and goes on with what %s began", m.node, r.Owner))
	}
	r.Owner = m.node
	m.open = append(m.open, r)
}

// drop forgets a record of another node.
func (m *Machine) drop(id string) {
	m.foreign = slices.DeleteFunc(m.foreign, func(x api.Incident) bool { return x.ID == id })
}

// silenced ends the alarms and the like of a node that is gone: nobody else would.
func (m *Machine) silenced(now time.Time, node string) {
	for _, in := range slices.Clone(m.foreign) {
		r := &record{Incident: in, touched: now}
		if in.Owner != node || r.recovers() {
			continue
		}
		m.drop(in.ID)
		m.open = append(m.open, r)
		r.Owner = m.node
		m.note(now, r, node+" is gone, and this with it")
		m.end(now, r, api.IncidentOver)
	}
}

func (m *Machine) nodeLost(now time.Time, ev Lost) {
	r := m.find(func(r *record) bool { return r.Kind == api.IncidentLoss && r.Subject == ev.Node })
	if r == nil {
		r = m.start(now, api.IncidentLoss, ev.Node, ev.Node+" was lost: "+ev.Reason)
		r.Severity, r.Node = api.Critical, ev.Node
	}
	if ev.LastHeard > 0 && ev.LastHeard < r.Started {
		m.evidence(now, r, api.IncidentEvidence{At: ev.LastHeard, Node: m.node, Text: "last heartbeat of " + ev.Node})
	}
	m.note(now, r, ev.Node+" lost: "+ev.Reason)
	r.add(ev.Resources...)
	m.digests(now, r, ev.Node, ev.Digests)
	m.alarmsOf(now, r, ev.Node)
	m.silenced(now, ev.Node)
	for _, x := range m.open {
		x.abandon(now, ev.Node)
	}
	if a, ok := m.answers[ev.Node]; ok && now.Sub(a.at) < answerWindow {
		m.heard(now, a.ev)
	}
	delete(m.answers, ev.Node)
	if r.Node != m.node {
		m.alarmsOf(now, r, m.node, "heartbeat.network", "heartbeat.stall", "link.flap")
	}
}

// answerWindow is how long before the record of a loss an answer of that node's crmd counts for it.
const answerWindow = 10 * time.Second

// alarmsOf adds the alarms of a node that lasted when the record began or ended shortly before; only adds those
// with these names when there are any.
func (m *Machine) alarmsOf(now time.Time, r *record, node string, only ...string) {
	for _, a := range m.alarms {
		switch {
		case a.Node != node || len(only) > 0 && !slices.Contains(only, a.Name):
			continue
		case a.Cleared != 0 && a.Cleared < r.Started-alarmWindow.Milliseconds():
			continue
		}
		known := slices.ContainsFunc(r.Evidence, func(e api.IncidentEvidence) bool {
			return e.Alarm != nil && e.Alarm.Name == a.Name && e.Alarm.Node == a.Node && e.Alarm.Subject == a.Subject && e.Alarm.Raised == a.Raised
		})
		if !known {
			m.evidence(now, r, api.IncidentEvidence{At: a.Raised, Node: a.Node, Text: "alarm " + a.Name + ": " + a.Summary, Alarm: &a})
		}
	}
}

// alarmWindow is how long before a record an alarm may have ended to matter for it.
const alarmWindow = 2 * time.Minute

// add notes resources that a record is about, each once.
func (r *record) add(resources ...string) {
	for _, x := range resources {
		if len(r.Resources) >= maxResources {
			r.Dropped++
		} else if !slices.Contains(r.Resources, x) {
			r.Resources = append(r.Resources, x)
		}
	}
}

func (m *Machine) heard(now time.Time, ev Heard) {
	r := m.find(func(r *record) bool { return r.Kind == api.IncidentLoss && r.Subject == ev.Node })
	if r == nil || !m.leads {
		m.answers[ev.Node] = answer{now, ev}
		return
	}
	text := fmt.Sprintf("crmd on %s did not answer within %d ms either", ev.Node, ev.After.Milliseconds())
	if ev.Answered {
		text = fmt.Sprintf("crmd on %s answered within %d ms although no heartbeat came: %s", ev.Node, ev.After.Milliseconds(), answered)
	}
	m.note(now, r, text)
	if len(ev.Digests) > 0 {
		m.digests(now, r, ev.Node, ev.Digests)
	}
}

// answered and aliveAgain are recognised by diagnose.
const (
	answered   = "the network works and the host stalls"
	aliveAgain = "it had been alive all the time"
)

func (m *Machine) joined(now time.Time, ev Joined) {
	r := m.find(func(r *record) bool { return r.Kind == api.IncidentLoss && r.Subject == ev.Node })
	if r == nil {
		r = m.lost[ev.Node] // it is over, but what caused it may be clearer now
	}
	delete(m.lost, ev.Node)
	if r == nil {
		return
	}
	text := ev.Node + " is a member again"
	if ev.Reborn {
		text += ": " + aliveAgain
	}
	m.note(now, r, text)
}

func (m *Machine) left(now time.Time, ev Left) {
	m.silenced(now, ev.Node)
	if r := m.find(func(r *record) bool { return r.recovers() && r.concerns(ev.Node) }); r != nil {
		m.note(now, r, ev.Node+" left the cluster in order")
	}
}

func (m *Machine) quorum(now time.Time, ev Quorum) {
	text := "quorum lost: " + ev.Reason
	if ev.Quorate {
		text = "quorum gained: " + ev.Reason
	}
	r := m.find(func(r *record) bool { return r.Kind == api.IncidentQuorum })
	if r == nil {
		r = m.start(now, api.IncidentQuorum, "quorum", text)
	}
	r.Headline = text
	r.Severity = map[bool]string{true: api.Info, false: api.Critical}[ev.Quorate]
	m.note(now, r, text)
	if main := m.find(func(r *record) bool { return r.Kind == api.IncidentLoss }); main != nil {
		m.note(now, main, text)
	}
}

// fenceRecord is the record that a fencing of a node belongs to.
func (m *Machine) fenceRecord(now time.Time, target, why string) *record {
	r := m.find(func(r *record) bool {
		return (r.Kind == api.IncidentLoss || r.Kind == api.IncidentFence) && r.Subject == target
	})
	if r == nil { // a failed stop is why the node has to be fenced
		r = m.find(func(r *record) bool { return r.Kind == api.IncidentResource && r.Node == target })
	}
	if r == nil {
		r = m.start(now, api.IncidentFence, target, why)
		r.Severity, r.Node = api.Critical, target
		m.alarmsOf(now, r, target)
	}
	return r
}

func (m *Machine) fenceAsked(now time.Time, ev FenceAsked) {
	r := m.fenceRecord(now, ev.Target, "fencing of "+ev.Target+": "+ev.Reason)
	text := ev.Action + ": " + ev.Reason
	if ev.Delay > 0 {
		text += fmt.Sprintf(", after %d ms so that the other side goes first if it lives", ev.Delay.Milliseconds())
	}
	m.action(now, r, api.IncidentAction{At: now.UnixMilli(), Kind: "fence", Subject: ev.Target, Node: m.node, Text: text, Key: "fence " + ev.Target})
	if r.State == api.IncidentBlocked {
		r.State = api.IncidentOpen
	}
}

func (m *Machine) fenceEnded(now time.Time, ev FenceEnded) {
	why := "fencing of " + ev.Target
	if ev.Asker != "" {
		why = fmt.Sprintf("%s of %s was asked for by %s", ev.Action, ev.Target, ev.Asker)
	}
	r := m.fenceRecord(now, ev.Target, why)
	key := "fence " + ev.Target
	if !r.pending(key) {
		text := ev.Action
		if ev.Asker != "" {
			text += ", asked for by " + ev.Asker
		}
		m.action(now, r, api.IncidentAction{At: now.Add(-ev.Took).UnixMilli(), Kind: "fence", Subject: ev.Target, Node: ev.By, Text: text, Key: key})
	}
	text := fmt.Sprintf("confirmed by %s after %d ms", ev.By, ev.Took.Milliseconds())
	if !ev.OK {
		text = fmt.Sprintf("failed (attempt %d): %s; next try in %s, nothing that %s may run is started elsewhere until then", ev.Attempt, ev.Reason, ev.Next, ev.Target)
		r.State = api.IncidentBlocked
	}
	r.finish(now, key, ev.OK, text)
	m.touch(now, r)
}

// planned opens a record when a plan changes something and no open record explains that.
func (m *Machine) planned(now time.Time, ev Planned) {
	var concerned []*record
	for _, r := range m.open {
		if r.recovers() {
			concerned = append(concerned, r)
		}
	}
	if len(concerned) == 0 {
		if len(ev.Changes) == 0 {
			return // probes, or recurring monitors that begin
		}
		r := m.start(now, api.IncidentChange, base(ev.Changes[0].Resource), ev.Reason)
		r.Severity, r.Headline = api.Info, headlineOf(ev)
		if strings.Contains(ev.Reason, "#health") {
			r.Node = ev.Changes[0].From
			m.alarmsOf(now, r, r.Node)
		}
		concerned = append(concerned, r)
	}
	for _, r := range concerned {
		m.decide(now, r, ev)
	}
}

func (m *Machine) decide(now time.Time, r *record, ev Planned) {
	m.touch(now, r)
	if len(r.Decision) >= maxDecisions {
		r.Decision = slices.Delete(r.Decision, 1, 2) // the first says most
		r.Dropped++
	}
	d := api.IncidentDecision{At: now.UnixMilli(), Transition: ev.Transition, Reason: ev.Reason, Input: ev.Input}
	r.down = nil
	for _, c := range ev.Changes {
		if r.Kind == api.IncidentChange || r.Node != "" && (c.From == r.Node || c.To == r.Node) {
			r.add(base(c.Resource))
		}
		if len(d.Notes) < maxNotes {
			d.Notes = append(d.Notes, api.Note{Subject: c.Resource, Stage: "plan", Why: c.text()})
		}
		// An instance of a clone that stops leaves the others.
		if (c.Verb == "Stop" || c.Blocked) && !strings.Contains(c.Resource, ":") {
			r.down = append(r.down, c.Resource)
		}
	}
	r.Decision = append(r.Decision, d)
}

// text is a change as a person would say it.
func (c Change) text() string {
	words := c.Verb
	switch {
	case c.From != "" && c.To == "":
		words += " on " + c.From
	case c.From != "" && c.From != c.To:
		words += " from " + c.From
	}
	switch {
	case c.To != "" && c.From != "" && c.From != c.To:
		words += " to " + c.To
	case c.To != "":
		words += " on " + c.To
	}
	if c.Blocked {
		words += ", which is not possible"
	}
	if c.Reason != "" {
		words += ": " + c.Reason
	}
	return words
}

func headlineOf(ev Planned) string {
	var words []string
	for _, c := range ev.Changes {
		c.Reason = ""
		words = append(words, c.Resource+": "+strings.ToLower(c.text()[:1])+c.text()[1:])
	}
	if n := len(words); n > 4 {
		words = append(words[:4], fmt.Sprintf("and %d more", n-4))
	}
	return strings.Join(words, ", ")
}

// decided adds the scheduler's reasons that are about what the record is about.
func (m *Machine) decided(now time.Time, ev Decided) {
	for _, r := range m.open {
		for i := range r.Decision {
			d := &r.Decision[i]
			if d.Transition != ev.Transition {
				continue
			}
			for _, n := range ev.Notes {
				if !r.concerns(n.Subject) {
					continue
				}
				if len(d.Notes) >= maxNotes {
					r.Dropped++
					continue
				}
				d.Notes = append(d.Notes, n)
			}
			m.touch(now, r)
		}
	}
}

// base is a resource's name without the number of a clone's instance.
func base(resource string) string {
	b, _, _ := strings.Cut(resource, ":")
	return b
}

func (r *record) concerns(subject string) bool {
	return subject == r.Subject || subject == r.Node || slices.ContainsFunc(r.Resources, func(x string) bool { return base(x) == base(subject) })
}

// idle ends what the cluster has recovered from.
func (m *Machine) idle(now time.Time) {
	for _, r := range slices.Clone(m.open) {
		if !r.recovers() || r.State == api.IncidentBlocked {
			continue
		}
		m.end(now, r, r.outcome())
		if r.Kind == api.IncidentLoss {
			m.lost[r.Subject] = r
		}
	}
}
