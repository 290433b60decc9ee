package simulate

import (
	"fmt"

	"github.com/holdfast-ha/holdfast/crmd/sched/compile"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/report"
	"github.com/holdfast-ha/holdfast/tools/mon"
	"github.com/holdfast-ha/holdfast/tools/outline"
	"github.com/holdfast-ha/holdfast/tools/output"
	"github.com/holdfast-ha/holdfast/tools/statustext"
)

// text reports to people.
type text struct {
	out *outline.Writer
	to  *output.Out
	// printed tells that a section went before, from which the next one is set apart.
	printed bool
}

func (t *text) info(format string, args ...any) {
	if !t.to.Quiet {
		t.out.Text(format, args...)
	}
}

func (t *text) fail(text string) { t.to.Errorf("%s", text) }

func (t *text) spacer() {
	if t.printed {
		t.out.Spacer()
	}
	t.printed = true
}

func (t *text) status(s statusReport) {
	if t.to.Quiet {
		return
	}
	title := "Revised Cluster Status"
	if !s.revised {
		title = "Current cluster status"
		t.warnings(s.m)
		if t.printed {
			t.out.Spacer()
		}
	} else {
		t.out.Spacer()
	}
	t.printed = true
	v := &statustext.View{M: s.m, S: s.m.State, Out: t.out, Inactive: true, Pending: s.pending}
	t.out.Begin("%s", title)
	v.Nodes()
	t.out.Spacer()
	v.ResourceList()
	mon.Details(t.to, v, s.attrs, s.counts)
	t.out.End()
}

// warnings say what keeps the cluster from acting.
func (t *text) warnings(m *model.Model) {
	if m.Options.Maintenance {
		t.out.Text("\n              *** Resource management is DISABLED ***")
		t.out.Text("  The cluster will not attempt to start, stop or recover services")
		t.printed = true
	}
	if m.Disabled > 0 || m.Blocked > 0 {
		t.spacer()
		t.out.Text("%d of %d resource instances DISABLED and %d BLOCKED from further action due to failure", m.Disabled, m.Total, m.Blocked)
	}
}

func (t *text) beginModifications() {
	if !t.to.Quiet {
		t.spacer()
		t.out.Begin("Performing Requested Modifications")
	}
}

func (t *text) item(format string, args ...any) {
	if !t.to.Quiet {
		t.out.Item(format, args...)
	}
}

func (t *text) quorum(value string)   { t.item("Setting quorum: %s", value) }
func (t *text) watchdog(value string) { t.item("Setting watchdog: %s", value) }

func (t *text) node(action, name string) {
	switch action {
	case "Online":
		t.item("Bringing node %s online", name)
	case "Offline":
		t.item("Taking node %s offline", name)
	default:
		t.item("Failing node %s", name)
	}
}

func (t *text) ticket(action, id string) {
	if action == "Standby" {
		t.item("Making ticket %s standby", id)
	} else {
		t.item("%s ticket %s", action, id)
	}
}

func (t *text) spec(spec string) { t.item("Injecting %s into the configuration", spec) }

func (t *text) attribute(name, value, path, node string) {
	t.item("Injecting attribute %s=%s into %s '%s'", name, value, path, node)
}

func (t *text) endModifications() {
	if !t.to.Quiet {
		t.out.End()
	}
}

func (t *text) beginScores(scores, utilization bool) {
	title := "Utilization Information"
	switch {
	case scores && utilization:
		title = "Allocation Scores and Utilization Information"
	case scores:
		title = "Allocation Scores"
	}
	t.spacer()
	t.out.Begin("%s", title)
}

func (t *text) scores(lines []report.Shown) {
	for _, s := range lines {
		switch s.Kind {
		case report.ShownText:
			t.info("%s", s.Text)
		case report.ShownScore:
			t.out.Item("%s: %s allocation score on %s: %s", s.Text, s.Resource, s.Node, s.Score)
		case report.ShownPromotion:
			node := s.Node
			if node == "" {
				node = "none"
			}
			t.out.Item("%s promotion score on %s: %s", s.Resource, node, s.Score)
		case report.ShownCapacity:
			t.out.Item("%s: %s capacity:%s", s.Text, s.Node, amounts(s))
		case report.ShownUtilization:
			t.out.Item("%s: %s utilization on %s:%s", s.Text, s.Resource, s.Node, amounts(s))
		}
	}
}

func amounts(s report.Shown) string {
	out := ""
	for _, a := range s.Amounts {
		out += " " + a.Name + "=" + a.Value
	}
	return out
}

func (t *text) endScores() { t.out.End() }

func (t *text) summary(nodes []compile.NodeChange, changes []compile.Change) {
	if t.to.Quiet {
		return
	}
	t.spacer()
	t.out.Begin("Transition Summary")
	for _, n := range nodes {
		if n.Reason == "" {
			continue // nothing that people asked for
		}
		t.out.Item("%s %s '%s'", nodeTask(n), nodeName(n.Node), n.Reason)
	}
	idWidth, detailWidth := 5, 5
	for _, c := range changes {
		if n := len(c.Resource.ID); n > idWidth {
			idWidth = n + 2
		}
		detailWidth = max(detailWidth, len(details(c)))
	}
	for _, c := range changes {
		reason := ""
		switch {
		case c.Reason != "" && c.Blocked:
			reason = "  due to " + c.Reason + " (blocked)"
		case c.Reason != "":
			reason = "  due to " + c.Reason
		case c.Blocked:
			reason = "  blocked"
		}
		t.out.Item("%-8s   %-*s   ( %*s )%s", c.Verb, idWidth, c.Resource.ID, detailWidth, details(c), reason)
	}
	t.out.End()
}

func nodeTask(n compile.NodeChange) string {
	if n.Fence {
		return "Fence (" + n.Task + ")"
	}
	return n.Task
}

func nodeName(n *model.Node) string {
	if n.IsGuest() {
		return fmt.Sprintf("%s (resource: %s)", n.Name, n.Connection.Container.ID)
	}
	return n.Name
}

// details say where a resource goes from and to, and in which roles.
func details(c compile.Change) string {
	roles := c.Role > model.Started || c.NextRole > model.Unpromoted
	sameRole, sameHost := c.Role == c.NextRole, c.From != nil && c.From == c.To
	switch {
	case c.From == nil && roles:
		return fmt.Sprintf("%s -> %s %s", c.Role, c.NextRole, c.To.Name)
	case c.From == nil:
		return c.To.Name
	case roles && (c.To == nil || sameRole && sameHost):
		return c.Role.String() + " " + c.From.Name
	case c.To == nil || sameRole && sameHost:
		return c.From.Name
	case roles && sameRole:
		return fmt.Sprintf("%s -> %s %s", c.From.Name, c.To.Name, c.Role)
	case sameRole:
		return c.From.Name + " -> " + c.To.Name
	case sameHost:
		return fmt.Sprintf("%s -> %s %s", c.Role, c.NextRole, c.From.Name)
	}
	return fmt.Sprintf("%s %s -> %s %s", c.Role, c.From.Name, c.NextRole, c.To.Name)
}

func (t *text) beginTransition() {
	if !t.to.Quiet {
		t.spacer()
		t.out.Begin("Executing Cluster Transition")
	}
}

func (t *text) pseudo(key, node string) {
	if node != "" {
		key += " on " + node
	}
	t.item("Pseudo action:   %s", key)
}

func (t *text) operation(rsc, task, node string, intervalMs int64) {
	if intervalMs > 0 {
		task = fmt.Sprintf("%s=%d", task, intervalMs)
	}
	t.item("Resource action: %-15s %s on %s", rsc, task, node)
}

func (t *text) cluster(task, rsc, node string) {
	if rsc != "" {
		task += " for " + rsc
	}
	t.item("Cluster action:  %s on %s", task, node)
}

func (t *text) fencing(target, op string) { t.item("Fencing %s (%s)", target, op) }

func (t *text) pretending(action, rc int) {
	t.info("Pretending action %d failed with rc=%d", action, rc)
}

func (t *text) endTransition() {
	if !t.to.Quiet {
		t.out.End()
	}
}

func (t *text) beginTimings() { t.out.Begin("Timings") }

func (t *text) timing(file string, seconds float64) {
	t.out.Item("Testing %s ... %.2f secs", file, seconds)
}

func (t *text) endTimings() { t.out.End() }
