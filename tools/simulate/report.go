package simulate

import (
	"github.com/holdfast-ha/holdfast/crmd/sched/compile"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/report"
)

// reporter tells what goes on. Sections are begun and ended in the order of the methods.
type reporter interface {
	// info is for people only.
	info(format string, args ...any)
	// fail is an error that does not end the run.
	fail(text string)
	// status shows the cluster.
	status(s statusReport)

	beginModifications()
	quorum(value string)
	watchdog(value string)
	node(action, name string)
	ticket(action, id string)
	spec(spec string)
	attribute(name, value, path, node string)
	endModifications()

	beginScores(scores, utilization bool)
	scores(lines []report.Shown)
	endScores()

	summary(nodes []compile.NodeChange, changes []compile.Change)

	beginTransition()
	pseudo(key, node string)
	operation(rsc, task, node string, intervalMs int64)
	cluster(task, rsc, node string)
	fencing(target, op string)
	pretending(action, rc int)
	endTransition()

	beginTimings()
	timing(file string, seconds float64)
	endTimings()
}

// statusReport is one view of the cluster.
type statusReport struct {
	m *model.Model
	// revised tells that this is the cluster after the transition.
	revised       bool
	pending       bool
	attrs, counts bool
}
