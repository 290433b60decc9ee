package script

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// service is configured with commands that keep its state in a file.
func service(t *testing.T, params ...string) *lab {
	return newLab(t, append([]string{"start=echo starting; touch DIR/on", "stop=rm -f DIR/on", "status=test -e DIR/on"}, params...)...)
}

func TestCommand_Lifecycle(t *testing.T) {
	l := service(t)
	l.want(7, "", "monitor")
	l.want(0, "", "stop")
	l.want(0, "", "start")
	l.want(0, "", "monitor")
	l.want(0, "", "start")
	l.want(0, "", "stop")
	l.want(7, "", "monitor")
	if log, _ := os.ReadFile(l.dir + "/log"); !strings.HasPrefix(string(log), "starting\n") {
		t.Errorf("log %q", log)
	}
}

func TestCommand_Failures(t *testing.T) {
	l := service(t)
	l.want(1, "the start command ended with exit code 2: no disk", "start", "start=echo no disk; exit 2")
	l.want(1, "the start command has succeeded, but the status command says that the service does not run", "start", "start=:", "timeout=1000")
	l.want(1, "the start command did not answer in time", "start", "start=sleep 600", "timeout=1000")
	l.want(0, "", "start")
	l.want(1, "the stop command ended with exit code 1", "stop", "stop=exit 1")
	l.want(1, "the stop command has succeeded, but the status command says that the service runs", "stop", "stop=:", "timeout=1000")
	for code, want := range map[int]int{0: 0, 1: 7, 2: 7, 3: 7, 7: 7, 4: 1, 127: 1} {
		reason := ""
		if want == 1 {
			reason = fmt.Sprintf("the status command ended with exit code %d", code)
		}
		l.want(want, reason, "monitor", fmt.Sprintf("status=exit %d", code))
	}
	l.want(1, "the status command did not answer in time", "monitor", "status=sleep 600", "timeout=500")
	l.want(0, "", "stop")
}

// A service that takes a moment after its start command has ended.
func TestCommand_StartWaitsForTheStatus(t *testing.T) {
	l := service(t, "start=(sleep 0.3; touch DIR/on) >/dev/null 2>&1 &")
	begin := time.Now()
	l.want(0, "", "start")
	if d := time.Since(begin); d < 300*time.Millisecond {
		t.Errorf("the start ended after %v", d)
	}
	l.want(0, "", "stop")
}

func TestCommand_HangIsSeenThroughThePidFile(t *testing.T) {
	l := service(t, "start=(sleep 600 >/dev/null 2>&1 & echo $! > DIR/pid); touch DIR/on", "stop=kill -KILL $(cat DIR/pid); rm -f DIR/on",
		"pidfile=DIR/pid", "hang_checks=2")
	l.want(0, "", "start")
	l.want(0, "", "monitor")
	l.want(0, "", "monitor", "status=kill -STOP $(cat "+l.dir+"/pid)")
	l.eventually("it is stopped", func() bool { return processOf(l.dir+"/pid").State == 'T' })
	l.want(1, "is stuck (sleep[", "monitor", "hang_checks=1")
	l.want(0, "", "stop")
	l.want(7, "", "monitor")
}

func TestCommand_ProbeCounts(t *testing.T) {
	l := service(t, "probe=exit 9", "probe_count=2")
	l.want(0, "", "start")
	l.want(0, "", "monitor")
	l.want(1, "the probe ended with exit code 9, 2 times in a row", "monitor")
	l.want(0, "", "start") // forgets the failures
	l.want(0, "", "monitor")
	l.want(0, "", "stop")
}

func TestValidate_OneWayOrTheOther(t *testing.T) {
	cases := []struct {
		params []string
		reason string
	}{
		{nil, "either command or start, stop and status are needed; start, stop, status is not set"},
		{[]string{"start=a", "stop=b"}, "status is not set"},
		{[]string{"command=a", "stop=b"}, "the parameter command excludes stop"},
		{[]string{"command=a", "pidfile=/x"}, "the parameter command excludes pidfile"},
		{[]string{"command=a", "directory=x"}, "an absolute path is needed"},
		{[]string{"command=a", "stop_signal=STOP"}, "one of TERM, INT"},
		{[]string{"command=a", "probe_count=0"}, "at least 1"},
	}
	for _, c := range cases {
		newLab(t, c.params...).want(6, c.reason, "validate-all")
	}
	newLab(t, "command=a").want(0, "", "validate-all")
	service(t).want(0, "", "validate-all")
}
