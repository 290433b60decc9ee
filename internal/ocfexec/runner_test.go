package ocfexec

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/internal/proc"
)

// startRunner runs a Runner for the length of the test.
func startRunner(t *testing.T, ledger string) *Runner {
	t.Helper()
	r, err := New(Options{Ledger: ledger, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return r
}

// sh is a command that runs a shell script with an ordinary PATH.
func sh(script string) Command {
	return Command{Path: "/bin/sh", Args: []string{"-c", script}, Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
		Timeout: 30 * time.Second, Label: "test"}
}

func run(t *testing.T, r *Runner, c Command) Exit {
	t.Helper()
	x, err := r.Exec(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// eventually polls a condition that real processes bring about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for limit := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

func TestExec_ReportsCodeAndBothOutputs(t *testing.T) {
	x := run(t, startRunner(t, ""), sh("echo out; echo err >&2; exit 7"))
	if x.Code != 7 || string(x.Stdout) != "out\n" || string(x.Stderr) != "err\n" || x.TimedOut || x.Signal != 0 {
		t.Errorf("%+v", x)
	}
}

func TestExec_KeepsTheEndOfALongOutput(t *testing.T) {
	c := sh("i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done; echo reason >&2")
	c.Limit = 100
	x := run(t, startRunner(t, ""), c)
	if !x.Truncated || len(x.Stdout) != 100 || !strings.HasSuffix(string(x.Stdout), "line 2999\n") || string(x.Stderr) != "reason\n" {
		t.Errorf("truncated %v, %d bytes: %q", x.Truncated, len(x.Stdout), x.Stdout)
	}
}

func TestExec_ErrorTellsWhyItCouldNotStart(t *testing.T) {
	r := startRunner(t, "")
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, []byte("no program"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{"/no/such/agent": syscall.ENOENT, plain: syscall.EACCES} {
		if _, err := r.Exec(t.Context(), Command{Path: path}); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
}

func TestExec_TimeoutKillsTheWholeGroup(t *testing.T) {
	r := startRunner(t, "")
	pidfile := filepath.Join(t.TempDir(), "pid")
	c := sh(fmt.Sprintf("trap '' TERM; sleep 600 & echo $! > %s; wait", pidfile))
	c.Timeout = 300 * time.Millisecond
	x := run(t, r, c)
	if !x.TimedOut || x.Code != -1 || x.Signal != syscall.SIGKILL || x.Gone != nil {
		t.Errorf("%+v", x)
	}
	if len(x.Hang) != 2 || x.Hang[0].Comm != "sh" && x.Hang[1].Comm != "sh" {
		t.Errorf("the hanging group was %v", x.Hang)
	}
	if pid := readPID(t, pidfile); proc.Group(pid, 1) != nil || exists(pid) {
		t.Errorf("the agent's child %d survived", pid)
	}
}

func TestExec_LeaderOnlySparesTheChildren(t *testing.T) {
	r := startRunner(t, "")
	pidfile := filepath.Join(t.TempDir(), "pid")
	c := sh(fmt.Sprintf("sleep 600 & echo $! > %s; wait", pidfile))
	c.Timeout, c.LeaderOnly = 300*time.Millisecond, true
	x := run(t, r, c)
	pid := readPID(t, pidfile)
	t.Cleanup(func() { syscall.Kill(pid, syscall.SIGKILL) })
	if !x.TimedOut || !exists(pid) {
		t.Errorf("timed out %v, child alive %v", x.TimedOut, exists(pid))
	}
}

func TestExec_ContextEndKills(t *testing.T) {
	r := startRunner(t, "")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	x, err := r.Exec(ctx, sh("sleep 600"))
	if err != nil || !x.Cancelled || x.TimedOut || x.Elapsed > 5*time.Second {
		t.Errorf("%+v, %v", x, err)
	}
}

func TestExec_DoesNotWaitForADaemonThatKeepsStdout(t *testing.T) {
	r := startRunner(t, "")
	begin := time.Now()
	x := run(t, r, sh("echo before; setsid sleep 600 & echo $!"))
	lines := strings.Fields(string(x.Stdout))
	if len(lines) != 2 || x.Code != 0 || time.Since(begin) > 10*time.Second {
		t.Fatalf("after %v: %+v", time.Since(begin), x)
	}
	var pid int
	fmt.Sscan(lines[1], &pid)
	t.Cleanup(func() { syscall.Kill(pid, syscall.SIGKILL) })
	if !exists(pid) {
		t.Error("the daemon was ended with its agent")
	}
}

func TestExec_ChildIsClean(t *testing.T) {
	// A descriptor without close-on-exec, as a daemon may inherit it.
	var p [2]int
	if err := syscall.Pipe(p[:]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(p[0]); syscall.Close(p[1]) })
	r := startRunner(t, "")
	run(t, r, sh(":"))
	x := run(t, r, sh(`set -- /proc/$$/fd/*; echo $#; readlink /proc/$$/fd/0; grep SigIgn /proc/$$/status; `+
		`[ $(ps -o pgid= -p $$) = $$ ] && echo leader; grep flags /proc/$$/fdinfo/1; pwd; env -0 | tr '\0' '\n' | grep -c .`))
	got := strings.Fields(string(x.Stdout))
	if len(got) > 3 { // signals from 32 on are the C library's; what started the test may have ignored them
		ignored, err := strconv.ParseUint(got[3], 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		got[3] = fmt.Sprintf("%x", ignored&0x7fffffff)
	}
	// The fourth is the shell's own, on the directory that it reads.
	want := []string{"4", "/dev/null", "SigIgn:", "0", "leader", "flags:", "01", "/", "2"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v\n%s", got, want, x.Stderr)
	}
}

func TestExec_RealtimeDaemonHasOrdinaryChildren(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sched")
	script := fmt.Sprintf("echo $(cut -d' ' -f18,19,41 /proc/$$/stat) > %s", file)
	cmd := exec.Command("chrt", "-r", "5", "nice", "-n", "3", fmt.Sprintf("/proc/%d/exe", os.Getpid()))
	cmd.Env = append(os.Environ(), crashLedger+"="+t.TempDir(), crashScript+"="+script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("cannot start a realtime process here: %v %s", err, out)
	}
	// Priority 20 and nice 0 are an ordinary process's, and so is the policy 0.
	if raw, err := os.ReadFile(file); err != nil || string(raw) != "20 0 0\n" {
		t.Errorf("priority, nice and policy of the child: %q, %v", raw, err)
	}
}

func TestExec_ChildIsNotProtectedFromOOM(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to lower oom_score_adj")
	}
	old, err := os.ReadFile("/proc/self/oom_score_adj")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("/proc/self/oom_score_adj", []byte("-500"), 0); err != nil {
		t.Skipf("cannot lower oom_score_adj here: %v", err)
	}
	t.Cleanup(func() { os.WriteFile("/proc/self/oom_score_adj", old, 0) })
	r := startRunner(t, "")
	x := run(t, r, sh("sleep 0.3 & sleep 0.2; cat /proc/$$/oom_score_adj /proc/$!/oom_score_adj"))
	if string(x.Stdout) != "0\n0\n" {
		t.Errorf("agent and its child have %q", x.Stdout)
	}
}

func readPID(t *testing.T, path string) int {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(string(raw), &pid); err != nil {
		t.Fatal(err)
	}
	return pid
}

// exists reports whether a process runs; a zombie does not.
func exists(pid int) bool {
	p, err := proc.Read(pid)
	return err == nil && !p.Gone()
}
