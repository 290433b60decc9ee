package simulate

import (
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/compile"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/report"
	"github.com/holdfast-ha/holdfast/tools/mon"
	"github.com/holdfast-ha/holdfast/tools/output"
	"github.com/holdfast-ha/holdfast/tools/statustext"
	"github.com/holdfast-ha/holdfast/tools/statusxml"
)

// document reports to programs.
type document struct {
	out *output.Out
	// changes is the element for the requested modifications.
	changes *cibxml.Element
}

func (d *document) info(string, ...any) {}

func (d *document) fail(text string) { d.out.Errorf("%s", text) }

func (d *document) status(s statusReport) {
	name := "cluster_status"
	if s.revised {
		name = "revised_cluster_status"
	}
	v := &statustext.View{M: s.m, S: s.m.State, Out: d.out.Lines, Inactive: true, Pending: s.pending}
	x := statusxml.View{View: v}
	d.out.Open(cibxml.New(name))
	d.out.Add(x.Nodes())
	if list := x.Resources(); list != nil {
		d.out.Add(list)
	}
	mon.Details(d.out, v, s.attrs, s.counts)
	d.out.Close()
}

func (d *document) beginModifications() {
	d.changes = cibxml.New("modifications")
	d.out.Open(d.changes)
}

func (d *document) quorum(value string)   { d.changes.Set("quorum", value) }
func (d *document) watchdog(value string) { d.changes.Set("watchdog", value) }

func (d *document) node(action, name string) {
	d.out.Add(cibxml.New("modify_node", "action", action, "node", name))
}

func (d *document) ticket(action, id string) {
	d.out.Add(cibxml.New("modify_ticket", "action", action, "ticket", id))
}

func (d *document) spec(spec string) { d.out.Add(cibxml.New("inject_spec", "spec", spec)) }

func (d *document) attribute(name, value, path, node string) {
	d.out.Add(cibxml.New("inject_attr", "name", name, "value", value, "node_path", path, "cib_node", node))
}

func (d *document) endModifications() { d.out.Close() }

func (d *document) beginScores(scores, utilization bool) {
	name := "utilizations"
	switch {
	case scores && utilization:
		name = "allocations_utilizations"
	case scores:
		name = "allocations"
	}
	d.out.Open(cibxml.New(name))
}

func (d *document) scores(lines []report.Shown) {
	for _, s := range lines {
		switch s.Kind {
		case report.ShownScore:
			d.out.Add(cibxml.New("node_weight", "function", s.Text, "node", s.Node, "score", s.Score.String(), "id", s.Resource))
		case report.ShownPromotion:
			e := cibxml.New("promotion_score", "id", s.Resource, "score", s.Score.String())
			if s.Node != "" {
				e.Set("node", s.Node)
			}
			d.out.Add(e)
		case report.ShownCapacity:
			d.out.Add(withAmounts(cibxml.New("capacity", "node", s.Node, "comment", s.Text), s))
		case report.ShownUtilization:
			d.out.Add(withAmounts(cibxml.New("utilization", "resource", s.Resource, "node", s.Node, "function", s.Text), s))
		}
	}
}

func withAmounts(e *cibxml.Element, s report.Shown) *cibxml.Element {
	for _, a := range s.Amounts {
		e.Append(output.TextElement(a.Name, a.Value))
	}
	return e
}

func (d *document) endScores() { d.out.Close() }

func (d *document) summary(nodes []compile.NodeChange, changes []compile.Change) {
	d.out.Open(cibxml.New("actions"))
	for _, n := range nodes {
		if n.Reason != "" {
			d.out.Add(cibxml.New("node_action", "task", nodeTask(n), "node", nodeName(n.Node), "reason", n.Reason))
		}
	}
	for _, c := range changes {
		d.out.Add(change(c))
	}
	d.out.Close()
}

// change describes what becomes of a resource.
func change(c compile.Change) *cibxml.Element {
	e := cibxml.New("rsc_action", "action", strings.ToLower(c.Verb), "resource", c.Resource.ID)
	roles := c.Role > model.Started || c.NextRole > model.Unpromoted
	sameRole, sameHost := c.Role == c.NextRole, c.From != nil && c.From == c.To
	role, next := c.Role.String(), c.NextRole.String()
	switch {
	case c.From == nil && roles:
		e.Set("role", role)
		e.Set("next-role", next)
		e.Set("dest", c.To.Name)
	case c.From == nil:
		e.Set("node", c.To.Name)
	case c.To == nil:
		if roles {
			e.Set("role", role)
		}
		e.Set("node", c.From.Name)
	case sameRole && sameHost:
		if roles {
			e.Set("role", role)
		}
		e.Set("source", c.From.Name)
	case sameRole:
		e.Set("source", c.From.Name)
		e.Set("dest", c.To.Name)
		if roles {
			e.Set("role", role)
		}
	case sameHost:
		e.Set("role", role)
		e.Set("next-role", next)
		e.Set("source", c.From.Name)
	default:
		e.Set("role", role)
		e.Set("source", c.From.Name)
		e.Set("next-role", next)
		e.Set("dest", c.To.Name)
	}
	if c.Reason != "" {
		e.Set("reason", c.Reason)
	}
	if c.Blocked {
		e.Set("blocked", "true")
	}
	return e
}

func (d *document) beginTransition() { d.out.Open(cibxml.New("transition")) }

func (d *document) pseudo(key, node string) {
	e := cibxml.New("pseudo_action", "task", key)
	if node != "" {
		e.Set("node", node)
	}
	d.out.Add(e)
}

func (d *document) operation(rsc, task, node string, intervalMs int64) {
	e := cibxml.New("rsc_action", "resource", rsc, "op", task, "node", node)
	if intervalMs > 0 {
		e.Set("interval", strconv.FormatInt(intervalMs, 10))
	}
	d.out.Add(e)
}

func (d *document) cluster(task, rsc, node string) {
	e := cibxml.New("cluster_action", "task", task, "node", node)
	if rsc != "" {
		e.Set("id", rsc)
	}
	d.out.Add(e)
}

func (d *document) fencing(target, op string) {
	d.out.Add(cibxml.New("fencing_action", "target", target, "op", op))
}

func (d *document) pretending(int, int) {}

func (d *document) endTransition() { d.out.Close() }

func (d *document) beginTimings() { d.out.Open(cibxml.New("timings")) }

func (d *document) timing(file string, seconds float64) {
	d.out.Add(cibxml.New("timing", "file", file, "duration", strconv.FormatFloat(seconds, 'f', 6, 64)))
}

func (d *document) endTimings() { d.out.Close() }
