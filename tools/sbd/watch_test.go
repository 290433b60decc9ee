package sbd_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/tests/blockdev"
)

// program builds the multi-call binary and links it as sbd.
func program(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("go", "build", "-o", dir+"/holdfast-tools", "github.com/holdfast-ha/holdfast/cmd/holdfast-tools")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.Symlink("holdfast-tools", dir+"/sbd"); err != nil {
		t.Fatal(err)
	}
	return dir + "/sbd"
}

// guard starts `sbd watch` as a unit of type forking does. It only rehearses (-ZZ): a mistake must not end
// this machine.
func guard(t *testing.T, sbd, disk, pidFile string, more ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	args := append([]string{"-d", disk, "-n", "n1", "-w", "/dev/null", "-PP", "-R", "-ZZ", "-p", pidFile}, more...)
	cmd := exec.CommandContext(ctx, sbd, append(args, "watch")...)
	log, err := os.CreateTemp(t.TempDir(), "log")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stderr = log // a file, because the guard keeps it
	err = cmd.Run()
	text, _ := os.ReadFile(log.Name())
	if raw, rerr := os.ReadFile(pidFile); rerr == nil {
		if pid, aerr := strconv.Atoi(strings.TrimSpace(string(raw))); aerr == nil {
			t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
		}
	}
	return string(text), err
}

func pidOf(t *testing.T, file string) int {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(raw) != 11 || raw[10] != '\n' {
		t.Errorf("the pid file is %q, want ten columns and a newline", raw)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func gone(t *testing.T, pid int) {
	t.Helper()
	for limit := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || bytes.Contains(stat, []byte(") Z ")) {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("process %d lives", pid)
		}
	}
}

func TestWatch_LauncherPidFileAndDebiansMessages(t *testing.T) {
	t.Parallel()
	sbd, loop := program(t), blockdev.New(t, 1<<20, 0)
	run := func(prog string, args ...string) string {
		t.Helper()
		out, err := exec.Command(prog, append([]string{"-d", loop.Path}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s %q: %v: %s", prog, args, err, out)
		}
		return string(out)
	}
	debian := "/usr/sbin/sbd"
	if _, err := os.Stat(debian); err != nil {
		debian = sbd
	}
	run(debian, "-1", "3", "-2", "0", "-4", "6", "create")
	pidFile := filepath.Join(t.TempDir(), "sbd.pid")
	if text, err := guard(t, sbd, loop.Path, pidFile); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	pid := pidOf(t, pidFile)
	if out := run(debian, "list"); out != "0\tn1\tclear\t\n" {
		t.Errorf("slots %q", out)
	}
	if text, err := guard(t, sbd, loop.Path, pidFile); err == nil || !strings.Contains(text, "runs already as process "+strconv.Itoa(pid)) {
		t.Errorf("a second guard: %v: %s", err, text)
	}
	// Debian's test message is read by our guard.
	run(debian, "message", "n1", "test")
	for limit := time.Now().Add(10 * time.Second); run(debian, "list") != "0\tn1\tclear\t\n"; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("the message is not read: %s", run(debian, "list"))
		}
	}
	run(debian, "message", "n1", "exit")
	gone(t, pid)
	if _, err := os.Stat(pidFile); !os.IsNotExist(err) {
		t.Errorf("the pid file stays after an orderly end: %v", err)
	}
}

func TestWatch_AGuardThatDiedDoesNotLoseItsMessage(t *testing.T) {
	t.Parallel()
	sbd, loop := program(t), blockdev.New(t, 1<<20, 0)
	sh := func(args ...string) {
		t.Helper()
		if out, err := exec.Command(sbd, append([]string{"-d", loop.Path}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v: %s", args, err, out)
		}
	}
	sh("-1", "3", "-2", "0", "-4", "1", "create")
	pidFile := filepath.Join(t.TempDir(), "sbd.pid")
	if text, err := guard(t, sbd, loop.Path, pidFile); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	pid := pidOf(t, pidFile)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	gone(t, pid)
	sh("message", "n1", "reset")
	text, err := guard(t, sbd, loop.Path, pidFile)
	if err == nil || !strings.Contains(text, "fenced by a message") || !strings.Contains(text, "would have been ended") {
		t.Errorf("the guard took the message for one of an earlier life: %v: %s", err, text)
	}
	// SIGTERM is an orderly end.
	sh("message", "n1", "clear")
	os.Remove(pidFile)
	if text, err := guard(t, sbd, loop.Path, pidFile); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	pid = pidOf(t, pidFile)
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	gone(t, pid)
	if _, err := os.Stat(pidFile); !os.IsNotExist(err) {
		t.Errorf("the pid file stays: %v", err)
	}
}
