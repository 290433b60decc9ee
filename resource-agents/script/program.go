package script

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/internal/proc"
	"github.com/holdfast-ha/holdfast/resource-agents/ocf"
)

// look is how often a program is looked at while it starts or stops.
const look = 20 * time.Millisecond

func startProgram(ctx context.Context, c *ocf.Call) error {
	s, err := loadState(c)
	if err != nil {
		return err
	}
	if s != nil {
		if _, ok := s.leader(); ok {
			s.Stuck, s.Silent = 0, 0
			return s.save(c)
		}
		// What an ended program has left behind would be in the way of a new one.
		if err := end(ctx, c, s); err != nil {
			return err
		}
	}
	s = newState()
	s.Cgroup = makeCgroup("script-" + strings.ReplaceAll(c.Instance, "/", "_"))
	// Saved before there is a process, too: an agent that is killed now must not leave an unknown one.
	if err := s.save(c); err != nil {
		return err
	}
	ended, size, err := launch(c, s)
	if err == nil {
		err = s.save(c)
	}
	if err == nil {
		err = settled(ctx, c, ended, size)
	}
	if err != nil {
		return errors.Join(err, end(ctx, c, s))
	}
	return nil
}

// launch starts the program in a session, and where possible a cgroup, of its own. The channel gets its end
// for as long as this process lives; after that the program is init's child.
func launch(c *ocf.Call, s *state) (ended <-chan error, logSize int64, err error) {
	log, size, err := openLog(c)
	if err != nil {
		return nil, 0, err
	}
	defer log.Close()
	begin := func(cgroup int) (*exec.Cmd, error) {
		cmd, err := shell(c, c.Text("command"), log, markVariable+"="+s.Mark)
		if err != nil {
			return nil, err
		}
		cmd.SysProcAttr.Setsid = true
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = cgroup >= 0, cgroup
		return cmd, cmd.Start()
	}
	cgroup := -1
	if s.Cgroup != "" {
		if cgroup, err = unix.Open(s.Cgroup, unix.O_DIRECTORY|unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
			defer unix.Close(cgroup)
		}
	}
	cmd, err := begin(cgroup)
	if err != nil && cgroup >= 0 { // a kernel before 5.7, or a cgroup that takes no processes
		c.Logf("the program gets no cgroup: %v", err)
		removeCgroup(s.Cgroup)
		s.Cgroup = ""
		cmd, err = begin(-1)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("start %q: %w", c.Text("command"), err)
	}
	done := make(chan error, 1)
	p, err := proc.Read(cmd.Process.Pid) // it is there, because it is not reaped yet
	s.PID, s.Start = p.PID, p.Start
	go func() { done <- cmd.Wait() }()
	return done, size, err
}

// settled waits until the program has lived for a while and, if there is a probe, answers.
func settled(ctx context.Context, c *ocf.Call, ended <-chan error, size int64) error {
	gone := func(err error) error {
		how := "with exit code 0"
		if err != nil {
			how = "with " + err.Error()
		}
		return ocf.Errorf(ocf.ErrGeneric, "the program ended %s right after its start%s", how, lastLine(logPath(c), size))
	}
	select {
	case err := <-ended:
		return gone(err)
	case <-time.After(c.Duration("settle")):
	case <-ctx.Done():
		return ctx.Err()
	}
	line := c.Text("probe")
	if line == "" {
		return nil
	}
	// Time is left to end a program that does not answer.
	limit := time.Now().Add(c.Timeout() / 2)
	for wait := look; ; wait = min(2*wait, time.Second) {
		a, err := runShell(ctx, c, line, c.Duration("probe_timeout"))
		switch {
		case err != nil:
			return err
		case a.ok():
			return nil
		case time.Now().After(limit):
			return ocf.Errorf(ocf.ErrGeneric, "the program has started, but the probe %s", a)
		}
		select {
		case err := <-ended:
			return gone(err)
		case <-time.After(wait):
		}
	}
}

func stopProgram(ctx context.Context, c *ocf.Call) error {
	s, err := loadState(c)
	if err != nil || s == nil {
		return err
	}
	return end(ctx, c, s)
}

var signals = map[string]syscall.Signal{"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT, "HUP": syscall.SIGHUP,
	"USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2, "KILL": syscall.SIGKILL}

// end stops the program and everything that it has started: first by asking, then by force.
func end(ctx context.Context, c *ocf.Call, s *state) error {
	family := s.family()
	ask := signals[c.Text("stop_signal")]
	for _, p := range family {
		if err := signal(p, ask); err != nil {
			return fmt.Errorf("send a signal to process %d: %w", p.PID, err)
		}
		_ = signal(p, syscall.SIGCONT) // a stopped process takes no other signal
	}
	left := gone(ctx, s, stopTimeout(c))
	if len(left) > 0 {
		c.Logf("killing what did not stop within %v: %v", stopTimeout(c), left)
		for limit := time.Now().Add(killTime); len(left) > 0 && time.Now().Before(limit) && ctx.Err() == nil; {
			if !killCgroup(s.Cgroup) {
				for _, p := range left {
					_ = signal(p, syscall.SIGKILL) // what is refused shows in what is left
				}
			}
			left = gone(ctx, s, 10*look)
		}
	}
	if len(left) > 0 {
		return ocf.Errorf(ocf.ErrGeneric, "these processes cannot be killed: %v", left)
	}
	removeCgroup(s.Cgroup)
	return forgetState(c)
}

// gone waits until nothing of the program runs and returns what does when the time is over.
func gone(ctx context.Context, s *state, within time.Duration) []proc.Process {
	limit := time.Now().Add(within)
	for wait := look; ; wait = min(2*wait, 10*look) {
		left := s.family()
		if len(left) == 0 || time.Now().After(limit) {
			return left
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return left
		}
	}
}

func monitorProgram(ctx context.Context, c *ocf.Call) error {
	s, err := loadState(c)
	switch {
	case err != nil:
		return err
	case s == nil:
		return ocf.ErrNotRunning
	}
	p, ok := s.leader()
	if !ok {
		if left := s.family(); len(left) > 0 {
			return ocf.Errorf(ocf.ErrGeneric, "the program has ended, but processes of it still run: %v", left)
		}
		return ocf.ErrNotRunning
	}
	if c.Probe {
		return nil
	}
	return watch(ctx, c, s, p)
}
