package incident

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// outcome is the state in which a record of a recovery ends.
func (r *record) outcome() string {
	for _, x := range r.fate() {
		if !x.ok {
			return api.IncidentFailed
		}
	}
	if r.Kind == api.IncidentChange {
		return api.IncidentOver
	}
	if slices.ContainsFunc(r.down, func(x string) bool { return slices.Contains(r.Resources, x) }) {
		return api.IncidentFailed
	}
	return api.IncidentRecovered
}

// ended is what became of a resource in the end.
type ended struct {
	resource, node, kind string
	ok                   bool
	text                 string
}

// fate is the last thing that was done to each resource, in the order in which they first appear.
func (r *record) fate() []ended {
	var out []ended
	for _, a := range r.Actions {
		if a.Kind == "fence" || a.Kind == "monitor" || a.Kind == "notify" || a.Done == 0 {
			continue
		}
		e := ended{a.Subject, a.Node, a.Kind, a.OK, a.Text}
		if i := slices.IndexFunc(out, func(x ended) bool { return x.resource == a.Subject }); i >= 0 {
			out[i] = e
		} else {
			out = append(out, e)
		}
	}
	return out
}

// maxWords bounds the resources that the result names; the actions name all.
const maxWords = 12

// result says what came of it.
func result(r *record) string {
	took := time.Duration(r.Ended-r.Started) * time.Millisecond
	switch r.Kind {
	case api.IncidentAlarm, api.IncidentThrottle:
		return "it lasted " + span(took)
	case api.IncidentMonitor:
		return fmt.Sprintf("the late answers of %s alone did not count as failures; over after %s", strings.Join(r.Resources, ", "), span(took))
	case api.IncidentQuorum:
		return r.Headline
	}
	var words []string
	for _, f := range r.Actions {
		if f.Kind == "fence" && f.Done != 0 && f.OK {
			words = append(words, fmt.Sprintf("%s is proven down", f.Subject))
			break
		}
	}
	for _, e := range r.fate() {
		switch {
		case !e.ok:
			words = append(words, fmt.Sprintf("%s of %s on %s failed", e.kind, e.resource, e.node))
		case e.kind == "start" || e.kind == "migrate_from" || e.kind == "migrate_to":
			words = append(words, e.resource+" runs on "+e.node)
		case e.kind == "promote":
			words = append(words, e.resource+" is promoted on "+e.node)
		case e.kind == "demote":
			words = append(words, e.resource+" is demoted on "+e.node)
		case e.kind == "stop":
			words = append(words, e.resource+" is stopped")
		}
	}
	for _, x := range r.down {
		if r.Kind != api.IncidentChange && slices.Contains(r.Resources, x) && !slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, x+" runs") }) {
			words = append(words, x+" has no node to run on")
		}
	}
	if n := len(words); n > maxWords {
		words = append(words[:maxWords], fmt.Sprintf("and %d more", n-maxWords))
	}
	if r.Held > 0 {
		words = append(words, fmt.Sprintf("throttled: %d operations waited for their turn, the longest for %s", r.Held, span(time.Duration(r.HeldFor)*time.Millisecond)))
	}
	if len(words) == 0 {
		words = append(words, "nothing had to be moved")
	}
	return strings.Join(words, ", ") + fmt.Sprintf("; over after %s", span(took))
}

// span writes a duration for a person.
func span(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	default:
		return fmt.Sprintf("%.1f h", d.Hours())
	}
}
