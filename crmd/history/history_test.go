package history

import (
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/cib/lrm"
)

var dummy = Resource{ID: "d1", Class: "ocf", Provider: "pacemaker", Type: "Dummy"}

func result(task string, interval int64, rc, target lrm.RC) Result {
	return Result{Resource: dummy, Op: lrm.Op{Key: lrm.OpKey("d1", task, interval), Task: task, IntervalMs: interval, RC: rc,
		Transition: lrm.Key{Action: 1, TargetRC: target, UUID: "u"}, CallID: 7}}
}

// ids lists the records of d1 as "id=task/rc".
func ids(h *History) string {
	var out []string
	if e := h.Element("d1"); e != nil {
		for op := range e.Tags("lrm_rsc_op") {
			out = append(out, strings.TrimPrefix(op.ID(), "d1_")+"="+op.Get("operation")+"/"+op.Get("rc-code"))
		}
	}
	return strings.Join(out, " ")
}

func TestRecord_WhichEntriesAreWritten(t *testing.T) {
	cases := []struct {
		name string
		ops  []Result
		want string
	}{
		{"probe", []Result{result("monitor", 0, 7, 7)}, "last_0=monitor/7"},
		{"start and monitor", []Result{result("start", 0, 0, 0), result("monitor", 10000, 0, 0)}, "last_0=start/0 monitor_10000=monitor/0"},
		{"failed monitor", []Result{result("start", 0, 0, 0), result("monitor", 10000, 0, 0), result("monitor", 10000, 7, 0)},
			"last_failure_0=monitor/7 last_0=start/0 monitor_10000=monitor/0"},
		{"failed start", []Result{result("start", 0, 1, 0)}, "last_failure_0=start/1 last_0=start/1"},
		{"stop ends monitors", []Result{result("start", 0, 0, 0), result("monitor", 10000, 0, 0), result("stop", 0, 0, 0)}, "last_0=stop/0"},
		{"probe that finds it active", []Result{result("monitor", 0, 0, 7)}, "last_failure_0=monitor/0 last_0=monitor/0"},
		{"reload shows as start", []Result{result("reload-agent", 0, 0, 0)}, "last_0=start/0"},
		{"migration", []Result{result("migrate_to", 0, 0, 0), result("stop", 0, 0, 0)}, "last_0=stop/0 migrate_to_0=migrate_to/0"},
		{"notify leaves nothing", []Result{result("notify", 0, 0, 0)}, ""},
		{"degraded is no failure", []Result{result("monitor", 10000, 190, 0)}, "monitor_10000=monitor/190"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := New("n1")
			for _, r := range c.ops {
				h.Record(r)
			}
			if got := ids(h); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestBegin_ShowsThePendingOperation(t *testing.T) {
	h := New("n1")
	h.Begin(result("start", 0, 0, 0))
	op := lrm.ParseOp(h.Element("d1").Children[0])
	if op.Status != lrm.Pending || op.RC != lrm.RCUnknown || op.CallID != -1 || op.Task != "start" || op.Node != "n1" {
		t.Errorf("got %+v", op)
	}
	if h.Begin(result("notify", 0, 0, 0)) {
		t.Error("notify is recorded as pending")
	}
}

func TestRecord_StopCarriesTheDigestOfTheStart(t *testing.T) {
	h := New("n1")
	start := result("start", 0, 0, 0)
	start.Params = map[string]string{"state": "/a", "passwd": "x"}
	start.Agent = Parameters{Reloads: true, Restart: []string{"state"}, Private: []string{"passwd"}}
	h.Record(start)
	op := lrm.ParseOp(h.Element("d1").Children[0])
	if op.ForceRestart != "  state  " || op.RestartDigest != lrm.Digest(map[string]string{"state": "/a"}) || op.SecureParams != "  passwd  " {
		t.Errorf("start %+v", op)
	}
	stop := result("stop", 0, 0, 0)
	stop.Params = map[string]string{"state": "/b"}
	h.Record(stop)
	if got := lrm.ParseOp(h.Element("d1").Children[0]).Digest; got != lrm.Digest(start.Params) {
		t.Error("a stop was recorded with parameters that it did not run with")
	}
}

func TestEndRecurringAndClearFailure(t *testing.T) {
	h := New("n1")
	h.Record(result("start", 0, 0, 0))
	h.Record(result("monitor", 10000, 0, 0))
	h.Record(result("monitor", 5000, 1, 0))
	if !h.EndRecurring("d1", "monitor", 10000) || h.EndRecurring("d1", "monitor", 10000) {
		t.Error("end of a recurring operation")
	}
	if h.ClearFailure("d1", "start", 0) || !h.ClearFailure("d1", "monitor", 5000) {
		t.Error("clear a failure")
	}
	if got := ids(h); got != "last_0=start/0" {
		t.Errorf("got %s", got)
	}
	if !h.Active("d1") {
		t.Error("a started resource is active")
	}
	h.Delete("d1")
	if h.Element("d1") != nil || len(h.Known()) != 0 {
		t.Error("deleted history is still there")
	}
}
