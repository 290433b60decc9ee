package ocfexec

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestExec_FeedsStdin(t *testing.T) {
	r := startRunner(t, "")
	c := sh("cat")
	c.Stdin = "action=off\nport=7\n"
	if x := run(t, r, c); string(x.Stdout) != c.Stdin {
		t.Errorf("the child read %q", x.Stdout)
	}
	if x := run(t, r, sh("cat")); len(x.Stdout) != 0 {
		t.Errorf("without text the child read %q", x.Stdout)
	}
}

func TestExec_GivesUpAChildThatDoesNotReadStdin(t *testing.T) {
	c := sh("exec sleep 600")
	c.Stdin = strings.Repeat("x", 1<<20)
	c.Timeout = 200 * time.Millisecond
	if x := run(t, startRunner(t, ""), c); !x.TimedOut || x.Elapsed > 5*time.Second {
		t.Errorf("%+v", x)
	}
}

func TestExec_GraceLetsAChildLogOut(t *testing.T) {
	c := sh("trap 'echo logged out; exit 0' TERM; echo ready; while :; do sleep 0.05; done")
	c.Timeout, c.Grace = 300*time.Millisecond, 5*time.Second
	if x := run(t, startRunner(t, ""), c); !x.TimedOut || string(x.Stdout) != "ready\nlogged out\n" || x.Elapsed > 3*time.Second {
		t.Errorf("%q, %+v", x.Stdout, x)
	}
	deaf := sh("trap '' TERM; while :; do sleep 0.05; done")
	deaf.Timeout, deaf.Grace = 100*time.Millisecond, 100*time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if x, err := startRunner(t, "").Exec(ctx, deaf); err != nil || x.Signal != syscall.SIGKILL {
		t.Errorf("%+v, %v", x, err)
	}
}

func TestExec_EndGroupKillsWhatIsLeft(t *testing.T) {
	c := sh("sleep 600 & echo $!")
	c.EndGroup = true
	x := run(t, startRunner(t, ""), c)
	var pid int
	fmt.Sscan(string(x.Stdout), &pid)
	t.Cleanup(func() { syscall.Kill(pid, syscall.SIGKILL) })
	if x.Code != 0 || len(x.Rest) != 1 || x.Rest[0].PID != pid {
		t.Errorf("%+v", x)
	}
	eventually(t, "the child is gone", func() bool { return !exists(pid) })
}
