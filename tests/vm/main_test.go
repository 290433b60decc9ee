// Package vm proves on virtual machines with Debian's kernel what needs a kernel of its own: watchdogs, resets and
// the loss of power, and the damage that netem does to packets.
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
var modules = []string{"virtio_pci", "virtio_blk", "virtio_net", "virtio_console", "virtio_rng", "softdog", "sch_netem"}

// kit is what machines are made of, built once for all tests.
var kit struct {
	kernel string // the image
	bin    string // directory of the programs
	// guarded is an initramfs with sbd, clustered one with all of Holdfast.
	guarded, clustered string
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

// build compiles the programs and packs the archives that machines boot from.
func build(dir string) error {
	kernel, err := machine.LoadKernel(filepath.Join(root, ".tools/vm"))
	if err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", dir, "./cmd/...", "./tests/vm/guest")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w: %s", err, out)
	}
	if err := os.Symlink("holdfast-tools", filepath.Join(dir, "sbd")); err != nil {
		return err
	}
	files := []machine.File{{Path: "/init", From: filepath.Join(dir, "guest")}, {Path: "/usr/sbin/sbd", Link: "holdfast-tools"}}
	for _, d := range []string{"/proc", "/sys", "/run", "/tmp"} {
		files = append(files, machine.File{Path: d + "/.keep", From: os.DevNull})
	}
	paths, err := kernel.Modules(modules...)
	if err != nil {
		return err
	}
	for i, path := range paths {
		files = append(files, machine.File{Path: fmt.Sprintf("/modules/%03d-%s", i, filepath.Base(path)), From: path})
	}
	program := func(name string) machine.File {
		return machine.File{Path: "/usr/sbin/" + name, From: filepath.Join(dir, name)}
	}
	files = append(files, program("holdfast-tools"))
	kit.bin, kit.kernel = dir, kernel.Image
	kit.guarded, kit.clustered = filepath.Join(dir, "guarded"), filepath.Join(dir, "clustered")
	if err := machine.WriteInitramfs(kit.guarded, files); err != nil {
		return err
	}
	for _, name := range []string{"corosyncd", "crmd", "fenced", "hcs", "holdfast-agents"} {
		files = append(files, program(name))
	}
	files = append(files, machine.File{Path: "/usr/sbin/crm_mon", Link: "holdfast-tools"}, machine.File{Path: "/usr/lib/ocf/resource.d/holdfast/vip", Link: "/usr/sbin/holdfast-agents"})
	return machine.WriteInitramfs(kit.clustered, files)
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
