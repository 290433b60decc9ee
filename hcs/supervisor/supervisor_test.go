package supervisor

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"go.uber.org/goleak"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/supervisor/policy"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/internal/paths"
)

// The test's program is the daemons too: as which one it runs is its name.
func TestMain(m *testing.M) {
	switch name := filepath.Base(os.Args[0]); name {
	case "corosyncd", "fenced", "crmd":
		os.Exit(runDaemon(name))
	}
	if dir := os.Getenv("SUPERVISE"); dir != "" {
		s := New(config(dir, os.Stdout))
		if err := s.Run(context.Background()); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// runDaemon reports itself and serves /v1/shutdown, after which crmd and corosyncd end as after leaving.
func runDaemon(name string) int {
	dirs := paths.FromEnv()
	fmt.Printf("hello from %s\n", name)
	_ = os.WriteFile(filepath.Join(dirs.Run, name+".pid"), []byte(strconv.Itoa(os.Getpid())), 0o600)
	if raw, err := os.ReadFile(filepath.Join(dirs.Run, name+".exit")); err == nil {
		code, _ := strconv.Atoi(string(raw))
		return code
	}
	if os.Getenv("ORPHANS") != "" {
		_ = exec.Command("sh", "-c", "for i in 1 2 3 4 5; do sleep 2 & done").Run()
	}
	l, err := ipc.Listen(dirs.Socket(name), 0o600)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+api.PathShutdown, func(w http.ResponseWriter, _ *http.Request) {
		_ = os.WriteFile(filepath.Join(dirs.Run, "drained"), nil, 0o600)
		ipc.Reply(w, nil)
		time.AfterFunc(50*time.Millisecond, cancel)
	})
	_, _ = daemon.SdNotify(false, "READY=1")
	go func() {
		for {
			_, _ = daemon.SdNotify(false, "WATCHDOG=1")
			time.Sleep(100 * time.Millisecond)
		}
	}()
	_ = ipc.Serve(ctx, l, mux, slog.New(slog.DiscardHandler))
	return 0
}

func config(dir string, out io.Writer) Config {
	return Config{Dirs: paths.Dirs{Etc: dir, Var: dir, Run: dir}, BinDir: dir, CRM: "crmd", Drain: 10 * time.Second, Out: out, Daemons: []policy.Daemon{
		{Name: "corosyncd", Watchdog: time.Second, Leaves: true}, {Name: "fenced", After: "corosyncd"}, {Name: "crmd", After: "corosyncd", Leaves: true}}}
}

// output collects what is written.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// rig is a supervisor that runs.
type rig struct {
	t      *testing.T
	dir    string
	out    output
	cancel context.CancelFunc
	done   chan error
	ready  chan string
}

// install makes a directory with the daemons.
func install(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sup") // a short path: unix sockets have at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"corosyncd", "fenced", "crmd"} {
		if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func run(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, dir: install(t), done: make(chan error, 1), ready: make(chan string, 1)}
	t.Setenv("HOLDFAST_RUN_DIR", r.dir)
	cfg := config(r.dir, &r.out)
	cfg.Notify = func(state string) { r.ready <- state }
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	go func() { r.done <- New(cfg).Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err, open := <-r.done; open && err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(r.out.String())
		}
	})
	return r
}

func (r *rig) up() *rig {
	r.t.Helper()
	select {
	case <-r.ready:
	case <-time.After(20 * time.Second):
		r.t.Fatalf("the node is not up:\n%s", r.out.String())
	}
	return r
}

// until polls a condition; real processes are involved.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

func pid(dir, name string) int {
	raw, err := os.ReadFile(filepath.Join(dir, name+".pid"))
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(string(raw))
	return n
}

func alive(pid int) bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	return !strings.HasPrefix(rest, "Z")
}

func TestRun_StopsInOrderAndLeavesNothingBehind(t *testing.T) {
	r := run(t).up()
	pids := []int{pid(r.dir, "corosyncd"), pid(r.dir, "fenced"), pid(r.dir, "crmd")}
	r.cancel()
	err := <-r.done
	close(r.done)
	if err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(r.dir, "drained")); err != nil {
		t.Error("crmd was not asked to stop its resources")
	}
	for _, p := range pids {
		if p == 0 || alive(p) {
			t.Errorf("process %d is still there", p)
		}
	}
	if out := r.out.String(); !strings.Contains(out, "crmd: hello from crmd\n") || !strings.Contains(out, "its resources stop or move first") {
		t.Errorf("the log is\n%s", out)
	}
}

func TestRun_RestartsAKilledDaemonAtOnce(t *testing.T) {
	r := run(t).up()
	for _, name := range []string{"corosyncd", "fenced", "crmd"} {
		old := pid(r.dir, name)
		start := time.Now()
		if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		until(t, name+" runs again", func() bool { p := pid(r.dir, name); return p != old && p != 0 })
		t.Logf("%s was back after %s", name, time.Since(start).Round(time.Millisecond))
	}
}

func TestRun_RestartsADaemonThatHangs(t *testing.T) {
	r := run(t).up()
	old := pid(r.dir, "corosyncd")
	if err := syscall.Kill(old, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	until(t, "corosyncd runs again", func() bool { p := pid(r.dir, "corosyncd"); return p != old && p != 0 })
	if !strings.Contains(r.out.String(), "corosyncd hangs") {
		t.Errorf("the log is\n%s", r.out.String())
	}
}

func TestRun_ANodeThatLeftIsEnded(t *testing.T) {
	r := run(t).up()
	c := ipc.NewClient(filepath.Join(r.dir, "crmd.sock"))
	defer c.Close()
	if err := c.Call(t.Context(), "POST", api.PathShutdown, nil, nil); err != nil {
		t.Fatal(err)
	}
	err := <-r.done
	close(r.done)
	if err != nil {
		t.Error(err)
	}
}

func TestRun_AMistakeInTheConfigurationEndsIt(t *testing.T) {
	dir := install(t)
	t.Setenv("HOLDFAST_RUN_DIR", dir)
	if err := os.WriteFile(filepath.Join(dir, "corosyncd.exit"), []byte("78"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out output
	err := New(config(dir, &out)).Run(t.Context())
	if session.Code(err) != 78 || !strings.Contains(err.Error(), "cannot run with this configuration") {
		t.Errorf("got %v\n%s", err, out.String())
	}
}

func TestRun_OnlyOnceForOneNode(t *testing.T) {
	r := run(t).up()
	var out output
	if err := New(config(r.dir, &out)).Run(t.Context()); session.Code(err) != api.CodeExists {
		t.Errorf("got %v", err)
	}
}

// A supervisor that is killed takes the daemons with it.
func TestRun_KilledLeavesNoDaemonBehind(t *testing.T) {
	dir := install(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "SUPERVISE="+dir, "HOLDFAST_RUN_DIR="+dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	names := []string{"corosyncd", "fenced", "crmd"}
	until(t, "the daemons run", func() bool { return pid(dir, "crmd") != 0 && pid(dir, "fenced") != 0 })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	for _, n := range names {
		until(t, n+" is gone", func() bool { return !alive(pid(dir, n)) })
	}
}

// children counts a process' children, those that have ended included.
func children(parent int) int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	n := 0
	for _, f := range stats {
		raw, _ := os.ReadFile(f) // a process that ends meanwhile
		_, rest, _ := strings.Cut(string(raw), ") ")
		if words := strings.Fields(rest); len(words) > 1 && words[1] == strconv.Itoa(parent) {
			n++
		}
	}
	return n
}

// In a container it is process 1, to which every orphan falls.
func TestRun_AsProcess1ItCollectsOrphans(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root makes a process namespace")
	}
	dir := install(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "SUPERVISE="+dir, "HOLDFAST_RUN_DIR="+dir, "ORPHANS=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	if err := cmd.Start(); err != nil {
		t.Skipf("no process namespace here: %v", err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	}()
	until(t, "orphans", func() bool { return children(cmd.Process.Pid) > 3 })
	until(t, "only the daemons", func() bool { return children(cmd.Process.Pid) == 3 })
}

// blocked takes nothing until it is released.
type blocked struct {
	output
	once             sync.Once
	entered, release chan struct{}
}

func (b *blocked) Write(p []byte) (int, error) {
	b.once.Do(func() { close(b.entered) })
	<-b.release
	return b.output.Write(p)
}

func TestLog_ASlowReaderCostsLinesNotTime(t *testing.T) {
	b := &blocked{entered: make(chan struct{}), release: make(chan struct{})}
	l := newLineLog(b)
	done := make(chan struct{})
	go func() { l.run(); close(done) }()
	l.put("first")
	<-b.entered
	for range 3 * maxLines {
		l.put("line") // would hang here
	}
	close(b.release)
	l.close()
	<-done
	if out := b.String(); strings.Count(out, "line\n") != maxLines || !strings.Contains(out, fmt.Sprintf("node: %d lines were left out", 2*maxLines)) {
		t.Errorf("%d lines were written", strings.Count(out, "line\n"))
	}
}
