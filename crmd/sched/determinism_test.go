package sched_test

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/crmd/sched/compile"
	"github.com/holdfast-ha/holdfast/tests/sketch"
	"github.com/holdfast-ha/holdfast/tools/simulate"
)

// input is the cluster of a case as the scheduler gets it.
func input(t *testing.T, file string) sched.Input {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := sketch.Read(archive)
	if err != nil {
		t.Fatal(err)
	}
	return prepared(t, c.CIB)
}

func prepared(t interface {
	Helper()
	Fatal(...any)
}, doc *cibxml.Element) sched.Input {
	t.Helper()
	doc, err := simulate.Prepare(doc, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	return sched.Input{Doc: doc, Now: sketch.Now, Zone: time.UTC, Sanitized: true}
}

// decided is a plan as text: the graph and its drawing.
func decided(r *sched.Result) string {
	var b strings.Builder
	if err := r.Transition.WriteXML(&b, 0); err != nil {
		return err.Error()
	}
	if err := r.Transition.WriteDot(&b, compile.DotOptions{All: true}); err != nil {
		return err.Error()
	}
	return b.String()
}

// One model is planned for by several goroutines at a time: under the race detector a write to it would show, and
// so would an order that depends on anything but the input.
func TestPlan_LeavesModelAndDocumentAlone(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			in := input(t, file)
			before := in.Doc.String()
			m := sched.Parse(in)
			var plans [3]string
			var wg sync.WaitGroup
			for i := range plans {
				wg.Go(func() {
					plans[i] = decided(sched.Plan(m, in, sched.Options{Scores: true, Utilization: true, Explain: true}))
				})
			}
			wg.Wait()
			for _, p := range plans[1:] {
				if p != plans[0] {
					t.Error("two plans for one model differ")
				}
			}
			if fresh := decided(sched.Schedule(in, sched.Options{})); fresh != plans[0] {
				t.Error("a plan for a model that was used before differs from one for a new model")
			}
			if in.Doc.String() != before {
				t.Error("the document has been changed")
			}
		})
	}
}
