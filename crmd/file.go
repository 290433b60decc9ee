package crmd

import (
	"context"
	"os"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/store/content"
	"github.com/holdfast-ha/holdfast/internal/atomicfile"
)

// followFile keeps this node's cluster file the one that the cluster agreed on. It has a goroutine of its own,
// because a write may take as long as a bad disk makes it take.
func (d *Daemon) followFile(ctx context.Context) {
	var done uint64
	for {
		if f := d.store.File(); f.Text != "" && f.Version != done {
			d.takeFile(ctx, f)
			done = f.Version
		}
		select {
		case <-d.fileNews:
		case <-ctx.Done():
			return
		}
	}
}

// takeFile writes the cluster file, takes the throttle's settings from it, and has corosyncd read it.
func (d *Daemon) takeFile(ctx context.Context, f content.File) {
	path := d.cfg.Dirs.ClusterFile()
	if old, err := os.ReadFile(path); err == nil && string(old) == f.Text {
		return
	}
	parsed, err := readFile(path, []byte(f.Text))
	if err != nil {
		d.log.Error("the cluster agreed on a cluster file that this node cannot read; it keeps its own", "version", f.Version, "err", err)
		return
	}
	if err := atomicfile.Write(path, []byte(f.Text), 0o640); err != nil {
		d.log.Error("the cluster's new cluster file is not written", "err", err)
		return
	}
	d.file.Store(parsed)
	_ = d.post(func(now time.Time) { d.step(now, parsed.throttles()) }) // fails only when the daemon ends
	d.log.Info("the cluster file has changed", "version", f.Version)
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := d.corosync.Call(ctx, "POST", api.PathReload, nil, nil); err != nil {
		d.log.Warn("corosyncd has not read the new cluster file", "err", err)
	}
}
