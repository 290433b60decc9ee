package sbddisk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// iocb is the kernel's struct iocb (linux/aio_abi.h), little endian.
type iocb struct {
	data   uint64
	key    uint32
	flags  uint32
	opcode uint16
	prio   int16
	fd     uint32
	buf    uint64
	bytes  uint64
	offset int64
	_      uint64
	_      uint32
	_      uint32
}

// ioEvent is the kernel's struct io_event.
type ioEvent struct {
	data, obj uint64
	res, res2 int64
}

const (
	opRead  = 0
	opWrite = 1
)

// slice is how long a wait lasts at most before the caller's context is looked at.
const slice = 100 * time.Millisecond

// queue is a kernel AIO context with room for one request, and the memory for it. A request whose deadline
// has passed stays the kernel's: its memory is not Go's, so that nobody else gets it, and the queue takes
// no other request before it has ended.
type queue struct {
	ctx     uintptr
	memory  []byte // page aligned: O_DIRECT wants that. The first page is the request's.
	pending time.Time
	what    string
}

const page = 4096

func newQueue(buffer int) (*queue, error) {
	q := &queue{}
	if _, _, errno := unix.Syscall(unix.SYS_IO_SETUP, 1, uintptr(unsafe.Pointer(&q.ctx)), 0); errno != 0 {
		return nil, os.NewSyscallError("io_setup", errno)
	}
	var err error
	q.memory, err = unix.Mmap(-1, 0, page+(buffer+page-1)/page*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		unix.Syscall(unix.SYS_IO_DESTROY, q.ctx, 0, 0)
		return nil, os.NewSyscallError("mmap", err)
	}
	return q, nil
}

// close gives the queue back. One whose request has not ended stays, because giving it back would wait for
// the disk.
func (q *queue) close() {
	if !q.pending.IsZero() {
		_, _ = q.reap(0)
	}
	if !q.pending.IsZero() {
		return
	}
	unix.Syscall(unix.SYS_IO_DESTROY, q.ctx, 0, 0)
	_ = unix.Munmap(q.memory)
}

// buffer is where a request's data is.
func (q *queue) buffer(n int) []byte { return q.memory[page : page+n] }

// errLate tells that a request has not ended within its time.
var errLate = errors.New("the disk has not answered")

// reserve waits until the request before has ended: until then the memory is the kernel's.
func (q *queue) reserve(ctx context.Context, limit time.Duration) error {
	if q.pending.IsZero() {
		return nil
	}
	if _, err := q.wait(ctx, time.Now().Add(limit)); !q.pending.IsZero() {
		return fmt.Errorf("%w: %s that began %v ago has not ended", err, q.what, time.Since(q.pending).Round(time.Millisecond))
	}
	return nil
}

// do has the kernel transfer n bytes and waits for it until limit has passed or ctx ends.
func (q *queue) do(ctx context.Context, fd, opcode, n int, offset int64, limit time.Duration) error {
	if err := q.reserve(ctx, limit); err != nil {
		return err
	}
	deadline := time.Now().Add(limit)
	if err := q.submit(ctx, fd, opcode, n, offset, deadline); err != nil {
		return err
	}
	done, err := q.wait(ctx, deadline)
	switch {
	case !q.pending.IsZero():
		began := q.pending
		q.cancel()
		return fmt.Errorf("%w for %v", err, time.Since(began).Round(time.Millisecond))
	case err != nil:
		return err
	case done != int64(n):
		return fmt.Errorf("%d of %d bytes", done, n)
	}
	return nil
}

func (q *queue) request() *iocb { return (*iocb)(unsafe.Pointer(&q.memory[0])) }

func (q *queue) submit(ctx context.Context, fd, opcode, n int, offset int64, deadline time.Time) error {
	*q.request() = iocb{opcode: uint16(opcode), fd: uint32(fd), buf: uint64(uintptr(unsafe.Pointer(&q.memory[page]))), bytes: uint64(n), offset: offset}
	list := [1]*iocb{q.request()}
	for {
		_, _, errno := unix.Syscall(unix.SYS_IO_SUBMIT, q.ctx, 1, uintptr(unsafe.Pointer(&list)))
		if errno == 0 {
			break
		}
		if errno != unix.EAGAIN && errno != unix.EINTR || time.Now().After(deadline) || ctx.Err() != nil {
			return os.NewSyscallError("io_submit", errno)
		}
		time.Sleep(time.Millisecond)
	}
	q.pending, q.what = time.Now(), "a read"
	if opcode == opWrite {
		q.what = "a write"
	}
	return nil
}

// cancel asks the kernel to give the request up. Few drivers can; otherwise it goes on, and the next request
// waits for it.
func (q *queue) cancel() {
	var e ioEvent
	if _, _, errno := unix.Syscall(unix.SYS_IO_CANCEL, q.ctx, uintptr(unsafe.Pointer(q.request())), uintptr(unsafe.Pointer(&e))); errno == 0 {
		q.pending = time.Time{}
	}
}

// wait waits for the request that is pending; it still is when the time is over.
func (q *queue) wait(ctx context.Context, deadline time.Time) (int64, error) {
	for {
		left := time.Until(deadline)
		n, err := q.reap(max(0, min(left, slice)))
		switch {
		case !errors.Is(err, errLate):
			return n, err
		case ctx.Err() != nil:
			return 0, ctx.Err()
		case left <= 0:
			return 0, err
		}
	}
}

// reap takes the request's result if it comes within d: the number of bytes that were transferred.
func (q *queue) reap(d time.Duration) (int64, error) {
	var e ioEvent
	ts := unix.NsecToTimespec(d.Nanoseconds())
	n, _, errno := unix.Syscall6(unix.SYS_IO_GETEVENTS, q.ctx, 1, 1, uintptr(unsafe.Pointer(&e)), uintptr(unsafe.Pointer(&ts)), 0)
	switch {
	case errno != 0 && errno != unix.EINTR:
		return 0, os.NewSyscallError("io_getevents", errno)
	case errno != 0 || n == 0:
		return 0, errLate
	}
	q.pending = time.Time{}
	if e.res < 0 {
		return 0, unix.Errno(-e.res)
	}
	return e.res, nil
}
