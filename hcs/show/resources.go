// Package show writes the state of a cluster for people.
package show

import (
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/state"
)

// Resources writes a table of resources.
func Resources(s *session.Session, list []state.Resource) {
	t := render.NewTable(s, "resource", "state", "node", "remarks")
	for i := range list {
		resource(t, &list[i], 0, nil)
	}
	t.Write(s.Out)
}

// resource writes a row for a resource and below it those of what is in it; around is the collection that it is in.
func resource(t *render.Table, r *state.Resource, depth int, around *state.Resource) {
	name := strings.Repeat("  ", depth) + r.ID
	remarks := Remarks(r, around)
	if len(r.Members) > 0 {
		kind := r.Kind
		if r.Promotable {
			kind = "promotable clone"
		}
		t.Row(render.T(render.Strong, name), render.C(""), render.C(""), render.C(strings.Join(append([]string{kind}, remarks...), ", ")))
		for i := range r.Members {
			resource(t, &r.Members[i], depth+1, r)
		}
		return
	}
	if r.Kind == "fence" {
		remarks = append([]string{"fence device"}, remarks...)
	}
	lines := placed(r)
	for i, l := range lines {
		if i > 0 {
			name, remarks = "", nil
		}
		t.Row(render.C(name), render.T(l.tone, l.word), render.C(strings.Join(l.nodes, ", ")), render.C(strings.Join(remarks, ", ")))
	}
}

// line is a state and the nodes on which a resource is in it.
type line struct {
	word  string
	tone  render.Tone
	nodes []string
}

// placed sums up where the instances of a resource are, promoted ones first.
func placed(r *state.Resource) []line {
	var lines []line
	for _, p := range r.Active {
		word, tone := Word(p)
		at := slices.IndexFunc(lines, func(l line) bool { return l.word == word })
		if at < 0 {
			at = len(lines)
			lines = append(lines, line{word: word, tone: tone})
		}
		node := p.Node
		if p.Unclean {
			node += " (unclean)"
		}
		if p.Instance != "" {
			node += " (" + p.Instance + ")"
		}
		lines[at].nodes = append(lines[at].nodes, node)
	}
	slices.SortStableFunc(lines, func(a, b line) int { return order(a.word) - order(b.word) })
	if len(lines) == 0 {
		tone := render.Bad
		if r.Disabled || !r.Managed {
			tone = render.Quiet
		}
		return []line{{word: "stopped", tone: tone}}
	}
	for i := range lines {
		slices.Sort(lines[i].nodes)
	}
	return lines
}

func order(word string) int { return slices.Index([]string{"promoted", "started", "unpromoted"}, word) }

// pending are the words for operations in progress.
var pending = map[string]string{"start": "starting", "stop": "stopping", "promote": "promoting", "demote": "demoting",
	"migrate_to": "migrating", "migrate_from": "migrating"}

// Word is the state of an instance.
func Word(p state.Place) (string, render.Tone) {
	role := strings.ToLower(p.Role)
	switch {
	case pending[p.Pending] != "":
		return pending[p.Pending], render.Attention
	case p.Failed && p.Role == "Stopped":
		return "failed", render.Bad
	case p.Failed:
		return "failed (" + role + ")", render.Bad
	case p.Unclean:
		return role, render.Attention
	}
	return role, render.Good
}

// Remarks are what is remarkable about a resource; what its collection says is not repeated.
func Remarks(r, around *state.Resource) []string {
	var list []string
	say := func(on, above bool, word string) {
		if on && !(around != nil && above) {
			list = append(list, word)
		}
	}
	up := around
	if up == nil {
		up = &state.Resource{Managed: true}
	}
	say(r.Disabled, up.Disabled, "disabled")
	say(r.Maintenance, up.Maintenance, "maintenance")
	say(!r.Managed && !r.Maintenance, !up.Managed, "unmanaged")
	say(r.Blocked, false, "blocked")
	say(r.Orphan, false, "removed from the configuration")
	return list
}
