// Package room runs a program in namespaces of its own, so that whatever it starts ends with it.
//
// A room has its own process, mount, network, IPC and UTS namespaces, and for a user who is not root a user
// namespace. The process that asked for it stays outside and waits. A small process 1 (the program in
// tests/lab/inside) prepares the room and starts the asking program again in it. Either of the three may be
// killed in any way: the kernel then ends every process of the room, and with the last of them its mounts,
// interfaces and files in memory are gone. Nobody has to clean up.
package room

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
)

// Environment of a program that room.Main has started again, or has not been able to.
const (
	envInside  = "HOLDFAST_ROOM"         // "1" in a room
	envMissing = "HOLDFAST_ROOM_MISSING" // why there is none
	envInit    = "HOLDFAST_ROOM_INIT"    // the program that is process 1 of the room
)

// Dir is the room's directory in memory: only the room sees it, and it ends with the room.
const Dir = "/run/lab"

// Descriptors that the room's process 1 gets beside the standard ones.
const (
	// LifeFD reads from a pipe whose other end only the process outside holds: end of file means that it is
	// gone.
	LifeFD = 3
	// ReadyFD takes "ok" or the reason why the room could not be made.
	ReadyFD = 4
)

// Inside tells whether this process runs in a room.
func Inside() bool { return os.Getenv(envInside) == "1" }

// Mapped tells whether this process is in a user namespace in which one user plays root: it can make namespaces
// but is nobody to the machine's files.
func Mapped() bool {
	raw, err := os.ReadFile("/proc/self/uid_map")
	var inside, outside, count uint32
	if _, scan := fmt.Sscan(string(raw), &inside, &outside, &count); err != nil || scan != nil {
		return false
	}
	return outside != 0 || count == 1
}

// Missing tells why Main could make no room on this machine; it is "" in a room.
func Missing() string {
	if Inside() {
		return ""
	}
	if why := os.Getenv(envMissing); why != "" {
		return why
	}
	return "this program was not started by room.Main"
}

// Init is the path of the room's process 1, as Main's prepare gave it.
func Init() string { return os.Getenv(envInit) }

// Main starts this program again in a room, waits for it and ends with its exit status. In the room it calls
// work, and it does the same outside when no room can be made; Missing tells which. prepare runs outside
// before anything else, where the machine's network is still there; it returns the path of the room's
// process 1.
func Main(prepare func() (init string, err error), work func() int) {
	if Inside() || os.Getenv(envMissing) != "" {
		os.Exit(work())
	}
	init, err := prepare()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	sweep()
	code, err := enter(init)
	sweep()
	if err != nil {
		os.Setenv(envMissing, err.Error())
		os.Exit(work())
	}
	os.Exit(code)
}

// enter runs the program in a room and returns its exit status; an error means that it did not run.
func enter(init string) (int, error) {
	// The kernel sends the parent-death signal when the thread ends that started the child, so this thread
	// must last as long as the process.
	runtime.LockOSThread()
	code, err := attempt(init, false)
	if err == nil || !errors.Is(err, os.ErrPermission) {
		return code, err
	}
	code, userErr := attempt(init, true)
	if userErr == nil {
		return code, nil
	}
	return 0, fmt.Errorf("neither root's rights (%w) nor user namespaces (%v) let this machine make network, mount and "+
		"process namespaces; run as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, "+
		"user.max_user_namespaces above 0, on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0)", err, userErr)
}

// attempt makes one room, with or without a user namespace.
func attempt(init string, user bool) (int, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	lifeR, lifeW, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer lifeW.Close()
	readyR, readyW, err := os.Pipe()
	if err != nil {
		lifeR.Close()
		return 0, err
	}
	defer readyR.Close()
	cmd := exec.Command(init, append([]string{"room", self}, os.Args[1:]...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{lifeR, readyW}
	cmd.Env = append(os.Environ(), envInside+"=1", envInit+"="+init)
	cmd.SysProcAttr = namespaces(user)
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP)
	defer signal.Stop(signals)
	err = cmd.Start()
	lifeR.Close()
	readyW.Close()
	if err != nil {
		return 0, fmt.Errorf("make namespaces: %w", err)
	}
	answer, _ := io.ReadAll(readyR)
	if string(answer) != "ok" {
		cmd.Process.Kill()
		cmd.Wait()
		return 0, notReady(string(answer))
	}
	return wait(cmd, signals), nil
}

// notReady is the error for what the room's process 1 wrote instead of "ok".
func notReady(answer string) error {
	if strings.Contains(answer, syscall.EPERM.Error()) {
		return fmt.Errorf("%s: %w", answer, os.ErrPermission)
	}
	if answer == "" {
		return errors.New("prepare the room: its process 1 ended early")
	}
	return errors.New(answer)
}

func namespaces(user bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL,
	}
	if user {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	return attr
}

// wait passes signals on until the room has ended.
func wait(cmd *exec.Cmd, signals <-chan os.Signal) int {
	done := make(chan struct{})
	go func() {
		cmd.Wait()
		close(done)
	}()
	for {
		select {
		case s := <-signals:
			// A signal from the terminal has reached the program in the room too; one more does no harm.
			cmd.Process.Signal(s)
		case <-done:
			return ExitCode(cmd.ProcessState.Sys().(syscall.WaitStatus))
		}
	}
}

// ExitCode is the shell's number for the way a process ended.
func ExitCode(s syscall.WaitStatus) int {
	if s.Signaled() {
		return 128 + int(s.Signal())
	}
	return s.ExitStatus()
}
