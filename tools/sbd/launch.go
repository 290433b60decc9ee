package sbd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// childMark in the environment says that this process is the guard, and which of its files tells the launcher
// that it is ready.
const childMark = "HOLDFAST_SBD_READY_FD"

// launch starts the guard in the background and waits until others may rely on it.
func (c *call) launch(ctx context.Context) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	cmd := exec.Command(exe, c.env.Args...)
	cmd.Args[0] = c.env.Name
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), childMark+"=3")
	cmd.ExtraFiles = []*os.File{w}
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	w.Close()
	if err != nil {
		return err
	}
	ready := make(chan error, 1)
	go func() {
		if n, _ := r.Read(make([]byte, 1)); n == 0 {
			ready <- errors.New("the guard has ended before the node was guarded")
			return
		}
		ready <- nil
	}()
	select {
	case err := <-ready:
		if err != nil {
			_ = cmd.Wait()
			return err
		}
		return cmd.Process.Release()
	case <-ctx.Done():
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		return ctx.Err()
	}
}

// readiness is what tells the launcher, if there is one.
func readiness() func() {
	fd, err := strconv.Atoi(os.Getenv(childMark))
	if err != nil {
		return func() {}
	}
	return sync.OnceFunc(func() {
		f := os.NewFile(uintptr(fd), "ready")
		_, _ = f.Write([]byte{1}) // a launcher that is gone does not want to know
		f.Close()
	})
}

// pidFile is the file with the guard's process id; the zero value is none.
type pidFile struct {
	path string
	// stale tells that a process of this boot left one behind: it did not end in an orderly way.
	stale bool
}

// takePidFile writes this process's id, right-aligned in ten columns as sbd does, unless another guard lives.
func takePidFile(path string) (pidFile, error) {
	p := pidFile{path: path}
	if path == "" {
		return p, nil
	}
	if raw, err := os.ReadFile(path); err == nil {
		old, err := strconv.Atoi(strings.TrimSpace(string(raw)))
		if err == nil && old != os.Getpid() && sameProgram(old) {
			return p, fmt.Errorf("%s: sbd runs already as process %d", path, old)
		}
		p.stale = err == nil && old != os.Getpid()
	}
	next := fmt.Sprintf("%s.%d", path, os.Getpid())
	if err := os.WriteFile(next, fmt.Appendf(nil, "%10d\n", os.Getpid()), 0o644); err != nil {
		return p, err
	}
	return p, os.Rename(next, path)
}

func (p pidFile) release() {
	if p.path != "" {
		_ = os.Remove(p.path)
	}
}

// sameProgram reports whether a process runs this program.
func sameProgram(pid int) bool {
	exe := func(pid string) string { s, _ := os.Readlink("/proc/" + pid + "/exe"); return s }
	mine, other := exe("self"), exe(strconv.Itoa(pid))
	if other == "" || other != mine {
		return false
	}
	// Every drop-in command is the same program: it must also have been started as sbd.
	line, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	return err == nil && bytes.Contains(line, []byte("\x00watch"))
}
