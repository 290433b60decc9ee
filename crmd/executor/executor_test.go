package executor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/internal/proc"
)

// journal is an agent that notes the begin and the end of every run with the clock.
const journal = `echo "begin $OCF_RESOURCE_INSTANCE $1 $$" >> $OCF_RESKEY_journal
sleep ${OCF_RESKEY_sleep:-0.02}
echo "end $OCF_RESOURCE_INSTANCE $1 $$" >> $OCF_RESKEY_journal`

func TestRun_ResourcesInParallelOperationsInOrder(t *testing.T) {
	l := newLab(t, nil)
	l.agent("Journal", journal)
	log := filepath.Join(l.dir, "journal")
	for i := range 30 {
		for _, task := range []string{"monitor", "start", "promote"} {
			op := ocfOp("Journal", task)
			op.Rsc = fmt.Sprintf("r%d", i)
			op.Params = map[string]string{"journal": log}
			l.submit(op)
		}
	}
	eventually(t, "all results", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.results) == 90
	})
	open, most, order := map[string]bool{}, 0, map[string][]string{}
	for _, line := range readLines(t, log) {
		f := strings.Fields(line)
		switch {
		case f[0] == "begin" && open[f[1]]:
			t.Fatalf("two operations of %s at once", f[1])
		case f[0] == "begin":
			open[f[1]] = true
			order[f[1]] = append(order[f[1]], f[2])
		default:
			delete(open, f[1])
		}
		most = max(most, len(open))
	}
	for rsc, tasks := range order {
		if fmt.Sprint(tasks) != "[monitor start promote]" {
			t.Errorf("%s ran %v", rsc, tasks)
		}
	}
	if most < 2 {
		t.Errorf("at most %d resources at once", most)
	}
}

func TestRun_RecurringMonitorReportsChanges(t *testing.T) {
	l := newLab(t, nil)
	l.agent("State", `read -r rc < `+l.dir+`/rc; exit $rc`)
	l.write("rc", "0\n")
	op := ocfOp("State", "monitor")
	op.IntervalMs, op.Tag = 50, "key"
	id := l.submit(op)
	first := l.result(func(r Result) bool { return true })
	if first.CallID != id || !first.First || first.Changed || first.RC != lrm.RCOK || first.Op.Tag != "key" || first.LastRCChange == 0 {
		t.Errorf("first: %+v", first)
	}
	l.write("rc", "7\n")
	changed := l.result(func(r Result) bool { return r.RC == lrm.RCNotRunning })
	if changed.First || !changed.Changed || changed.CallID != id {
		t.Errorf("changed: %+v", changed)
	}
	if p := l.e.Pending(); len(p) != 1 || p[0].CallID != id {
		t.Errorf("pending %v", p)
	}
	if !l.e.Cancel("r1", "monitor", 50) {
		t.Error("cancel does not find the monitor")
	}
	c := l.result(func(r Result) bool { return r.Cancelled })
	if c.Status != lrm.Cancelled || c.RC != lrm.RCNotRunning || c.CallID != id {
		t.Errorf("cancelled: %+v", c)
	}
	if p := l.e.Pending(); len(p) != 0 || l.e.Cancel("r1", "monitor", 50) {
		t.Errorf("pending %v, or found again", p)
	}
}

func TestRun_StopKillsARunningMonitor(t *testing.T) {
	l := newLab(t, nil)
	l.agent("Slow", `case $1 in monitor) echo $$ > `+l.dir+`/pid; sleep 600;; esac`)
	mon := ocfOp("Slow", "monitor")
	mon.IntervalMs, mon.TimeoutMs = 10000, 600000
	l.submit(mon)
	eventually(t, "the monitor runs", func() bool { return len(tryRead(l.dir+"/pid")) > 0 })
	stop := l.do(ocfOp("Slow", "stop"))
	if stop.RC != lrm.RCOK || stop.Status != lrm.Done || stop.QueueMs > 5000 {
		t.Errorf("stop: %+v", stop)
	}
}

func TestRun_ReportMayCallTheExecutor(t *testing.T) {
	var l *lab
	var once sync.Once
	second := make(chan Result, 1)
	l = newLab(t, func(c *Config) {
		c.Report = func(r Result) {
			once.Do(func() {
				op := r.Op
				op.Task = "start"
				l.e.Pending()
				l.submit(op)
			})
			if r.Op.Task == "start" {
				second <- r
			}
		}
	})
	l.agent("True", "exit 0")
	l.submit(ocfOp("True", "monitor"))
	select {
	case <-second:
	case <-time.After(20 * time.Second):
		t.Fatal("no result of the operation that was asked for in Report")
	}
}

func TestRun_ShutdownKillsAndReportsNothing(t *testing.T) {
	before := goleak.IgnoreCurrent()
	l := newLab(t, nil)
	l.agent("Hang", `echo $$ > `+l.dir+`/pid; sleep 600`)
	l.submit(ocfOp("Hang", "start"))
	eventually(t, "the agent runs", func() bool { return len(tryRead(l.dir+"/pid")) > 0 })
	var pid int
	fmt.Sscan(tryRead(l.dir+"/pid"), &pid)
	l.stop()
	goleak.VerifyNone(t, before)
	if left := proc.Group(pid, 10); len(left) != 0 {
		t.Errorf("after the end there still run %v", left)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.results) != 0 {
		t.Errorf("reported %+v", l.results)
	}
	if _, err := l.e.Submit(ocfOp("Hang", "start")); err == nil {
		t.Error("an ended executor takes operations")
	}
}

func tryRead(path string) string {
	raw, _ := os.ReadFile(path)
	if s := string(raw); strings.HasSuffix(s, "\n") {
		return s
	}
	return ""
}

func readLines(t *testing.T, path string) []string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(raw)), "\n")
}
