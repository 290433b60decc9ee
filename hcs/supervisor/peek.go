package supervisor

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// peek returns a child that has ended, without collecting it; 0 when there is none.
func peek() (int, error) {
	var info siginfo
	// unix.Waitid hides si_pid behind a type without accessors, hence the call by hand. P_ALL is 0.
	_, _, errno := unix.Syscall6(unix.SYS_WAITID, 0, 0, uintptr(unsafe.Pointer(&info)), unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(info.pid), nil
}
