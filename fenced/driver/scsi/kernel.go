package scsi

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const sgIO = 0x2285

// Directions of SG_IO.
const (
	dirNone = -1
	dirOut  = -2
	dirIn   = -3
)

// header is the kernel's struct sg_io_hdr (scsi/sg.h).
type header struct {
	interfaceID    int32
	direction      int32
	cmdLen, sbLen  uint8
	iovecCount     uint16
	dxferLen       uint32
	dxfer          unsafe.Pointer
	cmd            unsafe.Pointer
	sense          unsafe.Pointer
	timeout        uint32 // ms
	flags          uint32
	packID         int32
	_              [4]byte
	usrPtr         unsafe.Pointer
	status         uint8
	maskedStatus   uint8
	msgStatus      uint8
	sbLenWritten   uint8
	hostStatus     uint16
	driverStatus   uint16
	resid          int32
	duration, info uint32
}

const (
	senseLength = 64
	// commandTime bounds a command in the kernel, which aborts it then.
	commandTime = 30 * time.Second
	// driverSense in driverStatus says only that there is sense data.
	driverSense = 0x08
)

// kernel is a path through a block device.
type kernel struct{ fd int }

// OpenKernel opens a block device, or a device of the sg driver.
func OpenKernel(name string) (Transport, error) {
	fd, err := unix.Open(name, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return &kernel{fd}, nil
}

func (k *kernel) Close() { unix.Close(k.fd) }

type answer struct {
	data   []byte
	status byte
	sense  []byte
	err    error
}

// Do has the kernel carry out a command. A kernel that does not come back in time, because its error handling
// takes longer, is left to itself: its goroutine ends with it.
func (k *kernel) Do(ctx context.Context, cdb, out []byte, in int) ([]byte, byte, []byte, error) {
	limit := commandTime
	if deadline, ok := ctx.Deadline(); ok {
		limit = max(min(limit, time.Until(deadline)), time.Millisecond)
	}
	// A file of its own: the transport may be closed while the kernel still works.
	fd, err := unix.FcntlInt(uintptr(k.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, 0, nil, err
	}
	done := make(chan answer, 1)
	go func() {
		defer unix.Close(fd)
		done <- command(fd, cdb, out, in, limit)
	}()
	select {
	case a := <-done:
		return a.data, a.status, a.sense, a.err
	case <-ctx.Done():
		return nil, 0, nil, fmt.Errorf("the disk has not answered: %w", ctx.Err())
	}
}

func command(fd int, cdb, out []byte, in int, limit time.Duration) answer {
	h := header{interfaceID: 'S', direction: dirNone, cmdLen: uint8(len(cdb)), sbLen: senseLength, timeout: uint32(limit.Milliseconds())}
	sense := make([]byte, senseLength)
	data := slices.Clone(out)
	switch {
	case len(out) > 0:
		h.direction = dirOut
	case in > 0:
		h.direction, data = dirIn, make([]byte, in)
	}
	var pin runtime.Pinner
	defer pin.Unpin()
	h.cmd, h.sense = unsafe.Pointer(&cdb[0]), unsafe.Pointer(&sense[0])
	pin.Pin(&cdb[0])
	pin.Pin(&sense[0])
	if len(data) > 0 {
		h.dxfer, h.dxferLen = unsafe.Pointer(&data[0]), uint32(len(data))
		pin.Pin(&data[0])
	}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), sgIO, uintptr(unsafe.Pointer(&h))); errno != 0 {
		if errno == unix.ENOTTY || errno == unix.EINVAL {
			return answer{err: fmt.Errorf("it takes no SCSI commands: %w", errno)}
		}
		return answer{err: os.NewSyscallError("SG_IO", errno)}
	}
	switch {
	case h.hostStatus != 0:
		return answer{err: fmt.Errorf("the path has failed (host status 0x%02x)", h.hostStatus)}
	case h.driverStatus&0x0f != 0 && h.driverStatus&0x0f != driverSense:
		return answer{err: fmt.Errorf("the path has failed (driver status 0x%02x)", h.driverStatus)}
	}
	a := answer{status: h.status & 0x3e, sense: sense[:h.sbLenWritten]}
	if in > 0 {
		a.data = data[:max(0, len(data)-int(h.resid))]
	}
	return a
}

// KernelPaths are the block devices behind a device: itself, or for a multipath map each of its paths, because
// what is registered over one path holds for that only.
func KernelPaths(device string) ([]string, error) { return pathsIn("/sys/block", "/dev", device) }

func pathsIn(sys, dev, device string) ([]string, error) {
	real, err := filepath.EvalSymlinks(device)
	if err != nil {
		return nil, fmt.Errorf("device %s: %w", device, err)
	}
	name := filepath.Base(real)
	uuid, err := os.ReadFile(filepath.Join(sys, name, "dm/uuid"))
	if err != nil {
		return []string{real}, nil // no device-mapper device
	}
	if !strings.HasPrefix(string(uuid), "mpath-") {
		return nil, fmt.Errorf("device %s is a device-mapper device but no multipath map (%s): name the disks below it", device, strings.TrimSpace(string(uuid)))
	}
	slaves, err := os.ReadDir(filepath.Join(sys, name, "slaves"))
	if err != nil {
		return nil, fmt.Errorf("device %s: %w", device, err)
	}
	var paths []string
	for _, s := range slaves {
		paths = append(paths, filepath.Join(dev, s.Name()))
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("device %s is a multipath map without paths", device)
	}
	return paths, nil
}

// sharedVolumes are the physical volumes of volume groups that are marked as clustered or shared.
func sharedVolumes(ctx context.Context) ([]string, error) {
	cmd := exec.CommandContext(ctx, "vgs", "--noheadings", "--separator", ":", "--sort", "pv_uuid", "--options", "vg_attr,pv_name",
		"--config", `global { locking_type = 0 } devices { preferred_names = [ "^/dev/dm" ] }`)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
		}
		return nil, fmt.Errorf("find shared volume groups: %w; or name the disks in the parameter devices", err)
	}
	return parseVolumes(string(out)), nil
}

// parseVolumes reads lines of attributes and device; the sixth attribute tells how a group is shared.
func parseVolumes(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		attr, pv, ok := strings.Cut(strings.TrimSpace(line), ":")
		if ok && len(attr) > 5 && (attr[5] == 'c' || attr[5] == 's') && strings.HasPrefix(pv, "/") {
			list = append(list, pv)
		}
	}
	return list
}
