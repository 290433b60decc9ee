package executor

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/internal/paths"
)

// TestMain is also the daemon that the tests kill: it keeps every resource busy.
func TestMain(m *testing.M) {
	dir := os.Getenv("EXECUTOR_TEST_CRASH")
	if dir == "" {
		os.Exit(m.Run())
	}
	var e *Executor
	next := map[string]string{"start": "monitor", "monitor": "stop", "stop": "start"}
	submit := func(op Op) {
		if _, err := e.Submit(op); err != nil {
			panic(err)
		}
	}
	e, err := New(Config{Dirs: paths.Dirs{Run: filepath.Join(dir, "run")}, OCFPath: []string{filepath.Join(dir, "ocf")},
		RscTmp: filepath.Join(dir, "rsctmp"), Report: func(r Result) {
			op := r.Op
			op.Task = next[op.Task]
			submit(op)
		}})
	if err != nil {
		panic(err)
	}
	for i := range 8 {
		op := ocfOp("Busy", "start")
		op.Rsc = fmt.Sprintf("r%d", i)
		submit(op)
	}
	panic(e.Run(context.Background()))
}

func startDaemon(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), "EXECUTOR_TEST_CRASH="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd
}

func TestRun_AfterACrashNoTwoOperationsOfAResource(t *testing.T) {
	dir := t.TempDir()
	l := &lab{t: t, dir: dir}
	l.agent("Busy", `setsid sleep 600 >/dev/null 2>&1 </dev/null &
echo $! >> `+dir+`/daemons; echo "begin $1 $$" >> `+dir+`/journal; sleep 600`)
	cmd := startDaemon(t, dir)
	eventually(t, "the agent of the first daemon runs", func() bool { return len(tryRead(dir+"/journal")) > 0 })
	cmd.Process.Kill()
	cmd.Wait()
	var task string
	var agent, daemon int
	fmt.Sscanf(tryRead(dir+"/journal"), "begin %s %d", &task, &agent)
	fmt.Sscan(tryRead(dir+"/daemons"), &daemon)
	t.Cleanup(func() {
		for _, line := range strings.Fields(tryRead(dir + "/daemons")) {
			if pid, err := strconv.Atoi(line); err == nil {
				syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	})
	if syscall.Kill(agent, 0) != nil || syscall.Kill(daemon, 0) != nil {
		t.Fatal("agent or resource did not survive the daemon")
	}
	again := newLabIn(t, dir, nil)
	again.agent("Look", `case $(cut -d' ' -f3 /proc/`+fmt.Sprint(agent)+`/stat 2>/dev/null) in ''|Z) exit 0;; esac; exit 1`)
	if r := again.do(ocfOp("Look", "monitor")); r.RC != lrm.RCOK {
		t.Errorf("the old %s still ran when the first operation began", task)
	}
	if syscall.Kill(daemon, 0) != nil {
		t.Error("the resource was killed with the agent")
	}
}

// The daemon is killed again and again, at any moment of an operation. Every run of an agent holds a lock
// for its resource, which the kernel gives back when the last process of the run is gone.
func TestRun_KilledAtAnyMoment(t *testing.T) {
	if _, err := exec.LookPath("flock"); err != nil {
		t.Skip("needs flock (package util-linux)")
	}
	dir := t.TempDir()
	l := &lab{t: t, dir: dir}
	l.agent("Busy", `exec 9>`+dir+`/lock.$OCF_RESOURCE_INSTANCE
flock -n 9 || { echo "$OCF_RESOURCE_INSTANCE $1" >> `+dir+`/overlaps; exit 1; }
echo run >> `+dir+`/runs
sleep 0.03`)
	r := rand.New(rand.NewPCG(1, 2))
	runs := func() int { return strings.Count(tryRead(dir+"/runs"), "\n") }
	for range 20 {
		before := runs()
		cmd := startDaemon(t, dir)
		eventually(t, "the daemon runs agents", func() bool { return runs() > before })
		time.Sleep(time.Duration(r.IntN(80)) * time.Millisecond) // the moment is the point of the test
		cmd.Process.Kill()
		cmd.Wait()
	}
	last := newLabIn(t, dir, nil)
	if r := last.do(ocfOp("Busy", "monitor")); r.RC != lrm.RCOK {
		t.Errorf("the last daemon: rc %d", r.RC)
	}
	if overlaps := tryRead(dir + "/overlaps"); overlaps != "" {
		t.Errorf("two operations of a resource at once:\n%s", overlaps)
	}
	t.Logf("%d runs of agents, 20 kills of the daemon", runs())
}
