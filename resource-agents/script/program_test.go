package script

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/internal/proc"
)

func TestProgram_Lifecycle(t *testing.T) {
	l := newLab(t, "command=echo started in $PWD; exec sleep 600", "directory=DIR")
	l.want(7, "", "monitor")
	l.want(7, "", "monitor", "interval=0")
	l.want(0, "", "stop")
	l.want(0, "", "start")
	pid := l.state().PID
	l.want(0, "", "monitor")
	l.want(0, "", "monitor", "interval=0")
	l.want(0, "", "start")
	if l.state().PID != pid {
		t.Error("a second start started a second program")
	}
	if log, _ := os.ReadFile(filepath.Join(l.dir, "log")); string(log) != "started in "+l.dir+"\n" {
		t.Errorf("log %q", log)
	}
	l.want(0, "", "stop")
	if alive(pid) || l.state() != nil {
		t.Errorf("after the stop: alive %v, state %v", alive(pid), l.state())
	}
	l.want(7, "", "monitor")
	l.want(0, "", "stop")
}

func TestProgram_StartThatFails(t *testing.T) {
	l := newLab(t, "command=echo first; echo no such port >&2; exit 3")
	l.want(1, "the program ended with exit status 3 right after its start: no such port", "start")
	l.want(7, "", "monitor")
	l.set("command=exit 0")
	l.want(1, "the program ended with exit code 0 right after its start", "start")
	l.set("command=sleep 600", "directory=/no/such/directory")
	l.want(5, "the working directory /no/such/directory", "start")
	l.set("directory=/", "user=nobody-knows")
	l.want(5, "this node has no user nobody-knows", "start")
	l.want(0, "", "stop")
}

func TestProgram_ThatEndsByItself(t *testing.T) {
	l := newLab(t, "command=sleep 600 & echo $! > DIR/child; wait")
	l.want(0, "", "start")
	child := l.pid("child")
	signalLeader(t, l, syscall.SIGKILL)
	l.eventually("the program has ended", func() bool { _, ok := l.state().leader(); return !ok })
	l.want(1, "the program has ended, but processes of it still run: [sleep[", "monitor")
	l.want(1, "the program has ended", "monitor", "interval=0")
	l.want(0, "", "stop")
	if alive(child) {
		t.Error("the child of the program survived the stop")
	}
	l.want(7, "", "monitor")
}

func signalLeader(t *testing.T, l *lab, sig syscall.Signal) {
	t.Helper()
	p, ok := l.state().leader()
	if !ok {
		t.Fatal("the program does not run")
	}
	if err := signal(p, sig); err != nil {
		t.Fatal(err)
	}
}

func TestProgram_IsKilledWithItsChildrenWhenItDoesNotStop(t *testing.T) {
	l := newLab(t, "command=trap '' TERM; sh -c 'trap \"\" TERM; echo $$ > DIR/child; while :; do sleep 1; done' & while :; do sleep 1; done", "stop_timeout=300ms")
	l.want(0, "", "start")
	child := l.pid("child")
	begin := time.Now()
	l.want(0, "", "stop")
	if d := time.Since(begin); alive(child) || d < 300*time.Millisecond || d > 5*time.Second {
		t.Errorf("after %v the child is alive: %v", d, alive(child))
	}
}

func TestProgram_StopSignal(t *testing.T) {
	l := newLab(t, "command=trap 'echo bye > DIR/bye; exit 0' USR1; trap '' TERM; echo ready > DIR/ready; while :; do sleep 0.02; done", "stop_signal=USR1")
	l.want(0, "", "start")
	l.eventually("the program has set its trap", func() bool { _, err := os.Stat(l.dir + "/ready"); return err == nil })
	l.want(0, "", "stop")
	if _, err := os.Stat(l.dir + "/bye"); err != nil {
		t.Error("the program did not get the signal")
	}
}

func TestProgram_StoppedProcessIsStuck(t *testing.T) {
	l := newLab(t, "command=exec sleep 600", "hang_checks=3")
	l.want(0, "", "start")
	stop := func() {
		signalLeader(t, l, syscall.SIGSTOP)
		l.eventually("the program is stopped", func() bool { p, _ := l.state().leader(); return p.State == 'T' })
	}
	stop()
	l.want(0, "", "monitor")
	l.want(0, "", "monitor")
	signalLeader(t, l, syscall.SIGCONT)
	l.eventually("the program goes on", func() bool { p, _ := l.state().leader(); return p.State == 'S' })
	l.want(0, "", "monitor")
	stop()
	l.want(0, "", "monitor")
	l.want(0, "", "monitor")
	l.want(1, "is stuck (sleep[", "monitor")
	l.want(1, "4 times in a row", "monitor")
	l.want(0, "", "monitor", "hang_checks=0")
	l.want(0, "", "stop")
	l.want(7, "", "monitor")
}

func TestProgram_Probe(t *testing.T) {
	l := newLab(t, "command=sleep 0.3; echo up > DIR/up; exec sleep 600", "probe=[ -e DIR/slow ] && sleep 600; [ -e DIR/up ] || { echo not yet; exit 1; }",
		"probe_count=2", "probe_timeout=300ms")
	begin := time.Now()
	l.want(0, "", "start")
	if d := time.Since(begin); d < 300*time.Millisecond {
		t.Errorf("the start did not wait for the probe: %v", d)
	}
	l.want(0, "", "monitor")
	os.Remove(l.dir + "/up")
	l.want(0, "", "monitor")
	l.want(1, "the probe ended with exit code 1: not yet, 2 times in a row", "monitor")
	os.WriteFile(l.dir+"/up", nil, 0o600)
	l.want(0, "", "monitor")
	os.WriteFile(l.dir+"/slow", nil, 0o600)
	l.want(0, "", "monitor")
	l.want(1, "the probe did not answer in time, 2 times in a row", "monitor")
	l.want(0, "", "monitor", "interval=0")
	l.want(0, "", "stop")
	l.set("command=exec sleep 600", "probe=exit 4")
	l.want(1, "the program has started, but the probe ended with exit code 4", "start", "timeout=2000")
	l.want(7, "", "monitor")
}

func TestProgram_RunsAsItsUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to change the user")
	}
	l := newLab(t, "command=id -un; id -G; echo $HOME; exec sleep 600", "user=daemon")
	l.want(0, "", "start")
	log := ""
	for end := time.Now().Add(10 * time.Second); strings.Count(log, "\n") < 3 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		raw, _ := os.ReadFile(l.dir + "/log")
		log = string(raw)
	}
	l.want(0, "", "stop")
	if log != "daemon\n1\n/usr/sbin\n" {
		t.Errorf("log %q", log)
	}
}

// foreign starts a process that leads a session and is not ours.
func foreign(t *testing.T) proc.Process {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	p, err := proc.Read(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (l *lab) remember(s state) {
	l.t.Helper()
	raw, err := json.Marshal(s)
	if err == nil {
		err = os.WriteFile(filepath.Join(l.dir, "script-app.json"), raw, 0o600)
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

func TestProgram_NeverTouchesAForeignProcess(t *testing.T) {
	for name, change := range map[string]func(*state){
		"its pid was used again":    func(s *state) { s.Start-- },
		"the state is of last boot": func(s *state) { s.Boot = "other" },
		"its cgroup is gone":        func(s *state) { s.Start--; s.Cgroup = "/sys/fs/cgroup/no/such" },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, "command=exec sleep 600", "stop_timeout=100ms")
			p := foreign(t)
			s := state{Boot: proc.BootID(), PID: p.PID, Start: p.Start, Mark: "mark"}
			change(&s)
			l.remember(s)
			l.want(7, "", "monitor")
			l.want(0, "", "stop")
			if !alive(p.PID) {
				t.Error("the foreign process was killed")
			}
		})
	}
}

// An agent that is killed while it starts the program knows the program only by its mark.
func TestProgram_StartedByAnAgentThatWasKilled(t *testing.T) {
	l := newLab(t, "command=exec sleep 600")
	l.want(0, "", "start")
	pid := l.state().PID
	s := *l.state()
	s.PID, s.Start, s.Cgroup = 0, 0, ""
	l.remember(s)
	l.want(1, "processes of it still run", "monitor")
	l.want(0, "", "stop")
	if alive(pid) {
		t.Error("the program survived the stop")
	}
}

func TestProgram_CgroupHoldsWhatLeavesTheSession(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "cgroup2", 0, ""); err != nil {
		t.Skipf("cannot mount cgroup v2 here: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, 0) })
	if root := cgroupRoot(); root != dir && root == "" {
		t.Fatal("the mounted cgroup v2 is not found")
	}
	l := newLab(t, "command=setsid sh -c 'echo $$ > DIR/escaped; exec sleep 600' & exec sleep 600")
	l.want(0, "", "start")
	escaped := l.pid("escaped")
	if s := l.state(); s.Cgroup == "" || len(s.family()) != 2 {
		t.Errorf("state %+v, family %v", s, s.family())
	}
	cgroup := l.state().Cgroup
	l.want(0, "", "stop")
	if _, err := os.Stat(cgroup); alive(escaped) || err == nil {
		t.Errorf("after the stop: escaped process alive %v, cgroup %v", alive(escaped), err)
	}
	os.Remove(filepath.Dir(cgroup))
}

func TestProgram_DamagedStateIsNoGuess(t *testing.T) {
	l := newLab(t, "command=exec sleep 600")
	if err := os.WriteFile(filepath.Join(l.dir, "script-app.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, action := range []string{"start", "stop", "monitor"} {
		l.want(1, fmt.Sprintf("%s/script-app.json is damaged", l.dir), action)
	}
	os.Remove(filepath.Join(l.dir, "script-app.json"))
}

func TestProgram_PassesTheTesterOfResourceAgents(t *testing.T) {
	tester, err := exec.LookPath("ocf-tester")
	if err != nil {
		t.Skip("needs ocf-tester (package resource-agents)")
	}
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "build", "-o", filepath.Join(dir, "script"), "../../cmd/holdfast-agents")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for name, params := range map[string][]string{
		"program":  {"-o", "command='sleep 600'"},
		"commands": {"-o", "start='touch " + dir + "/on'", "-o", "stop='rm -f " + dir + "/on'", "-o", "status='test -e " + dir + "/on'"},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"-n", "app", "-o", "log=" + dir + "/log"}, params...)
			for i, a := range args {
				args[i] = strings.ReplaceAll(a, "'", "")
			}
			cmd := exec.Command(tester, append(args, filepath.Join(dir, "script"))...)
			cmd.Env = append(os.Environ(), "HA_RSCTMP="+dir)
			out, _ := cmd.CombinedOutput()
			for line := range strings.Lines(string(out)) {
				// The tester knows the metadata of OCF 1.0 only.
				if strings.HasPrefix(line, "* rc=") && !strings.Contains(line, "conform to ra-api-1.dtd") {
					t.Errorf("%s\n%s", line, out)
				}
			}
			if !strings.Contains(string(out), "failed 1 tests") {
				t.Errorf("%s", out)
			}
		})
	}
}
