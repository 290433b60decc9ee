// Package forecast asks the scheduler what a cluster would do with a CIB, and why.
package forecast

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/crmd/sched/account"
	"github.com/holdfast-ha/holdfast/crmd/sched/compile"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/hcs/session"
)

// Schedule foresees what the cluster would do with a CIB, its status section included.
func Schedule(doc *cibxml.Element, now time.Time) (f *session.Forecast, err error) {
	defer func() { // the scheduler panics when an invariant of its own is broken; a forecast is not worth a crash
		if r := recover(); r != nil {
			f, err = nil, fmt.Errorf("the scheduler does not understand this configuration: %v", r)
		}
	}()
	res := sched.Schedule(sched.Input{Doc: doc, Now: now.Unix(), Zone: now.Location()}, sched.Options{})
	f = &session.Forecast{Effects: []session.Effect{}}
	for _, n := range res.Transition.NodeChanges() {
		verb := "Shut down"
		if n.Fence {
			verb = "Fence"
		}
		f.Effects = append(f.Effects, session.Effect{Verb: verb, From: n.Node.Name, Reason: n.Reason})
	}
	for _, c := range res.Transition.Changes() {
		f.Effects = append(f.Effects, effect(c))
	}
	for _, a := range res.Transition.Steps {
		if a.Rsc != nil && a.Task == "monitor" {
			f.Monitors++
		}
	}
	return f, nil
}

func effect(c compile.Change) session.Effect {
	e := session.Effect{Verb: c.Verb, Resource: c.Resource.Name(), Reason: c.Reason, Blocked: c.Blocked}
	if c.From != nil {
		e.From = c.From.Name
	}
	if c.To != nil {
		e.To = c.To.Name
	}
	if c.Role != c.NextRole && c.NextRole > model.Started {
		e.Role = c.NextRole.String()
	}
	return e
}

// NodeScore is how much a resource likes a node, and why.
type NodeScore struct {
	Node    string   `json:"node"`
	Score   string   `json:"score"`
	Reasons []string `json:"reasons"`
}

// Scores are the preferences of a resource for each node, the best first. A resource in a group or clone has those
// of what it is in too.
func Scores(doc *cibxml.Element, now time.Time, id string) []NodeScore {
	res := sched.Schedule(sched.Input{Doc: doc, Now: now.Unix(), Zone: now.Location()}, sched.Options{Explain: true})
	names := family(res.Model, id)
	var list []NodeScore
	totals := map[string]int{}
	for _, c := range res.Log.Scores {
		if !slices.Contains(names, c.Resource) || c.Score == 0 {
			continue
		}
		at := slices.IndexFunc(list, func(s NodeScore) bool { return s.Node == c.Node })
		if at < 0 {
			at = len(list)
			list = append(list, NodeScore{Node: c.Node})
		}
		reason := fmt.Sprintf("%s: %s", c.Score, c.Why)
		if !slices.Contains(list[at].Reasons, reason) {
			list[at].Reasons = append(list[at].Reasons, reason)
			totals[c.Node] = add(totals[c.Node], int(c.Score))
		}
	}
	for i := range list {
		list[i].Score = text(totals[list[i].Node])
	}
	slices.SortStableFunc(list, func(a, b NodeScore) int {
		if d := totals[b.Node] - totals[a.Node]; d != 0 {
			return d
		}
		return strings.Compare(a.Node, b.Node)
	})
	return list
}

// Decisions are the notes of the scheduler about a resource: how it found it, where that is going to be and why,
// and what its actions wait for. Schedule and Scores have the rest.
func Decisions(doc *cibxml.Element, now time.Time, id string) []api.Note {
	res := sched.Schedule(sched.Input{Doc: doc, Now: now.Unix(), Zone: now.Location()}, sched.Options{Explain: true})
	return slices.DeleteFunc(account.Resource(res, id), func(n api.Note) bool { return n.Stage == "score" || n.Stage == "action" })
}

// family are the ids of a resource with its instances, and of what contains it.
func family(m *model.Model, id string) []string {
	var names []string
	for _, r := range m.All {
		if r.ID != id && r.XMLID != id {
			continue
		}
		for x := r; x != nil; x = x.Parent {
			names = append(names, x.ID, x.XMLID)
		}
	}
	return names
}

// infinity is the score that nothing exceeds.
const infinity = 1000000

// add adds scores: minus infinity wins, then infinity.
func add(a, b int) int {
	switch {
	case a <= -infinity || b <= -infinity:
		return -infinity
	case a >= infinity || b >= infinity:
		return infinity
	}
	return max(-infinity, min(infinity, a+b))
}

func text(score int) string {
	switch {
	case score >= infinity:
		return "INFINITY"
	case score <= -infinity:
		return "-INFINITY"
	}
	return fmt.Sprint(score)
}
