package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/tests/lab/probe"
)

// facts are what was seen of one failover from both sides.
type facts struct {
	victim    string
	resources []string  // members of the group
	cut       time.Time // just before the power was cut
	last      probe.Answer
	first     probe.Answer
	events    []api.TimelineEvent // of all survivors
}

// step is a line of the story.
type step struct {
	at   time.Duration // after the power cut
	what string
	text string
}

// chapters are the steps that the cluster itself has to report, in the order in which they have to happen.
var chapters = []struct {
	kind, what string
	group      bool // the subject is a resource of the group, else the victim
}{
	{"lost", "loss declared", false},
	{"fence-asked", "fence asked", false},
	{"fence-done", "fence confirmed", false},
	{"op-start", "start", true},
}

// tell puts the facts in order. An error names what is missing or out of order: a failover that cannot be told
// has not been shown.
func tell(f facts) ([]step, error) {
	events := slices.Clone(f.events)
	slices.SortStableFunc(events, func(a, b api.TimelineEvent) int { return cmp.Compare(a.At, b.At) })
	steps := []step{{at: 0, what: "power cut", text: "of " + f.victim}}
	if f.last.At.IsZero() {
		return nil, fmt.Errorf("%s never answered before its power was cut", f.victim)
	}
	steps = append(steps, step{at: f.last.At.Sub(f.cut), what: "last answer", text: f.last.Text})
	since := f.cut.UnixMilli()
	for _, c := range chapters {
		at := slices.IndexFunc(events, func(e api.TimelineEvent) bool {
			right := e.Subject == f.victim
			if c.group {
				right = slices.Contains(f.resources, e.Subject)
			}
			return e.At >= since && e.Kind == c.kind && right
		})
		if at < 0 {
			return nil, fmt.Errorf("the cluster does not report the step %q (%s) after the one before", c.what, c.kind)
		}
		e := events[at]
		since = e.At
		steps = append(steps, step{at: time.UnixMilli(e.At).Sub(f.cut), what: c.what, text: e.Text + " (" + e.Node + ")"})
	}
	if f.first.At.IsZero() {
		return nil, fmt.Errorf("the service does not answer after the power cut of %s", f.victim)
	}
	if strings.Contains(f.first.Text, f.victim) {
		return nil, fmt.Errorf("the answer %q after the power cut comes from %s, which is off", f.first.Text, f.victim)
	}
	steps = append(steps, step{at: f.first.At.Sub(f.cut), what: "first answer", text: f.first.Text})
	slices.SortStableFunc(steps, func(a, b step) int { return cmp.Compare(a.at, b.at) })
	return steps, nil
}

// write prints the story as a table in milliseconds.
func write(w io.Writer, steps []step) {
	for _, s := range steps {
		fmt.Fprintf(w, "  %6d ms  %-16s %s\n", s.at.Round(time.Millisecond).Milliseconds(), s.what, s.text)
	}
}
