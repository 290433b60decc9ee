package mon

import (
	"slices"
	"strconv"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// pendingEvent reports whether fencing has not ended.
func pendingEvent(e *api.FenceEvent) bool {
	return e.State == "querying" || e.State == "executing" || e.State == "duplicate"
}

// reduced keeps, of the events that have ended, the last of each kind: target, action and outcome. Pending ones
// are all kept.
func reduced(events []api.FenceEvent) []api.FenceEvent {
	type kind struct{ target, action, state, delegate string }
	seen := map[kind]bool{}
	return slices.DeleteFunc(slices.Clone(events), func(e api.FenceEvent) bool {
		k := kind{e.Target, e.Action, e.State, e.Result.Delegate}
		if pendingEvent(&e) {
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
	for _, e := range r.eventsFor(func(e *api.FenceEvent) bool { return e.State == "failed" }) {
		l.item("%s", r.event(&e))
	}
	l.end()
}

// fencing is the whole history or, without successes, what is in progress.
func (r *report) fencing() {
	l := &list{r: r, title: "Pending Fencing Actions"}
	want := pendingEvent
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
func (r *report) event(e *api.FenceEvent) string { return EventText(e, r.fenceEvents, r.fullHistory) }

// EventText tells of one fencing; later decides whether a failure has been made good.
func EventText(e *api.FenceEvent, all []api.FenceEvent, full bool) string {
	text := actionWord(e.Action) + " of " + e.Target
	last := "last "
	if full {
		last = ""
	}
	if pendingEvent(e) {
		return text + " for " + e.Client + "@" + e.Origin + " " + last + "pending"
	}
	if e.Result.Delegate != "" {
		text += " by " + e.Result.Delegate
	}
	text += " for " + e.Client + "@" + e.Origin + " " + last
	if e.State == "failed" {
		text += "failed"
		if e.Result.Reason != "" {
			text += " (" + e.Result.Reason + ")"
		}
	} else {
		text += "successful"
	}
	text += " at " + eventTime(e.Result.Done)
	if origin := made(e, all); origin != "" {
		text += " (a later attempt from " + origin + " succeeded)"
	}
	return text
}

// made is from where a failed fencing was repeated with success, "" when it was not.
func made(e *api.FenceEvent, all []api.FenceEvent) string {
	if e.State != "failed" {
		return ""
	}
	for _, o := range all {
		if o.State == "done" && o.Target == e.Target && o.Action == e.Action && o.Result.Done > e.Result.Done {
			return o.Origin
		}
	}
	return ""
}

func actionWord(action string) string {
	switch action {
	case "on":
		return "unfencing"
	case "off":
		return "turning off"
	}
	return action
}

func eventTime(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04:05Z") }

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
		list.Append(EventXML(&e))
	}
	if len(list.Children) > 0 {
		list.Set("status", "0")
		r.out.Add(list)
	}
}

// EventXML is the element of one fencing.
func EventXML(e *api.FenceEvent) *cibxml.Element {
	status := map[string]string{"done": "success", "failed": "failed"}[e.State]
	if status == "" {
		status = "pending"
	}
	x := cibxml.New("fence_event", "action", e.Action, "target", e.Target, "client", e.Client, "origin", e.Origin, "status", status)
	if status == "pending" {
		x.Set("extended-status", strconv.Itoa(map[string]int{"executing": 1, "duplicate": 3}[e.State]))
		return x
	}
	if e.Result.Reason != "" {
		x.Set("exit-reason", e.Result.Reason)
	}
	if e.Result.Delegate != "" {
		x.Set("delegate", e.Result.Delegate)
	}
	x.Set("completed", eventTime(e.Result.Done))
	return x
}
