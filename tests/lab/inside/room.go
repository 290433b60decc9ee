package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/tests/lab/room"
)

// roomMain is process 1 of a room: it prepares the namespaces, starts the program that args name, reaps, and
// ends with that program, which ends the room.
func roomMain(args []string) int {
	unix.CloseOnExec(room.LifeFD)
	unix.CloseOnExec(room.ReadyFD)
	ready := os.NewFile(room.ReadyFD, "ready")
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP)
	ended := children()
	err := prepareRoom()
	var pid int
	if err == nil {
		pid, err = start(args[0], args[1:], append(os.Environ(), "TMPDIR="+room.Dir+"/tmp"))
	}
	if err != nil {
		fmt.Fprint(ready, err)
		return 1
	}
	fmt.Fprint(ready, "ok")
	ready.Close()
	dieWith(room.LifeFD)
	go func() {
		for s := range signals {
			syscall.Kill(pid, s.(syscall.Signal))
		}
	}()
	return room.ExitCode(reapUntil(pid, ended))
}

func prepareRoom() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the room's mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount the room's /proc: %w", err)
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
		return fmt.Errorf("mount the room's /run: %w", err)
	}
	for _, dir := range []string{room.Dir, room.Dir + "/tmp", "/run/lock", "/run/netns"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return loopbackUp()
}

// loopbackUp switches on lo in the current network namespace.
func loopbackUp() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("switch lo on: %w", err)
	}
	defer unix.Close(s)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	req.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, req); err != nil {
		return fmt.Errorf("switch lo on: %w", err)
	}
	return nil
}
