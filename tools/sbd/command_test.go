package sbd

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/holdfast-ha/holdfast/tests/blockdev"
	"github.com/holdfast-ha/holdfast/tools/cli"
)

// ours runs the command in this process.
func ours(t *testing.T, vars map[string]string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	env := &cli.Env{Name: "sbd", Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Getenv: func(n string) string { return vars[n] }}
	code = Command.Run(t.Context(), env)
	return out.String(), errs.String(), code
}

const debian = "/usr/sbin/sbd"

// theirs runs Debian's sbd.
func theirs(t *testing.T, vars map[string]string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	if _, err := os.Stat(debian); err != nil {
		t.Skip("Debian's sbd is not installed")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, debian, args...)
	for n, v := range vars {
		cmd.Env = append(cmd.Env, n+"="+v)
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

var uuid = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)

// The same calls on two equal devices must print the same and end the same; ours may say more on stderr.
func TestCommand_SaysWhatDebiansSays(t *testing.T) {
	t.Parallel()
	ourDisk, theirDisk := blockdev.New(t, 1<<20, 0), blockdev.New(t, 1<<20, 0)
	plain := func(s, path string) string { return uuid.ReplaceAllString(strings.ReplaceAll(s, path, "DISK"), "UUID") }
	for _, args := range []string{
		"dump", "list", "-1 3 -2 1 -4 6 create", "dump", "list", "allocate Alpha", "allocate beta", "allocate ALPHA", "list",
		"-n boss message Alpha test", "-n boss message BETA exit", "list", "-n boss message nosuch test", "-n boss message alpha frob", "list",
		"-n boss message alpha clear", "list", "-d /nonexistent list", "-d /nonexistent dump", "-d /dev/zero list", "-d relative dump",
		"-d /a -d /b -d /c list", "-d /nonexistent create", "-n boss message Alpha", "-1 x create",
	} {
		words := func(path string) []string { return append([]string{"-d", path}, strings.Fields(args)...) }
		out, errs, code := ours(t, nil, words(ourDisk.Path)...)
		wantOut, wantErrs, wantCode := theirs(t, nil, words(theirDisk.Path)...)
		if code != wantCode {
			t.Errorf("%s ends with %d, Debian's with %d: %s", args, code, wantCode, errs)
		}
		if d := cmp.Diff(plain(wantOut, theirDisk.Path), plain(out, ourDisk.Path)); d != "" {
			t.Errorf("%s prints something else (-Debian +ours):\n%s", args, d)
		}
		said := strings.Split(plain(errs, ourDisk.Path), "\n")
		for line := range strings.Lines(plain(wantErrs, theirDisk.Path)) {
			if line = strings.TrimSpace(line); line == "Shared storage fencing tool." {
				break // the usage is our own
			}
			if !strings.Contains(strings.Join(said, "\n"), line) {
				t.Errorf("%s: stderr lacks %q:\n%s", args, line, errs)
			}
		}
	}
}

func TestCommand_DevicesFromTheEnvironment(t *testing.T) {
	t.Parallel()
	a, b := blockdev.New(t, 1<<20, 0), blockdev.New(t, 1<<20, 0)
	vars := map[string]string{"SBD_DEVICE": a.Path + "; " + b.Path}
	for _, args := range [][]string{{"create"}, {"allocate", "n1"}} {
		if _, errs, code := ours(t, vars, args...); code != 0 {
			t.Fatalf("%q: %s", args, errs)
		}
	}
	out, _, _ := ours(t, vars, "list")
	wantOut, _, _ := theirs(t, vars, "list")
	if out != wantOut || out != "0\tn1\tclear\t\n0\tn1\tclear\t\n" {
		t.Errorf("ours %q, Debian's %q", out, wantOut)
	}
}

func TestMessage_WaitsForMsgwaitWhenItEndsANode(t *testing.T) {
	t.Parallel()
	a := blockdev.New(t, 1<<20, 0)
	ours(t, nil, "-d", a.Path, "-1", "1", "-2", "0", "-4", "2", "create")
	ours(t, nil, "-d", a.Path, "allocate", "n1")
	for m, least := range map[string]time.Duration{"reset": 2 * time.Second, "off": 2 * time.Second, "test": 0, "clear": 0, "exit": 0} {
		begin := time.Now()
		if _, errs, code := ours(t, nil, "-d", a.Path, "message", "n1", m); code != 0 {
			t.Errorf("%s: %s", m, errs)
		}
		if took := time.Since(begin); took < least || took > least+time.Second {
			t.Errorf("%s took %v", m, took)
		}
	}
}

func TestMessage_NeedsAMajority(t *testing.T) {
	t.Parallel()
	a, b, c := blockdev.New(t, 1<<20, 0), blockdev.New(t, 1<<20, 0), blockdev.New(t, 1<<20, 0)
	all := []string{"-d", a.Path, "-d", b.Path, "-d", c.Path}
	with := func(devices []string, args ...string) []string {
		return append(append([]string{}, devices...), args...)
	}
	ours(t, nil, with(all[:4], "-2", "0", "create")...)
	ours(t, nil, with(all[:4], "allocate", "n1")...)
	if _, errs, code := ours(t, nil, with(all, "message", "n1", "test")...); code != 0 {
		t.Errorf("two of three: %s", errs)
	}
	lone := []string{"-d", a.Path, "-d", c.Path}
	_, errs, code := ours(t, nil, with(lone, "message", "n1", "test")...)
	if code != 1 || !strings.Contains(errs, "delivered on 1 of 2 devices") || !strings.Contains(errs, "no sbd header") || !strings.HasSuffix(errs, "sbd failed; please check the logs.\n") {
		t.Errorf("one of two: %d, %s", code, errs)
	}
}

func TestUsage_IsForMistakes(t *testing.T) {
	for _, c := range []struct {
		args string
		want string
	}{
		{"", "Not enough arguments."}, {"frob", "Usage: sbd"}, {"-q list", "unknown option -q"}, {"-S 2 watch", `Invalid value "2" for option -S`},
		{"-r explode watch", `Invalid value "explode" for option -r`}, {"-1 0 create", `Invalid value "0" for option -1`},
	} {
		out, errs, code := ours(t, nil, strings.Fields(c.args)...)
		if code != 1 || out != "" || !strings.Contains(errs, c.want) || !strings.Contains(errs, "Usage: sbd") {
			t.Errorf("%s: %d, %q, %.80q", c.args, code, out, errs)
		}
	}
	if out, _, code := ours(t, nil, "-h"); code != 0 || !strings.Contains(out, "query-watchdog") {
		t.Errorf("-h: %d, %s", code, out)
	}
	for _, args := range []string{"dump", "list"} {
		if out, errs, code := ours(t, map[string]string{"SBD_DEVICE": ""}, args); code != 0 || out != "" {
			t.Skipf("this machine has an SBD_DEVICE: %q %q", out, errs)
		}
	}
}

func TestWatchdogs_AsDebiansShowsThem(t *testing.T) {
	out, _, code := ours(t, nil, "query-watchdog")
	wantOut, _, wantCode := theirs(t, nil, "query-watchdog")
	if code != wantCode || !strings.Contains(wantOut, strings.TrimSpace(strings.Split(out, "\n[")[0])) {
		t.Errorf("ours %d %q, Debian's %d %q", code, out, wantCode, wantOut)
	}
	out, errs, code := ours(t, nil, "-w", "/nonexistent", "test-watchdog")
	if code != 1 || !strings.Contains(out, "Initializing /nonexistent with a reset countdown of 5 seconds ...\nFailed to initialize watchdog!!!\n") || !strings.Contains(errs, "softdog") {
		t.Errorf("%d %q %q", code, out, errs)
	}
}
