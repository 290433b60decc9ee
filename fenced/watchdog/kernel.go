package watchdog

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// kernelPort is a device of the kernel.
type kernelPort struct{ *os.File }

func (p kernelPort) ioctl(request uintptr, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, p.Fd(), request, uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}

func (p kernelPort) number(request uintptr, n int) (int, error) {
	v := int32(n)
	err := p.ioctl(request, unsafe.Pointer(&v))
	return int(v), err
}

func (p kernelPort) Info() (info unix.WatchdogInfo, err error) {
	err = p.ioctl(unix.WDIOC_GETSUPPORT, unsafe.Pointer(&info))
	return info, err
}

func (p kernelPort) SetTimeout(seconds int) (int, error) {
	return p.number(unix.WDIOC_SETTIMEOUT, seconds)
}
func (p kernelPort) Timeout() (int, error) { return p.number(unix.WDIOC_GETTIMEOUT, 0) }
func (p kernelPort) SetPretimeout(seconds int) (int, error) {
	return p.number(unix.WDIOC_SETPRETIMEOUT, seconds)
}
func (p kernelPort) BootStatus() (int, error) { return p.number(unix.WDIOC_GETBOOTSTATUS, 0) }

func (p kernelPort) Disable() error {
	_, err := p.number(unix.WDIOC_SETOPTIONS, unix.WDIOS_DISABLECARD)
	return err
}
