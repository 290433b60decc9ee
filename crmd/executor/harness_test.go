package executor

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	godbus "github.com/godbus/dbus/v5"

	"github.com/holdfast-ha/holdfast/crmd/executor/systemd"
	"github.com/holdfast-ha/holdfast/internal/paths"
)

// lab is an executor with agents of its own, and its results.
type lab struct {
	t    *testing.T
	e    *Executor
	dir  string
	stop func()

	mu      sync.Mutex
	results []Result
	arrived chan struct{}
}

// newLab starts an executor whose files are all in a temporary directory. change may alter its configuration.
func newLab(t *testing.T, change func(*Config)) *lab {
	t.Helper()
	return newLabIn(t, t.TempDir(), change)
}

func newLabIn(t *testing.T, dir string, change func(*Config)) *lab {
	t.Helper()
	l := &lab{t: t, dir: dir, arrived: make(chan struct{}, 1)}
	cfg := Config{
		Dirs: paths.Dirs{Run: filepath.Join(dir, "run")}, Report: l.take,
		OCFPath: []string{filepath.Join(dir, "ocf"), "/usr/lib/ocf/resource.d"}, InitDir: filepath.Join(dir, "init.d"),
		FenceDir: filepath.Join(dir, "fence"), RscTmp: filepath.Join(dir, "rsctmp"), SecretsDir: filepath.Join(dir, "secrets"),
		Systemd: systemd.Options{DropIns: filepath.Join(dir, "units"),
			Dial: func(context.Context) (*godbus.Conn, error) { return nil, fmt.Errorf("no bus in this test") }},
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	if change != nil {
		change(&cfg)
	}
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l.e = e
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	l.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(l.stop)
	return l
}

func (l *lab) take(r Result) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.results = append(l.results, r)
	select {
	case l.arrived <- struct{}{}:
	default:
	}
}

// write makes an executable file below the lab's directory.
func (l *lab) write(path, text string) string {
	l.t.Helper()
	path = filepath.Join(l.dir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		l.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		l.t.Fatal(err)
	}
	return path
}

// agent makes ocf:test:NAME.
func (l *lab) agent(name, script string) { l.write("ocf/test/"+name, "#!/bin/sh\n"+script+"\n") }

func (l *lab) submit(op Op) int {
	l.t.Helper()
	id, err := l.e.Submit(op)
	if err != nil {
		l.t.Fatal(err)
	}
	return id
}

// result waits for the first result that matches and takes it and those before it out of the list.
func (l *lab) result(match func(Result) bool) Result {
	l.t.Helper()
	limit := time.After(30 * time.Second)
	for {
		l.mu.Lock()
		for i, r := range l.results {
			if match(r) {
				l.results = l.results[i+1:]
				l.mu.Unlock()
				return r
			}
		}
		l.mu.Unlock()
		select {
		case <-l.arrived:
		case <-limit:
			l.t.Fatal("no such result within 30 s")
		}
	}
}

// do runs an operation that runs once and returns its result.
func (l *lab) do(op Op) Result {
	l.t.Helper()
	id := l.submit(op)
	return l.result(func(r Result) bool { return r.CallID == id })
}

func ocfOp(typ, task string) Op {
	return Op{Rsc: "r1", Class: "ocf", Provider: "test", Type: typ, Task: task, TimeoutMs: 20000}
}

// eventually polls a condition that real processes bring about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for limit := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}
