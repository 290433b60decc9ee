package vitals

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/vitals/proctext"
)

// maxKernelEvents bounds what one sample keeps of a flood.
const maxKernelEvents = 32

// kernelLog follows the kernel's log and keeps what means damage.
type kernelLog struct {
	path   string
	bootMs int64
	log    *slog.Logger
	offset int64 // of a recorded log

	mu     sync.Mutex
	events []api.KernelEvent
}

func (k *kernelLog) record(line string) {
	ev, ok := proctext.Kmsg(line, k.bootMs)
	if !ok {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.events) < maxKernelEvents {
		k.events = append(k.events, ev)
	}
}

// take returns what came since the last call.
func (k *kernelLog) take() []api.KernelEvent {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := k.events
	k.events = nil
	return out
}

// kmsgRetry is the pause after the log could not be read.
const kmsgRetry = 10 * time.Second

// run reads the log from now on until ctx ends. A container without it does without.
func (k *kernelLog) run(ctx context.Context) {
	told := false
	for ctx.Err() == nil {
		if err := k.follow(ctx); err != nil && !told && ctx.Err() == nil {
			told = true
			k.log.Info("the kernel's log cannot be read: OOM kills are counted, but not named", "path", k.path, "err", err)
		}
		select {
		case <-time.After(kmsgRetry):
		case <-ctx.Done():
		}
	}
}

func (k *kernelLog) follow(ctx context.Context) error {
	f, err := os.OpenFile(k.path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { f.Close() }) // ends the read
	defer func() {
		if stop() {
			f.Close()
		}
	}()
	if _, err := f.Seek(0, io.SeekEnd); err != nil {
		return err
	}
	buf := make([]byte, 8192) // the longest record
	for {
		n, err := f.Read(buf)
		switch {
		case errors.Is(err, syscall.EPIPE):
			continue // records were overwritten before they were read
		case err != nil:
			return err
		}
		k.record(string(buf[:n]))
	}
}

// readRecorded reads the lines that a recorded log has got since the last call.
func (k *kernelLog) readRecorded() {
	b, err := os.ReadFile(k.path)
	if err != nil || int64(len(b)) <= k.offset {
		return
	}
	for line := range bytes.Lines(b[k.offset:]) {
		k.record(string(line))
	}
	k.offset = int64(len(b))
}
