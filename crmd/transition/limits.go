package transition

import (
	"cmp"
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/crmd/sched/graph"
)

// Limits bound the actions in flight. The zero value limits nothing.
type Limits struct {
	Total int            // actions in flight in the whole cluster; 0 none
	Node  map[string]int // jobs per node; a node that is missing is not limited
	// Exempt classes neither wait for nor count against Node and Total, which load lowers. Batch actions in the
	// whole cluster and Maximum on a node, which load does not change, hold for every action; 0 or missing is
	// no limit.
	Exempt  []string
	Batch   int
	Maximum map[string]int
}

// Class is the name of an action's kind in Limits.Exempt: its task, but a monitor that runs once is a probe.
func Class(a *graph.Action) string {
	if a.Task == "monitor" && (a.Meta("interval") == "" || a.Meta("interval") == "0") {
		return "probe"
	}
	return a.Task
}

// urgency orders actions that compete for a limit: what protects data and ends damage comes first.
func urgency(task string) int {
	order := []string{graph.TaskFence, "stop", "demote", "promote", "start", "migrate_to", "migrate_from"}
	if i := slices.Index(order, task); i >= 0 {
		return i
	}
	return len(order)
}

// load counts what is in flight, as the limits count it.
type load struct {
	total, all    int // all counts exempt actions too
	onNode, allOn map[string]int
	migrations    []*graph.Action
}

func (e *Engine) load() *load {
	l := &load{onNode: make(map[string]int), allOn: make(map[string]int)}
	for _, s := range e.synapses {
		if s.state == fired {
			l.add(e, s.Action)
		}
	}
	return l
}

func (l *load) add(e *Engine, a *graph.Action) {
	l.all++
	if a.Task != graph.TaskFence {
		l.allOn[host(a)]++
	}
	if slices.Contains(e.limits.Exempt, Class(a)) {
		return
	}
	l.total++
	if a.Task != graph.TaskFence {
		l.onNode[host(a)]++
	}
	if isMigration(a) {
		l.migrations = append(l.migrations, a)
	}
}

func (e *Engine) allowed(busy *load, a *graph.Action) bool {
	maximum := e.limits.Maximum[host(a)]
	switch {
	case e.limits.Batch > 0 && busy.all >= e.limits.Batch:
		return false
	case maximum > 0 && a.Task != graph.TaskFence && busy.allOn[host(a)] >= maximum:
		return false
	case slices.Contains(e.limits.Exempt, Class(a)):
		return true
	}
	if e.limits.Total > 0 && busy.total >= e.limits.Total {
		return false
	}
	if isMigration(a) && e.graph.MigrationLimit > 0 {
		n := 0
		for _, m := range busy.migrations {
			if shareNode(m, a) {
				n++
			}
		}
		if n >= e.graph.MigrationLimit {
			return false
		}
	}
	limit, limited := e.limits.Node[host(a)]
	return !limited || a.Task == graph.TaskFence || busy.onNode[host(a)] < limit
}

// host is the cluster node whose executor does the work.
func host(a *graph.Action) string { return cmp.Or(a.Router, a.Node) }

func isMigration(a *graph.Action) bool { return a.Task == "migrate_to" || a.Task == "migrate_from" }

// shareNode: a migration loads its source and its target.
func shareNode(a, b *graph.Action) bool {
	for _, x := range []string{a.Meta("migrate_source"), a.Meta("migrate_target")} {
		if x != "" && (x == b.Meta("migrate_source") || x == b.Meta("migrate_target")) {
			return true
		}
	}
	return false
}

// Held are the actions that only a limit keeps from starting.
type Held struct {
	Action *graph.Action
	Since  time.Time
}

// Held lists them, longest first.
func (e *Engine) Held() []Held {
	var out []Held
	for _, s := range e.synapses {
		if s.state == waiting && !s.held.IsZero() {
			out = append(out, Held{s.Action, s.held})
		}
	}
	slices.SortStableFunc(out, func(a, b Held) int { return a.Since.Compare(b.Since) })
	return out
}
