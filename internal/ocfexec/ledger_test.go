package ocfexec

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Environment variables that turn the test binary into a daemon that is to be killed.
const (
	crashLedger = "OCFEXEC_TEST_LEDGER"
	crashScript = "OCFEXEC_TEST_SCRIPT"
)

func TestMain(m *testing.M) {
	dir := os.Getenv(crashLedger)
	if dir == "" {
		os.Exit(m.Run())
	}
	r, err := New(Options{Ledger: dir})
	if err != nil {
		panic(err)
	}
	go r.Run(context.Background())
	_, err = r.Exec(context.Background(), sh(os.Getenv(crashScript)))
	fmt.Println("agent ended", err)
	os.Exit(0)
}

// crash runs a script under a runner in another process, kills that process and returns what the script
// wrote into the file.
func crash(t *testing.T, ledger, file, script string) string {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), crashLedger+"="+ledger, crashScript+"="+script)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the agent has written its pids", func() bool {
		raw, err := os.ReadFile(file)
		return err == nil && strings.HasSuffix(string(raw), "\n")
	})
	eventually(t, "the agent is in the ledger", func() bool {
		notes, _ := filepath.Glob(ledger + "/*")
		return len(notes) == 1
	})
	cmd.Process.Kill()
	cmd.Wait()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestKillLeftovers_EndsTheAgentAndItsChildren(t *testing.T) {
	ledger, file := t.TempDir(), filepath.Join(t.TempDir(), "pids")
	var agent, child int
	fmt.Sscan(crash(t, ledger, file, "sleep 600 & echo $$ $! > "+file+".t; mv "+file+".t "+file+"; wait"), &agent, &child)
	t.Cleanup(func() { syscall.Kill(child, syscall.SIGKILL); syscall.Kill(agent, syscall.SIGKILL) })
	if !exists(agent) || !exists(child) {
		t.Fatal("the agent did not survive its daemon")
	}
	found := startRunner(t, ledger).KillLeftovers()
	if len(found) != 1 || found[0].Label != "test" || found[0].Process.PID != agent || !found[0].Dead {
		t.Errorf("found %+v", found)
	}
	if exists(agent) || exists(child) {
		t.Errorf("agent alive %v, child alive %v", exists(agent), exists(child))
	}
	if notes, _ := filepath.Glob(ledger + "/*"); len(notes) != 0 {
		t.Errorf("notes remain: %v", notes)
	}
}

// The daemon may die after the fork and before it knows the pid.
func TestKillLeftovers_FindsAnAgentWhosePidWasNotNoted(t *testing.T) {
	ledger, file := t.TempDir(), filepath.Join(t.TempDir(), "pid")
	var agent int
	fmt.Sscan(crash(t, ledger, file, "echo $$ > "+file+"; sleep 600; :"), &agent)
	t.Cleanup(func() { syscall.Kill(-agent, syscall.SIGKILL) })
	notes, _ := filepath.Glob(ledger + "/*")
	raw, err := os.ReadFile(notes[0])
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(raw), "\n")
	if err := os.WriteFile(notes[0], []byte(strings.Join(lines[:3], "")), 0o600); err != nil {
		t.Fatal(err)
	}
	found := startRunner(t, ledger).KillLeftovers()
	if len(found) != 1 || found[0].Process.PID != agent || exists(agent) {
		t.Errorf("found %+v, alive %v", found, exists(agent))
	}
}

func TestKillLeftovers_SparesWhatAnEndedAgentStarted(t *testing.T) {
	ledger, file := t.TempDir(), filepath.Join(t.TempDir(), "pid")
	var agent, daemon int
	// The helper process waits on nothing: its agent ends, and a note is made to stay by killing at once.
	fmt.Sscan(crash(t, ledger, file, "sleep 600 </dev/null >/dev/null 2>&1 & echo $$ $! > "+file+".t; mv "+file+".t "+file+"; wait"), &agent, &daemon)
	t.Cleanup(func() { syscall.Kill(daemon, syscall.SIGKILL) })
	syscall.Kill(agent, syscall.SIGKILL)
	eventually(t, "the agent has ended", func() bool { return !exists(agent) })
	if found := startRunner(t, ledger).KillLeftovers(); len(found) != 0 {
		t.Errorf("found %+v", found)
	}
	if !exists(daemon) {
		t.Error("the resource was ended")
	}
}

func TestKillLeftovers_IgnoresAPidThatWasUsedAgain(t *testing.T) {
	ledger := t.TempDir()
	r := startRunner(t, ledger)
	cmd := exec.Command("sleep", "600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	note := fmt.Sprintf("%s\nd1_start_0\n/agent\n%d 12345\n", r.ledger.boot, cmd.Process.Pid)
	if err := os.WriteFile(filepath.Join(ledger, "1-1-1"), []byte(note), 0o600); err != nil {
		t.Fatal(err)
	}
	if found := r.KillLeftovers(); len(found) != 0 || !exists(cmd.Process.Pid) {
		t.Errorf("found %+v, alive %v", found, exists(cmd.Process.Pid))
	}
}

func TestLedger_IsEmptyAfterTheCommand(t *testing.T) {
	ledger := t.TempDir()
	r := startRunner(t, ledger)
	x := run(t, r, sh("ls "+ledger+" | wc -l; cat "+ledger+"/* | wc -l"))
	if got := strings.Fields(string(x.Stdout)); len(got) != 2 || got[0] != "1" {
		t.Errorf("while it ran: %v", got)
	}
	if notes, _ := filepath.Glob(ledger + "/*"); len(notes) != 0 {
		t.Errorf("notes remain: %v", notes)
	}
}

func BenchmarkExec(b *testing.B) {
	r, err := New(Options{Ledger: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	defer func() { cancel(); <-done }()
	for b.Loop() {
		if _, err := r.Exec(ctx, Command{Path: "/bin/true", Label: "x"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPlainForkExec(b *testing.B) {
	for b.Loop() {
		if err := exec.Command("/bin/true").Run(); err != nil {
			b.Fatal(err)
		}
	}
}
