package executor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/executor/systemd"
	"github.com/holdfast-ha/holdfast/internal/ocfexec"
)

// maxOutput is how much of an agent's output a result carries.
const maxOutput = 16 << 10

// remains says that something of a killed operation still runs, until gone is closed.
type remains struct {
	reason string
	gone   <-chan struct{}
}

// onlyLooks tells that a task changes nothing. What it leaves in the kernel when it is killed can do no harm.
func onlyLooks(task string) bool {
	switch task {
	case "monitor", "status", "meta-data", "validate-all":
		return true
	}
	return false
}

// perform runs an operation to its end.
func (e *Executor) perform(ctx context.Context, op Op) (Outcome, remains) {
	if op.Class == "" || op.Type == "" || op.Class == "ocf" && op.Provider == "" {
		return Outcome{Status: lrm.ErrorFatal, RC: lrm.RCError, ExitReason: "Required agent or action information missing"}, remains{}
	}
	switch op.Class {
	case "ocf":
		return e.ocf(ctx, op)
	case "lsb":
		return e.lsb(ctx, op)
	case "systemd":
		return e.unit(ctx, op), remains{}
	case "service":
		if e.serviceIsUnit(ctx, op.Type) {
			return e.unit(ctx, op), remains{}
		}
		return e.lsb(ctx, op)
	case "stonith":
		return e.device(ctx, op), remains{}
	default:
		return Outcome{Status: lrm.ErrorFatal, RC: lrm.RCError,
			ExitReason: fmt.Sprintf("there is no resource class %q; ocf, systemd, lsb, service and stonith exist", op.Class)}, remains{}
	}
}

func (e *Executor) ocf(ctx context.Context, op Op) (Outcome, remains) {
	path, err := e.agentPath(op.Provider, op.Type)
	if err != nil {
		return notStarted(op.Type, err), remains{}
	}
	if op.Params, err = e.secrets(op); err != nil {
		return withoutSecrets, remains{}
	}
	x, err := e.exec(ctx, op, path, op.Task, e.ocfEnvironment(op))
	if err != nil {
		return notStarted(path, err), remains{}
	}
	out, s := ended(op, x)
	if out.Status == lrm.Done {
		out.RC = ocfCode(x.Code)
	}
	if out.ExitReason == "" {
		out.ExitReason = exitReason(string(x.Stderr))
	}
	return out, s
}

// ocfCode keeps the codes that OCF defines.
func ocfCode(code int) lrm.RC {
	if code >= 0 && code <= 9 || code == int(lrm.RCDegraded) || code == int(lrm.RCDegradedPromoted) {
		return lrm.RC(code)
	}
	return lrm.RCError
}

// agentPath finds an OCF agent. Names that would leave the directory do not exist.
func (e *Executor) agentPath(provider, typ string) (string, error) {
	for _, name := range []string{provider, typ} {
		if name == "" || strings.ContainsRune(name, '/') || strings.HasPrefix(name, ".") {
			return "", syscall.ENOENT
		}
	}
	for _, dir := range e.cfg.OCFPath {
		path := filepath.Join(dir, provider, typ)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", syscall.ENOENT
}

// exec runs an agent. One without a #! line is a shell script, as execvp has it.
func (e *Executor) exec(ctx context.Context, op Op, path, task string, env []string) (ocfexec.Exit, error) {
	c := ocfexec.Command{Path: path, Args: []string{task}, Env: env,
		Timeout: time.Duration(op.TimeoutMs) * time.Millisecond, LeaderOnly: op.BlockOnFail, Label: op.Key()}
	x, err := e.runner.Exec(ctx, c)
	if errors.Is(err, syscall.ENOEXEC) {
		c.Path, c.Args = "/bin/sh", []string{path, task}
		x, err = e.runner.Exec(ctx, c)
	}
	return x, err
}

// ended says what is known of a run apart from its exit code.
func ended(op Op, x ocfexec.Exit) (Outcome, remains) {
	out := Outcome{Status: lrm.Done, RC: lrm.RCError, Output: output(x)}
	switch {
	case x.TimedOut:
		out.Status = lrm.Timeout
		out.ExitReason = "Resource agent did not complete within " + readable(op.TimeoutMs)
		for _, p := range x.Hang {
			out.Hang = append(out.Hang, HungProcess{PID: p.PID, PPID: p.PPID, Comm: p.Comm, State: string(p.State), WChan: p.WChan, Stack: p.Stack})
		}
	case x.Signal != 0 || x.Cancelled:
		out.Status = lrm.Error
		out.ExitReason = "Resource agent interrupted by " + capital(x.Signal.String()) + " signal"
	}
	if x.Gone == nil || onlyLooks(op.Task) {
		return out, remains{}
	}
	return out, remains{gone: x.Gone, reason: fmt.Sprintf("an earlier %s of %s cannot be killed", op.Task, op.Rsc)}
}

// output prefers what is on stderr.
func output(x ocfexec.Exit) string {
	raw := x.Stderr
	if len(raw) == 0 {
		raw = x.Stdout
	}
	if over := len(raw) - maxOutput; over > 0 {
		raw = raw[over:]
	}
	return strings.ToValidUTF8(string(raw), "?")
}

// notStarted maps the reason why an agent could not be run, as Pacemaker maps it.
func notStarted(path string, err error) Outcome {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return Outcome{Status: lrm.Error, RC: lrm.RCError, ExitReason: err.Error()}
	}
	reason := capital(errno.Error())
	switch errno {
	case syscall.ENOENT, syscall.EISDIR, syscall.ENOTDIR, syscall.EINVAL, syscall.ENOEXEC:
		return Outcome{Status: lrm.NotInstalled, RC: lrm.RCNotInstalled, ExitReason: path + ": " + reason}
	case syscall.EACCES, syscall.EPERM:
		return Outcome{Status: lrm.Error, RC: lrm.RCNoPrivilege, ExitReason: path + ": " + reason}
	}
	return Outcome{Status: lrm.Error, RC: lrm.RCError, ExitReason: reason}
}

// capital is a text of Go's in the spelling of libc.
func capital(s string) string {
	r := []rune(s)
	if len(r) > 0 {
		r[0] = unicode.ToUpper(r[0])
	}
	return string(r)
}

// readable writes milliseconds as Pacemaker does: 90500 is 1m30s500ms.
func readable(ms int64) string {
	var b strings.Builder
	for _, u := range []struct {
		ms   int64
		name string
	}{{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}} {
		if ms >= u.ms {
			b.WriteString(strconv.FormatInt(ms/u.ms, 10) + u.name)
			ms %= u.ms
		}
	}
	return b.String()
}

// unit runs an operation on a systemd unit.
func (e *Executor) unit(ctx context.Context, op Op) Outcome {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(op.TimeoutMs)*time.Millisecond)
	defer cancel()
	var a systemd.Answer
	switch op.Task {
	case "start":
		a = e.systemd.Start(ctx, op.Type)
	case "stop":
		a = e.systemd.Stop(ctx, op.Type)
	case "monitor", "status":
		a = e.systemd.Monitor(ctx, op.Type)
	default:
		a = systemd.Answer{Status: lrm.Done, RC: lrm.RCUnimplemented, Reason: "systemd units have no action " + op.Task}
	}
	return Outcome{Status: a.Status, RC: a.RC, ExitReason: a.Reason}
}
