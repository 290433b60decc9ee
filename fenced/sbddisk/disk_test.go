package sbddisk

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast-ha/holdfast/fenced/sbdformat"
	"github.com/holdfast-ha/holdfast/tests/blockdev"
)

func open(t *testing.T, path string, o Options) *Disk {
	t.Helper()
	d, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// file makes an initialized disk in a file, with little time for allocations.
func file(t *testing.T) *Disk {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 1<<20); err != nil {
		t.Fatal(err)
	}
	d := open(t, path, Options{AllowFile: true})
	timeouts := sbdformat.DefaultTimeouts()
	timeouts.Allocate = 0
	if err := d.Create(t.Context(), d.NewHeader(timeouts)); err != nil {
		if errors.Is(err, os.ErrInvalid) || strings.Contains(err.Error(), "invalid argument") {
			t.Skipf("no O_DIRECT on %s", path)
		}
		t.Fatal(err)
	}
	return d
}

// debian runs Debian's sbd.
func debian(t *testing.T, args ...string) string {
	t.Helper()
	if _, err := os.Stat("/usr/sbin/sbd"); err != nil {
		t.Skip("Debian's sbd is not installed")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "/usr/sbin/sbd", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("sbd %q: %v\n%s", args, err, out)
	}
	return string(out)
}

func TestDisk_DebianAndOursInBothDirections(t *testing.T) {
	for _, sector := range []int{512, 4096} {
		loop := blockdev.New(t, 8<<20, sector)
		ours := open(t, loop.Path, Options{})
		if ours.SectorSize() != sector {
			t.Fatalf("sectors of %d bytes, want %d", ours.SectorSize(), sector)
		}
		// Theirs creates, ours reads.
		debian(t, "-d", loop.Path, "-1", "6", "-2", "1", "-4", "1", "create")
		h, err := ours.Header(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if h.Watchdog != 6*time.Second || h.Allocate != time.Second || h.Msgwait != time.Second || !strings.Contains(debian(t, "-d", loop.Path, "dump"), h.ID()) {
			t.Errorf("Debian's header reads %+v", h)
		}
		debian(t, "-d", loop.Path, "allocate", "Alpha")
		if n, err := ours.Allocate(t.Context(), "beta", nil); err != nil || n != 1 {
			t.Errorf("ours took slot %d, %v", n, err)
		}
		if n, err := ours.Allocate(t.Context(), "ALPHA", nil); err != nil || n != 0 {
			t.Errorf("their slot is found as %d, %v", n, err)
		}
		debian(t, "-d", loop.Path, "message", "BETA", "test")
		e, err := ours.Find(t.Context(), "beta")
		if err != nil || e.Message != sbdformat.Test || e.From == "" {
			t.Errorf("their message reads %+v, %v", e, err)
		}
		if err := ours.Put(t.Context(), 0, sbdformat.Mailbox{Message: sbdformat.Crashdump, From: "us"}); err != nil {
			t.Error(err)
		}
		if got := debian(t, "-d", loop.Path, "list"); !strings.HasPrefix(got, "0\tAlpha\tcrashdump\tus\n1\tbeta\ttest\t") {
			t.Errorf("Debian's sbd lists\n%s", got)
		}
		// Ours creates, theirs reads.
		if err := ours.Create(t.Context(), ours.NewHeader(sbdformat.Timeouts{Watchdog: 3 * time.Second, Allocate: time.Second, Loop: time.Second, Msgwait: 7 * time.Second})); err != nil {
			t.Fatal(err)
		}
		h, err = ours.Header(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		dump := debian(t, "-d", loop.Path, "dump")
		for _, want := range []string{"version     : 2.1", h.ID(), "(watchdog) : 3", "(allocate) : 1", "(loop)     : 1", "(msgwait)  : 7", "slots    : 255"} {
			if !strings.Contains(dump, want) {
				t.Errorf("Debian's sbd does not see %q:\n%s", want, dump)
			}
		}
		if got := debian(t, "-d", loop.Path, "list"); got != "" {
			t.Errorf("slots are left over: %s", got)
		}
	}
}

func TestDisk_TwoNodesTakeDifferentSlots(t *testing.T) {
	d := file(t)
	h := d.NewHeader(sbdformat.Timeouts{Watchdog: 3 * time.Second, Allocate: time.Second, Loop: time.Second, Msgwait: 6 * time.Second})
	if err := d.Create(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	names := []string{"n1", "n2", "n3"}
	slots := make([]int, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		other := open(t, d.Path(), Options{AllowFile: true})
		wg.Go(func() {
			n, err := other.Allocate(t.Context(), name, nil)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			slots[i] = n
		})
	}
	wg.Wait()
	entries, err := d.Entries(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		if e, ok := sbdformat.Find(entries, name); !ok || e.Slot != slots[i] {
			t.Errorf("%s believes in slot %d, the disk says %+v", name, slots[i], e)
		}
	}
}

func TestDisk_FullOfNodes(t *testing.T) {
	d := file(t)
	for n := range sbdformat.Slots {
		if err := d.write(t.Context(), sbdformat.SlotSector(n), sbdformat.Slot{InUse: true, Name: "x" + string(rune('a'+n%26)) + strings.Repeat("y", n/26)}.Sector(512)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Allocate(t.Context(), "late", nil); !errors.Is(err, ErrFull) {
		t.Errorf("got %v", err)
	}
	if n, err := d.Allocate(t.Context(), "XA", nil); err != nil || n != 0 {
		t.Errorf("a node with a slot gets %d, %v", n, err)
	}
}

func TestDisk_WhatCannotBeADisk(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"dev/sda": "must begin with /", plain: "not a block device", "/nonexistent/sdx": "no such file", "/dev/null": "",
	} {
		d, err := Open(path, Options{})
		if err == nil {
			d.Close()
			t.Errorf("%s is a disk", path)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	d := file(t)
	if err := d.write(t.Context(), 0, make([]byte, 512)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Header(t.Context()); !errors.Is(err, sbdformat.ErrNoHeader) {
		t.Errorf("an empty disk has a header: %v", err)
	}
	if _, err := d.Find(t.Context(), "n1"); !errors.Is(err, sbdformat.ErrNoHeader) {
		t.Errorf("an empty disk has slots: %v", err)
	}
	d.Close()
	if _, err := d.Header(t.Context()); !errors.Is(err, errClosed) {
		t.Errorf("a closed disk answers %v", err)
	}
}

func TestDisk_HangsAndRecovers(t *testing.T) {
	loop := blockdev.New(t, 8<<20, 0)
	d := open(t, loop.Path, Options{Timeout: 300 * time.Millisecond})
	if err := d.Create(t.Context(), d.NewHeader(sbdformat.DefaultTimeouts())); err != nil {
		t.Fatal(err)
	}
	resume := loop.Hang()
	for _, what := range []func() error{
		func() error { _, err := d.Header(t.Context()); return err },
		func() error { _, err := d.Entries(t.Context()); return err },
		func() error { return d.Put(t.Context(), 0, sbdformat.Mailbox{Message: sbdformat.Reset}) },
	} {
		begin := time.Now()
		err := what()
		if took := time.Since(begin); !errors.Is(err, errLate) || took > 2*time.Second {
			t.Errorf("a disk that hangs gives %v after %v", err, took)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	begin := time.Now()
	if _, err := d.Header(ctx); !errors.Is(err, context.Canceled) || time.Since(begin) > time.Second {
		t.Errorf("cancelled: %v after %v", err, time.Since(begin))
	}
	resume()
	for limit := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		h, err := d.Header(t.Context())
		if err == nil {
			if d := cmp.Diff(sbdformat.DefaultTimeouts(), h.Timeouts); d != "" {
				t.Error(d)
			}
			break
		}
		if time.Now().After(limit) {
			t.Fatalf("the disk does not come back: %v", err)
		}
	}
	if e, err := d.Entries(t.Context()); err != nil || len(e) != 0 {
		t.Errorf("a write that was given up has been done with another request's data: %v, %v", e, err)
	}
}
