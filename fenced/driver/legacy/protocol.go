package legacy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
	"github.com/holdfast-ha/holdfast/internal/ocfexec"
)

// request is what an agent reads: a line name=value for each parameter.
func request(params []device.Param) (string, error) {
	var b strings.Builder
	for _, p := range params {
		if strings.ContainsAny(p.Name+p.Value, "\n\x00") {
			return "", fmt.Errorf("parameter %s contains a line break, which fence agents cannot read", p.Name)
		}
		b.WriteString(p.Name + "=" + p.Value + "\n")
	}
	return b.String(), nil
}

// private are variables of this daemon that are not for agents.
var private = []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "INVOCATION_ID", "JOURNAL_STREAM"}

// environment is the agents': this daemon's, and the mark by which their library leaves timeouts to us.
func environment(own []string) []string {
	env := []string{"PCMK_service=pacemaker-fenced"}
	for _, v := range own {
		name, _, _ := strings.Cut(v, "=")
		if !slices.Contains(private, name) && name != "PCMK_service" {
			env = append(env, v)
		}
	}
	if !slices.ContainsFunc(env, func(v string) bool { return strings.HasPrefix(v, "PATH=") }) {
		env = append(env, "PATH=/usr/sbin:/usr/bin:/sbin:/bin")
	}
	return env
}

// result judges how an agent ended. The exit code of a status action is its answer: 0 on, 2 off; any other
// action knows only success and failure.
func result(call device.Call, x ocfexec.Exit) device.Result {
	r := device.Result{Output: string(x.Stdout), Errors: string(x.Stderr)}
	if x.Truncated {
		// The beginning is lost; half a line of a list would name a node that does not exist.
		_, r.Output, _ = strings.Cut(r.Output, "\n")
	}
	failed := func(status lrm.Status, format string, args ...any) device.Result {
		r.Status, r.RC, r.Reason = status, int(lrm.RCError), fmt.Sprintf(format, args...)
		return r
	}
	switch {
	case x.TimedOut:
		return failed(lrm.Timeout, "Fence agent did not complete within %v", call.Timeout)
	case x.Cancelled:
		return failed(lrm.Cancelled, "Fence agent was ended early")
	case x.Signal != 0:
		return failed(lrm.Error, "Fence agent interrupted by %s signal", signalName(x.Signal.String()))
	case x.Code == 0:
		return r
	}
	why := complaint(string(x.Stderr))
	switch lower := strings.ToLower(why); {
	case strings.Contains(lower, "unrecognised action") || strings.Contains(lower, "unsupported action"):
		return failed(lrm.NotSupported, "%s", why)
	case strings.HasPrefix(call.Action, device.Status):
		r.RC, r.Reason = x.Code, why
		if r.RC == 2 {
			r.Reason = ""
		}
		return r
	case why == "":
		return failed(lrm.Error, "Fence agent exited with status %d and no word", x.Code)
	}
	return failed(lrm.Error, "%s", why)
}

// signalName is the C library's name of a signal as Pacemaker's texts have it: Killed, Terminated.
func signalName(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// maxReason bounds a reason in the history.
const maxReason = 200

// decoration is what the agents' library puts before a message: time, level.
var decoration = regexp.MustCompile(`^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+ )?(ERROR|CRITICAL|WARNING|INFO)(:root)?: *(Failed: )?`)

// complaint is the line of an agent's stderr that says what went wrong: the first error of its library, else
// the last line.
func complaint(stderr string) string {
	last := ""
	for line := range strings.Lines(stderr) {
		line = strings.TrimSpace(line)
		m := decoration.FindStringSubmatch(line)
		text := strings.TrimSpace(decoration.ReplaceAllString(line, ""))
		if text == "" {
			continue
		}
		if last = text; m != nil && (m[2] == "ERROR" || m[2] == "CRITICAL") {
			break
		}
	}
	if len(last) > maxReason {
		last = strings.ToValidUTF8(last[:maxReason], "") + "..."
	}
	return last
}
