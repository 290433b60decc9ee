package executor

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/holdfast-ha/holdfast/cib/lrm"
)

// DeviceCall asks fenced about a fence device: start registers it, stop forgets it, monitor has its agent
// check it.
type DeviceCall struct {
	ID, Agent string
	Params    map[string]string
	Task      string
	Timeout   time.Duration
}

// devices remembers which fence devices were started here. A probe asks only this, never the device. Files
// keep it over a restart of the daemon, though not over a boot.
type devices struct {
	dir string

	mu      sync.Mutex
	started map[string]bool
}

func (d *devices) load(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the directory of started fence devices: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("read the started fence devices: %w", err)
	}
	d.dir, d.started = dir, map[string]bool{}
	for _, e := range entries {
		if id, err := url.PathUnescape(e.Name()); err == nil {
			d.started[id] = true
		}
	}
	return nil
}

func (d *devices) isStarted(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.started[id]
}

func (d *devices) set(id string, started bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	path := filepath.Join(d.dir, url.PathEscape(id))
	if started {
		d.started[id] = true
		return os.WriteFile(path, nil, 0o600)
	}
	delete(d.started, id)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// device runs an operation on a fence device.
func (e *Executor) device(ctx context.Context, op Op) Outcome {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(op.TimeoutMs)*time.Millisecond)
	defer cancel()
	switch op.Task {
	case "monitor", "status":
		if op.IntervalMs > 0 {
			return e.askDevice(ctx, op, "monitor")
		}
		if e.devices.isStarted(op.Rsc) {
			return Outcome{Status: lrm.Done, RC: lrm.RCOK}
		}
		return Outcome{Status: lrm.Done, RC: lrm.RCNotRunning}
	case "start":
		out := e.askDevice(ctx, op, "start")
		if out.Status == lrm.Done && out.RC == lrm.RCOK {
			out = e.askDevice(ctx, op, "monitor")
		}
		e.note(op.Rsc, out.Status == lrm.Done && out.RC == lrm.RCOK)
		return out
	case "stop":
		out := e.askDevice(ctx, op, "stop")
		e.note(op.Rsc, false)
		return out
	}
	return Outcome{Status: lrm.Done, RC: lrm.RCUnimplemented, ExitReason: "fence devices have no action " + op.Task}
}

// note remembers whether a device is started. The memory of this process is right even if the file is not.
func (e *Executor) note(id string, started bool) {
	if err := e.devices.set(id, started); err != nil {
		e.log.Warn("a restart of this daemon will not know the state of this fence device", "rsc", id, "err", err)
	}
}

// askDevice asks fenced and maps its answer to what a resource operation may end with.
func (e *Executor) askDevice(ctx context.Context, op Op, task string) Outcome {
	if e.cfg.Stonith == nil {
		return Outcome{Status: lrm.Error, RC: lrm.RCError, ExitReason: "there is no connection to fenced"}
	}
	params, err := e.secrets(op)
	if err != nil {
		return withoutSecrets
	}
	timeout := time.Duration(op.TimeoutMs) * time.Millisecond
	out := e.cfg.Stonith(ctx, DeviceCall{ID: op.Rsc, Agent: op.Type, Params: params, Task: task, Timeout: timeout})
	if ctx.Err() != nil && out.Status != lrm.Done {
		return Outcome{Status: lrm.Timeout, RC: lrm.RCError, ExitReason: "Fence agent did not complete within " + readable(op.TimeoutMs)}
	}
	switch out.Status {
	case lrm.Done:
	case lrm.NoFenceDevice:
		out.RC = lrm.RCNotInstalled
		switch task {
		case "monitor":
			out.RC = lrm.RCNotRunning
		case "stop":
			out.RC = lrm.RCOK
		}
		if out.RC != lrm.RCNotInstalled {
			out.Status = lrm.Done
		}
	case lrm.NotSupported:
		out.RC = lrm.RCUnimplemented
	case lrm.NotConnected, lrm.Invalid:
		out.Status, out.RC = lrm.Error, lrm.RCError
	default:
		out.RC = lrm.RCError
	}
	return out
}
