package opqueue

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/holdfast-ha/holdfast/cib/lrm"
)

// TestQueue_NeverTwoRunsAndEveryAnswer: whatever is asked in whatever order, a resource never runs two
// operations, every operation that runs once is reported exactly once, and nothing is left in the end.
func TestQueue_NeverTwoRunsAndEveryAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q Queue
		now := time.Unix(1000, 0)
		running := map[int]string{} // run -> resource
		answers := map[int]int{}    // call id -> final reports still due
		step := func(in Input) {
			for _, o := range q.Step(now, in) {
				switch o := o.(type) {
				case Accepted:
					if s, ok := in.(Submit); ok && !s.Op.Recurring() {
						answers[o.CallID]++
					}
				case Begin:
					for run, rsc := range running {
						if rsc == o.Op.Rsc {
							t.Fatalf("%s begins %s while run %d runs", rsc, o.Op.Task, run)
						}
					}
					running[o.Run] = o.Op.Rsc
				case Kill:
					if running[o.Run] == "" {
						t.Fatalf("kill of run %d, which does not run", o.Run)
					}
				case Report:
					if !o.Result.Op.Recurring() {
						answers[o.Result.CallID]--
					}
				}
			}
		}
		finish := func() {
			for run := range running {
				delete(running, run)
				step(Finished{Run: run, Outcome: Outcome{RC: lrm.RC(rapid.IntRange(0, 1).Draw(t, "rc"))}})
				return
			}
		}
		rsc := rapid.SampledFrom([]string{"a", "b"})
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 800).Draw(t, "ms")) * time.Millisecond)
			switch rapid.IntRange(0, 8).Draw(t, "what") {
			case 0, 1, 2:
				task := rapid.SampledFrom([]string{"start", "stop", "notify"}).Draw(t, "task")
				step(Submit{op(rsc.Draw(t, "rsc"), task, 0)})
			case 3:
				o := op(rsc.Draw(t, "rsc"), "monitor", int64(rapid.IntRange(1, 2).Draw(t, "n"))*500)
				o.Params = map[string]string{"x": fmt.Sprint(rapid.IntRange(0, 1).Draw(t, "x"))}
				step(Submit{o})
			case 4:
				step(Cancel{rsc.Draw(t, "rsc"), "monitor", int64(rapid.IntRange(1, 2).Draw(t, "n")) * 500})
			case 5:
				step(Unregister{rsc.Draw(t, "rsc")})
			case 6:
				step(Wake{})
			default:
				finish()
			}
		}
		for _, name := range []string{"a", "b"} {
			step(Unregister{name})
		}
		for len(running) > 0 {
			finish()
		}
		for id, due := range answers {
			if due != 0 {
				t.Errorf("call %d has %d answers too few", id, due)
			}
		}
		if q.held != 0 || len(q.rscs) != 0 || len(q.Pending()) != 0 || !q.Deadline().IsZero() {
			t.Errorf("%d operations, %d resources, deadline %v remain", q.held, len(q.rscs), q.Deadline())
		}
	})
}
