package watchdog

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// fakePort is a device that writes down what it is told.
type fakePort struct {
	timeout, pretimeout int
	longest, shortest   int // what it can be set to; it takes the nearest
	options             uint32
	boot                int
	noWayOut            bool
	broken              error // of SetTimeout
	magicLater          int   // so many times the magic character is refused
	log                 []string
	running, closed     bool
}

func newPort() *fakePort {
	return &fakePort{timeout: 60, longest: 600, shortest: 1, options: unix.WDIOF_SETTIMEOUT | unix.WDIOF_MAGICCLOSE | unix.WDIOF_PRETIMEOUT, running: true}
}

func (p *fakePort) Info() (i unix.WatchdogInfo, err error) {
	copy(i.Identity[:], "Fake Watchdog")
	i.Options = p.options
	return i, nil
}

func (p *fakePort) SetTimeout(n int) (int, error) {
	if p.broken != nil {
		return 0, p.broken
	}
	p.timeout = max(p.shortest, min(n, p.longest))
	return p.timeout, nil
}
func (p *fakePort) Timeout() (int, error)            { return p.timeout, nil }
func (p *fakePort) SetPretimeout(n int) (int, error) { p.pretimeout = n; return n, nil }
func (p *fakePort) BootStatus() (int, error)         { return p.boot, nil }
func (p *fakePort) Close() error                     { p.closed = true; p.log = append(p.log, "close"); return nil }
func (p *fakePort) Disable() error {
	if p.noWayOut {
		return unix.EOPNOTSUPP
	}
	p.running = false
	return nil
}

func (p *fakePort) Write(b []byte) (int, error) {
	if b[0] == 'V' {
		if p.magicLater--; p.magicLater >= 0 || p.noWayOut {
			return 0, unix.EBUSY
		}
		p.running = false
		p.log = append(p.log, "magic")
		return 1, nil
	}
	p.log = append(p.log, "pet")
	return 1, nil
}

func TestArm_SetsTheTimeoutAndReadsItBack(t *testing.T) {
	p := newPort()
	p.boot = unix.WDIOF_CARDRESET
	w, err := arm("/dev/watchdog", p, Settings{Timeout: 5 * time.Second, Pretimeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(Settings{Timeout: 5 * time.Second, Pretimeout: 2 * time.Second}, w.Settings()); d != "" {
		t.Error(d)
	}
	if !w.ResetBefore || w.Identity() != "Fake Watchdog" || !slices.Equal(p.log, []string{"pet"}) {
		t.Errorf("reset before %v, identity %q, log %q", w.ResetBefore, w.Identity(), p.log)
	}
}

func TestArm_WhatADeviceCannotDo(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*fakePort)
		want   Settings
		got    Settings
		err    string
	}{
		{"longer than asked", func(p *fakePort) { p.shortest = 10 }, Settings{Timeout: 5 * time.Second}, Settings{}, "set to 5s and reads 10s"},
		{"shorter than asked", func(p *fakePort) { p.longest = 4 }, Settings{Timeout: 5 * time.Second}, Settings{Timeout: 4 * time.Second}, ""},
		{"cannot be set", func(p *fakePort) { p.broken = unix.EINVAL }, Settings{Timeout: 5 * time.Second}, Settings{}, "invalid argument; the device may have a range"},
		{"is left as it is", func(p *fakePort) { p.broken = unix.EOPNOTSUPP }, Settings{KeepTimeout: true}, Settings{Timeout: time.Minute, KeepTimeout: true}, ""},
		{"no pretimeout", func(p *fakePort) { p.options = 0 }, Settings{Timeout: 5 * time.Second, Pretimeout: time.Second}, Settings{Timeout: 5 * time.Second}, ""},
		{"pretimeout beyond the timeout", func(*fakePort) {}, Settings{Timeout: 5 * time.Second, Pretimeout: 5 * time.Second}, Settings{Timeout: 5 * time.Second}, ""},
		{"half seconds", func(*fakePort) {}, Settings{Timeout: 1500 * time.Millisecond}, Settings{}, "whole seconds"},
		{"no timeout", func(p *fakePort) { p.timeout = 0 }, Settings{KeepTimeout: true}, Settings{}, "has no timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPort()
			c.change(p)
			w, err := arm("/dev/x", p, c.want)
			switch {
			case c.err != "":
				if err == nil || !strings.Contains(err.Error(), c.err) || !strings.Contains(err.Error(), "/dev/x") {
					t.Errorf("got %v, want %q", err, c.err)
				}
			case err != nil:
				t.Error(err)
			default:
				if d := cmp.Diff(c.got, w.Settings()); d != "" {
					t.Error(d)
				}
			}
		})
	}
}

func TestDisarm_OnlyByTheMagicCharacter(t *testing.T) {
	p := newPort()
	p.magicLater = 3
	w, err := arm("/dev/x", p, Settings{Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Disarm(); err != nil || p.running || !slices.Equal(p.log, []string{"pet", "magic", "close"}) {
		t.Errorf("%v, running %v, log %q", err, p.running, p.log)
	}
}

func TestDisarm_OfADeviceThatGoesOn(t *testing.T) {
	p := newPort()
	p.noWayOut = true
	w, err := arm("/dev/x", p, Settings{Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Disarm(); err == nil || !strings.Contains(err.Error(), "will reset this machine") || !p.closed {
		t.Errorf("%v, closed %v", err, p.closed)
	}
}

func TestAbandon_LeavesTheDeviceCounting(t *testing.T) {
	p := newPort()
	w, err := arm("/dev/x", p, Settings{Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Abandon(); err != nil || !p.running || slices.Contains(p.log, "magic") {
		t.Errorf("%v, running %v, log %q", err, p.running, p.log)
	}
}

func TestArm_WhatIsNoWatchdog(t *testing.T) {
	if _, err := Arm(filepath.Join(t.TempDir(), "watchdog"), Settings{}); err == nil || !strings.Contains(err.Error(), "softdog") {
		t.Errorf("no device: %v", err)
	}
	plain := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Arm(plain, Settings{Timeout: time.Second}); err == nil || !strings.Contains(err.Error(), "is not a watchdog") || errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file: %v", err)
	}
}

func TestDiscover_WithoutOpeningAnything(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("device nodes need root")
	}
	dev, sys := t.TempDir(), t.TempDir()
	class := func(name, number, identity, state, driver string) {
		dir := filepath.Join(sys, "class/watchdog", name)
		if err := os.MkdirAll(filepath.Join(dir, "device"), 0o755); err != nil {
			t.Fatal(err)
		}
		for file, text := range map[string]string{"dev": number, "identity": identity, "state": state} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if driver != "" {
			if err := os.Symlink("../../drivers/"+driver, filepath.Join(dir, "device/driver")); err != nil {
				t.Fatal(err)
			}
		}
	}
	// Numbers that no device has, so that a mistake does not start one of this machine.
	class("watchdog0", "4094:1048570", "Software Watchdog", "inactive", "")
	class("watchdog1", "4094:1048571", "iTCO_wdt", "active", "iTCO_wdt")
	for name, number := range map[string]uint64{"watchdog": misc, "watchdog0": unix.Mkdev(4094, 1048570), "watchdog1": unix.Mkdev(4094, 1048571), "null": unix.Mkdev(1, 3)} {
		if err := unix.Mknod(filepath.Join(dev, name), unix.S_IFCHR|0o600, int(number)); err != nil {
			t.Skipf("no device nodes here: %v", err)
		}
	}
	got, err := Discover(dev, sys)
	if err != nil {
		t.Fatal(err)
	}
	want := []Found{
		{Path: dev + "/watchdog", Identity: "Software Watchdog", Driver: "softdog", class: "watchdog0"},
		{Path: dev + "/watchdog0", Identity: "Software Watchdog", Driver: "softdog", class: "watchdog0"},
		{Path: dev + "/watchdog1", Identity: "iTCO_wdt", Driver: "iTCO_wdt", Active: true, class: "watchdog1"},
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(Found{})); d != "" {
		t.Error(d)
	}
	if !got[0].Soft() || got[2].Soft() {
		t.Error("which device is a timer of the kernel is wrong")
	}
}
