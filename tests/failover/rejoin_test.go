package failover

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/power"
	"github.com/holdfast-ha/holdfast/tests/lab/trial"
)

// quorate are the nodes with power whose corosyncd has quorum.
func (w *world) quorate(ctx context.Context) (list []string) {
	for _, n := range w.Nodes() {
		if !n.Powered() {
			continue
		}
		if out, err := n.Exec(ctx, "crm_node", "-q"); err == nil && strings.TrimSpace(out) == "1" {
			list = append(list, n.Name)
		}
	}
	return list
}

// A link that fails while a fenced node is on its way back leaves one side at most that goes on.
func TestCutTwoNodes_AgainWhileOneComesBack(t *testing.T) {
	w := start(t, 2, 1)
	w.Power.Behave("", power.Behaviour{KeepOff: true})
	n1 := w.Node("n1")
	cut := func(on bool) { w.Must(w.Net.Pull(n1.ID, 0, on)) }
	for round := range trial.Runs(3) {
		cut(true)
		w.Until("one node is fenced and j1 runs on the other", func(ctx context.Context) (bool, error) {
			on := trial.Others(w.Nodes(), w.off()...)
			return len(on) == 1 && w.Running(ctx)["j1"] == on[0].Name, fmt.Errorf("%d nodes are on, j1 is on %q", len(on), w.Running(ctx)["j1"])
		})
		victim := w.off()[0]
		w.Must(w.Net.Heal())
		cut(false)
		w.Must(victim.PowerOn(w.Ctx))
		pause := 200*time.Millisecond + rand.N(1500*time.Millisecond)
		time.Sleep(pause)
		cut(true)
		time.Sleep(6 * time.Second)
		list := w.quorate(w.Ctx)
		t.Logf("round %d: cut again after %v: quorate are %v, off are %v", round, pause.Round(time.Millisecond), list, names(w.off()))
		if len(list) != 1 {
			t.Errorf("round %d: cut %v after the victim was switched on, and quorate are %v", round, pause, list)
		}
		w.Must(w.Net.Heal())
		cut(false)
		for _, n := range w.off() {
			w.Must(n.PowerOn(w.Ctx))
		}
		w.Must(w.WaitMembers(w.Ctx, w.Nodes(), w.Nodes()))
		w.Idle()
		w.both()
	}
	w.Once()
}

func names(nodes []*lab.Node) (list []string) {
	for _, n := range nodes {
		list = append(list, n.Name)
	}
	return list
}
