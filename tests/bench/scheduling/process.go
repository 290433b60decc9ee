package scheduling

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// usage is what a process took.
type usage struct{ ms, mib float64 }

// limit is how long a process may take at all.
const limit = 20 * time.Minute

// run runs a program to its end. That it fails is told by its exit status, which is no error here: some of the
// cases are meant to fail.
func run(ctx context.Context, program string, args ...string) (usage, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
	began := time.Now()
	err := cmd.Run()
	took := time.Since(began)
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || !exit.Exited()) {
		return usage{}, fmt.Errorf("%s %s: %w", program, strings.Join(args, " "), err)
	}
	u := usage{ms: milliseconds(took)}
	if r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.mib = float64(r.Maxrss) / 1024
	}
	return u, nil
}
