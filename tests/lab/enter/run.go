package enter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Result is what a command did.
type Result struct {
	Stdout, Stderr string
	Code           int // exit status, 128+signal when it was killed
}

// Err is nil for exit status 0, else an error with what the command said. where is for the error.
func (r Result) Err(where string, command ...string) error {
	if r.Code == 0 {
		return nil
	}
	return fmt.Errorf("on %s: %s: exit status %d: %s", where, strings.Join(command, " "), r.Code, strings.TrimSpace(r.Stderr+"\n"+r.Stdout))
}

// Job is a command in the namespaces of another process. It is reaped even when nobody waits for it, because a
// PID namespace ends only when everything in it has been reaped.
type Job struct {
	done chan struct{}
	err  error
}

// Wait waits for the end of the command, or of its namespace, and returns what exec.Cmd.Wait does.
func (j *Job) Wait() error {
	<-j.done
	return j.err
}

// Start starts a command in all namespaces of a process. Its name is looked up there.
func Start(pid int, cmd *exec.Cmd) (*Job, error) {
	err := Do(pid, Whole, func() error {
		path, err := exec.LookPath(cmd.Args[0])
		if err != nil {
			return err
		}
		cmd.Path, cmd.Err = path, nil
		if cmd.Dir == "" {
			cmd.Dir = "/"
		}
		return cmd.Start()
	})
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", cmd.Args[0], err)
	}
	j := &Job{done: make(chan struct{})}
	go func() {
		j.err = cmd.Wait()
		close(j.done)
	}()
	return j, nil
}

// Run runs a command in all namespaces of a process and returns its result, whatever its exit status. An error
// means that it did not run, or that the context ended it.
func Run(ctx context.Context, pid int, env []string, stdin string, command ...string) (Result, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = strings.NewReader(stdin), &stdout, &stderr, env
	// A daemon that the command leaves behind may hold its output open.
	cmd.WaitDelay = time.Second
	job, err := Start(pid, cmd)
	if err != nil {
		return Result{}, err
	}
	err = job.Wait()
	r := Result{Stdout: stdout.String(), Stderr: stderr.String()}
	if ctx.Err() != nil {
		return r, fmt.Errorf("%s: %w", strings.Join(command, " "), ctx.Err())
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		return r, fmt.Errorf("%s: %w", strings.Join(command, " "), err)
	}
	r.Code = cmd.ProcessState.ExitCode()
	if s := cmd.ProcessState.Sys().(syscall.WaitStatus); s.Signaled() {
		r.Code = 128 + int(s.Signal())
	}
	return r, nil
}
