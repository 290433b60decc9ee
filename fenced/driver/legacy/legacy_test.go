package legacy

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
)

// start runs a driver whose agents are in a directory of the test's.
func start(t *testing.T) *Driver {
	t.Helper()
	dir := t.TempDir()
	return startIn(t, Config{Dirs: []string{dir}, Cache: filepath.Join(dir, "agents.json"), SecretsDir: filepath.Join(dir, "secrets")})
}

func startIn(t *testing.T, c Config) *Driver {
	t.Helper()
	c.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	d, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return d
}

// write makes an agent of a shell script.
func write(t *testing.T, d *Driver, name, script string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(d.cfg.Dirs[0], name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}

func call(action string, params ...device.Param) device.Call {
	return device.Call{Device: "d1", Agent: "fence_t", Action: action, Target: "n2", Timeout: 20 * time.Second,
		Params: append([]device.Param{{Name: "action", Value: action}}, params...)}
}

func TestRun_SpeaksTheProtocol(t *testing.T) {
	d := start(t)
	t.Setenv("NOTIFY_SOCKET", "/run/x")
	write(t, d, "fence_t", `cat; echo "$# $PCMK_service ${NOTIFY_SOCKET-none}"`)
	r := d.Run(t.Context(), call("off", device.Param{Name: "nodename", Value: "n2"}, device.Param{Name: "login", Value: "a b=c"}))
	if want := "action=off\nnodename=n2\nlogin=a b=c\n0 pacemaker-fenced none\n"; r.Status != lrm.Done || r.RC != 0 || r.Output != want {
		t.Errorf("got %+v, want output %q", r, want)
	}
}

func TestRun_JudgesHowAnAgentEnds(t *testing.T) {
	for _, c := range []struct {
		action, script string
		want           string // status, rc, reason
	}{
		{"off", "exit 0", "complete 0 "},
		{"off", "exit 1", "Error 1 Fence agent exited with status 1 and no word"},
		{"off", "exit 2", "Error 1 Fence agent exited with status 2 and no word"},
		{"off", "echo 2026-11-21 21:24:06,527 ERROR: Failed: You have to enter fence address >&2; echo >&2; echo 2026-11-21 21:24:06,527 ERROR: Please use >&2; exit 1",
			"Error 1 You have to enter fence address"},
		{"off", "echo noise >&2; echo the plug is pulled >&2; exit 1", "Error 1 the plug is pulled"},
		{"off", "echo \"ERROR: Unrecognised action 'off'\" >&2; exit 1", "NOT SUPPORTED 1 Unrecognised action 'off'"},
		{"off", "head -c 1000 /dev/zero | tr '\\0' x >&2; exit 1", "Error 1 " + strings.Repeat("x", maxReason) + "..."},
		{"off", "kill -KILL $$", "Error 1 Fence agent interrupted by Killed signal"},
		{"off", "kill -SEGV $$", "Error 1 Fence agent interrupted by Segmentation fault signal"},
		{"status", "exit 0", "complete 0 "},
		{"status", "exit 2", "complete 2 "},
		{"status", "echo no route >&2; exit 1", "complete 1 no route"},
		{"monitor", "exit 2", "Error 1 Fence agent exited with status 2 and no word"},
	} {
		d := start(t)
		write(t, d, "fence_t", c.script)
		r := d.Run(t.Context(), call(c.action))
		if got := fmt.Sprintf("%v %d %s", r.Status, r.RC, r.Reason); got != c.want {
			t.Errorf("%s with %q: got %q, want %q", c.action, c.script, got, c.want)
		}
	}
}

func TestRun_SaysWhyAnAgentCannotStart(t *testing.T) {
	d := start(t)
	if err := os.WriteFile(filepath.Join(d.cfg.Dirs[0], "fence_plain"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	write(t, d, "fence_t", "exit 0")
	for _, c := range []struct {
		agent  string
		param  device.Param
		status lrm.Status
		reason string
	}{
		{"fence_nosuch", device.Param{}, lrm.NotInstalled, "fence_nosuch: file does not exist"},
		{"fence_plain", device.Param{}, lrm.Error, "Permission denied"},
		{"../fence_t", device.Param{}, lrm.NotInstalled, "must begin with fence_"},
		{"fence_/../x", device.Param{}, lrm.NotInstalled, "is not a fence agent"},
		{"fence_t", device.Param{Name: "password", Value: "a\naction=on"}, lrm.Invalid, "parameter password contains a line break"},
		{"fence_t", device.Param{Name: "password", Value: "lrm://"}, lrm.NoSecrets, "Unable to load CIB secrets"},
	} {
		x := call("off", c.param)
		x.Agent = c.agent
		if r := d.Run(t.Context(), x); r.Status != c.status || !strings.Contains(r.Reason, c.reason) || r.RC == 0 {
			t.Errorf("%s %v: %+v", c.agent, c.param, r)
		}
	}
}

// The whole group of a hanging agent is gone a moment after the timeout, whatever it does about signals.
func TestRun_EndsAHangingAgentAndItsChildren(t *testing.T) {
	for name, script := range map[string]string{
		"obedient": "sleep 600 & echo $! > pid; mv pid $PIDS; wait",
		"deaf":     "trap '' TERM; sleep 600 & echo $! > pid; mv pid $PIDS; wait; sleep 600",
		"flooding": "(trap '' TERM; sleep 600) & echo $! > pid; mv pid $PIDS; while :; do echo flood; done",
	} {
		t.Run(name, func(t *testing.T) {
			d := start(t)
			pids := filepath.Join(t.TempDir(), "pids")
			t.Setenv("PIDS", pids)
			write(t, d, "fence_t", "cd "+t.TempDir()+"\n"+script)
			x := call("off")
			x.Timeout = 500 * time.Millisecond
			begin := time.Now()
			r := d.Run(t.Context(), x)
			if took := time.Since(begin); took > 5*time.Second || r.Status != lrm.Timeout || r.Reason != "Fence agent did not complete within 500ms" {
				t.Errorf("after %v: %v %s", took, r.Status, r.Reason)
			}
			if len(r.Output) > outputLimit {
				t.Errorf("%d bytes were kept", len(r.Output))
			}
			gone(t, pids)
		})
	}
}

func TestRun_EndsWhatAnAgentLeavesBehind(t *testing.T) {
	d := start(t)
	pids := filepath.Join(t.TempDir(), "pids")
	t.Setenv("PIDS", pids)
	write(t, d, "fence_t", "sleep 600 & echo $! > $PIDS")
	begin := time.Now()
	if r := d.Run(t.Context(), call("off")); r.Status != lrm.Done || time.Since(begin) > 5*time.Second {
		t.Errorf("after %v: %+v", time.Since(begin), r)
	}
	gone(t, pids)
}

func TestRun_EndsWithItsContext(t *testing.T) {
	d := start(t)
	write(t, d, "fence_t", "exec sleep 600")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if r := d.Run(ctx, call("monitor")); r.Status != lrm.Cancelled {
		t.Errorf("%+v", r)
	}
}

// gone waits until the process whose pid the agent wrote has ended.
func gone(t *testing.T, file string) {
	t.Helper()
	var pid int
	raw, err := os.ReadFile(file)
	if _, serr := fmt.Sscan(string(raw), &pid); err != nil || serr != nil {
		t.Fatal("the agent wrote no pid", err, serr)
	}
	t.Cleanup(func() { syscall.Kill(pid, syscall.SIGKILL) })
	for limit := time.Now().Add(5 * time.Second); alive(pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("process %d is still there", pid)
		}
	}
}

// alive reports whether a process runs; a zombie that nobody collects does not.
func alive(pid int) bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	return !strings.HasPrefix(rest, "Z")
}

func TestRun_ReplacesSecrets(t *testing.T) {
	d := start(t)
	write(t, d, "fence_t", "cat")
	dir := filepath.Join(d.cfg.SecretsDir, "d1")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	put := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("password", "geheim  \nsecond line\n")
	put("password.sign", "e8636ea013e682faf61f56ce1cb1ab5c\n") // md5 of "geheim"
	r := d.Run(t.Context(), call("off", device.Param{Name: "password", Value: "lrm://"}))
	if r.Output != "action=off\npassword=geheim\n" {
		t.Errorf("%+v", r)
	}
	put("password", "older\n")
	if r := d.Run(t.Context(), call("off", device.Param{Name: "password", Value: "lrm://"})); r.Status != lrm.NoSecrets {
		t.Errorf("a secret that does not match its checksum was used: %+v", r)
	}
}
