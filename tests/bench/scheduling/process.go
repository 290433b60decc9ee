package scheduling

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// limit is how long a process may take at all.
const limit = 20 * time.Minute

// run runs a program to its end. That it fails is told by its exit status, which is no error here: some of the
// cases are meant to fail.
func run(ctx context.Context, program string, args ...string) (ms float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
	began := time.Now()
	err = cmd.Run()
	took := time.Since(began)
	if err := ended(err); err != nil {
		return 0, fmt.Errorf("%s %s: %w", program, strings.Join(args, " "), err)
	}
	return milliseconds(took), nil
}

// ended is the error of a program that did not run to its end.
func ended(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return nil
	}
	return err
}

// glance is how often the memory of a running process is looked at.
const glance = time.Millisecond

// memory runs a program to its end and returns the most memory that it had, in MiB. The rusage of a child would
// tell that of its parent when it was forked, if that was more.
func memory(ctx context.Context, program string, args ...string) (mib float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	tick := time.NewTicker(glance)
	defer tick.Stop()
	status := fmt.Sprintf("/proc/%d/status", cmd.Process.Pid)
	for {
		select {
		case err := <-done:
			if err := ended(err); err != nil {
				return 0, fmt.Errorf("%s %s: %w", program, strings.Join(args, " "), err)
			}
			return mib, nil
		case <-tick.C:
			raw, err := os.ReadFile(status)
			if m := highWater.FindSubmatch(raw); err == nil && m != nil {
				if kib, err := strconv.ParseFloat(string(m[1]), 64); err == nil {
					mib = max(mib, kib/1024)
				}
			}
		}
	}
}

// highWater is the most that was resident of a process.
var highWater = regexp.MustCompile(`VmHWM:\s*(\d+) kB`)
