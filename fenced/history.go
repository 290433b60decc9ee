package fenced

import (
	"context"
	"encoding/json"
	"os"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/fenced/plan"
	"github.com/holdfast-ha/holdfast/internal/atomicfile"
)

// keepHistory writes the history whenever it has changed, until ctx ends. A disk that is slow or full holds
// up nothing: the peers know the same.
func (d *Daemon) keepHistory(ctx context.Context) {
	failed := false
	for {
		select {
		case <-d.dirty:
		case <-ctx.Done():
			return
		}
		events, err := query(ctx, d, func() []api.FenceEvent { return d.state.fencer.History("") })
		if err != nil {
			return
		}
		if err = d.saveHistory(events); err != nil && !failed {
			d.log.Error("the fencing history is not kept on disk", "err", err)
		}
		failed = err != nil
	}
}

func (d *Daemon) saveHistory(events []api.FenceEvent) error {
	raw, err := json.Marshal(events)
	if err != nil {
		return err
	}
	return atomicfile.Write(d.path("history.json"), raw, 0o600)
}

// cleanup forgets what is finished about a target, on the peers too if tell is set. Only the loop calls it.
func (d *Daemon) cleanup(now time.Time, target string, tell bool) {
	d.give(now, plan.Cleanup{Target: target})
	if tell {
		for _, p := range d.state.peers {
			p.send(letter{cleanup: &target})
		}
	}
	select {
	case d.dirty <- struct{}{}:
	default:
	}
}

// audit records who vouched for a node being down, in a file that is only ever added to. refused says why the
// word was not taken.
func (d *Daemon) audit(c api.FenceConfirm, refused string) error {
	line, err := json.Marshal(struct {
		At string `json:"at"`
		api.FenceConfirm
		Refused string `json:"refused,omitempty"`
	}{time.Now().UTC().Format(time.RFC3339Nano), c, refused})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(d.path("audit.log"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(append(line, '\n')); err != nil {
		return err
	}
	return f.Sync()
}
