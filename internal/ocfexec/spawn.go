package ocfexec

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/internal/proc"
)

// spawnRequest asks the forking thread for a child.
type spawnRequest struct {
	argv  []string
	env   []string
	files [3]uintptr
	as    *syscall.Credential
	reply chan spawnReply
}

type spawnReply struct {
	pid, pidfd int // pidfd is -1 where the kernel has none (before 5.4)
	err        error
}

// spawnLoop forks every child from one thread. A child inherits scheduling class and nice value from the
// *thread* that forks it, so a daemon that runs with realtime priority gets ordinary children without a
// helper program between it and the agent. The thread ends with the loop, because it must not return to Go's pool.
func (r *Runner) spawnLoop(ctx context.Context) {
	runtime.LockOSThread()
	if err := ordinaryPriority(); err != nil {
		r.log.Warn("agents run with this daemon's scheduling priority", "err", err)
	}
	for {
		select {
		case req := <-r.spawns:
			pidfd := -1
			pid, err := syscall.ForkExec(req.argv[0], req.argv, &syscall.ProcAttr{
				Dir: "/", Env: req.env, Files: req.files[:],
				Sys: &syscall.SysProcAttr{Setpgid: true, PidFD: &pidfd, Credential: req.as},
			})
			if err == nil && r.oomReset {
				resetOOM(pid)
			}
			req.reply <- spawnReply{pid: pid, pidfd: pidfd, err: err}
		case <-ctx.Done():
			return
		}
	}
}

// ordinaryPriority makes the calling thread SCHED_OTHER with nice 0.
func ordinaryPriority() error {
	attr, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		return fmt.Errorf("read the scheduling class: %w", err)
	}
	if attr.Policy == unix.SCHED_NORMAL && attr.Nice == 0 {
		return nil
	}
	plain := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL}
	if err := unix.SchedSetAttr(0, &plain, 0); err != nil {
		return fmt.Errorf("set SCHED_OTHER and nice 0: %w", err)
	}
	return nil
}

// protectedFromOOM tells that this process has a lower oom_score_adj than children should have.
func protectedFromOOM() bool {
	raw, err := os.ReadFile("/proc/self/oom_score_adj")
	if err != nil {
		return false
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	return err == nil && n < 0
}

// resetOOM gives a new child the ordinary OOM score. The child already runs, and what it may have forked
// has inherited ours, so its children follow.
func resetOOM(pid int) {
	// A process that is gone needs nothing, and nothing can be done for one that refuses.
	_ = os.WriteFile("/proc/"+strconv.Itoa(pid)+"/oom_score_adj", []byte("0"), 0)
	for _, child := range proc.Children(pid) {
		resetOOM(child)
	}
}

// closeOnExec keeps descriptors that this daemon inherited from its own parent away from agents. Go's own
// are marked already.
func closeOnExec() error {
	err := unix.CloseRange(3, ^uint(0), unix.CLOSE_RANGE_CLOEXEC)
	if err == unix.ENOSYS || err == unix.EINVAL { // before Linux 5.11
		return closeOnExecByList()
	}
	return err
}

func closeOnExecByList() error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
	return nil
}
