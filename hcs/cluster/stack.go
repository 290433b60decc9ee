package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/hcs/session"
)

// startLimit is how long the stack may take to answer.
const startLimit = 60 * time.Second

// unit is the systemd unit that stands for the whole node. It stays active when a daemon has left the cluster by itself,
// and starting it then starts nothing: the daemons' units are started beside it.
const unit = "holdfast.service"

// daemonUnits are the units of the daemons.
var daemonUnits = []string{"holdfast-crmd.service", "holdfast-fenced.service", "holdfast-corosyncd.service"}

// bySystemd reports whether systemd runs the daemons: it is process 1 and has our unit.
func bySystemd(s *session.Session) bool {
	if s.Getenv("HOLDFAST_NO_SYSTEMD") != "" {
		return false
	}
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return false
	}
	return exec.Command("systemctl", "cat", unit).Run() == nil
}

func systemctl(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, "systemctl", args...).CombinedOutput()
	if err != nil {
		return session.Fail(api.CodeError, "systemctl %s: %v\n%s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// startStack starts the daemons and waits until they answer.
func startStack(ctx context.Context, s *session.Session, limit time.Duration) error {
	if bySystemd(s) {
		if err := systemctl(ctx, append([]string{"start", "--no-block", unit}, daemonUnits...)...); err != nil {
			return err
		}
	} else if err := background(s); err != nil {
		return err
	}
	var last error
	ok := session.Until(ctx, limit, func() bool {
		if _, last = corosyncStatus(ctx, s); last == nil {
			_, last = crmStatus(ctx, s)
		}
		return last == nil
	})
	if !ok {
		return session.Fail(api.CodeTimeout, "the stack does not answer after %s: %v\nSee its log: %s", limit, last, logHint(s))
	}
	return nil
}

func logHint(s *session.Session) string {
	if bySystemd(s) {
		return "journalctl -u 'holdfast*'"
	}
	return nodeLog(s)
}

// nodeLog is where a node that runs in the background writes its log.
func nodeLog(s *session.Session) string { return filepath.Join(s.Dirs.Var, "node.log") }

// background runs "hcs node run" apart from this terminal.
func background(s *session.Session) error {
	if s.Program == "" {
		return session.Fail(api.CodeError, "the program hcs cannot be found; start the node with: hcs node run")
	}
	if err := os.MkdirAll(s.Dirs.Var, 0o755); err != nil {
		return fmt.Errorf("start the node: %w", err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("start the node: %w", err)
	}
	defer null.Close()
	cmd := exec.Command(s.Program, "node", "run", "--log-file", nodeLog(s))
	cmd.Dir = "/"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = null, null, null
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the node: %w", err)
	}
	return cmd.Process.Release()
}

// supervisorPID is the process of "hcs node run" for this node, 0 when there is none.
func supervisorPID(s *session.Session) int {
	f, err := os.Open(filepath.Join(s.Dirs.Run, "node.lock"))
	if err != nil {
		return 0
	}
	defer f.Close()
	if syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) == nil {
		return 0 // nobody holds it
	}
	var pid int
	if _, err := fmt.Fscan(f, &pid); err != nil {
		return 0
	}
	return pid
}
