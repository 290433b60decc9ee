package guard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/fenced/sbdconf"
	"github.com/holdfast-ha/holdfast/fenced/sbddisk"
	"github.com/holdfast-ha/holdfast/fenced/sbdformat"
	"github.com/holdfast-ha/holdfast/fenced/watchdog"
)

// fakeDog is a watchdog that notes what happens to it.
type fakeDog struct {
	mu       sync.Mutex
	armed    time.Duration
	petted   time.Time
	pets     int
	disarmed bool
	timeout  time.Duration
}

func (d *fakeDog) Pet() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pets++
	d.petted = time.Now()
	return nil
}
func (d *fakeDog) Disarm() error { d.mu.Lock(); defer d.mu.Unlock(); d.disarmed = true; return nil }
func (d *fakeDog) SetTimeout(t time.Duration) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.timeout = t
	return nil
}

func (d *fakeDog) count() int { d.mu.Lock(); defer d.mu.Unlock(); return d.pets }

// lab is a guard on disks in files.
type lab struct {
	t     *testing.T
	cfg   Config
	disks []*sbddisk.Disk
	dog   *fakeDog
	ends  chan sbdconf.Kind
	armed chan string
	done  chan error
	stop  context.CancelFunc
}

func newLab(t *testing.T, disks int) *lab {
	t.Helper()
	l := &lab{t: t, dog: &fakeDog{}, ends: make(chan sbdconf.Kind, 8), armed: make(chan string, 1), done: make(chan error, 1)}
	for i := range disks {
		path := filepath.Join(t.TempDir(), fmt.Sprintf("disk%d", i))
		if err := os.WriteFile(path, make([]byte, 1<<19), 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := sbddisk.Open(path, sbddisk.Options{AllowFile: true})
		if err != nil {
			t.Skipf("no O_DIRECT here: %v", err)
		}
		t.Cleanup(d.Close)
		l.disks = append(l.disks, d)
		l.cfg.Devices = append(l.cfg.Devices, path)
		l.format(i)
	}
	l.cfg.Node, l.cfg.Warn, l.cfg.WatchdogDevice = "n1", -1, "/dev/watchdog"
	l.cfg.Disk = sbddisk.Options{AllowFile: true, Timeout: 500 * time.Millisecond}
	l.cfg.Timeouts = sbdformat.Timeouts{Watchdog: 2 * time.Second, Loop: 500 * time.Millisecond, Msgwait: 4 * time.Second}
	l.cfg.Action = sbdconf.Action{Kind: sbdconf.Reboot}
	l.cfg.Log = slog.New(slog.NewTextHandler(logOf(t), nil))
	l.cfg.Armed = func(s string) { l.armed <- s }
	l.cfg.Arm = func(_ string, s watchdog.Settings) (Dog, error) { l.dog.armed = s.Timeout; return l.dog, nil }
	l.cfg.End = func(k sbdconf.Kind) { l.ends <- k; select {} }
	return l
}

// logOf is the test's log for guards that outlive the test: what they write afterwards is dropped.
func logOf(t *testing.T) io.Writer {
	w := &testLog{to: t.Output()}
	t.Cleanup(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.to = io.Discard
	})
	return w
}

type testLog struct {
	mu sync.Mutex
	to io.Writer
}

func (w *testLog) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}

// format writes a disk anew, with a watchdog timeout of 3 s.
func (l *lab) format(i int) {
	l.t.Helper()
	d := l.disks[i]
	if err := d.Create(l.t.Context(), d.NewHeader(sbdformat.Timeouts{Watchdog: 3 * time.Second, Loop: time.Second, Msgwait: 6 * time.Second})); err != nil {
		l.t.Fatal(err)
	}
}

// run starts the guard. One whose node has ended is left behind with its goroutines, as the machine would be.
func (l *lab) run() *lab {
	ctx, cancel := context.WithCancel(context.Background())
	l.stop = cancel
	l.t.Cleanup(cancel)
	go func() { l.done <- Run(ctx, l.cfg) }()
	return l
}

// guarding waits until others may rely on the guard.
func (l *lab) guarding() *lab {
	l.t.Helper()
	select {
	case <-l.armed:
	case err := <-l.done:
		l.t.Fatalf("ended before the node was guarded: %v", err)
	case <-time.After(10 * time.Second):
		l.t.Fatal("not guarded after ten seconds")
	}
	return l
}

func (l *lab) put(m sbdformat.Message, disks ...int) {
	l.t.Helper()
	for _, i := range disks {
		if err := l.disks[i].Put(l.t.Context(), 0, sbdformat.Mailbox{Message: m, From: "n2"}); err != nil {
			l.t.Fatal(err)
		}
	}
}

func (l *lab) mailbox(disk int) sbdformat.Mailbox {
	l.t.Helper()
	m, err := l.disks[disk].Mailbox(l.t.Context(), 0)
	if err != nil {
		l.t.Fatal(err)
	}
	return m
}

// ended waits for the end of the node.
func (l *lab) ended(kind sbdconf.Kind, within time.Duration) {
	l.t.Helper()
	select {
	case got := <-l.ends:
		if got != kind {
			l.t.Errorf("the node ended by %s, want %s", got, kind)
		}
	case err := <-l.done:
		l.t.Errorf("the guard ended and the node did not: %v", err)
	case <-time.After(within):
		l.t.Errorf("the node lives after %v", within)
	}
}

// left waits for the end of the guard.
func (l *lab) left(want string) {
	l.t.Helper()
	select {
	case err := <-l.done:
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			l.t.Errorf("ended with %v, want %q", err, want)
		}
	case <-l.ends:
		l.t.Error("the node ended")
	case <-time.After(15 * time.Second):
		l.t.Error("the guard does not end")
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for limit := time.Now().Add(10 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("not within ten seconds: %s", what)
		}
	}
}

func TestGuard_PetsAndStopsInAnOrderlyWay(t *testing.T) {
	t.Parallel()
	l := newLab(t, 1).run().guarding()
	if l.dog.armed != 3*time.Second {
		t.Errorf("armed with %v, the disk says 3 s", l.dog.armed)
	}
	before := l.dog.count()
	time.Sleep(3 * time.Second)
	if n := l.dog.count() - before; n < 3 {
		t.Errorf("petted %d times in 3 s", n)
	}
	if e, err := l.disks[0].Find(t.Context(), "N1"); err != nil || e.Slot != 0 {
		t.Errorf("slot %+v, %v", e, err)
	}
	l.stop()
	l.left("")
	if !l.dog.disarmed {
		t.Error("the watchdog goes on counting")
	}
}

func TestGuard_ObeysMessages(t *testing.T) {
	t.Parallel()
	for message, kind := range map[sbdformat.Message]sbdconf.Kind{sbdformat.Reset: sbdconf.Reboot, sbdformat.Off: sbdconf.Off, sbdformat.Crashdump: sbdconf.Crashdump} {
		t.Run(message.String(), func(t *testing.T) {
			t.Parallel()
			l := newLab(t, 3).run().guarding()
			// Two disks are enough to guard the node; what is in the third before it is watched is emptied.
			l.put(sbdformat.Test, 2)
			eventually(t, "the third disk is watched", func() bool { return l.mailbox(2).Message == sbdformat.Clear })
			l.put(message, 2) // on one disk only
			l.ended(kind, 3*time.Second)
			if l.dog.disarmed != (message == sbdformat.Crashdump) {
				t.Errorf("watchdog stopped: %v", l.dog.disarmed)
			}
			pets := l.dog.count()
			time.Sleep(1500 * time.Millisecond)
			if l.dog.count() != pets {
				t.Error("the watchdog is petted although the node is to end")
			}
			if got := l.mailbox(2).Message; got != message {
				t.Errorf("the mailbox has %v; it must stay until the node has started anew", got)
			}
		})
	}
}

func TestGuard_CrashdumpWithAWatchdogOfItsOwn(t *testing.T) {
	t.Parallel()
	l := newLab(t, 1)
	l.cfg.CrashWatchdog = 4 * time.Minute
	l.run().guarding()
	l.put(sbdformat.Crashdump, 0)
	l.ended(sbdconf.Crashdump, 5*time.Second)
	if l.dog.disarmed || l.dog.timeout != 4*time.Minute {
		t.Errorf("stopped %v, timeout %v", l.dog.disarmed, l.dog.timeout)
	}
}

func TestGuard_ExitTestAndNonsense(t *testing.T) {
	t.Parallel()
	l := newLab(t, 1).run().guarding()
	for _, m := range []sbdformat.Message{sbdformat.Test, 17} {
		l.put(m, 0)
		eventually(t, "the message is emptied", func() bool { return l.mailbox(0) == sbdformat.Mailbox{} })
	}
	l.put(sbdformat.Exit, 0)
	l.left("")
	if !l.dog.disarmed || l.mailbox(0).Message != sbdformat.Exit {
		t.Errorf("stopped %v, mailbox %v", l.dog.disarmed, l.mailbox(0))
	}
}

func TestStart_WithAMessageOfBefore(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name             string
		clean, restarted bool
		message          sbdformat.Message
		left             string
		ends, empties    bool
	}{
		{name: "always", message: sbdformat.Reset, empties: true},
		{name: "clean after a fence", clean: true, message: sbdformat.Reset, left: "was fenced"},
		{name: "clean after an exit", clean: true, message: sbdformat.Exit, empties: true},
		{name: "clean after nothing", clean: true, message: sbdformat.Clear, empties: true},
		{name: "the guard of this life died", restarted: true, message: sbdformat.Reset, ends: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, 1)
			if _, err := l.disks[0].Allocate(t.Context(), "n1", nil); err != nil {
				t.Fatal(err)
			}
			l.put(c.message, 0)
			l.cfg.Clean, l.cfg.Restarted = c.clean, c.restarted
			l.run()
			switch {
			case c.ends:
				l.ended(sbdconf.Reboot, 5*time.Second)
			case c.left != "":
				l.left(c.left)
				if l.dog.count() != 0 || l.mailbox(0).Message != c.message {
					t.Errorf("petted %d times, mailbox %v", l.dog.count(), l.mailbox(0))
				}
			default:
				l.guarding()
			}
			if c.empties && l.mailbox(0) != (sbdformat.Mailbox{}) {
				t.Errorf("the mailbox has %v", l.mailbox(0))
			}
		})
	}
}

func TestLostDisks_EndTheNodeWithinTheWatchdogsTime(t *testing.T) {
	t.Parallel()
	l := newLab(t, 3).run().guarding()
	if err := os.Truncate(l.disks[0].Path(), 0); err != nil {
		t.Fatal(err)
	}
	before := l.dog.count()
	time.Sleep(5 * time.Second)
	if l.dog.count() == before || len(l.ends) > 0 {
		t.Fatal("one of three disks ended the node")
	}
	if err := os.Truncate(l.disks[1].Path(), 0); err != nil {
		t.Fatal(err)
	}
	lost := time.Now()
	l.ended(sbdconf.Reboot, 10*time.Second)
	if last := l.dog.petted.Sub(lost); last > 2500*time.Millisecond {
		t.Errorf("petted %v after the majority was lost; a read may be old for IO + loop", last)
	}
	if l.dog.disarmed {
		t.Error("the watchdog was stopped")
	}
}

func TestDisk_WhoseHeaderOrSlotIsTaken(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(l *lab){
		"created anew": func(l *lab) { l.format(0) },
		"slot taken": func(l *lab) {
			f, err := os.OpenFile(l.disks[0].Path(), os.O_WRONLY, 0)
			if err != nil {
				l.t.Fatal(err)
			}
			defer f.Close()
			if _, err := f.WriteAt(sbdformat.Slot{InUse: true, Name: "thief"}.Sector(512), 512); err != nil {
				l.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, 1).run().guarding()
			change(l)
			// The disk is taken up again with what it says now; the node goes on, with a slot of its own.
			eventually(t, "the node has a slot", func() bool { e, err := l.disks[0].Find(t.Context(), "n1"); return err == nil && e.Name == "n1" })
			time.Sleep(2 * time.Second)
			before := l.dog.count()
			time.Sleep(2 * time.Second)
			if l.dog.count() == before || len(l.ends) > 0 {
				t.Error("the node does not go on")
			}
			l.stop()
			l.left("")
		})
	}
}

func TestStart_WhatKeepsItFromStarting(t *testing.T) {
	t.Parallel()
	l := newLab(t, 1)
	l.cfg.Arm = func(string, watchdog.Settings) (Dog, error) { return nil, errors.New("hogged") }
	l.run().left("hogged")
	l = newLab(t, 1)
	if err := os.Truncate(l.disks[0].Path(), 0); err != nil {
		t.Fatal(err)
	}
	l.run().left("no disk can be used")
}
