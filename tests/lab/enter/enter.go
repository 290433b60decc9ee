// Package enter does things in the namespaces of another process.
package enter

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Space is a set of namespaces.
type Space int

const (
	Net Space = unix.CLONE_NEWNET
	// Whole is all that a node has of its own.
	Whole Space = unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWPID
)

// files are the namespaces in the order in which they are entered: the mount namespace last, because after it
// /proc is another one.
var files = []struct {
	kind Space
	name string
}{
	{unix.CLONE_NEWPID, "pid"}, {unix.CLONE_NEWIPC, "ipc"}, {unix.CLONE_NEWUTS, "uts"}, {unix.CLONE_NEWNET, "net"}, {unix.CLONE_NEWNS, "mnt"},
}

// The first thread answers for the process in /proc/self and must stay where it is; the main goroutine keeps
// it, so that Do gets others.
func init() { runtime.LockOSThread() }

// InNet calls fn in a thread that has entered the network namespace that a file stands for, such as
// /proc/PID/ns/net or /run/netns/NAME; "" is the one of this process. The thread ends afterwards.
func InNet(file string, fn func() error) error {
	if file == "" {
		return fn()
	}
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		f, err := os.Open(file)
		if err == nil {
			err = unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
			f.Close()
		}
		if err != nil {
			result <- fmt.Errorf("enter network namespace %s: %w", file, err)
			return
		}
		result <- fn()
	}()
	return <-result
}

// Do calls fn in a thread that has entered namespaces of the process. The thread ends afterwards. Processes
// that fn starts are in the namespaces; goroutines that it starts are not. With Whole, paths in fn mean the
// process's file system.
func Do(pid int, space Space, fn func() error) error {
	result := make(chan error, 1)
	go func() {
		// Never unlocked: a thread in foreign namespaces is of no use to anybody else.
		runtime.LockOSThread()
		if err := enter(pid, space); err != nil {
			result <- fmt.Errorf("enter the namespaces of process %d: %w", pid, err)
			return
		}
		result <- fn()
	}()
	return <-result
}

func enter(pid int, space Space) error {
	var opened []*os.File
	var kinds []int
	defer func() {
		for _, f := range opened {
			f.Close()
		}
	}()
	for _, n := range files {
		if space&n.kind == 0 {
			continue
		}
		f, err := os.Open(fmt.Sprintf("/proc/%d/ns/%s", pid, n.name))
		if err != nil {
			return err
		}
		opened = append(opened, f)
		kinds = append(kinds, int(n.kind))
	}
	if space&unix.CLONE_NEWNS != 0 {
		// A thread that shares its root directory with others cannot change the mount namespace.
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return fmt.Errorf("unshare: %w", err)
		}
	}
	for i, f := range opened {
		if err := unix.Setns(int(f.Fd()), kinds[i]); err != nil {
			return fmt.Errorf("setns %s: %w", f.Name(), err)
		}
	}
	return nil
}
