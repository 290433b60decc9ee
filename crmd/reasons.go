package crmd

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/upgrade"
	"github.com/holdfast-ha/holdfast/crmd/incident"
	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/report"
)

// maxReasons bounds the resources whose scores are recorded.
const maxReasons = 20

// explain runs the scheduler once more and keeps the reasons for what it changes: its notes, and each node's score
// with what it is made of.
func explain(doc *cibxml.Element, now time.Time, changes []incident.Change) (notes []api.Note) {
	defer func() {
		if recover() != nil {
			notes = nil // the plan itself has reported what is wrong
		}
	}()
	current, err := upgrade.ToCurrent(doc)
	if err != nil {
		return nil
	}
	r := sched.Schedule(sched.Input{Doc: current, Now: now.Unix(), Zone: time.Local}, sched.Options{Explain: true})
	for i, c := range changes {
		if i >= maxReasons {
			break
		}
		notes = append(notes, scoresOf(r, c.Resource)...)
		for _, n := range r.Log.Notes {
			if n.Subject == c.Resource && !slices.Contains(notes, n) {
				notes = append(notes, n)
			}
		}
	}
	return notes
}

// scoresOf is a note for each node that a resource has a score on.
func scoresOf(r *sched.Result, rsc string) []api.Note {
	names := family(r.Model, rsc)
	var order []string
	parts := make(map[string][]report.Contribution)
	for _, c := range r.Log.Scores {
		if !slices.Contains(names, c.Resource) || c.Score == 0 || slices.ContainsFunc(parts[c.Node], func(x report.Contribution) bool { return x.Why == c.Why && x.Score == c.Score }) {
			continue
		}
		if parts[c.Node] == nil {
			order = append(order, c.Node)
		}
		parts[c.Node] = append(parts[c.Node], c)
	}
	slices.Sort(order)
	var notes []api.Note
	for _, node := range order {
		var words []string
		for _, c := range parts[node] {
			words = append(words, fmt.Sprintf("%s (%s)", c.Score, c.Why))
		}
		notes = append(notes, api.Note{Subject: rsc, Stage: "score", Why: node + ": " + strings.Join(words, ", ")})
	}
	return notes
}

// family are the ids of a resource with its instances, and of what contains it.
func family(m *model.Model, name string) []string {
	var names []string
	for _, r := range m.All {
		if r.ID != name && r.XMLID != name && r.Name() != name {
			continue
		}
		for x := r; x != nil; x = x.Parent {
			names = append(names, x.ID, x.XMLID)
		}
	}
	return names
}
