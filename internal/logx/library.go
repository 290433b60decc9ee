package logx

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// quiet is how long a library's message is not repeated. Raft complains about a dead peer with every
// heartbeat, for days if need be; once in this time is enough to see that it still is so.
const quiet = 5 * time.Minute

// maxMessages bounds the messages whose repetition is watched. The libraries' messages are constants; should
// one of them format its messages, the oldest knowledge is dropped.
const maxMessages = 256

// library is where a library's lines go: one level lower than it thinks, because it does not know what
// matters to this program, and without repetitions.
type library struct {
	log *slog.Logger

	mu   sync.Mutex
	last map[string]time.Time // when the message was last written
}

func newLibrary(log *slog.Logger) *library {
	return &library{log: log, last: make(map[string]time.Time)}
}

func (l *library) write(level slog.Level, msg string, args ...any) {
	level -= 4 // slog's distance between two levels
	ctx := context.Background()
	if !l.log.Enabled(ctx, level) || (level > slog.LevelDebug && l.repeated(msg)) {
		return
	}
	l.log.Log(ctx, level, msg, args...)
}

func (l *library) repeated(msg string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if at, seen := l.last[msg]; seen && now.Sub(at) < quiet {
		return true
	}
	if len(l.last) >= maxMessages {
		clear(l.last)
	}
	l.last[msg] = now
	return false
}

// Std makes a *log.Logger for a library such as memberlist that marks its lines "[WARN] ...".
func Std(to *slog.Logger) *log.Logger { return log.New(stdWriter{newLibrary(to)}, "", 0) }

type stdWriter struct{ to *library }

func (w stdWriter) Write(p []byte) (int, error) {
	text := string(p)
	if n := len(text); n > 0 && text[n-1] == '\n' {
		text = text[:n-1]
	}
	level, msg := parseLevel(text)
	w.to.write(level, msg)
	return len(p), nil
}

// HC makes an hclog.Logger for a library such as raft.
func HC(to *slog.Logger) hclog.Logger { return &hcLogger{to: newLibrary(to)} }

// hcLogger implements hclog.Logger; the levels are decided by slog alone.
type hcLogger struct {
	to   *library
	name string
	args []any
}

func (h *hcLogger) Log(level hclog.Level, msg string, args ...any) {
	var to slog.Level
	switch level {
	case hclog.Off:
		return
	case hclog.Error:
		to = slog.LevelError
	case hclog.Warn:
		to = slog.LevelWarn
	case hclog.Info:
		to = slog.LevelInfo
	default:
		to = slog.LevelDebug
	}
	h.to.write(to, msg, append(h.args[:len(h.args):len(h.args)], formatted(args)...)...)
}

// formatted expands hclog's lazily formatted arguments.
func formatted(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		if f, ok := a.(hclog.Format); ok && len(f) > 0 {
			if format, ok := f[0].(string); ok {
				a = fmt.Sprintf(format, f[1:]...)
			}
		}
		out[i] = a
	}
	return out
}

func (h *hcLogger) Trace(msg string, args ...any) { h.Log(hclog.Trace, msg, args...) }
func (h *hcLogger) Debug(msg string, args ...any) { h.Log(hclog.Debug, msg, args...) }
func (h *hcLogger) Info(msg string, args ...any)  { h.Log(hclog.Info, msg, args...) }
func (h *hcLogger) Warn(msg string, args ...any)  { h.Log(hclog.Warn, msg, args...) }
func (h *hcLogger) Error(msg string, args ...any) { h.Log(hclog.Error, msg, args...) }

func (h *hcLogger) IsTrace() bool { return h.IsDebug() }
func (h *hcLogger) IsDebug() bool { return h.enabled(slog.LevelDebug) }
func (h *hcLogger) IsInfo() bool  { return h.enabled(slog.LevelInfo) }
func (h *hcLogger) IsWarn() bool  { return h.enabled(slog.LevelWarn) }
func (h *hcLogger) IsError() bool { return h.enabled(slog.LevelError) }

func (h *hcLogger) enabled(l slog.Level) bool { return h.to.log.Enabled(context.Background(), l-4) }

func (h *hcLogger) ImpliedArgs() []any { return h.args }
func (h *hcLogger) Name() string       { return h.name }

func (h *hcLogger) With(args ...any) hclog.Logger {
	return &hcLogger{to: h.to, name: h.name, args: append(h.args[:len(h.args):len(h.args)], args...)}
}

func (h *hcLogger) Named(name string) hclog.Logger {
	if h.name != "" {
		name = h.name + "." + name
	}
	return h.ResetNamed(name)
}

func (h *hcLogger) ResetNamed(name string) hclog.Logger {
	return &hcLogger{to: h.to, name: name, args: h.args}
}

// SetLevel has no effect: slog's handler decides.
func (h *hcLogger) SetLevel(hclog.Level) {}

func (h *hcLogger) GetLevel() hclog.Level {
	switch {
	case h.IsDebug():
		return hclog.Debug
	case h.IsInfo():
		return hclog.Info
	case h.IsWarn():
		return hclog.Warn
	default:
		return hclog.Error
	}
}

func (h *hcLogger) StandardLogger(*hclog.StandardLoggerOptions) *log.Logger {
	return log.New(stdWriter{h.to}, "", 0)
}

func (h *hcLogger) StandardWriter(*hclog.StandardLoggerOptions) io.Writer { return stdWriter{h.to} }
