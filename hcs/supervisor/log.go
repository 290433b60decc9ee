package supervisor

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Limits of the log: lines that wait to be written, and how long a line may be.
const (
	maxLines = 4096
	maxLine  = 8192
)

// lineLog writes the daemons' lines with their names in front. Writing may block for as long as it likes: the
// daemons go on, and lines that do not fit are counted and left out.
type lineLog struct {
	out     io.Writer
	mu      sync.Mutex // guards lines against being closed while somebody puts one
	lines   chan string
	closed  bool
	dropped atomic.Int64
}

func newLineLog(out io.Writer) *lineLog {
	return &lineLog{out: out, lines: make(chan string, maxLines)}
}

func (l *lineLog) put(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	select {
	case l.lines <- line:
	default:
		l.dropped.Add(1)
	}
}

// run writes until close is called.
func (l *lineLog) run() {
	for line := range l.lines {
		if n := l.dropped.Swap(0); n > 0 {
			fmt.Fprintf(l.out, "node: %d lines were left out, because the log was not written fast enough\n", n)
		}
		fmt.Fprintln(l.out, line)
	}
}

func (l *lineLog) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	close(l.lines)
}

// say writes a line of the supervisor's own.
func (l *lineLog) say(bad bool, text string) {
	level := "INFO"
	if bad {
		level = "WARN"
	}
	l.put(fmt.Sprintf("node: time=%s level=%s msg=%q", time.Now().Format("2006-01-02T15:04:05.000Z07:00"), level, text))
}

// outputGrace is how long a daemon's output is read after the supervision has ended: a process that it left behind
// may hold it open.
const outputGrace = time.Second

// follow reads a daemon's output until its end.
func (l *lineLog) follow(ctx context.Context, name string, r *os.File) {
	defer r.Close()
	stop := context.AfterFunc(ctx, func() { _ = r.SetReadDeadline(time.Now().Add(outputGrace)) })
	defer stop()
	in := bufio.NewReaderSize(r, maxLine)
	for {
		line, more, err := in.ReadLine()
		if len(line) > 0 {
			l.put(name + ": " + strings.ToValidUTF8(string(line), "?"))
		}
		for more && err == nil { // the rest of a line that is too long
			_, more, err = in.ReadLine()
		}
		if err != nil {
			return
		}
	}
}
