package executor

import (
	"context"
	"os"
	"path/filepath"

	"github.com/holdfast-ha/holdfast/cib/lrm"
)

// initScript is the path of an LSB agent, which may be named by its path.
func (e *Executor) initScript(typ string) string {
	if filepath.IsAbs(typ) {
		return typ
	}
	return filepath.Join(e.cfg.InitDir, filepath.Base(typ))
}

// serviceIsUnit decides what the class service means for a type: an init script wins over a unit, and what
// is neither is taken for a script, whose absence is then reported.
func (e *Executor) serviceIsUnit(ctx context.Context, typ string) bool {
	if info, err := os.Stat(e.initScript(typ)); err == nil && info.Mode().IsRegular() {
		return false
	}
	return e.systemd.Known(ctx, typ)
}

// lsb runs an init script. It gets no parameters.
func (e *Executor) lsb(ctx context.Context, op Op) (Outcome, remains) {
	task := op.Task
	if task == "monitor" {
		task = "status"
	}
	path := e.initScript(op.Type)
	x, err := e.exec(ctx, op, path, task, e.env)
	if err != nil {
		return notStarted(path, err), remains{}
	}
	out, s := ended(op, x)
	if out.Status == lrm.Done {
		out.RC = lsbCode(task, x.Code)
	}
	return out, s
}

// lsbCode maps an init script's exit code. status has codes of its own; those of other actions are the
// same as OCF's.
func lsbCode(task string, code int) lrm.RC {
	if task != "status" {
		if code >= 0 && code <= 7 {
			return lrm.RC(code)
		}
		return lrm.RCError
	}
	switch code {
	case 0:
		return lrm.RCOK
	case 1, 2, 3: // dead with a pid file, dead with a lock file, stopped
		return lrm.RCNotRunning
	case 150:
		return lrm.RCNotInstalled
	case 151:
		return lrm.RCNoPrivilege
	}
	return lrm.RCError
}
