package ocfexec

import (
	"os"
	"syscall"
)

// input is the child's stdin: a pipe, or /dev/null.
type input struct {
	read  *os.File // the child's end
	write *os.File // nil for /dev/null
	done  chan struct{}
}

func (r *Runner) newInput(text string) (*input, error) {
	if text == "" {
		return &input{read: r.null, done: make(chan struct{})}, nil
	}
	var fds [2]int
	if err := syscall.Pipe2(fds[:], syscall.O_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("pipe2", err)
	}
	// Only our end is non-blocking, so that a child which does not read can be given up.
	if err := syscall.SetNonblock(fds[1], true); err != nil {
		syscall.Close(fds[0])
		syscall.Close(fds[1])
		return nil, os.NewSyscallError("fcntl", err)
	}
	return &input{read: os.NewFile(uintptr(fds[0]), "stdin"), write: os.NewFile(uintptr(fds[1]), "stdin"), done: make(chan struct{})}, nil
}

// started closes the child's end in this process.
func (i *input) started() {
	if i.write != nil {
		i.read.Close()
	}
}

// feed writes the text and closes the pipe. A child that ends without reading is its own affair.
func (i *input) feed(text string) {
	defer close(i.done)
	if i.write != nil {
		_, _ = i.write.WriteString(text)
		i.write.Close()
	}
}

// stop ends feed.
func (i *input) stop() {
	i.abandon()
	<-i.done
}

// abandon closes the pipe of a child that did not start.
func (i *input) abandon() {
	if i.write != nil {
		i.write.Close()
	}
}
