package ocfexec

import (
	"errors"
	"os"
	"syscall"
)

// output keeps the last limit bytes that come out of a pipe.
type output struct {
	read    *os.File
	write   int // the child's end, closed in this process once it has started
	limit   int
	buf     []byte
	dropped bool
	done    chan struct{}
}

func newOutput(limit int) (*output, error) {
	var fds [2]int
	if err := syscall.Pipe2(fds[:], syscall.O_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("pipe2", err)
	}
	// Only our end is non-blocking: an agent whose stdout says EAGAIN would lose output.
	if err := syscall.SetNonblock(fds[0], true); err != nil {
		syscall.Close(fds[0])
		syscall.Close(fds[1])
		return nil, os.NewSyscallError("fcntl", err)
	}
	return &output{read: os.NewFile(uintptr(fds[0]), "pipe"), write: fds[1], limit: limit, done: make(chan struct{})}, nil
}

// follow reads until every writer has closed the pipe or stop is called.
func (o *output) follow() {
	defer close(o.done)
	buf := make([]byte, 4096)
	for {
		n, err := o.read.Read(buf)
		o.add(buf[:n])
		if err != nil {
			return
		}
	}
}

// stop ends follow and takes what the pipe still holds. A resource that the agent has started may keep its
// end open for as long as it lives, so the end of the file cannot be waited for.
func (o *output) stop() {
	o.read.SetReadDeadline(longAgo)
	<-o.done
	raw, err := o.read.SyscallConn()
	if err == nil {
		buf := make([]byte, 4096)
		// The bound keeps a resource that writes without end from holding us here.
		for total := 0; total < 1<<20; {
			n := 0
			rerr := raw.Control(func(fd uintptr) { n, err = syscall.Read(int(fd), buf) })
			if rerr != nil || errors.Is(err, syscall.EAGAIN) || n <= 0 {
				break
			}
			total += n
			o.add(buf[:n])
		}
	}
	o.read.Close()
}

// abandon closes both ends of a pipe that no child got.
func (o *output) abandon() {
	o.read.Close()
	syscall.Close(o.write)
}

func (o *output) add(p []byte) {
	o.buf = append(o.buf, p...)
	// Trimmed only at twice the limit, so that a long output is moved seldom.
	if len(o.buf) > 2*o.limit {
		o.trim()
	}
}

func (o *output) trim() {
	if over := len(o.buf) - o.limit; over > 0 {
		o.buf = append(o.buf[:0], o.buf[over:]...)
		o.dropped = true
	}
}

func (o *output) bytes() []byte {
	o.trim()
	return o.buf
}
