// Package account tells why the scheduler decided as it did: resource by resource and node by node, as notes
// for people.
package account

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/crmd/sched/compile"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

// Stages of notes.
const (
	stageModel  = "model"
	stageScore  = "score"
	stagePlace  = "place"
	stageAction = "action"
	stageOrder  = "order"
)

// Changes are the notes about everything that a plan changes, and those that were made on the way. There are none
// when there is nothing to do.
func Changes(r *sched.Result) []api.Note {
	notes := append([]api.Note(nil), r.Log.Notes...)
	for _, c := range r.Transition.NodeChanges() {
		notes = append(notes, api.Note{Subject: c.Node.Name, Stage: stageAction, Why: nodeChange(c)})
	}
	for _, c := range r.Transition.Changes() {
		notes = append(notes, api.Note{Subject: c.Resource.Name(), Stage: stageAction, Why: change(c)})
		if c.To == nil && !c.Blocked {
			note := api.Note{Subject: c.Resource.Name(), Stage: stagePlace, Why: Nowhere(r, c.Resource)}
			if note.Why != "" && !said(notes, note) {
				notes = append(notes, note)
			}
		}
	}
	return notes
}

// said reports whether there is a note that says the same, if at another stage.
func said(notes []api.Note, n api.Note) bool {
	return slices.ContainsFunc(notes, func(x api.Note) bool { return x.Subject == n.Subject && x.Why == n.Why })
}

func nodeChange(c compile.NodeChange) string {
	if !c.Fence {
		return "is shut down"
	}
	text := "is fenced (" + c.Task + ")"
	if c.Reason != "" {
		text += ": " + c.Reason
	}
	return text
}

// verbs are the changes as clauses about their resource.
var verbs = map[string]string{"Start": "starts", "Stop": "stops", "Move": "moves", "Migrate": "migrates live", "Recover": "is recovered",
	"Restart": "is restarted", "Reload": "is reloaded", "Promote": "is promoted", "Demote": "is demoted", "Re-promote": "is demoted and promoted again"}

// change is one change as a clause about its resource.
func change(c compile.Change) string {
	var b strings.Builder
	if c.Blocked {
		b.WriteString("cannot do now what it should: ")
	}
	b.WriteString(cmp.Or(verbs[c.Verb], strings.ToLower(c.Verb)))
	switch {
	case c.From != nil && c.To != nil && c.From != c.To:
		fmt.Fprintf(&b, " from %s to %s", c.From.Name, c.To.Name)
	case c.To != nil:
		fmt.Fprintf(&b, " on %s", c.To.Name)
	case c.From != nil:
		fmt.Fprintf(&b, " on %s", c.From.Name)
	}
	if c.Role != c.NextRole && c.NextRole > model.Started && c.Verb != "Promote" && c.Verb != "Demote" {
		fmt.Fprintf(&b, " as %s", strings.ToLower(c.NextRole.String()))
	}
	if c.Reason != "" {
		fmt.Fprintf(&b, ", because of: %s", c.Reason)
	}
	return b.String()
}
