// Package vm proves on virtual machines with Debian's kernel what needs a kernel of its own: watchdogs, resets, the
// loss of power, reservations of a real storage target, volume groups, systemd, and the damage that netem does to
// packets.
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
	// store is what `tests/deps.sh vm` has fetched.
	store = root + "/.tools/vm"
	// enabled is the variable that `make vm` sets.
	enabled = "HOLDFAST_VM"
)

// kit is what machines are made of, built once for all tests.
var kit struct {
	kernel *machine.Kernel
	bin    string // directory of our programs
	images map[*image]string
}

func TestMain(m *testing.M) {
	if os.Getenv(relayed) != "" {
		os.Exit(relay())
	}
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

// build compiles the programs.
func build(dir string) (err error) {
	if kit.kernel, err = machine.LoadKernel(store); err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", dir, "./cmd/...", "./tests/vm/guest")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w: %s", err, out)
	}
	kit.bin, kit.images = dir, map[*image]string{}
	return os.Symlink("holdfast-tools", filepath.Join(dir, "sbd"))
}

// needMachines skips a test where virtual machines are not wanted.
func needMachines(t *testing.T) {
	t.Helper()
	if os.Getenv(enabled) == "" {
		t.Skip("virtual machines take minutes: `make vm` runs this test, with " + enabled + "=1")
	}
}

// start boots a machine from an image.
func start(t *testing.T, i *image, o machine.Options) *machine.Machine {
	t.Helper()
	o.Kernel, o.Initramfs = kit.kernel.Image, i.file(t)
	return machine.Start(t, o)
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
