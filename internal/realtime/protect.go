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
	// mostUrgent is the nice value of a process that may not have realtime priority.
	mostUrgent = -20
	// marker is a variable in the environment that says that the process has replaced itself already, and why
	// it has no realtime priority, if it was refused.
	marker = "HOLDFAST_REALTIME"
	// memoryLimit makes the garbage collector work harder before the daemon grows beyond what it promises.
	memoryLimit = 32 << 20
	// maxThreads bounds the threads that run Go code at once; heartbeats need one, the API another.
	maxThreads = 4
)

// Scheduling is what an administrator wants.
type Scheduling struct {
	Realtime bool
	Nice     int // without realtime priority
}

// Protect protects this process. A process without the wanted scheduling gives it to one thread and then replaces
// itself with the same program, so that every thread has it; Protect does not return in that case. Problems say
// what is not permitted; the daemon works without.
func Protect(want Scheduling) (p Protection, problems []error) {
	runtime.GOMAXPROCS(min(runtime.GOMAXPROCS(0), maxThreads))
	debug.SetMemoryLimit(memoryLimit)
	if err := protectFromOOM(); err != nil {
		problems = append(problems, fmt.Errorf("protect from the OOM killer: %w; raise OOMScoreAdjust in the unit or CAP_SYS_RESOURCE", err))
	} else {
		p.OOMProtected = true
	}
	if problem := schedule(want, &p); problem != nil {
		problems = append(problems, problem)
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

// schedule sets the class in which the process runs.
func schedule(want Scheduling, p *Protection) error {
	if !want.Realtime {
		if err := become(unix.SCHED_NORMAL, want.Nice, "1"); err != nil {
			return fmt.Errorf("nice value %d: %w", want.Nice, err)
		}
		return nil
	}
	err := become(unix.SCHED_RR, 0, "1")
	if err == nil {
		p.Realtime = true
		return nil
	}
	// The next best, which may be refused too; the one that is told is the first.
	_ = become(unix.SCHED_NORMAL, mostUrgent, err.Error())
	return fmt.Errorf("realtime priority: %w; set CPUSchedulingPolicy=rr in the unit", err)
}

// become returns nil only when every thread of the process has that policy. why is what the new image finds in
// the marker.
func become(policy uint32, nice int, why string) error {
	now, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		return err
	}
	if policy == unix.SCHED_NORMAL && now.Policy == policy && int(now.Nice) == nice ||
		policy == unix.SCHED_RR && (now.Policy == policy || now.Policy == unix.SCHED_FIFO) {
		return nil
	}
	switch before := os.Getenv(marker); before {
	case "":
	case "1":
		return errors.New("it was taken away again")
	default:
		return errors.New(before)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err = setPolicy(policy, nice)
	if errors.Is(err, unix.EPERM) && policy == unix.SCHED_RR && leaveCgroup() == nil {
		err = setPolicy(policy, nice)
	}
	if err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(exe, os.Args, append(os.Environ(), marker+"="+why))
}

// leaveCgroup moves the process to the root of the version 1 cpu hierarchy: on kernels with
// CONFIG_RT_GROUP_SCHED a group below it has no realtime budget unless somebody gave it one.
func leaveCgroup() error {
	return os.WriteFile("/sys/fs/cgroup/cpu/tasks", []byte("0"), 0)
}

// setPolicy sets the policy of the calling thread.
func setPolicy(policy uint32, nice int) error {
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: policy, Nice: int32(nice)}
	if policy == unix.SCHED_RR {
		attr.Priority = priority
	}
	return unix.SchedSetAttr(0, &attr, 0)
}
