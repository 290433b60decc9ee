// Package sysrq ends the machine at once, without stopping anything.
package sysrq

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Keys of the kernel's system requests.
const (
	Restart  = "b"
	PowerOff = "o"
	Crash    = "c"
)

// offTime is what switching off gets, which the kernel does in its own time.
const offTime = 2 * time.Second

// End makes a system request and, where that does not work, the system call that comes nearest. It does not return.
func End(key string) {
	_ = os.WriteFile("/proc/sysrq-trigger", []byte(key), 0) // where it fails the system call is left
	call := unix.LINUX_REBOOT_CMD_RESTART
	if key == PowerOff {
		time.Sleep(offTime)
		call = unix.LINUX_REBOOT_CMD_POWER_OFF
	}
	_ = unix.Reboot(call)
	select {}
}
