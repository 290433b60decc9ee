package opqueue

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/cib/lrm"
)

// script drives a queue and writes down what it does, with times in ms since the begin.
type script struct {
	t     *testing.T
	q     Queue
	begin time.Time
	now   time.Time
	runs  map[string]int // run by operation key, of the last Begin
	log   []string
}

func newScript(t *testing.T) *script {
	at := time.Unix(1000, 0)
	return &script{t: t, begin: at, now: at, runs: map[string]int{}}
}

func (s *script) step(in Input) {
	for _, o := range s.q.Step(s.now, in) {
		s.log = append(s.log, fmt.Sprintf("%d %s", s.now.Sub(s.begin).Milliseconds(), s.text(o)))
	}
}

func (s *script) text(o Output) string {
	switch o := o.(type) {
	case Begin:
		s.runs[o.Op.Key()] = o.Run
		return "begin " + o.Op.Key()
	case Kill:
		return "kill"
	case Accepted:
		return fmt.Sprintf("accepted %d", o.CallID)
	case Refused:
		return "refused"
	case Report:
		r := o.Result
		flags := ""
		for _, f := range []struct {
			on   bool
			name string
		}{{r.First, " first"}, {r.Changed, " changed"}, {r.Cancelled, " cancelled"}, {r.Deleted, " deleted"}} {
			if f.on {
				flags += f.name
			}
		}
		return fmt.Sprintf("report %d %s %v rc %d%s", r.CallID, r.Op.Key(), r.Status, r.RC, flags)
	default:
		return fmt.Sprintf("%T", o)
	}
}

func (s *script) after(ms int) { s.now = s.now.Add(time.Duration(ms) * time.Millisecond) }

// wake goes to the queue's own deadline.
func (s *script) wake() {
	d := s.q.Deadline()
	if d.IsZero() {
		s.t.Fatal("the queue waits for nothing")
	}
	if d.After(s.now) {
		s.now = d
	}
	s.step(Wake{})
}

func (s *script) done(key string, rc lrm.RC) {
	s.step(Finished{Run: s.runs[key], Outcome: Outcome{RC: rc}})
}

func (s *script) want(lines ...string) {
	s.t.Helper()
	if !slices.Equal(s.log, lines) {
		s.t.Errorf("got\n  %s\nwant\n  %s", strings.Join(s.log, "\n  "), strings.Join(lines, "\n  "))
	}
	s.log = nil
}

func op(rsc, task string, intervalMs int64) Op {
	return Op{Rsc: rsc, Class: "ocf", Provider: "p", Type: "T", Task: task, IntervalMs: intervalMs, TimeoutMs: 20000}
}

func TestQueue_OneOperationPerResourceInOrder(t *testing.T) {
	s := newScript(t)
	s.step(Submit{op("a", "start", 0)})
	s.step(Submit{op("a", "promote", 0)})
	s.step(Submit{op("b", "start", 0)})
	s.after(30)
	s.done("a_start_0", lrm.RCOK)
	s.done("a_promote_0", lrm.RCError)
	s.want("0 accepted 1", "0 begin a_start_0", "0 accepted 2", "0 accepted 3", "0 begin b_start_0",
		"30 report 1 a_start_0 complete rc 0 first", "30 begin a_promote_0", "30 report 2 a_promote_0 complete rc 1 first")
}

func TestQueue_RecurringReportsFirstAndChanges(t *testing.T) {
	s := newScript(t)
	s.step(Submit{op("a", "monitor", 500)})
	for _, rc := range []lrm.RC{0, 0, 7, 7, 0} {
		s.after(10)
		s.done("a_monitor_500", rc)
		s.wake()
	}
	s.want("0 accepted 1", "0 begin a_monitor_500", "10 report 1 a_monitor_500 complete rc 0 first",
		"510 begin a_monitor_500", "1020 begin a_monitor_500",
		"1030 report 1 a_monitor_500 complete rc 7 changed", "1530 begin a_monitor_500", "2040 begin a_monitor_500",
		"2050 report 1 a_monitor_500 complete rc 0 changed", "2550 begin a_monitor_500")
}

func TestQueue_RecurringKeepsTheTimeOfItsLastChange(t *testing.T) {
	s := newScript(t)
	var got []string
	s.step(Submit{op("a", "monitor", 500)})
	for _, rc := range []lrm.RC{0, 0, 0, 7} {
		s.after(1000)
		for _, o := range s.q.Step(s.now, Finished{Run: s.runs["a_monitor_500"], Outcome: Outcome{RC: rc}}) {
			if r, ok := o.(Report); ok {
				got = append(got, fmt.Sprint(r.Result.LastRun-1000, r.Result.LastRCChange-1000, r.Result.QueueMs))
			}
		}
		s.wake()
	}
	if fmt.Sprint(got) != "[0 0 0 4 4 0]" {
		t.Errorf("last run, last change, queue time: %v", got)
	}
}

func TestQueue_StartDelayBlocksThoseBehind(t *testing.T) {
	s := newScript(t)
	delayed := op("a", "monitor", 10000)
	delayed.StartDelayMs = 3000
	s.step(Submit{delayed})
	s.step(Submit{op("a", "notify", 0)})
	s.wake()
	s.want("0 accepted 1", "0 accepted 2", "3000 begin a_monitor_10000")
}

func TestQueue_StopTakesBackRecurringOperations(t *testing.T) {
	s := newScript(t)
	s.step(Submit{op("a", "monitor", 500)})
	s.done("a_monitor_500", lrm.RCOK)
	s.step(Submit{op("a", "monitor", 700)}) // runs when the stop comes
	s.step(Submit{op("a", "stop", 0)})
	s.after(5)
	s.done("a_monitor_700", lrm.RCUnknown)
	s.done("a_stop_0", lrm.RCOK)
	s.want("0 accepted 1", "0 begin a_monitor_500", "0 report 1 a_monitor_500 complete rc 0 first",
		"0 accepted 2", "0 begin a_monitor_700",
		"0 accepted 3", "0 report 1 a_monitor_500 Cancelled rc 0 cancelled", "0 kill",
		"5 report 2 a_monitor_700 Cancelled rc 0 cancelled", "5 begin a_stop_0",
		"5 report 3 a_stop_0 complete rc 0 first")
	if len(s.q.rscs) != 0 || s.q.held != 0 {
		t.Errorf("%d resources and %d operations remain", len(s.q.rscs), s.q.held)
	}
}

func TestQueue_EqualRecurringIsMerged(t *testing.T) {
	t.Run("waiting: runs now", func(t *testing.T) {
		s := newScript(t)
		s.step(Submit{op("a", "monitor", 500)})
		s.done("a_monitor_500", lrm.RCOK)
		s.after(100)
		s.step(Submit{op("a", "monitor", 500)})
		s.done("a_monitor_500", lrm.RCOK)
		s.want("0 accepted 1", "0 begin a_monitor_500", "0 report 1 a_monitor_500 complete rc 0 first",
			"100 accepted 2", "100 begin a_monitor_500", "100 report 2 a_monitor_500 complete rc 0 first")
	})
	t.Run("running: its result answers both", func(t *testing.T) {
		s := newScript(t)
		s.step(Submit{op("a", "monitor", 500)})
		s.step(Submit{op("a", "monitor", 500)})
		s.done("a_monitor_500", lrm.RCOK)
		s.want("0 accepted 1", "0 begin a_monitor_500", "0 accepted 2", "0 report 2 a_monitor_500 complete rc 0 first")
	})
	t.Run("running with other parameters: runs again", func(t *testing.T) {
		s := newScript(t)
		s.step(Submit{op("a", "monitor", 500)})
		other := op("a", "monitor", 500)
		other.Params = map[string]string{"x": "1"}
		s.step(Submit{other})
		s.done("a_monitor_500", lrm.RCError)
		s.done("a_monitor_500", lrm.RCOK)
		s.want("0 accepted 1", "0 begin a_monitor_500", "0 accepted 2", "0 begin a_monitor_500",
			"0 report 2 a_monitor_500 complete rc 0 first")
	})
	t.Run("queued: keeps its place", func(t *testing.T) {
		s := newScript(t)
		s.step(Submit{op("a", "start", 0)})
		s.step(Submit{op("a", "monitor", 500)})
		s.step(Submit{op("a", "notify", 0)})
		s.step(Submit{op("a", "monitor", 500)})
		s.done("a_start_0", lrm.RCOK)
		s.done("a_monitor_500", lrm.RCOK)
		s.want("0 accepted 1", "0 begin a_start_0", "0 accepted 2", "0 accepted 3", "0 accepted 4",
			"0 report 1 a_start_0 complete rc 0 first", "0 begin a_monitor_500",
			"0 report 4 a_monitor_500 complete rc 0 first", "0 begin a_notify_0")
	})
}

func TestQueue_CancelOnlyWhatRecurs(t *testing.T) {
	s := newScript(t)
	s.step(Submit{op("a", "start", 0)})
	s.step(Submit{op("a", "monitor", 500)})
	s.step(Cancel{"a", "start", 0})
	s.step(Cancel{"a", "monitor", 600})
	s.step(Cancel{"b", "monitor", 500})
	s.step(Cancel{"a", "monitor", 500})
	s.want("0 accepted 1", "0 begin a_start_0", "0 accepted 2", "0 refused", "0 refused", "0 refused",
		"0 report 2 a_monitor_500 Cancelled rc 0 cancelled", "0 accepted 0")
}

func TestQueue_UnregisterLetsARunFinish(t *testing.T) {
	s := newScript(t)
	s.step(Submit{op("a", "start", 0)})
	s.step(Submit{op("a", "monitor", 500)})
	s.step(Unregister{"a"})
	s.step(Submit{op("a", "monitor", 0)}) // the probe after a clean-up
	s.after(20)
	s.done("a_start_0", lrm.RCOK)
	s.done("a_monitor_0", lrm.RCNotRunning)
	s.want("0 accepted 1", "0 begin a_start_0", "0 accepted 2", "0 report 2 a_monitor_500 Cancelled rc 0 cancelled deleted",
		"0 accepted 3", "20 report 1 a_start_0 complete rc 0 first deleted", "20 begin a_monitor_0",
		"20 report 3 a_monitor_0 complete rc 7 first")
}

// A start that cannot be killed may still mount the disk: nothing may run beside it, and whoever waits for
// a stop has to hear that it does not come.
func TestQueue_HeldResourceTimesOutWhatWaits(t *testing.T) {
	s := newScript(t)
	s.step(Submit{op("a", "start", 0)})
	s.after(1000)
	s.step(Finished{Run: s.runs["a_start_0"], Outcome: Outcome{Status: lrm.Timeout, RC: lrm.RCError}, Stuck: "mount is stuck"})
	s.step(Submit{op("a", "stop", 0)})
	s.step(Submit{op("b", "start", 0)})
	s.wake()
	s.step(Submit{op("a", "stop", 0)})
	s.after(500)
	s.step(Release{"a"})
	s.want("0 accepted 1", "0 begin a_start_0", "1000 report 1 a_start_0 Timed Out rc 1 first",
		"1000 accepted 2", "1000 accepted 3", "1000 begin b_start_0",
		"21000 report 2 a_stop_0 Timed Out rc 1 first", "21000 accepted 4", "21500 begin a_stop_0")
}

func TestQueue_FirstRepetitionsAreSpread(t *testing.T) {
	var q Queue
	now := time.Unix(1000, 0)
	var due []time.Duration
	for i := range 100 {
		o := op(fmt.Sprintf("r%d", i), "monitor", 10000)
		for _, out := range q.Step(now, Submit{o}) {
			if b, ok := out.(Begin); ok {
				q.Step(now, Finished{Run: b.Run})
			}
		}
		r := q.resource(o.Rsc)
		due = append(due, r.waiting[0].notBefore.Sub(now))
	}
	slices.Sort(due)
	if due[0] < 5*time.Second || due[99] > 10*time.Second || due[75]-due[25] < 1500*time.Millisecond {
		t.Errorf("due from %v to %v, the middle half within %v", due[0], due[99], due[75]-due[25])
	}
}

func TestQueue_RefusesWhenNobodyTakesResults(t *testing.T) {
	var q Queue
	now := time.Unix(1000, 0)
	for range Limit {
		q.Step(now, Submit{op("a", "notify", 0)})
	}
	outs := q.Step(now, Submit{op("a", "notify", 0)})
	if _, ok := outs[0].(Refused); !ok || len(outs) != 1 {
		t.Errorf("got %v", outs)
	}
}

func TestFreeze_NothingStartsAndWhatRanIsFinished(t *testing.T) {
	s := newScript(t)
	s.step(Submit{op("a", "monitor", 500)})
	s.step(Submit{op("b", "start", 0)})
	s.after(10)
	s.done("a_monitor_500", lrm.RCOK)
	s.step(Freeze{On: true})
	s.step(Submit{op("c", "start", 0)})
	s.after(3000)
	s.done("b_start_0", lrm.RCOK)
	s.step(Wake{})
	if d := s.q.Deadline(); !d.IsZero() {
		t.Errorf("a frozen queue wants to be woken at %s", d)
	}
	s.want("0 accepted 1", "0 begin a_monitor_500", "0 accepted 2", "0 begin b_start_0", "10 report 1 a_monitor_500 complete rc 0 first",
		"10 accepted 3", "3010 report 2 b_start_0 complete rc 0 first")
	s.step(Freeze{})
	s.want("3010 begin a_monitor_500", "3010 begin c_start_0")
}
