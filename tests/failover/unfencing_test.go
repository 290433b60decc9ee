package failover

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/holdfast"
	"github.com/holdfast-ha/holdfast/tests/lab/power"
	"github.com/holdfast-ha/holdfast/tests/lab/trial"
)

// asked counts what the switch was asked to do with a node.
func (w *world) asked(target string, verbs ...string) int {
	n := 0
	for _, said := range w.switched() {
		verb, name, _ := strings.Cut(said, " ")
		if name == target && slices.Contains(verbs, verb) {
			n++
		}
	}
	return n
}

// life is the life in which a node is a member.
func (w *world) life(ctx context.Context, at *lab.Node, name string) (api.Incarnation, error) {
	v, err := holdfast.View(ctx, at)
	for _, m := range v.Members {
		if m.Name == name {
			return m.Incarnation, err
		}
	}
	return 0, err
}

// replan changes something that the scheduler has to look at.
func (w *world) replan(value int) {
	w.T.Helper()
	w.Modify("crm_config", fmt.Sprintf(`<crm_config><cluster_property_set id="cib-bootstrap-options"><nvpair id="replan" name="pe-input-series-max" value="%d"/></cluster_property_set></crm_config>`, 4000+value))
	w.Idle()
}

// The fence device takes access away as reservations do: its off and reboot leave the node running, its on gives the access
// back. A node that hung and is heard again has lost the access for as long as its daemons live.
func TestFencedNodeThatRuns_LeavesAndIsUnfencedOnceInItsNextLife(t *testing.T) {
	w := &world{trial.Start(t, holdfast.Options{Options: lab.Options{Nodes: 2}})}
	w.Power.Behave("", power.Behaviour{Lie: true})
	device := strings.Replace(w.PowerXML(), "<operations>", `<meta_attributes id="power-meta"><nvpair id="power-unfences" name="provides" value="unfencing"/></meta_attributes><operations>`, 1)
	w.Modify("resources", "<resources>"+device+trial.JournalledXML(1, "1s", "20s")+"</resources>")
	w.Modify("constraints", `<constraints><rsc_location id="home" rsc="j1" node="n1" score="1000"/></constraints>`)
	survivor, victim := w.Node("n1"), w.Node("n2")
	w.Until("j1 runs on n1 and both nodes are unfenced", func(ctx context.Context) (bool, error) {
		return w.Running(ctx)["j1"] == "n1" && w.asked("n1", "on") > 0 && w.asked("n2", "on") > 0, fmt.Errorf("%v", w.Power.Events())
	})
	w.Idle()
	w.replan(1)
	for _, name := range []string{"n1", "n2"} {
		if n := w.asked(name, "on"); n != 1 {
			t.Errorf("%s was unfenced %d times when it joined", name, n)
		}
	}

	before, err := w.life(t.Context(), survivor, "n2")
	w.Must(err)
	_, err = victim.Signal("corosyncd", syscall.SIGSTOP)
	w.Must(err)
	w.Until("n2 is fenced and gone", func(ctx context.Context) (bool, error) {
		life, err := w.life(ctx, survivor, "n2")
		return w.asked("n2", "off", "reboot") > 0 && life == 0, err
	})
	_, err = victim.Signal("corosyncd", syscall.SIGCONT)
	w.Must(err)
	w.Until("n2 is back in another life", func(ctx context.Context) (bool, error) {
		life, err := w.life(ctx, survivor, "n2")
		return life != 0 && life != before, err
	})
	w.Must(w.WaitMembers(w.Ctx, w.Nodes(), w.Nodes()))
	w.Until("n2 is unfenced again", func(context.Context) (bool, error) {
		return w.asked("n2", "on") == 2, fmt.Errorf("%v", w.Power.Events())
	})
	w.Idle()
	for i := range 3 {
		w.replan(2 + i)
	}
	if on, off := w.asked("n2", "on"), w.asked("n2", "off", "reboot"); on != 2 || off != 1 {
		t.Errorf("n2 was unfenced %d times and fenced %d times in its two lives: %v", on, off, w.Power.Events())
	}
	if n := w.asked("n1", "on", "off", "reboot"); n != 1 {
		t.Errorf("n1 was switched %d times: %v", n, w.Power.Events())
	}
	if !strings.Contains(victim.Console(), "crmd ended with 0") {
		t.Errorf("crmd on n2 did not let go by itself:\n%s", victim.Console())
	}
	w.Once()
}
