package executor

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/cib/lrm"
)

// A frozen process cannot be killed, like one that waits for a dead disk.
func TestRun_NothingBesideAnAgentThatCannotBeKilled(t *testing.T) {
	group := fmt.Sprintf("/sys/fs/cgroup/freezer/holdfast-test-%d", os.Getpid())
	if err := os.Mkdir(group, 0o755); err != nil {
		t.Skipf("needs the freezer of cgroup v1 and root: %v", err)
	}
	thaw := func() { os.WriteFile(filepath.Join(group, "freezer.state"), []byte("THAWED"), 0) }
	t.Cleanup(func() {
		thaw()
		eventually(t, "the cgroup can be removed", func() bool { return os.Remove(group) == nil })
	})
	l := newLab(t, nil)
	l.agent("Freeze", `case $1 in start|monitor) echo $$ > `+group+`/tasks; echo FROZEN > `+group+`/freezer.state; sleep 600;; esac`)

	start := ocfOp("Freeze", "start")
	start.TimeoutMs = 300
	r := l.do(start)
	if r.Status != lrm.Timeout || len(r.Hang) == 0 || r.Hang[0].State != "D" || !strings.Contains(r.Hang[0].WChan, "refrigerator") {
		t.Errorf("start: %v, hang %+v", r.Status, r.Hang)
	}
	stop := ocfOp("Freeze", "stop")
	stop.TimeoutMs = 500
	r = l.do(stop)
	if r.Status != lrm.Timeout || !strings.Contains(r.ExitReason, "an earlier start of r1 cannot be killed") {
		t.Errorf("stop beside it: %v %q", r.Status, r.ExitReason)
	}
	other := ocfOp("Freeze", "stop")
	other.Rsc = "r2"
	if r := l.do(other); r.Status != lrm.Done {
		t.Errorf("another resource: %v", r.Status)
	}
	stop.TimeoutMs = 60000
	id := l.submit(stop)
	thaw()
	r = l.result(func(r Result) bool { return r.CallID == id })
	if r.Status != lrm.Done || r.RC != lrm.RCOK {
		t.Errorf("stop after its end: %v rc %d %q", r.Status, r.RC, r.ExitReason)
	}
	if notes, _ := filepath.Glob(filepath.Join(l.dir, "run/executor/operations/*")); len(notes) != 0 {
		t.Errorf("notes remain: %v", notes)
	}
}
