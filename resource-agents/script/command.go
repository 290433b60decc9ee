package script

import (
	"context"
	"time"

	"github.com/holdfast-ha/holdfast/internal/proc"
	"github.com/holdfast-ha/holdfast/resource-agents/ocf"
)

func startCommand(ctx context.Context, c *ocf.Call) error {
	a, err := runShell(ctx, c, c.Text("start"), c.Timeout())
	if err != nil {
		return err
	}
	if !a.ok() {
		return ocf.Errorf(ocf.ErrGeneric, "the start command %s", a)
	}
	if err := forgetState(c); err != nil {
		return err
	}
	return until(ctx, c, "the start command has succeeded, but the status command says that the service does not run", true)
}

func stopCommand(ctx context.Context, c *ocf.Call) error {
	a, err := runShell(ctx, c, c.Text("stop"), c.Timeout())
	if err != nil {
		return err
	}
	if !a.ok() {
		return ocf.Errorf(ocf.ErrGeneric, "the stop command %s", a)
	}
	if err := until(ctx, c, "the stop command has succeeded, but the status command says that the service runs", false); err != nil {
		return err
	}
	return forgetState(c)
}

// until asks the status command until it says what is wanted.
func until(ctx context.Context, c *ocf.Call, complaint string, want bool) error {
	limit := time.Now().Add(c.Timeout() / 2)
	for wait := look; ; wait = min(2*wait, time.Second) {
		running, err := status(ctx, c)
		switch {
		case err == nil && running == want:
			return nil
		case time.Now().After(limit) || ctx.Err() != nil:
			if err == nil {
				err = ocf.Errorf(ocf.ErrGeneric, "%s", complaint)
			}
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// status runs the status command. The codes for stopped are those of LSB and OCF, and 1 as of pgrep.
func status(ctx context.Context, c *ocf.Call) (running bool, err error) {
	a, err := runShell(ctx, c, c.Text("status"), c.Timeout())
	switch {
	case err != nil:
		return false, err
	case a.silent:
		return false, ocf.Errorf(ocf.ErrGeneric, "the status command %s", a)
	}
	switch a.code {
	case 0:
		return true, nil
	case 1, 2, 3, 7:
		return false, nil
	}
	return false, ocf.Errorf(ocf.ErrGeneric, "the status command %s", a)
}

func monitorCommand(ctx context.Context, c *ocf.Call) error {
	running, err := status(ctx, c)
	switch {
	case err != nil:
		return err
	case !running:
		return ocf.ErrNotRunning
	case c.Probe:
		return nil
	}
	s, err := loadState(c)
	if err != nil {
		return err
	}
	if s == nil {
		s = &state{Boot: proc.BootID()}
	}
	return watch(ctx, c, s, processOf(c.Text("pidfile")))
}
