package executor

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/holdfast-ha/holdfast/cib/lrm"
)

// installAgents builds Holdfast's own agents and links them as make install does.
func (l *lab) installAgents() {
	l.t.Helper()
	dir := filepath.Join(l.dir, "ocf/holdfast")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		l.t.Fatal(err)
	}
	program := filepath.Join(l.dir, "holdfast-agents")
	cmd := exec.Command("go", "build", "-o", program, "../../cmd/holdfast-agents")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		l.t.Fatalf("%v: %s", err, out)
	}
	for _, name := range []string{"vip", "vg", "script"} {
		if err := os.Symlink(program, filepath.Join(dir, name)); err != nil {
			l.t.Fatal(err)
		}
	}
}

func TestHoldfast_ProgramDiesAndIsNoticed(t *testing.T) {
	l := newLab(t, nil)
	l.installAgents()
	op := Op{Rsc: "app", Class: "ocf", Provider: "holdfast", Type: "script", TimeoutMs: 20000, Params: map[string]string{
		"command": "echo $$ > " + l.dir + "/pid; exec sleep 600", "log": l.dir + "/log", "settle": "20ms"}}
	l.steps(op, "validate-all", 0, "monitor", 7, "stop", 0, "start", 0, "monitor", 0, "reload-agent", 0)
	watch := op
	watch.Task, watch.IntervalMs = "monitor", 50
	id := l.submit(watch)
	l.result(func(r Result) bool { return r.CallID == id && r.First && r.RC == lrm.RCOK })
	if out, err := exec.Command("sh", "-c", "kill -KILL $(cat "+l.dir+"/pid)").CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	if r := l.result(func(r Result) bool { return r.CallID == id && r.Changed }); r.RC != lrm.RCNotRunning || r.Status != lrm.Done {
		t.Errorf("after its end: %v rc %d", r.Status, r.RC)
	}
	l.steps(op, "stop", 0, "monitor", 7)
	a, err := l.e.Metadata(t.Context(), "ocf", "holdfast", "script")
	if err != nil {
		t.Fatal(err)
	}
	if names, ok := a.RestartParams(); !ok || a.OCF != "1.1" || len(names) == 0 {
		t.Errorf("OCF %s, restart parameters %v", a.OCF, names)
	}
}
