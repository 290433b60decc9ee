package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// node is a machine with the daemons of a node; it starts processes at once and writes down what it is told.
type node struct {
	m   *Machine
	now time.Time
	log []string
}

func newNode() *node {
	n := &node{now: time.Unix(1000, 0), m: New([]Daemon{
		{Name: "corosyncd", Watchdog: 10 * time.Second, Leaves: true}, {Name: "fenced", After: "corosyncd", Watchdog: 10 * time.Second},
		{Name: "crmd", After: "corosyncd", Watchdog: 10 * time.Second, Leaves: true},
	}, "crmd", time.Minute)}
	n.do(Wake{})
	return n
}

func (n *node) do(in Input) {
	for _, o := range n.m.Step(n.now, in) {
		switch o := o.(type) {
		case Start:
			n.log = append(n.log, "start "+o.Name)
			n.do(Started(o))
		case Send:
			n.log = append(n.log, fmt.Sprintf("%s to %s", o.Signal, o.Name))
		case Drain:
			n.log = append(n.log, "drain")
		case AllReady:
			n.log = append(n.log, "all ready")
		case Done:
			n.log = append(n.log, strings.TrimSpace(fmt.Sprintf("done %d %s", o.Status, o.Err)))
		}
	}
}

// pass lets time pass, deadline by deadline, with daemons that give signs of life unless they are listed.
func (n *node) pass(d time.Duration, silent ...string) {
	end := n.now.Add(d)
	for {
		for _, name := range []string{"corosyncd", "fenced", "crmd"} {
			if !strings.Contains(strings.Join(silent, " "), name) {
				n.m.Step(n.now, Alive{name})
			}
		}
		next := n.m.Deadline()
		step := n.now.Add(time.Second)
		if !next.IsZero() && next.Before(step) {
			step = next
		}
		if step.After(end) {
			break
		}
		n.now = step
		n.do(Wake{})
	}
	n.now = end
}

func (n *node) up() *node {
	for _, name := range []string{"corosyncd", "fenced", "crmd"} {
		n.do(Ready{name})
	}
	n.log = nil
	return n
}

func (n *node) want(t *testing.T, lines ...string) {
	t.Helper()
	if d := cmp.Diff(lines, n.log); d != "" {
		t.Error(d)
	}
	n.log = nil
}

func TestStart_CorosyncdFirst(t *testing.T) {
	n := newNode()
	n.want(t, "start corosyncd")
	n.pass(5 * time.Second)
	n.want(t)
	n.do(Ready{"corosyncd"})
	n.want(t, "start fenced", "start crmd")
	n.do(Ready{"crmd"})
	n.do(Ready{"fenced"})
	n.want(t, "all ready")
}

func TestRestart_FirstAtOnceThenWithPauses(t *testing.T) {
	n := newNode().up()
	n.do(Exited{"corosyncd", "signal: killed", -1})
	n.want(t, "start corosyncd")
	n.do(Exited{"corosyncd", "signal: killed", -1})
	n.want(t)
	n.pass(FirstPause - time.Millisecond)
	n.want(t)
	n.pass(2 * time.Millisecond)
	n.want(t, "start corosyncd")
	n.do(Exited{"corosyncd", "exit status 1", 1})
	n.pass(2*FirstPause + time.Millisecond)
	n.want(t, "start corosyncd")
	n.do(Ready{"corosyncd"})
	n.pass(Stable)
	n.do(Exited{"corosyncd", "exit status 1", 1})
	n.want(t, "start corosyncd")
}

func TestRestart_LeavesTheOthersAlone(t *testing.T) {
	n := newNode().up()
	for _, name := range []string{"crmd", "fenced", "corosyncd"} {
		n.do(Exited{name, "signal: killed", -1})
		n.want(t, "start "+name)
		n.do(Ready{name})
		n.pass(Stable)
	}
	n.want(t)
}

func TestRestart_PausesAreBounded(t *testing.T) {
	for fails := range 100 {
		if p := pause(fails); p < 0 || p > LongestPause {
			t.Errorf("pause after %d ends is %s", fails, p)
		}
	}
}

func TestWatchdog_AHangingDaemonIsAbortedThenKilled(t *testing.T) {
	n := newNode().up()
	n.pass(9*time.Second, "fenced")
	n.want(t)
	n.pass(1500*time.Millisecond, "fenced")
	n.want(t, "SIGABRT to fenced")
	n.pass(time.Second, "fenced")
	n.want(t, "SIGKILL to fenced")
	n.do(Exited{"fenced", "signal: killed", -1})
	n.want(t, "start fenced")
}

func TestWatchdog_ADaemonThatDoesNotGetReadyIsRestarted(t *testing.T) {
	n := newNode()
	n.pass(StartLimit + 500*time.Millisecond)
	n.want(t, "start corosyncd", "SIGABRT to corosyncd")
	n.do(Exited{"corosyncd", "signal: aborted", -1})
	n.want(t, "start corosyncd")
}

func TestStop_ResourcesFirstThenTheDaemons(t *testing.T) {
	n := newNode().up()
	n.do(Stop{})
	n.want(t, "drain")
	n.do(Drained{})
	n.pass(30 * time.Second)
	n.want(t)
	n.do(Exited{"corosyncd", "exit status 0", 0}) // crmd made it say goodbye
	n.want(t)
	n.do(Exited{"crmd", "exit status 0", 0})
	n.want(t, "SIGTERM to fenced")
	n.do(Exited{"fenced", "exit status 0", 0})
	n.want(t, "done 0")
}

func TestStop_ACrashWhileDrainingIsRepaired(t *testing.T) {
	n := newNode().up()
	n.do(Stop{})
	n.do(Drained{})
	n.want(t, "drain")
	n.do(Exited{"fenced", "signal: killed", -1})
	n.want(t, "start fenced")
	n.do(Exited{"corosyncd", "signal: killed", -1})
	n.want(t, "start corosyncd")
}

func TestStop_DoesNotWaitForEver(t *testing.T) {
	n := newNode().up()
	n.do(Stop{})
	n.pass(61 * time.Second)
	n.want(t, "drain", "SIGTERM to crmd")
	n.pass(StopLimit)
	n.want(t, "SIGKILL to crmd")
	n.do(Exited{"crmd", "signal: killed", -1})
	n.want(t, "SIGTERM to fenced", "SIGTERM to corosyncd")
	n.do(Exited{"fenced", "exit status 0", 0})
	n.do(Exited{"corosyncd", "exit status 0", 0})
	n.want(t, "done 0")
}

func TestStop_ASecondRequestDoesNotWaitForResources(t *testing.T) {
	n := newNode().up()
	n.do(Stop{})
	n.do(Stop{})
	n.want(t, "drain", "SIGTERM to crmd")
}

func TestStop_GoesOnWhenCrmdCannotBeAsked(t *testing.T) {
	n := newNode().up()
	n.do(Stop{})
	n.do(Drained{Err: "no DC"})
	n.want(t, "drain", "SIGTERM to crmd")
}

func TestStop_BeforeEverythingRuns(t *testing.T) {
	n := newNode()
	n.do(Stop{})
	n.want(t, "start corosyncd", "SIGTERM to corosyncd")
	n.do(Exited{"corosyncd", "exit status 0", 0})
	n.want(t, "done 0")
}

func TestLeave_AskedForElsewhereEndsTheStack(t *testing.T) {
	n := newNode().up()
	n.do(Exited{"corosyncd", "exit status 0", 0})
	n.want(t)
	n.do(Exited{"crmd", "exit status 0", 0})
	n.want(t, "SIGTERM to fenced")
	n.do(Exited{"fenced", "exit status 0", 0})
	n.want(t, "done 0")
}

func TestLeave_CrmdThatStaysBehindIsEnded(t *testing.T) {
	n := newNode().up()
	n.do(Exited{"corosyncd", "exit status 0", 0})
	n.pass(LeaveLimit + time.Second)
	n.want(t, "SIGTERM to crmd")
}

func TestConfig_AMistakeThatARestartDoesNotMendEndsIt(t *testing.T) {
	n := newNode()
	n.do(Exited{"corosyncd", "exit status 78", ExitConfig})
	n.want(t, "start corosyncd", "done 78 corosyncd cannot run with this configuration; its message says what is wrong")
	n = newNode().up()
	n.do(Exited{"corosyncd", "exit status 78", ExitConfig}) // the file was broken later: the others go on
	n.want(t, "start corosyncd")
}

func TestDeadline_IsNeverInThePastForLong(t *testing.T) {
	n := newNode().up()
	n.do(Exited{"crmd", "x", 1})
	n.do(Exited{"crmd", "x", 1})
	for range 1000 {
		d := n.m.Deadline()
		if d.IsZero() {
			return
		}
		if d.Before(n.now) {
			n.do(Wake{})
			if again := n.m.Deadline(); again.Equal(d) {
				t.Fatalf("the deadline %s has passed at %s and nothing happens", d, n.now)
			}
			continue
		}
		n.now = d
		n.do(Wake{})
	}
}
