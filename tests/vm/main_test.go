// Package vm proves on virtual machines with Debian's kernel what needs a kernel of its own: watchdogs, resets and
// the loss of power.
package vm

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/tests/vm/machine"
	"github.com/holdfast-ha/holdfast/tests/vm/order"
)

const (
	// root is the repository's directory, seen from this one.
	root = "../.."
	// enabled is the variable that `make vm` sets.
	enabled = "HOLDFAST_VM"
)

// modules are what the machines load.
var modules = []string{"virtio_pci", "virtio_blk", "virtio_net", "virtio_console", "virtio_rng", "softdog"}

// kit is what machines are made of, built once for all tests.
var kit struct {
	kernel    string // the image
	initramfs string
	bin       string // directory of the programs
}

func TestMain(m *testing.M) {
	if os.Getenv(enabled) == "" {
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "vmkit")
	if err == nil {
		err = build(dir)
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, "tests/vm:", err)
	} else {
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// build compiles the programs and packs the initramfs.
func build(dir string) error {
	kernel, err := machine.LoadKernel(filepath.Join(root, ".tools/vm"))
	if err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", dir, "./cmd/holdfast-tools", "./tests/vm/guest")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w: %s", err, out)
	}
	if err := os.Symlink("holdfast-tools", filepath.Join(dir, "sbd")); err != nil {
		return err
	}
	files := []machine.File{
		{Path: "/init", From: filepath.Join(dir, "guest")},
		{Path: "/usr/sbin/holdfast-tools", From: filepath.Join(dir, "holdfast-tools")},
		{Path: "/usr/sbin/sbd", Link: "holdfast-tools"},
	}
	paths, err := kernel.Modules(modules...)
	if err != nil {
		return err
	}
	for i, path := range paths {
		files = append(files, machine.File{Path: fmt.Sprintf("/modules/%03d-%s", i, filepath.Base(path)), From: path})
	}
	for _, d := range []string{"/proc", "/sys", "/run", "/tmp"} {
		files = append(files, machine.File{Path: d + "/.keep", From: os.DevNull})
	}
	kit.bin, kit.kernel, kit.initramfs = dir, kernel.Image, filepath.Join(dir, "initramfs")
	return machine.WriteInitramfs(kit.initramfs, files)
}

// needMachines skips a test where virtual machines are not wanted.
func needMachines(t *testing.T) {
	t.Helper()
	if os.Getenv(enabled) == "" {
		t.Skip("virtual machines take minutes: `make vm` runs this test, with " + enabled + "=1")
	}
}

// in runs a program in a machine, which has to succeed.
func in(t *testing.T, m *machine.Machine, o order.Order) order.Answer {
	t.Helper()
	a, err := m.Do(o)
	if err != nil {
		t.Fatal(err)
	}
	if a.Code != 0 {
		t.Fatalf("%s: %q ends with %d: %s", m.Name, o.Run, a.Code, a.Output)
	}
	return a
}

// host runs a program of ours on this machine.
func host(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), filepath.Join(kit.bin, program), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", program, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// ended waits for a machine's end and proves its cause by what qemu says and by what the kernel printed last.
func ended(t *testing.T, m *machine.Machine, limit time.Duration, reason, printed string) machine.End {
	t.Helper()
	end, err := m.Wait(limit)
	if err != nil {
		t.Fatal(err)
	}
	if end.Reason != reason {
		t.Errorf("%s ended by %q, want %q", m.Name, end.Reason, reason)
	}
	if !strings.Contains(m.Console(), printed) {
		t.Errorf("the console of %s lacks %q", m.Name, printed)
	}
	return end
}
