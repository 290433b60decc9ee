package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// start runs a program with our standard descriptors. The caller reaps it.
func start(name string, args, env []string) (pid int, err error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", name, err)
	}
	p, err := os.StartProcess(path, append([]string{name}, args...), &os.ProcAttr{
		Env: env, Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
	})
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", name, err)
	}
	pid = p.Pid
	p.Release()
	return pid, nil
}

// dieWith ends this process when the other end of the pipe is closed. As process 1 it takes the whole
// namespace along.
func dieWith(fd int) {
	go func() {
		var buf [1]byte
		for {
			n, err := unix.Read(fd, buf[:])
			if err == unix.EINTR {
				continue
			}
			if n <= 0 {
				os.Exit(137)
			}
		}
	}()
}

// children announces that a child has ended; it is made before the first child is started.
func children() <-chan os.Signal {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	return ended
}

// reapUntil reaps children, adopted ones too, until the given one has ended; with 0 it reaps for ever.
func reapUntil(pid int, ended <-chan os.Signal) syscall.WaitStatus {
	for {
		var status syscall.WaitStatus
		got, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		switch {
		case err == nil && got == pid && pid != 0:
			return status
		case got <= 0 && err != syscall.EINTR:
			<-ended
		}
	}
}
