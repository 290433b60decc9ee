package failover

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/holdfast-ha/holdfast/tests/lab/trial"
)

// An administrator cleans up at once what has just recovered, so that the deletion of the history crosses the
// results of the recovery. Whoever comes first, the resource is monitored afterwards: its next failure is seen.
func TestCleanup_AmidRecoveryKeepsMonitoring(t *testing.T) {
	w := start(t, 3, 1)
	for range trial.Runs(5) {
		starts := len(w.starts(t, "j1"))
		at := w.Node(w.Running(w.Ctx)["j1"])
		state, err := at.Path("/run/lab-state/j1")
		w.Must(err)
		if err := os.Remove(state); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		w.Until("the failure of j1 on "+at.Name+" is seen and j1 is started again", func(context.Context) (bool, error) {
			return len(w.starts(t, "j1")) > starts, nil
		})
		_, err = w.Node("n1").Exec(w.Ctx, "crm_resource", "--cleanup", "-r", "j1")
		w.Must(err)
		w.Idle()
		w.Until("j1 is known to run", func(ctx context.Context) (bool, error) { return w.Running(ctx)["j1"] != "", nil })
	}
}
