// Package realtime keeps a process running on time: priority, memory that stays, a log that nobody waits for.
package realtime

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Protection tells which protections against starvation are in force.
type Protection struct {
	Realtime     bool // SCHED_RR or SCHED_FIFO for every thread
	Locked       bool // memory is not paged out
	OOMProtected bool
}

const (
	// priority is the realtime priority when systemd has not given one. Any beats every normal process; a low
	// one leaves room for what an administrator holds for more important.
	priority = 10
	// marker in the environment says that the process has replaced itself already.
	marker = "HOLDFAST_REALTIME=1"
	// memoryLimit makes the garbage collector work harder before the daemon grows beyond what it promises.
	memoryLimit = 32 << 20
	// maxThreads bounds the threads that run Go code at once; heartbeats need one, the API another.
	maxThreads = 4
)

// Protect protects this process. A process without realtime priority gives it to its only thread and then
// replaces itself with the same program, so that every thread has it; Protect does not return in that case.
// Problems say what is not permitted; the daemon works without.
func Protect() (p Protection, problems []error) {
	runtime.GOMAXPROCS(min(runtime.GOMAXPROCS(0), maxThreads))
	debug.SetMemoryLimit(memoryLimit)
	if err := protectFromOOM(); err != nil {
		problems = append(problems, fmt.Errorf("protect from the OOM killer: %w; raise OOMScoreAdjust in the unit or CAP_SYS_RESOURCE", err))
	} else {
		p.OOMProtected = true
	}
	if err := becomeRealtime(); err != nil {
		problems = append(problems, fmt.Errorf("realtime priority: %w; set CPUSchedulingPolicy=rr in the unit", err))
	} else {
		p.Realtime = true
	}
	if err := unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT); err != nil {
		problems = append(problems, fmt.Errorf("lock memory: %w; set LimitMEMLOCK=infinity in the unit", err))
	} else {
		p.Locked = true
	}
	return p, problems
}

const (
	oomScore     = "/proc/self/oom_score_adj"
	oomProtected = -1000
)

func protectFromOOM() error {
	raw, err := os.ReadFile(oomScore)
	if err == nil {
		if n, err := strconv.Atoi(string(raw[:max(len(raw)-1, 0)])); err == nil && n == oomProtected {
			return nil
		}
	}
	return os.WriteFile(oomScore, []byte(strconv.Itoa(oomProtected)), 0)
}

// becomeRealtime returns nil only when every thread of the process has realtime priority.
func becomeRealtime() error {
	policy, err := schedGetScheduler()
	if err != nil {
		return err
	}
	if policy == unix.SCHED_RR || policy == unix.SCHED_FIFO {
		return nil
	}
	for _, v := range os.Environ() {
		if v == marker {
			return errors.New("it was taken away again")
		}
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err = schedSetRR(priority)
	if errors.Is(err, unix.EPERM) && leaveCgroup() == nil {
		err = schedSetRR(priority)
	}
	if err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(exe, os.Args, append(os.Environ(), marker))
}

// leaveCgroup moves the process to the root of the version 1 cpu hierarchy: on kernels with
// CONFIG_RT_GROUP_SCHED a group below it has no realtime budget unless somebody gave it one.
func leaveCgroup() error {
	return os.WriteFile("/sys/fs/cgroup/cpu/tasks", []byte("0"), 0)
}

// schedSetRR gives the calling thread a realtime priority.
func schedSetRR(priority int) error {
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: uint32(priority)}
	return unix.SchedSetAttr(0, &attr, 0)
}

// schedGetScheduler is the policy of the calling thread.
func schedGetScheduler() (int, error) {
	attr, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		return 0, err
	}
	return int(attr.Policy), nil
}
