package mon

import (
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/crmd/sched/constraint"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/tools/node"
	"github.com/holdfast-ha/holdfast/tools/output"
	"github.com/holdfast-ha/holdfast/tools/statustext"
	"github.com/holdfast-ha/holdfast/tools/statusxml"
)

// report is one look at the cluster.
type report struct {
	*monitor
	out  *output.Out
	view *statustext.View
	m    *model.Model
	// constraints are read when a section asks for them; lost tickets show in the state then.
	constraints *constraint.Set
	// live tells that this is the running cluster.
	live bool
	// fenceEvents are the history of fencing, newest first; fenceProblem says why there is none.
	fenceEvents  []api.FenceEvent
	fenceProblem error
}

// newReport makes the report of a CIB.
func (m *monitor) newReport(out *output.Out, in sched.Input) *report {
	mod := sched.Parse(in)
	r := &report{monitor: m, out: out, m: mod, view: &statustext.View{
		M: mod, S: mod.State, Out: out.Lines, Inactive: m.inactive || out.IsXML(), Pending: m.pending, Detail: m.detail,
		ByNode: m.byNode, Brief: m.brief, Only: statustext.NewFilter(mod, m.node, m.resource),
	}}
	if r.has(bans | tickets) {
		r.constraints, r.view.S = sched.Constraints(mod)
	}
	return r
}

func (r *report) has(s section) bool { return r.show&s != 0 }

// write writes all sections.
func (r *report) write() {
	if r.live {
		node.ShowRunning(r.out, false)
	}
	if r.out.IsXML() {
		r.writeXML()
		return
	}
	r.summary()
	if r.has(nodes) && slices.ContainsFunc(r.m.Nodes, r.view.Only.Node) {
		r.out.Lines.SpacerIfWritten()
		r.view.Nodes()
	}
	if r.has(resources) && (r.inactive || !r.byNode) {
		r.view.Resources()
	}
	for _, part := range []struct {
		is    section
		write func()
	}{{attributes, r.attributes}, {failcounts | operations, r.history}, {failures, r.failures}, {fencingFailed, r.failedFencing},
		{tickets, r.tickets}, {bans, r.bans}, {fencing, r.fencing}} {
		if r.has(part.is) {
			part.write()
		}
	}
}

func (r *report) writeXML() {
	r.summaryXML()
	v := statusxml.View{View: r.view}
	if r.has(nodes) {
		r.out.Add(v.Nodes())
	}
	if r.has(resources) {
		if e := v.Resources(); e != nil {
			r.out.Add(e)
		}
	}
	for _, part := range []struct {
		is    section
		write func()
	}{{attributes, r.attributesXML}, {failcounts | operations, r.historyXML}, {failures, r.failuresXML}, {fencing, r.fencingXML},
		{tickets, r.ticketsXML}, {bans, r.bansXML}} {
		if r.has(part.is) {
			part.write()
		}
	}
}

// list begins a section when its first line is written.
type list struct {
	r     *report
	title string
	begun bool
}

func (l *list) begin() {
	if !l.begun {
		l.begun = true
		l.r.out.Lines.SpacerIfWritten()
		l.r.out.Lines.Begin("%s", l.title)
	}
}

func (l *list) item(format string, args ...any) {
	l.begin()
	l.r.out.Lines.Item(format, args...)
}

func (l *list) end() {
	if l.begun {
		l.r.out.Lines.End()
	}
}

// bannedPlace is a node from which a constraint keeps a resource.
type bannedPlace struct {
	*constraint.Location
	constraint.NodeScore
}

// banned are the negative location constraints that are to be shown, the last first. Node health, which bans
// resources in the same way, is no constraint.
func (r *report) banned() []bannedPlace {
	configured := map[string]*cibxml.Element{}
	for e := range r.m.Doc.Child("configuration").Child("constraints").Tags("rsc_location") {
		e.Walk(func(x *cibxml.Element) bool { configured[x.ID()] = x; return true })
	}
	var found []bannedPlace
	for _, l := range slices.Backward(r.constraints.Locations) {
		e := configured[l.ID]
		if e == nil || !strings.HasPrefix(l.ID, r.banPrefix) || !r.view.Only.Resource(l.Rsc, true) {
			continue
		}
		places := slices.DeleteFunc(slices.Clone(l.Nodes), func(n constraint.NodeScore) bool { return n.Score >= 0 })
		if e.Get("boolean-op") != "or" { // as Pacemaker gathers them
			slices.Reverse(places)
		}
		for _, n := range places {
			found = append(found, bannedPlace{l, n})
		}
	}
	return found
}

// clock is how people are shown a time.
const clock = time.ANSIC

// unixTime is a time in seconds since the epoch for people.
func unixTime(sec int64) string { return time.Unix(sec, 0).Format(clock) }
