package mon

import (
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/tools/fencetext"
)

// reduced keeps, of the events that have ended, the last of each kind: target, action and outcome. Pending ones
// are all kept.
func reduced(events []api.FenceEvent) []api.FenceEvent {
	type kind struct{ target, action, state, delegate string }
	seen := map[kind]bool{}
	return slices.DeleteFunc(slices.Clone(events), func(e api.FenceEvent) bool {
		k := kind{e.Target, e.Action, e.State, e.Result.Delegate}
		if e.Pending() {
			return false
		}
		if seen[k] {
			return true
		}
		seen[k] = true
		return false
	})
}

// eventsFor are the events that a section shows.
func (r *report) eventsFor(want func(*api.FenceEvent) bool) []api.FenceEvent {
	events := r.fenceEvents
	if !r.fullHistory {
		events = reduced(events)
	}
	return slices.DeleteFunc(slices.Clone(events), func(e api.FenceEvent) bool {
		return !want(&e) || r.view.Only.SomeNodes && !slices.Contains(r.view.Only.Nodes, e.Target)
	})
}

func (r *report) fencingUnknown(l *list) bool {
	if r.fenceProblem == nil {
		return false
	}
	l.item("Failed to get fencing history: %v", r.fenceProblem)
	l.end()
	return true
}

func (r *report) failedFencing() {
	if r.has(fencingSucceeded) {
		return // they are part of the whole history
	}
	l := &list{r: r, title: "Failed Fencing Actions"}
	if r.fencingUnknown(l) {
		return
	}
	for _, e := range r.eventsFor(func(e *api.FenceEvent) bool { return e.State == api.FenceFailed }) {
		l.item("%s", r.event(&e))
	}
	l.end()
}

// fencing is the whole history or, without successes, what is in progress.
func (r *report) fencing() {
	l := &list{r: r, title: "Pending Fencing Actions"}
	want := (*api.FenceEvent).Pending
	if r.has(fencingSucceeded) {
		l.title, want = "Fencing History", func(*api.FenceEvent) bool { return true }
	} else if !r.has(fencingPending) || r.fenceProblem != nil {
		return
	}
	if r.has(fencingSucceeded) && r.fencingUnknown(l) {
		return
	}
	for _, e := range r.eventsFor(want) {
		l.item("%s", r.event(&e))
	}
	l.end()
}

// event tells of one fencing.
func (r *report) event(e *api.FenceEvent) string {
	if r.detail {
		return fencetext.Detail(e, r.fullHistory, fencetext.Later(e, r.fenceEvents))
	}
	return eventText(e, r.fenceEvents, r.fullHistory)
}

// eventText tells of one fencing as a sentence.
func eventText(e *api.FenceEvent, history []api.FenceEvent, full bool) string {
	var b strings.Builder
	b.WriteString(fencetext.Word(e.Action) + " of " + e.Target)
	if e.Result.Delegate != "" && !e.Pending() {
		b.WriteString(" by " + e.Result.Delegate)
	}
	b.WriteString(" for " + e.Client + "@" + e.Origin)
	if !full {
		b.WriteString(" last")
	}
	switch {
	case e.Pending():
		return b.String() + " pending"
	case e.State != api.FenceFailed:
		b.WriteString(" successful")
	default:
		b.WriteString(" failed")
		if e.Result.Reason != "" {
			b.WriteString(" (" + e.Result.Reason + ")")
		}
	}
	b.WriteString(" at " + fencetext.Time(e.Result.Done))
	if later := fencetext.Later(e, history); later != "" {
		b.WriteString(" (a later attempt from " + later + " succeeded)")
	}
	return b.String()
}

// fencingXML is the history. Where it is not known the status says so.
func (r *report) fencingXML() {
	if !r.live {
		return
	}
	list := cibxml.New("fence_history")
	if r.fenceProblem != nil {
		list.Set("status", "102")
		r.out.Add(list)
		return
	}
	for _, e := range r.eventsFor(func(*api.FenceEvent) bool { return true }) {
		list.Append(fencetext.XML(&e))
	}
	if len(list.Children) > 0 {
		list.Set("status", "0")
		r.out.Add(list)
	}
}
