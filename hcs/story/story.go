// Package story tells incidents to people.
package story

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/session"
)

// Tell writes an incident: why, what was seen, decided and done, what came of it and what to do.
func Tell(s *session.Session, in *api.Incident) {
	t := teller{s: s, paint: render.NewPainter(s), in: in}
	t.head()
	t.cause()
	t.evidence()
	t.vitals()
	t.decisions()
	t.actions()
	if in.Result != "" {
		t.title("What came of it")
		s.Say("  %s.", in.Result)
	}
	if len(in.Advice) > 0 {
		t.title("What to do")
		for _, a := range in.Advice {
			s.Say("  - %s", a)
		}
	}
	if in.Dropped > 0 {
		s.Say("  (%d more steps did not fit into the record)", in.Dropped)
	}
}

type teller struct {
	s     *session.Session
	paint render.Painter
	in    *api.Incident
}

func (t *teller) title(text string) { t.s.Say("\n%s", t.paint.Paint(render.Strong, text)) }

// clock is the time of day of something in this incident.
func (t *teller) clock(at int64) string {
	return time.UnixMilli(at).In(t.s.Now().Location()).Format("15:04:05.000")
}

func tone(severity string) render.Tone {
	switch severity {
	case api.Critical:
		return render.Bad
	case api.Warning:
		return render.Attention
	}
	return render.Plain
}

func (t *teller) head() {
	in := t.in
	t.s.Say("%s", t.paint.Paint(tone(in.Severity), in.Headline))
	day := time.UnixMilli(in.Started).In(t.s.Now().Location()).Format("2006-01-02")
	state := in.State
	if in.Ended != 0 {
		state += " after " + render.Span(time.Duration(in.Ended-in.Started)*time.Millisecond)
	}
	t.s.Say("%s", t.paint.Paint(render.Quiet, fmt.Sprintf("%s, %s, began %s %s; incident %s, written by %s", in.Kind, state, day, t.clock(in.Started), in.ID, in.Owner)))
}

func (t *teller) cause() {
	c := &t.in.Cause
	t.title("Why")
	confidence := c.Confidence
	if c.Name == api.Unknown {
		t.s.Say("  %s.", c.Text)
	} else {
		t.s.Say("  %s (%s): %s.", t.paint.Paint(render.Strong, c.Name), confidence, strings.TrimSuffix(c.Text, "."))
	}
	for _, b := range c.Because {
		t.s.Say("  - %s", b)
	}
}

// maxFacts bounds the facts that are shown of one piece of evidence; --json has all.
const maxFacts = 8

func (t *teller) evidence() {
	list := slices.DeleteFunc(slices.Clone(t.in.Evidence), func(e api.IncidentEvidence) bool { return len(e.Digests) > 0 })
	if t.in.Kind == api.IncidentAlarm && len(list) > 1 {
		list = list[1:] // the first is the alarm as it was last, which the headline says
	}
	if len(list) == 0 {
		return
	}
	slices.SortStableFunc(list, func(a, b api.IncidentEvidence) int { return int(a.At - b.At) })
	t.title("What was seen")
	for _, e := range list {
		asOf := ""
		if a := e.Alarm; a != nil && t.clock(a.Updated) != t.clock(e.At) {
			asOf = " (as of " + t.clock(a.Updated) + ")"
		}
		t.s.Say("  %s  %s: %s%s", t.clock(e.At), e.Node, e.Text, asOf)
		facts := e.Facts
		if e.Alarm != nil {
			facts = e.Alarm.Evidence
		}
		for _, f := range facts[:min(len(facts), maxFacts)] {
			if f.Value == "" {
				continue // not known there
			}
			limit := ""
			if f.Limit != "" {
				limit = t.paint.Paint(render.Quiet, fmt.Sprintf(" (threshold %s)", f.Limit))
			}
			t.s.Say("                  %s: %s%s", f.Name, f.Value, limit)
		}
		if e.Hang != nil {
			t.hang(e.Hang)
		}
	}
}

func (t *teller) hang(h *api.Hang) {
	if h.Starved != "" {
		t.s.Say("                  the host was starved: %s", h.Starved)
	}
	for _, p := range h.Processes {
		words := fmt.Sprintf("%s[%d], child of %d, state %s", p.Comm, p.PID, p.PPID, p.State)
		if p.WChan != "" {
			words += ", waits in " + p.WChan
		}
		t.s.Say("                  %s", words)
		if len(p.Stack) > 0 {
			t.s.Say("                    %s", strings.Join(p.Stack[:min(6, len(p.Stack))], " < "))
		}
	}
}

// shown picks at most n digests: the last ones each, those before at growing distances.
func shown(list []api.Digest, n int) []api.Digest {
	var out []api.Digest
	step := 1
	for i := len(list) - 1; i >= 0 && len(out) < n; i -= step {
		out = append(out, list[i])
		if len(out) >= n/2 {
			step = max(1, i/(n-len(out)+1))
		}
	}
	slices.Reverse(out)
	return out
}

// eventful leaves out digests that say the same as the ones before and behind them.
func eventful(list []api.Digest) []api.Digest {
	same := func(a, b api.Digest) bool {
		a.At, b.At = 0, 0
		return reflect.DeepEqual(a, b)
	}
	var out []api.Digest
	for i, d := range list {
		if i == 0 || i == len(list)-1 || !same(d, list[i-1]) || !same(d, list[i+1]) {
			out = append(out, d)
		}
	}
	return out
}

func (t *teller) vitals() {
	for _, e := range t.in.Evidence {
		if len(e.Digests) == 0 {
			continue
		}
		t.title(fmt.Sprintf("The last vitals of %s, which %s holds", e.Digests[0].Node, e.Node))
		table := render.NewTable(t.s, "time", "available", "trend", "memory pressure", "io pressure", "load", "crmd late", "corosyncd late", "OOM kills", "alarms")
		for _, d := range eventful(shown(e.Digests, 10)) {
			table.Text(t.clock(d.At), fmt.Sprintf("%.1f of %.1f GiB", float64(d.Available)/(1<<10), float64(d.Total)/(1<<10)), unless(d.Slope == 0, "%+d MiB/s", d.Slope), unless(d.MemFull == 0, "%.0f %%", d.MemFull),
				unless(d.IOFull == 0, "%.0f %%", d.IOFull), fmt.Sprintf("%.1f on %d", d.Load, d.Cores), unless(d.Late < 10, "%d ms", d.Late),
				unless(d.Heartbeat < 10, "%d ms", d.Heartbeat), unless(d.OOMKills == 0, "%d", d.OOMKills), strings.Join(d.Alarms, " "))
		}
		table.Write(t.s.Out)
	}
}

func unless(empty bool, format string, args ...any) string {
	if empty {
		return ""
	}
	return fmt.Sprintf(format, args...)
}

func (t *teller) decisions() {
	if len(t.in.Decision) == 0 {
		return
	}
	t.title("What was decided")
	for _, d := range t.in.Decision {
		t.s.Say("  %s  transition %d, because of: %s", t.clock(d.At), d.Transition, d.Reason)
		for _, n := range d.Notes {
			t.s.Say("                  %s: %s", n.Subject, n.Why)
		}
	}
	last := t.in.Decision[len(t.in.Decision)-1]
	if last.Input != "" {
		t.s.Say("  %s", t.paint.Paint(render.Quiet, fmt.Sprintf("Replay it: hcs incidents input %s > plan.xml && crm_simulate -x plan.xml -S", t.in.ID)))
	}
}

func (t *teller) actions() {
	if len(t.in.Actions) == 0 {
		return
	}
	t.title("What was done")
	table := render.NewTable(t.s, "time", "after", "what", "where", "took", "waited", "")
	for _, a := range t.in.Actions {
		took, word := "goes on", render.C(a.Text)
		if a.Done != 0 {
			took = fmt.Sprintf("%d ms", a.Done-a.At)
			if !a.OK {
				word = render.T(render.Bad, "failed: "+a.Text)
			}
		}
		table.Row(render.C(t.clock(a.At)), render.C(fmt.Sprintf("+%d ms", a.At-t.in.Started)), render.C(a.Kind+" "+a.Subject), render.C(a.Node), render.C(took),
			render.C(unless(a.Waited == 0, "%d ms", a.Waited)), word)
	}
	table.Write(t.s.Out)
}
