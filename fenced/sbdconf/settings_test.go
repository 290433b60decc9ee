package sbdconf

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func read(t *testing.T, text string) Settings {
	t.Helper()
	vars := Parse(text)
	s, err := From(func(name string) string { return vars[name] })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFrom_DefaultsAreSBDs(t *testing.T) {
	want := Settings{Pacemaker: true, WatchdogDevice: "/dev/watchdog", WatchdogTimeout: 5 * time.Second, Action: Action{Flush: true, Kind: Reboot}}
	if d := cmp.Diff(want, read(t, "")); d != "" {
		t.Error(d)
	}
	raw, err := os.ReadFile("/etc/default/sbd")
	if err != nil {
		t.Skip("Debian's sbd is not installed")
	}
	if d := cmp.Diff(want, read(t, string(raw))); d != "" {
		t.Errorf("Debian's file as it is delivered: %s", d)
	}
}

func TestFrom_AFileAsAdministratorsWriteIt(t *testing.T) {
	got := read(t, `# comment
SBD_DEVICE="/dev/disk/by-id/a ; /dev/b;"
export SBD_PACEMAKER=no # not now
SBD_STARTMODE='clean'
SBD_DELAY_START=41
SBD_WATCHDOG_DEV=/dev/null
SBD_WATCHDOG_TIMEOUT=15
SBD_TIMEOUT_ACTION=noflush,crashdump
SBD_OPTS="-W -z"
SBD_PIDFILE=/run/x.pid
nonsense
`)
	want := Settings{Devices: []string{"/dev/disk/by-id/a", "/dev/b"}, Clean: true, Delay: 41 * time.Second, WatchdogTimeout: 15 * time.Second,
		Action: Action{Kind: Crashdump}, Opts: "-W -z", PidFile: "/run/x.pid"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got := read(t, "SBD_DELAY_START=1"); !got.DelayMsgwait || got.Delay != 0 {
		t.Errorf("SBD_DELAY_START=1 means yes, got %+v", got)
	}
	if got := read(t, "SBD_WATCHDOG=no"); got.WatchdogDevice != "" {
		t.Errorf("SBD_WATCHDOG=no leaves %q", got.WatchdogDevice)
	}
}

func TestFrom_EveryProblemIsNamed(t *testing.T) {
	vars := Parse("SBD_DEVICE=/a;/b;/c;/d\nSBD_PACEMAKER=perhaps\nSBD_STARTMODE=never\nSBD_WATCHDOG_TIMEOUT=0\nSBD_DELAY_START=soon\nSBD_TIMEOUT_ACTION=flush,explode")
	s, err := From(func(n string) string { return vars[n] })
	if err == nil {
		t.Fatal("no error")
	}
	for name := range vars {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
	if s.WatchdogTimeout != 5*time.Second || s.Action.Kind != Reboot {
		t.Errorf("what is wrong does not keep its default: %+v", s)
	}
}

func TestOr_TheEnvironmentBeatsTheFile(t *testing.T) {
	get := Or(func(n string) string { return map[string]string{"A": "env"}[n] }, map[string]string{"A": "file", "B": "file"})
	if get("A") != "env" || get("B") != "file" || get("C") != "" {
		t.Error(get("A"), get("B"), get("C"))
	}
}
