package mon

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/internal/atomicfile"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/output"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// backgroundVariable tells crm_mon that it is the process in the background.
const backgroundVariable = "HOLDFAST_CRM_MON_BACKGROUND"

// detach starts this program again in a session of its own. The process id is written before this one ends,
// so that who starts crm_mon, as the agent ClusterMon does, finds it.
func (m *monitor) detach(env *cli.Env, out *output.Out) error {
	if m.once {
		return nil
	}
	if out.File == "" && m.agent == "" {
		return program.Faultf(api.CodeUsage, "--daemonize requires at least one of --output-to (with value not set to '-') and --external-agent")
	}
	cmd := exec.Command("/proc/self/exe", env.Args...)
	cmd.Args[0] = env.Name
	cmd.Env = append(os.Environ(), backgroundVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start crm_mon in the background: %w", err)
	}
	if m.pidFile != "" {
		if err := atomicfile.Write(m.pidFile, fmt.Appendf(nil, "%d\n", cmd.Process.Pid), 0o644); err != nil {
			_ = cmd.Process.Kill() // nobody could find it
			return err
		}
	}
	return cmd.Process.Release()
}

// inBackground watches until it is told to end, and takes the pid file away then.
func (w *watcher) inBackground(ctx context.Context) error {
	err := w.watch(ctx)
	if w.pidFile != "" {
		_ = os.Remove(w.pidFile) // the process ends in any case
	}
	return err
}
