package crmd

import (
	"fmt"
	"runtime/debug"
	"time"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/upgrade"
	"github.com/holdfast-ha/holdfast/crmd/incident"
	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/crmd/sched/account"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/report"
)

// schedule runs the scheduler on a live CIB. A scheduler that breaks on a document must not take the cluster
// with it: the resources go on as they are, and the error says what to report.
func schedule(doc *cibxml.Element, now time.Time) (p Plan) {
	defer func() {
		if broken := recover(); broken != nil {
			p = Plan{Err: fmt.Errorf("the scheduler broke on this CIB (please report it with the output of cibadmin -Q): %v\n%s", broken, debug.Stack())}
		}
	}()
	current, err := upgrade.ToCurrent(doc)
	if err != nil {
		return Plan{Err: err}
	}
	doc = current
	m := sched.Parse(sched.Input{Doc: doc, Now: now.Unix(), Zone: time.Local})
	r := sched.Plan(m, sched.Input{Doc: doc, Now: now.Unix(), Zone: time.Local}, sched.Options{})
	p = Plan{Graph: r.Transition.Graph(0), Notes: account.Changes(r), Load: loadOf(m), Changes: changesOf(r), Banned: bannedBy(r)}
	for _, log := range []*report.Log{m.World.Log, r.Log} {
		if log == nil {
			continue
		}
		for _, x := range log.Problems {
			if x.Config && x.Severity >= report.Warning {
				p.Warnings = append(p.Warnings, x.Text)
			}
		}
	}
	return p
}

// changesOf is what becomes of resources, for the incident.
func changesOf(r *sched.Result) []incident.Change {
	var out []incident.Change
	for _, c := range r.Transition.Changes() {
		x := incident.Change{Verb: c.Verb, Resource: c.Resource.Name(), Reason: c.Reason, Blocked: c.Blocked}
		if c.From != nil {
			x.From = c.From.Name
		}
		if c.To != nil {
			x.To = c.To.Name
		}
		out = append(out, x)
	}
	return out
}

// loadOf is how much each node runs: 1 + priority for each active resource.
func loadOf(m *model.Model) map[string]int {
	load := make(map[string]int)
	for _, r := range m.All {
		if r.Kind != model.Primitive || r.FenceDevice {
			continue
		}
		for _, n := range m.State.Rsc(r).Running {
			load[n.Name] += 1 + max(0, r.Priority)
		}
	}
	return load
}

// bannedBy tells whether a resource may not run on a node.
func bannedBy(r *sched.Result) func(resource, node string) bool {
	return func(resource, node string) bool {
		rsc, n := r.Model.Resource(resource), r.Model.NodeNamed(node)
		if rsc == nil || n == nil {
			return false
		}
		score, listed := r.Assignment.S.Rsc(rsc).Allowed.Score(n)
		return !listed || score < 0
	}
}
