package detect

import (
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// found takes what a rule says of a subject.
func (m *Machine) found(now time.Time, rule int, set Setting, f Finding) {
	k := key{rule, f.Subject}
	s := m.states[k]
	if s == nil {
		if f.Level < Info {
			return
		}
		if len(m.keys(rule)) >= maxAlarms {
			return
		}
		s = &state{}
		m.states[k] = s
	}
	s.seen, s.level = true, f.Level
	if f.Level < Info {
		m.better(now, k, set, f.Level)
		return
	}
	s.fine = time.Time{}
	if s.bad.IsZero() {
		s.bad = now
	}
	switch {
	case s.alarm == nil && (f.Event || now.Sub(s.bad) >= set.Raise):
		m.raise(now, k, set, f)
	case s.alarm != nil:
		m.renew(now, s, set, f)
	}
	s.finding = f
}

// better: the condition is gone, at least in part. Only Fine brings the end of an alarm nearer.
func (m *Machine) better(now time.Time, k key, set Setting, level Level) {
	s := m.states[k]
	s.bad = time.Time{}
	switch {
	case s.alarm == nil:
		delete(m.states, k)
		return
	case level == Between:
		s.fine = time.Time{}
		return
	case s.fine.IsZero():
		s.fine = now
	}
	if now.Sub(s.fine) >= set.Clear {
		m.clear(now, k, set)
		delete(m.states, k)
	}
}

// unmentioned treats subjects that the rule did not name as fine.
func (m *Machine) unmentioned(now time.Time, rule int, set Setting) {
	for _, k := range m.keys(rule) {
		s := m.states[k]
		if !s.seen {
			s.level = Fine
			m.better(now, k, set, Fine)
		}
		s.seen = false
	}
}

func (m *Machine) raise(now time.Time, k key, set Setting, f Finding) {
	at := now.UnixMilli()
	r := &rules[k.rule]
	a := &api.Alarm{Name: r.Name, Node: m.node, Subject: f.Subject, Severity: set.severity(f.Level), Summary: f.Summary, Raised: at,
		Updated: at, Evidence: f.Evidence, Advice: r.Advice}
	m.states[k].alarm = a
	m.out = append(m.out, Raised{*a})
	m.act(*a, set, "", true)
}

// renew keeps the alarm's evidence up to date. An alarm that gets worse says so at once; one that gets less bad
// keeps its severity until it is over, so that a value at the border does not make it flap.
func (m *Machine) renew(now time.Time, s *state, set Setting, f Finding) {
	a := s.alarm
	worse := rank(set.severity(f.Level)) > rank(a.Severity)
	due := now.UnixMilli()-a.Updated >= evidenceEvery.Milliseconds()
	if !worse && !due && !f.Event {
		return
	}
	was := a.Severity
	if worse {
		a.Severity = set.severity(f.Level)
	}
	a.Summary, a.Evidence, a.Updated = f.Summary, f.Evidence, now.UnixMilli()
	m.out = append(m.out, Changed{*a})
	if worse {
		m.act(*a, set, was, true)
	}
}

func (m *Machine) clear(now time.Time, k key, set Setting) {
	s := m.states[k]
	if s.alarm == nil {
		return
	}
	a := *s.alarm
	s.alarm = nil
	a.Cleared, a.Updated = now.UnixMilli(), now.UnixMilli()
	m.out = append(m.out, Cleared{a})
	m.act(a, set, "", false)
}

// act asks for the configured action when the alarm reaches the severity that it is for.
func (m *Machine) act(a api.Alarm, set Setting, was string, on bool) {
	if !set.Action.Due(a.Severity) || on && was != "" && rank(was) >= rank(set.Action.From) {
		return
	}
	m.out = append(m.out, Act{Alarm: a, Action: set.Action, On: on})
}

// Due reports whether an alarm of that severity is bad enough for the action.
func (a Action) Due(severity string) bool { return !a.None() && rank(severity) >= rank(a.From) }

// rank orders severities.
func rank(severity string) int {
	switch severity {
	case api.Critical:
		return 3
	case api.Warning:
		return 2
	case api.Info:
		return 1
	}
	return 0
}
