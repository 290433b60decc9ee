package realtime

import (
	"fmt"
	"io"
	"sync/atomic"
)

// LogQueue is a writer that never waits: lines go through a queue to the real one, so that a log that is full
// or slow holds up nobody. Lines that find the queue full are dropped and counted.
type LogQueue struct {
	to      io.Writer
	lines   chan []byte
	done    chan struct{}
	dropped atomic.Uint64
}

// maxLines bounds the queue.
const maxLines = 1024

// NewLogQueue makes a queue. Run must be called.
func NewLogQueue(to io.Writer) *LogQueue {
	return &LogQueue{to: to, lines: make(chan []byte, maxLines), done: make(chan struct{})}
}

// Write queues a line.
func (q *LogQueue) Write(line []byte) (int, error) {
	select {
	case q.lines <- append([]byte(nil), line...):
	default:
		q.dropped.Add(1)
	}
	return len(line), nil
}

// Run writes until Close, and then what is still queued.
func (q *LogQueue) Run() {
	for {
		select {
		case line := <-q.lines:
			q.out(line)
		case <-q.done:
			for len(q.lines) > 0 {
				q.out(<-q.lines)
			}
			return
		}
	}
}

func (q *LogQueue) out(line []byte) {
	// There is nobody to tell when the log cannot be written.
	_, _ = q.to.Write(line)
	if n := q.dropped.Swap(0); n > 0 {
		fmt.Fprintf(q.to, "%d log lines were dropped because the log is too slow\n", n)
	}
}

// Close ends Run.
func (q *LogQueue) Close() { close(q.done) }
