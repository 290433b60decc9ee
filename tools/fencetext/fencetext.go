// Package fencetext shows fencing history as Pacemaker's tools do.
package fencetext

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// timeFormat is that of all times in the history.
const timeFormat = "2006-01-02 15:04:05Z07:00"

// Time is a moment as the tools write it, in local time.
func Time(ms int64) string { return time.UnixMilli(ms).Local().Format(timeFormat) }

// Word is the action in a sentence about a target.
func Word(action string) string {
	switch action {
	case "on":
		return "unfencing"
	case "off":
		return "turning off"
	default:
		return action
	}
}

// Detail is an event on one line with all that is known of it. full tells that the line stands in the whole
// history, so that "last" would be wrong. later is the node that succeeded after the event failed, "" for none.
func Detail(e *api.FenceEvent, full bool, later string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %s ", Word(e.Action), e.Target)
	last, when := "last-successful", Time(e.Result.Done)
	switch {
	case e.Pending():
		b.WriteString("pending")
	case e.State == api.FenceDone:
		b.WriteString("successful")
	default:
		last = "last-failed"
		b.WriteString("failed")
		if e.Result.Reason != "" {
			b.WriteString(" (" + e.Result.Reason + ")")
		}
	}
	b.WriteString(": ")
	if e.Result.Delegate != "" {
		b.WriteString("delegate=" + e.Result.Delegate + ", ")
	}
	fmt.Fprintf(&b, "client=%s, origin=%s", e.Client, e.Origin)
	if !e.Pending() {
		if full {
			last = "completed"
		}
		fmt.Fprintf(&b, ", %s='%s'", last, when)
	}
	if later != "" {
		fmt.Fprintf(&b, " (a later attempt from %s succeeded)", later)
	}
	return b.String()
}

// Later names the node from which the same was done with success after an event failed, "" when none was or
// the event did not fail. history is sorted, newest first.
func Later(e *api.FenceEvent, history []api.FenceEvent) string {
	if e.State != api.FenceFailed {
		return ""
	}
	for i := range history {
		h := &history[i]
		if h.State == api.FenceDone && strings.EqualFold(h.Target, e.Target) && h.Action == e.Action && h.Result.Done > e.Result.Done {
			return h.Origin
		}
	}
	return ""
}

// extended are the numbers that Pacemaker has for the states of what is pending.
var extended = map[string]int{api.FenceQuerying: 0, api.FenceExecuting: 1, api.FenceDuplicate: 3}

// XML is an event as an element.
func XML(e *api.FenceEvent) *cibxml.Element {
	x := cibxml.New("fence_event", "action", e.Action, "target", e.Target, "client", e.Client, "origin", e.Origin)
	switch {
	case e.Pending():
		x.Set("status", "pending")
		x.Set("extended-status", strconv.Itoa(extended[e.State]))
	case e.State == api.FenceDone:
		x.Set("status", "success")
	default:
		x.Set("status", "failed")
		if e.Result.Reason != "" {
			x.Set("exit-reason", e.Result.Reason)
		}
	}
	if e.Result.Delegate != "" {
		x.Set("delegate", e.Result.Delegate)
	}
	if !e.Pending() {
		x.Set("completed", Time(e.Result.Done))
	}
	return x
}
