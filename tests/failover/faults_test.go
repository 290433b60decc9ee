package failover

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/holdfast"
	"github.com/holdfast-ha/holdfast/tests/lab/power"
	"github.com/holdfast-ha/holdfast/tests/lab/trial"
)

func TestCutTwoNodes_ExactlyOneSurvives(t *testing.T) {
	w := start(t, 2, 1)
	w.Power.Behave("", power.Behaviour{KeepOff: true})
	survivors := make(map[string]int)
	for i := range trial.Runs(4) {
		holder := w.Running(w.Ctx)["j1"]
		fences := len(w.Power.Events())
		w.Must(w.Net.Pull(1+i%2, 0, true))
		w.Until("one node is fenced and j1 runs on the other", func(ctx context.Context) (bool, error) {
			on := trial.Others(w.Nodes(), w.off()...)
			if len(on) != 1 {
				return false, fmt.Errorf("%d nodes are on", len(on))
			}
			return w.Running(ctx)["j1"] == on[0].Name, fmt.Errorf("j1 is on %q", w.Running(ctx)["j1"])
		})
		survivor := trial.Others(w.Nodes(), w.off()...)[0]
		survivors[map[bool]string{true: "holder", false: "other"}[survivor.Name == holder]]++
		// Whoever is left must be left alone: a second shot would come within the fence delay.
		time.Sleep(700 * time.Millisecond)
		if !survivor.Powered() {
			t.Fatalf("round %d: both nodes were fenced: %v", i, w.Power.Events()[fences:])
		}
		w.Must(w.Net.Heal())
		w.Must(w.Net.Pull(1+i%2, 0, false))
		for _, n := range w.off() {
			w.Must(n.PowerOn(w.Ctx))
		}
		w.Must(w.WaitMembers(w.Ctx, w.Nodes(), w.Nodes()))
		w.Idle()
		w.both()
	}
	w.Once()
	t.Logf("survivors: %v", survivors)
}

// off are the nodes without power.
func (w *world) off() []*lab.Node {
	var out []*lab.Node
	for _, n := range w.Nodes() {
		if !n.Powered() {
			out = append(out, n)
		}
	}
	return out
}

// both waits until every node votes again, so that the next fault meets a whole cluster.
func (w *world) both() {
	w.T.Helper()
	w.Until("every node votes", func(ctx context.Context) (bool, error) {
		for _, n := range w.Nodes() {
			s, err := holdfast.Status(ctx, n)
			if err != nil || len(s.Voters) != len(w.Nodes()) {
				return false, fmt.Errorf("%s: voters %v (%v)", n.Name, s.Voters, err)
			}
		}
		return true, nil
	})
}

func TestFencingFails_NothingStartsAndTheStatusSaysWhy(t *testing.T) {
	w := start(t, 3, 1)
	victim := w.Node(w.Running(w.Ctx)["j1"])
	w.Power.Behave(victim.Name, power.Behaviour{Fail: "the management card does not answer"})
	w.Must(victim.PowerOff())
	survivor := trial.Others(w.Nodes(), victim)[0]
	w.Until("the DC's status says that the node could not be fenced, and why", func(ctx context.Context) (bool, error) {
		s, err := holdfast.Status(ctx, survivor)
		if err != nil || s.DC == "" {
			return false, err
		}
		s, err = holdfast.Status(ctx, w.Node(s.DC))
		return s.Unfenced[victim.Name] != "", err
	})
	began := len(w.starts(t, "j1"))
	w.Until("it was tried several times", func(context.Context) (bool, error) {
		tries := 0
		for _, e := range w.Power.Events() {
			if e.Target == victim.Name && e.Verb != "status" {
				tries++
			}
		}
		return tries >= 3, fmt.Errorf("%d tries", tries)
	})
	if got := len(w.starts(t, "j1")); got != began {
		t.Errorf("j1 was started although %s is not fenced", victim.Name)
	}
	w.Power.Behave(victim.Name, power.Behaviour{KeepOff: true})
	w.Until("j1 runs elsewhere once the fence succeeds", func(ctx context.Context) (bool, error) {
		at := w.Running(ctx)["j1"]
		return at != "" && at != victim.Name, fmt.Errorf("j1 is on %q", at)
	})
	w.Once()
}

// starts are the starts of a resource that the journal has.
func (w *world) starts(t *testing.T, rsc string) []string {
	t.Helper()
	entries, err := w.Journal()
	w.Must(err)
	var out []string
	for _, e := range entries {
		if e.Resource == rsc && strings.HasPrefix(fmt.Sprint(e.Op), "start") {
			out = append(out, e.Node)
		}
	}
	return out
}

func TestKillDaemons_NothingStopsAndNothingIsFenced(t *testing.T) {
	const resources = 6
	w := start(t, 3, resources)
	before := w.Running(w.Ctx)
	began := w.journalled()
	for _, n := range w.Nodes() { // load: two busy loops a node
		for range 2 {
			_, err := n.Exec(w.Ctx, "sh", "-c", "(while :; do :; done) >/dev/null 2>&1 &")
			w.Must(err)
		}
	}
	daemons := []string{"crmd", "fenced", "corosyncd"}
	for i := range trial.Runs(6) {
		n, d := w.Nodes()[rand.IntN(3)], daemons[rand.IntN(3)]
		if _, err := n.Signal(d, syscall.SIGKILL); err != nil {
			t.Fatalf("round %d: kill %s on %s: %v", i, d, n.Name, err)
		}
		mark := fmt.Sprintf(`<node id="1" uname="n1"><instance_attributes id="nodes-1"><nvpair id="nodes-1-mark" name="mark" value="%d"/></instance_attributes></node>`, i)
		w.Until("the configuration can be written after "+d+" on "+n.Name+" was killed", func(ctx context.Context) (bool, error) {
			_, err := holdfast.CIB(ctx, w.Node("n2"), api.CIBRequest{Op: "modify", Section: "nodes", Input: mark, AllowCreate: true})
			return err == nil, err
		})
		time.Sleep(time.Duration(rand.IntN(400)) * time.Millisecond)
	}
	w.Idle()
	w.Until("the configuration is intact on every node", func(ctx context.Context) (bool, error) {
		want := fmt.Sprintf(`value="%d"`, trial.Runs(6)-1)
		for _, n := range w.Nodes() {
			out, err := holdfast.CIB(ctx, n, api.CIBRequest{Op: "query", XPath: "//nvpair[@id='nodes-1-mark']"})
			if err != nil || !strings.Contains(out.XML, want) {
				return false, fmt.Errorf("%s: %s (%v)", n.Name, out.XML, err)
			}
		}
		return true, nil
	})
	if after := w.Running(w.Ctx); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("resources moved from %v to %v", before, after)
	}
	if now := w.journalled(); now != began {
		t.Errorf("resources were started or stopped: %d entries became %d", began, now)
	}
	for _, e := range w.Power.Events() {
		if e.Verb != "status" && e.Verb != "list" && e.Verb != "ping" {
			t.Errorf("%s of %s by %s", e.Verb, e.Target, e.By)
		}
	}
	w.Once()
}

// journalled counts the starts and stops of all resources.
func (w *world) journalled() int {
	w.T.Helper()
	entries, err := w.Journal()
	w.Must(err)
	n := 0
	for _, e := range entries {
		if op := fmt.Sprint(e.Op); strings.HasPrefix(op, "start") || strings.HasPrefix(op, "stop") {
			n++
		}
	}
	return n
}
