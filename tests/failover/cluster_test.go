// Package failover proves on clusters of real daemons that services survive the loss of nodes, links, daemons and
// disks, and that no resource ever runs twice.
package failover

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/holdfast"
	"github.com/holdfast-ha/holdfast/tests/lab/trial"
)

func TestMain(m *testing.M) { holdfast.Main(m.Run) }

// world is a cluster with the lab's power switch as fence device and journalled resources j1, j2, ...
type world struct{ *trial.Trial }

// start forms a cluster of n nodes with that many journalled resources.
func start(t *testing.T, n, resources int) *world {
	t.Helper()
	return startWith(t, holdfast.Options{Options: lab.Options{Nodes: n}}, resources)
}

func startWith(t *testing.T, o holdfast.Options, resources int) *world {
	t.Helper()
	w := &world{trial.Start(t, o)}
	w.Modify("rsc_defaults", `<rsc_defaults><meta_attributes id="rsc_defaults-options"><nvpair id="stick" name="resource-stickiness" value="100"/></meta_attributes></rsc_defaults>`)
	w.Resources(resources, "1s", "20s")
	w.AllRun(resources)
	return w
}

func TestPowerCut_ServiceMovesWithAFenceInBetween(t *testing.T) {
	w := start(t, 3, 1)
	victim := w.Node(w.Running(w.Ctx)["j1"])
	w.Must(victim.PowerOff())
	w.Until("j1 runs elsewhere", func(ctx context.Context) (bool, error) {
		at := w.Running(ctx)["j1"]
		return at != "" && at != victim.Name, fmt.Errorf("j1 is on %s", at)
	})
	w.Once()
	events, err := holdfast.Timeline(w.Ctx, w.Idle(), time.Now().Add(-time.Minute))
	w.Must(err)
	for _, e := range events {
		t.Log(e.Text)
	}
}
