package transition

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/graph"
)

var start = time.Unix(1000, 0)

// build makes a graph from lines "ID TASK NODE [prio=N] [<- INPUT...]"; NODE "-" makes a pseudo action.
func build(t *testing.T, lines ...string) *graph.Graph {
	t.Helper()
	g := &graph.Graph{ClusterDelayMs: 60000, StonithTimeoutMs: 60000}
	actions := map[int]*graph.Action{}
	for _, line := range lines {
		head, inputs, _ := strings.Cut(line, "<-")
		f := strings.Fields(head)
		var id, prio int
		fmt.Sscan(f[0], &id)
		a := &graph.Action{ID: id, Kind: graph.Resource, Task: f[1], Node: f[2], Key: f[1] + "_" + f[0],
			Attrs: []cibxml.Attr{{Name: "CRM_meta_timeout", Value: "20000"}}}
		if a.Node == "-" {
			a.Kind, a.Node = graph.Pseudo, ""
		}
		if len(f) > 3 {
			fmt.Sscanf(f[3], "prio=%d", &prio)
		}
		actions[id] = a
		s := &graph.Synapse{ID: len(g.Synapses), Priority: prio, Action: a}
		for _, in := range strings.Fields(inputs) {
			var n int
			fmt.Sscan(in, &n)
			s.Inputs = append(s.Inputs, actions[n])
		}
		g.Synapses = append(g.Synapses, s)
	}
	return g
}

func text(out []Output) string {
	var words []string
	for _, o := range out {
		switch o := o.(type) {
		case Run:
			words = append(words, fmt.Sprintf("run %d", o.Action.ID))
		case Expired:
			words = append(words, fmt.Sprintf("expired %d", o.Action.ID))
		case Finished:
			words = append(words, o.Summary.Text())
		}
	}
	return strings.Join(words, ", ")
}

func expect(t *testing.T, what string, out []Output, want string) {
	t.Helper()
	if got := text(out); got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func TestStep_OrderIsKept(t *testing.T) {
	g := build(t, "1 stonith n1", "2 - -", "3 start n2 <- 1", "4 start n2 <- 3", "5 start n3")
	g.Synapses[1].Action.Node, g.Synapses[1].Action.Kind = "", graph.Pseudo
	e := New(g, Limits{}, nil, start)
	expect(t, "begin", e.Step(start, Wake{}), "run 1, run 5")
	expect(t, "fenced", e.Step(start, Done{1, true}), "run 3")
	expect(t, "started", e.Step(start, Done{3, true}), "run 4")
	expect(t, "other", e.Step(start, Done{5, true}), "")
	expect(t, "last", e.Step(start, Done{4, true}), "Complete")
}

func TestStep_FailedFenceStartsNothingBehindIt(t *testing.T) {
	e := New(build(t, "1 stonith n1", "2 start n2 <- 1", "3 start n3"), Limits{}, nil, start)
	e.Step(start, Wake{})
	expect(t, "fence fails", e.Step(start, Done{1, false}), "")
	expect(t, "the other one ends", e.Step(start, Done{3, true}), "Stopped")
}

func TestStep_FailureLetsHigherPrioritiesFinish(t *testing.T) {
	e := New(build(t, "1 start n1 prio=5", "2 start n1", "3 start n1 prio=9 <- 2", "4 start n1 prio=2 <- 2"), Limits{}, nil, start)
	e.Step(start, Wake{})
	e.Step(start, Done{1, false})
	expect(t, "only above the abort", e.Step(start, Done{2, true}), "run 3")
	expect(t, "end", e.Step(start, Done{3, true}), "Stopped")
}

func TestStep_AbortWaitsForWhatRuns(t *testing.T) {
	e := New(build(t, "1 start n1", "2 start n1 <- 1"), Limits{}, nil, start)
	e.Step(start, Wake{})
	expect(t, "abort", e.Step(start, Abort{graph.Infinity, "Configuration change"}), "")
	out := e.Step(start, Done{1, true})
	expect(t, "end", out, "Stopped")
	if s := out[0].(Finished).Summary; s.Reason != "Configuration change" || s.Complete != 1 || s.Skipped != 1 {
		t.Errorf("summary %+v", s)
	}
}

func TestStep_LimitsHoldBackAndUrgentGoesFirst(t *testing.T) {
	e := New(build(t, "1 monitor n1", "2 start n1", "3 stop n1", "4 start n2"), Limits{Node: map[string]int{"n1": 1}}, nil, start)
	expect(t, "one job on n1, the stop", e.Step(start, Wake{}), "run 3, run 4")
	if h := e.Held(); len(h) != 2 || h[0].Action.ID != 1 || !h[0].Since.Equal(start) {
		t.Errorf("held %+v", h)
	}
	expect(t, "next", e.Step(start, Done{3, true}), "run 2")
	expect(t, "limit raised", e.Step(start, SetLimits{Limits{Node: map[string]int{"n1": 2}}}), "run 1")
}

func TestStep_ExemptClassesDoNotWaitForLoad(t *testing.T) {
	g := build(t, "1 start n1", "2 start n1", "3 stop n1", "4 stop n1", "5 stop n1", "6 stonith n2", "7 monitor n1")
	lim := Limits{Total: 1, Node: map[string]int{"n1": 1}, Exempt: []string{"stop", "stonith", "monitor"}, Maximum: map[string]int{"n1": 3}}
	e := New(g, lim, nil, start)
	// The fence and as many stops as an idle node may run; the monitor runs once and so is a probe, which waits.
	expect(t, "begin", e.Step(start, Wake{}), "run 6, run 3, run 4, run 5")
	out := e.Step(start.Add(4*time.Second), Done{3, true})
	expect(t, "nothing exempt is left to run", out, "run 1")
	if w := out[0].(Run).Waited; w != 4*time.Second {
		t.Errorf("it waited %s", w)
	}
}

func TestStep_BatchLimitHoldsForExemptClasses(t *testing.T) {
	g := build(t, "1 stop n1", "2 stop n2", "3 stop n3")
	e := New(g, Limits{Total: 1, Batch: 2, Exempt: []string{"stop"}}, nil, start)
	expect(t, "begin", e.Step(start, Wake{}), "run 1, run 2")
}

func TestStep_FencingCountsAgainstTheTotalOnly(t *testing.T) {
	e := New(build(t, "1 stonith n1", "2 start n1"), Limits{Node: map[string]int{"n1": 1}}, nil, start)
	expect(t, "begin", e.Step(start, Wake{}), "run 1, run 2")
	e = New(build(t, "1 stonith n1", "2 start n2"), Limits{Total: 1}, nil, start)
	expect(t, "total of 1", e.Step(start, Wake{}), "run 1")
}

func TestStep_MigrationLimitCountsBothEnds(t *testing.T) {
	g := build(t, "1 migrate_to n1", "2 migrate_to n2", "3 migrate_to n3")
	for i, pair := range [][2]string{{"n1", "n2"}, {"n2", "n3"}, {"n3", "n4"}} {
		a := g.Synapses[i].Action
		a.Attrs = append(a.Attrs, cibxml.Attr{Name: "CRM_meta_migrate_source", Value: pair[0]}, cibxml.Attr{Name: "CRM_meta_migrate_target", Value: pair[1]})
	}
	g.MigrationLimit = 1
	e := New(g, Limits{}, nil, start)
	expect(t, "n2 is busy", e.Step(start, Wake{}), "run 1, run 3")
}

func TestStep_SilentActionsExpire(t *testing.T) {
	e := New(build(t, "1 start n1", "2 start n1 <- 1"), Limits{}, nil, start)
	e.Step(start, Wake{})
	due := start.Add(80 * time.Second) // timeout 20 s and cluster-delay 60 s
	if !e.Deadline().Equal(due) {
		t.Errorf("deadline %v, want %v", e.Deadline(), due)
	}
	expect(t, "just before", e.Step(due.Add(-time.Millisecond), Wake{}), "")
	expect(t, "due", e.Step(due, Wake{}), "expired 1, Stopped")
	expect(t, "late answer", e.Step(due, Done{1, true}), "")
}

func TestStep_NodeLossFailsItsActionsButNotItsFence(t *testing.T) {
	e := New(build(t, "1 start n1", "2 stonith n1", "3 start n2"), Limits{}, nil, start)
	e.Step(start, Wake{})
	expect(t, "lost", e.Step(start, NodeLost{"n1"}), "")
	e.Step(start, Done{3, true})
	expect(t, "fence ends", e.Step(start, Done{2, true}), "Complete")
}

func TestNew_AdoptsWhatIsAlreadyRunning(t *testing.T) {
	g := build(t, "1 start n1", "2 start n1 <- 1")
	e := New(g, Limits{}, []InFlight{{Key: "start_1", Node: "n1", Task: "start"}, {Key: "start_9", Node: "n1", Task: "start"}}, start)
	expect(t, "not again", e.Step(start, Wake{}), "")
	if a := e.Adopted(); len(a) != 1 || a[0].ID != 1 {
		t.Errorf("adopted %v", a)
	}
	expect(t, "done", e.Step(start, Done{1, true}), "run 2")
}

func TestStep_GraphThatCannotFinishIsTerminated(t *testing.T) {
	g := build(t, "1 start n1", "2 start n2 <- 1")
	g.Synapses = g.Synapses[1:] // the input has no synapse of its own
	e := New(g, Limits{}, nil, start)
	expect(t, "begin", e.Step(start, Wake{}), "Terminated")
}

func TestStep_EmptyGraphIsComplete(t *testing.T) {
	expect(t, "begin", New(&graph.Graph{}, Limits{}, nil, start).Step(start, Wake{}), "Complete")
}
