package failover

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/journal"
	"github.com/holdfast-ha/holdfast/tests/lab/power"
	"github.com/holdfast-ha/holdfast/tests/lab/trial"
)

// switched lists what the power switch was told to do.
func (w *world) switched() []string {
	var list []string
	for _, e := range w.Power.Events() {
		if e.Verb == "off" || e.Verb == "on" || e.Verb == "reboot" {
			list = append(list, e.Verb+" "+e.Target)
		}
	}
	return list
}

// pause stops every process of nodes for a while, as a hypervisor does, and returns when they went on.
func (w *world) pause(span time.Duration, nodes ...*lab.Node) time.Duration {
	w.T.Helper()
	for _, n := range nodes {
		w.Must(n.Freeze())
	}
	time.Sleep(span)
	thawed := journal.Now()
	for _, n := range nodes {
		w.Must(n.Thaw())
	}
	return thawed
}

// noStart proves that a node in its present life started nothing after a time.
func (w *world) noStart(n *lab.Node, boot int, after time.Duration) {
	w.T.Helper()
	entries, err := w.Journal()
	w.Must(err)
	for _, e := range entries {
		if e.Node == n.Name && e.Boot == boot && e.At > after && e.Phase == journal.Begin && e.Op == "start" {
			w.T.Errorf("%s started %s after its pause", n.Name, e.Resource)
		}
	}
}

// A node that stood still for longer than the token comes back while the others fence it. It is fenced once, it
// starts nothing before that, and its resource never has two owners.
func TestPause_OfTheOwnerLeadsToOneFence(t *testing.T) {
	for round := range trial.Runs(2) {
		w := start(t, 3, 1)
		w.Power.Behave("", power.Behaviour{Delay: 2 * time.Second})
		victim := w.Node(w.Running(w.Ctx)["j1"])
		if round%2 == 1 { // and the owner may be the DC too
			victim = w.Idle()
		}
		boot := victim.Boot()
		thawed := w.pause(1700*time.Millisecond+time.Duration(round%4)*100*time.Millisecond, victim)
		w.Until("the victim is fenced and back", func(context.Context) (bool, error) {
			return victim.Boot() == boot+1, fmt.Errorf("boot %d, switched %v", victim.Boot(), w.switched())
		})
		w.Must(w.WaitMembers(w.Ctx, w.Nodes(), w.Nodes()))
		w.Idle()
		w.Until("j1 runs", func(ctx context.Context) (bool, error) { return w.Running(ctx)["j1"] != "", nil })
		if got := w.switched(); len(got) != 1 || !strings.HasSuffix(got[0], " "+victim.Name) {
			t.Errorf("the pause of %s led to %v", victim.Name, got)
		}
		if !strings.Contains(victim.Console(), "did not run for a while") {
			t.Errorf("%s did not notice its pause", victim.Name)
		}
		w.noStart(victim, boot, thawed)
		w.Once()
	}
}

// Who may not act fences nobody: when most nodes stood still they come back without a fence.
func TestPause_OfMostNodesEndsWithoutAFence(t *testing.T) {
	w := start(t, 3, 1)
	w.pause(2500*time.Millisecond, w.Node("n2"), w.Node("n3"))
	w.Must(w.WaitMembers(w.Ctx, w.Nodes(), w.Nodes()))
	w.Idle()
	w.Until("j1 runs", func(ctx context.Context) (bool, error) { return w.Running(ctx)["j1"] != "", nil })
	if got := w.switched(); len(got) > 0 {
		t.Errorf("the pause led to %v", got)
	}
	w.Once()
}

// A node whose corosyncd hangs is lost to the others, and its crmd is told nothing. Until it is fenced it begins no
// operation: not a start, not even a monitor.
func TestPause_OfCorosyncdAloneStopsItsNode(t *testing.T) {
	w := start(t, 3, 2)
	const delay, token = 5 * time.Second, time.Second
	w.Power.Behave("", power.Behaviour{Delay: delay})
	for round := range trial.Runs(2) {
		victim := w.Node(w.Running(w.Ctx)["j1"])
		if round%2 == 1 {
			victim = w.Idle()
		}
		boot, before := victim.Boot(), len(w.switched())
		hung := journal.Now()
		_, err := victim.Signal("corosyncd", syscall.SIGSTOP)
		w.Must(err)
		w.Until("the victim is fenced and back", func(context.Context) (bool, error) {
			return victim.Boot() == boot+1, fmt.Errorf("boot %d, switched %v", victim.Boot(), w.switched())
		})
		if took := journal.Now() - hung; took < delay {
			t.Errorf("the victim was fenced within %v, before anything could be seen", took)
		}
		if got := w.switched()[before:]; len(got) != 1 || !strings.HasSuffix(got[0], " "+victim.Name) {
			t.Errorf("that corosyncd of %s hung led to %v", victim.Name, got)
		}
		entries, err := w.Journal()
		w.Must(err)
		for _, e := range entries {
			if e.Node == victim.Name && e.Boot == boot && e.Phase == journal.Begin && e.At > hung+token+token/2 {
				t.Errorf("%s began %s of %s %v after its corosyncd hung", victim.Name, e.Op, e.Resource, e.At-hung)
			}
		}
		w.Must(w.WaitMembers(w.Ctx, w.Nodes(), w.Nodes()))
		w.Idle()
		w.Until("every resource runs", func(ctx context.Context) (bool, error) {
			at := w.Running(ctx)
			return len(at) == 2, fmt.Errorf("running: %v", at)
		})
	}
	w.Once()
}
