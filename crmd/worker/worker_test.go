package worker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
)

var gen = api.Generation{Epoch: 1, Ring: 5, Term: 2}

func enlisted(t *testing.T) *Worker {
	t.Helper()
	w := New("n1", "s1", 2)
	if _, err := w.Enlist(api.Enlist{DC: "n2", Generation: gen}); err != nil {
		t.Fatal(err)
	}
	return w
}

func op(n int, task string, interval int64) api.Order {
	return api.Order{Kind: api.OrderOp, Key: fmt.Sprintf("%d:1:0:uuid", n), Rsc: "d1", Class: "ocf", Provider: "pacemaker", Type: "Dummy",
		Task: task, Interval: interval, Timeout: 20000}
}

func give(t *testing.T, w *Worker, orders ...api.Order) []Output {
	t.Helper()
	out, err := w.Orders(api.Orders{DC: "n2", Generation: gen, Orders: orders})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// sent empties the queue and describes it: one word per update, "key task status" for events.
func sent(w *Worker) string {
	up := w.Unsent()
	var words []string
	for _, u := range up.Updates {
		switch {
		case u.Event == nil:
			words = append(words, "history")
		case u.Event.Cancelled:
			words = append(words, "cancelled:"+u.Event.Key)
		default:
			words = append(words, fmt.Sprintf("%s:%s/%d", u.Event.Op.Task, u.Event.Key, u.Event.Op.RC))
		}
		w.Sent(u.Seq)
	}
	return strings.Join(words, " ")
}

func TestOrders_RunAndReport(t *testing.T) {
	w := enlisted(t)
	start := op(1, "start", 0)
	if out := give(t, w, start); len(out) != 1 || out[0].(Submit).Order.Task != "start" {
		t.Fatalf("got %v", out)
	}
	w.Result(Result{Order: start, CallID: 5})
	if got := sent(w); got != "history start:1:1:0:uuid/0" {
		t.Errorf("got %s", got)
	}
	if a := w.Active(); len(a) != 1 {
		t.Errorf("active %v", a)
	}
}

func TestOrders_TwiceIsOnce(t *testing.T) {
	w := enlisted(t)
	start := op(1, "start", 0)
	if out := give(t, w, start, start); len(out) != 1 {
		t.Errorf("got %v", out)
	}
}

func TestOrders_OnlyFromTheDC(t *testing.T) {
	w := enlisted(t)
	for _, o := range []api.Orders{{DC: "n3", Generation: gen}, {DC: "n2", Generation: api.Generation{Epoch: 1, Ring: 4}}} {
		if _, err := w.Orders(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
	if _, err := w.Enlist(api.Enlist{DC: "n3", Generation: api.Generation{Epoch: 1, Ring: 4, Term: 9}}); err == nil {
		t.Error("an older DC took over")
	}
	if _, err := w.Enlist(api.Enlist{DC: "n3", Generation: api.Generation{Epoch: 2}}); err != nil || w.DC() != "n3" {
		t.Errorf("a newer DC was refused: %v", err)
	}
}

func TestEnlist_TellsEverything(t *testing.T) {
	w := enlisted(t)
	start, mon := op(1, "start", 0), op(2, "monitor", 10000)
	give(t, w, start)
	w.Result(Result{Order: start, CallID: 5})
	give(t, w, mon)
	e, err := w.Enlist(api.Enlist{DC: "n3", Generation: api.Generation{Epoch: 1, Ring: 6}})
	if err != nil {
		t.Fatal(err)
	}
	if len(e.History) != 1 || len(e.Running) != 1 || e.Running[0].Task != "monitor" || len(e.Unsent) != 1 || e.Session != "s1" {
		t.Errorf("got %+v", e)
	}
	// The answer may get lost: what it contained stays until it is acknowledged, numbered so that it counts once.
	for _, u := range w.Unsent().Updates {
		if u.Seq > e.Seq {
			t.Errorf("update %d is not in the answer, which says %d", u.Seq, e.Seq)
		}
	}
	if w.Sent(e.Seq); len(w.Unsent().Updates) != 0 {
		t.Error("what was acknowledged is sent again")
	}
}

func TestCancel_WaitsForTheExecutor(t *testing.T) {
	w := enlisted(t)
	mon := op(2, "monitor", 10000)
	give(t, w, mon)
	w.Result(Result{Order: mon, CallID: 6})
	sent(w)
	cancel := api.Order{Kind: api.OrderCancel, Key: "9:1:0:uuid", Rsc: "d1", Task: "monitor", Interval: 10000}
	if out := give(t, w, cancel); len(out) != 1 {
		t.Fatalf("got %v", out)
	}
	if got := sent(w); got != "" {
		t.Errorf("confirmed before the end: %s", got)
	}
	w.Result(Result{Order: mon, Status: lrm.Cancelled})
	if got := sent(w); got != "cancelled:9:1:0:uuid" {
		t.Errorf("got %s", got)
	}
	cancel.Key = "10:1:0:uuid"
	if out := give(t, w, cancel); len(out) != 0 || sent(w) != "cancelled:10:1:0:uuid" {
		t.Error("a cancel of nothing was not confirmed at once")
	}
}

func TestResult_ChangesOfRecurringOperationsAreReported(t *testing.T) {
	w := enlisted(t)
	mon := op(2, "monitor", 10000)
	give(t, w, mon)
	w.Result(Result{Order: mon, CallID: 6})
	w.Result(Result{Order: mon, CallID: 6, RC: 7, Again: true})
	if got := sent(w); got != "history monitor:2:1:0:uuid/0 monitor:2:1:0:uuid/7" {
		t.Errorf("got %s", got)
	}
	give(t, w, op(3, "stop", 0))
	w.Result(Result{Order: mon, CallID: 6, RC: 1, Again: true})
	if got := sent(w); got != "history" {
		t.Errorf("a monitor that the stop ended was reported: %s", got)
	}
}

func TestDelete_ForgetsWhatRuns(t *testing.T) {
	w := enlisted(t)
	start := op(1, "start", 0)
	give(t, w, start)
	out := give(t, w, api.Order{Kind: api.OrderDelete, Key: "4:1:0:uuid", Rsc: "d1"})
	if len(out) != 1 || out[0] != (Unregister{"d1"}) {
		t.Errorf("got %v", out)
	}
	sent(w)
	w.Result(Result{Order: start, CallID: 5})
	if got := sent(w); got != "" {
		t.Errorf("a deleted resource came back: %s", got)
	}
}

func TestReport_OverflowAsksForANewStart(t *testing.T) {
	w := enlisted(t)
	for i := range maxUnsent + 5 {
		give(t, w, api.Order{Kind: api.OrderClearFail, Key: fmt.Sprintf("%d:1:0:u", i), Rsc: "d1"})
	}
	up := w.Unsent()
	if !up.Lost || len(up.Updates) > maxUnsent {
		t.Errorf("lost %v with %d updates", up.Lost, len(up.Updates))
	}
	if _, err := w.Enlist(api.Enlist{DC: "n2", Generation: gen}); err != nil {
		t.Fatal(err)
	}
	if w.Unsent().Lost {
		t.Error("still lost after the node was enlisted")
	}
}

func TestFail_RecordsAFailureThatNobodyAskedFor(t *testing.T) {
	w := enlisted(t)
	if err := w.Fail("d1", 99); err == nil {
		t.Error("a resource without history was failed")
	}
	start := op(1, "start", 0)
	give(t, w, start)
	w.Result(Result{Order: start, CallID: 5})
	sent(w)
	if err := w.Fail("d1", 99); err != nil {
		t.Fatal(err)
	}
	up := w.Unsent()
	if ev := up.Updates[0].Event; ev.Op.Transition.Transition != -1 || !ev.Op.Failed() || ev.Op.CallID != 6 {
		t.Errorf("got %+v; it has to be newer than the start, and older than what comes next", ev)
	}
}

// Whoever waits for an order that will give no result has to learn that: its history was deleted, or another
// operation took its place.
func TestOrders_TakenBackAreReported(t *testing.T) {
	w := enlisted(t)
	monitor, other := op(1, "monitor", 10000), op(2, "start", 0)
	other.Rsc = "d2"
	give(t, w, monitor, other)
	sent(w)
	give(t, w, api.Order{Kind: api.OrderDelete, Key: "9:1:0:uuid", Rsc: "d1"})
	if got := sent(w); got != "cancelled:1:1:0:uuid delete:9:1:0:uuid/0" {
		t.Errorf("deleted: got %s", got)
	}
	w.Result(Result{Order: monitor, Status: lrm.Cancelled})
	if got := sent(w); got != "" {
		t.Errorf("told twice: got %s", got)
	}
	monitor = op(3, "monitor", 10000)
	give(t, w, monitor, op(4, "stop", 0))
	sent(w)
	w.Result(Result{Order: monitor, Status: lrm.Cancelled})
	if got := sent(w); got != "cancelled:3:1:0:uuid" {
		t.Errorf("replaced: got %s", got)
	}
}

func TestHung_BoundsWhatEndsTheResourceUntilItStartsAnew(t *testing.T) {
	w := enlisted(t)
	if w.Hung(Hang{Resource: "d1", Hang: &api.Hang{Reason: "stopped"}, StopLimit: 2500}, 1) {
		t.Error("a hang counts without a monitor")
	}
	timeout := func(o api.Order) string {
		got := give(t, w, o)[0].(Submit).Order
		w.Result(Result{Order: got, CallID: 1, Status: lrm.Done, RC: lrm.RCOK})
		return fmt.Sprint(got.Timeout, " ", got.Meta["timeout"])
	}
	run := func(n int, task string, meta map[string]string) string {
		o := op(n, task, 0)
		o.Meta = meta
		return timeout(o)
	}
	run(1, "start", nil)
	run(2, "promote", nil)
	timeout(op(3, "monitor", 10000))
	if !w.Promoted("d1") {
		t.Error("not promoted after promote")
	}
	if !w.Hung(Hang{Resource: "d1", Hang: &api.Hang{Reason: "stopped"}, StopLimit: 2500}, 1) {
		t.Fatal("the hang does not count")
	}
	meta := map[string]string{"timeout": "20000"}
	for _, c := range []struct{ task, want string }{{"demote", "2500 2500"}, {"stop", "2500 2500"}, {"start", "20000 20000"}, {"stop", "20000 20000"}} {
		if got := run(10+len(sent(w)), c.task, meta); got != c.want {
			t.Errorf("%s: timeout %s, want %s", c.task, got, c.want)
		}
	}
	if meta["timeout"] != "20000" {
		t.Error("the order was changed")
	}
	run(90, "start", nil)
	timeout(op(91, "monitor", 10000))
	w.Hung(Hang{Resource: "d1", Hang: &api.Hang{Reason: "stopped"}, StopLimit: 2500}, 1)
	if got := run(92, "stop", map[string]string{"on_fail": "block"}); got != "20000 " {
		t.Errorf("a stop whose failure would block the resource is cut short: %s", got)
	}
}
