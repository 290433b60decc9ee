// Package logx sets up the daemons' log and lends it to libraries that log in other ways.
package logx

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// LevelVariable is the environment variable that sets a daemon's level when its flag does not.
const LevelVariable = "HOLDFAST_LOG"

// New makes a daemon's logger. level is debug, info, warn or error; "" takes HOLDFAST_LOG, and info without
// it. Under journald the lines carry their priority as journald wants it and no time, which it adds itself.
func New(out *os.File, level string) (*slog.Logger, error) {
	if level == "" {
		level = os.Getenv(LevelVariable)
	}
	var min slog.Level
	if level != "" {
		if err := min.UnmarshalText([]byte(level)); err != nil {
			return nil, fmt.Errorf("log level %q: want debug, info, warn or error", level)
		}
	}
	if isJournal(out, os.Getenv("JOURNAL_STREAM")) {
		return slog.New(newJournal(out, min)), nil
	}
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: min})), nil
}

// isJournal compares the file with the device and inode that systemd names in JOURNAL_STREAM; the variable
// alone would be wrong for a child whose output goes elsewhere.
func isJournal(out *os.File, stream string) bool {
	if stream == "" {
		return false
	}
	var st unix.Stat_t
	if unix.Fstat(int(out.Fd()), &st) != nil {
		return false
	}
	return stream == fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}

// journal writes one line per record, prefixed with a syslog priority as sd-daemon(3) defines it.
type journal struct {
	text slog.Handler // writes into line.buf
	line *line
}

// line is the buffer that all handlers derived from one journal share.
type line struct {
	mu  sync.Mutex
	buf bytes.Buffer
	out io.Writer
}

func newJournal(out io.Writer, min slog.Level) *journal {
	l := &line{out: out}
	text := slog.NewTextHandler(&l.buf, &slog.HandlerOptions{
		Level: min,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
				return slog.Attr{}
			}
			return a
		},
	})
	return &journal{text: text, line: l}
}

func (j *journal) Enabled(ctx context.Context, level slog.Level) bool {
	return j.text.Enabled(ctx, level)
}

func (j *journal) Handle(ctx context.Context, r slog.Record) error {
	j.line.mu.Lock()
	defer j.line.mu.Unlock()
	j.line.buf.Reset()
	fmt.Fprintf(&j.line.buf, "<%d>", priority(r.Level))
	if err := j.text.Handle(ctx, r); err != nil {
		return err
	}
	_, err := j.line.out.Write(j.line.buf.Bytes())
	return err
}

func (j *journal) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &journal{text: j.text.WithAttrs(attrs), line: j.line}
}

func (j *journal) WithGroup(name string) slog.Handler {
	return &journal{text: j.text.WithGroup(name), line: j.line}
}

// priority is syslog's number of a level.
func priority(l slog.Level) int {
	switch {
	case l >= slog.LevelError:
		return 3
	case l >= slog.LevelWarn:
		return 4
	case l >= slog.LevelInfo:
		return 6
	default:
		return 7
	}
}

// parseLevel reads the "[WARN] " prefix that hashicorp's libraries put before a line.
func parseLevel(text string) (slog.Level, string) {
	rest, found := strings.CutPrefix(text, "[")
	name, rest, closed := strings.Cut(rest, "] ")
	if !found || !closed {
		return slog.LevelInfo, text
	}
	switch name {
	case "ERR", "ERROR":
		return slog.LevelError, rest
	case "WARN":
		return slog.LevelWarn, rest
	case "INFO":
		return slog.LevelInfo, rest
	case "DEBUG", "TRACE":
		return slog.LevelDebug, rest
	default:
		return slog.LevelInfo, text
	}
}
