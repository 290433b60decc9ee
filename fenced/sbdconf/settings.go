// Package sbdconf understands sbd's settings: the variables SBD_* as they are in /etc/default/sbd.
package sbdconf

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/fenced/sbdformat"
)

// Files are where distributions have the settings; the first that exists counts.
var Files = []string{"/etc/default/sbd", "/etc/sysconfig/sbd"}

// Kind is what a node does to itself.
type Kind string

const (
	Reboot    Kind = "reboot"
	Off       Kind = "off"
	Crashdump Kind = "crashdump"
)

// Action is SBD_TIMEOUT_ACTION: what happens to the node when its watchers do not report in time.
type Action struct {
	Flush bool
	Kind  Kind
}

// Settings are the variables, understood.
type Settings struct {
	Devices   []string
	Pacemaker bool
	// Clean starts only after an orderly stop: SBD_STARTMODE=clean.
	Clean bool
	// DelayMsgwait waits for the device's msgwait before the start, Delay for a time of its own.
	DelayMsgwait bool
	Delay        time.Duration
	// WatchdogDevice is "" where no watchdog is wanted.
	WatchdogDevice  string
	WatchdogTimeout time.Duration
	Action          Action
	PidFile         string
	Opts            string
}

// defaultWatchdog is sbd's own.
const defaultWatchdog = "/dev/watchdog"

// From reads the variables through get. Every problem is named at once; what is wrong keeps its default.
func From(get func(name string) string) (Settings, error) {
	s := Settings{Pacemaker: true, WatchdogDevice: defaultWatchdog, WatchdogTimeout: sbdformat.DefaultTimeouts().Watchdog,
		Action: Action{Flush: true, Kind: Reboot}, PidFile: strings.TrimSpace(get("SBD_PIDFILE")), Opts: get("SBD_OPTS")}
	var problems []error
	complain := func(name, want string) {
		problems = append(problems, fmt.Errorf("%s is %q, must be %s", name, get(name), want))
	}
	s.Devices = Devices(get("SBD_DEVICE"))
	if len(s.Devices) > sbdformat.MaxDevices {
		complain("SBD_DEVICE", fmt.Sprintf("at most %d devices", sbdformat.MaxDevices))
		s.Devices = nil
	}
	flag := func(name string, into *bool) {
		if v := get(name); v != "" {
			b, ok := yes(v)
			if !ok {
				complain(name, "yes or no")
				return
			}
			*into = b
		}
	}
	flag("SBD_PACEMAKER", &s.Pacemaker)
	use := true
	flag("SBD_WATCHDOG", &use)
	if v := strings.TrimSpace(get("SBD_WATCHDOG_DEV")); v != "" {
		s.WatchdogDevice = v
	}
	if !use || s.WatchdogDevice == "/dev/null" {
		s.WatchdogDevice = ""
	}
	switch v := get("SBD_STARTMODE"); v {
	case "", "always":
	case "clean":
		s.Clean = true
	default:
		complain("SBD_STARTMODE", "always or clean")
	}
	if v := get("SBD_WATCHDOG_TIMEOUT"); v != "" {
		if n, err := strconv.Atoi(v); err != nil || n <= 0 || n > 3600 {
			complain("SBD_WATCHDOG_TIMEOUT", "a number of seconds from 1 to 3600")
		} else {
			s.WatchdogTimeout = time.Duration(n) * time.Second
		}
	}
	s.delay(get("SBD_DELAY_START"), complain)
	if v := get("SBD_TIMEOUT_ACTION"); v != "" {
		a, err := ParseAction(v)
		if err != nil {
			complain("SBD_TIMEOUT_ACTION", "[no]flush and reboot, off or crashdump")
		} else {
			s.Action = a
		}
	}
	return s, errors.Join(problems...)
}

// delay reads SBD_DELAY_START: yes, no or seconds. "1" is yes.
func (s *Settings) delay(v string, complain func(name, want string)) {
	if v == "" {
		return
	}
	if b, ok := yes(v); ok {
		s.DelayMsgwait = b
		return
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > 24*3600 {
		complain("SBD_DELAY_START", "yes, no or a number of seconds")
		return
	}
	s.Delay = time.Duration(n) * time.Second
}

// Devices splits SBD_DEVICE.
func Devices(v string) []string {
	var list []string
	for _, d := range strings.Split(v, ";") {
		if d = strings.TrimSpace(d); d != "" {
			list = append(list, d)
		}
	}
	return list
}

// ParseAction reads a timeout action such as "flush,reboot". What it does not say keeps its default.
func ParseAction(v string) (Action, error) {
	a := Action{Flush: true, Kind: Reboot}
	for _, word := range strings.Split(v, ",") {
		switch word = strings.TrimSpace(word); {
		case word == "flush" || word == "noflush":
			a.Flush = word == "flush"
		case slices.Contains([]Kind{Reboot, Off, Crashdump}, Kind(word)):
			a.Kind = Kind(word)
		default:
			return a, fmt.Errorf("there is no timeout action %q", v)
		}
	}
	return a, nil
}

func yes(v string) (is, ok bool) {
	switch strings.ToLower(strings.TrimSpace(v)) {
	case "yes", "true", "on", "y", "1":
		return true, true
	case "no", "false", "off", "n", "0":
		return false, true
	}
	return false, false
}

// Parse reads a file of shell assignments, as systemd's EnvironmentFile takes it.
func Parse(text string) map[string]string {
	vars := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "export ")
		name, v, ok := strings.Cut(line, "=")
		if !ok || strings.HasPrefix(line, "#") || strings.ContainsAny(name, " \t") {
			continue
		}
		v = strings.TrimSpace(v)
		if len(v) > 0 && (v[0] == '"' || v[0] == '\'') {
			if end := strings.IndexByte(v[1:], v[0]); end >= 0 {
				v = v[1 : 1+end]
			}
		} else if i := strings.Index(v, " #"); i >= 0 {
			v = strings.TrimSpace(v[:i])
		}
		vars[name] = v
	}
	return vars
}

// Or looks a variable up in the environment first and then in what a file said.
func Or(env func(string) string, file map[string]string) func(string) string {
	return func(name string) string {
		if v := env(name); v != "" {
			return v
		}
		return file[name]
	}
}
