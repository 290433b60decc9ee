package processes

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/internal/proc"
	"github.com/holdfast-ha/holdfast/tests/hungfs"
)

// daemon starts a process that is no child of this one, as an agent leaves a service behind.
func daemon(t *testing.T, env ...string) int {
	t.Helper()
	file := t.TempDir() + "/pid"
	cmd := exec.Command("/bin/sh", "-c", "setsid sleep 600 >/dev/null 2>&1 & echo $! >"+file)
	cmd.Env = append([]string{"PATH=/usr/bin:/bin"}, env...)
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(raw[:len(raw)-1]))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGKILL) }) // ESRCH: it has ended by itself
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if p, err := proc.Read(pid); err == nil && p.Comm == "sleep" {
			return pid
		}
	}
	t.Fatal("it does not run")
	return 0
}

func text(list []Process) string {
	s := ""
	for _, p := range list {
		s += fmt.Sprintf("%s:%d:%v ", p.Resource, p.PID, p.Main)
	}
	return s
}

func TestLook_FindsByEnvironmentAndPidFile(t *testing.T) {
	named := daemon(t)
	db := daemon(t, "OCF_RESOURCE_INSTANCE=db")
	worker := daemon(t, "OCF_RESOURCE_INSTANCE=db:1")
	other := daemon(t, "OCF_RESOURCE_INSTANCE=database")
	file := t.TempDir() + "/web.pid"
	if err := os.WriteFile(file, []byte(fmt.Sprintln(named)), 0o600); err != nil {
		t.Fatal(err)
	}
	f := New()
	resources := []Resource{{ID: "db", Class: "ocf"}, {ID: "web", Class: "ocf", PIDFile: file}}
	if got := text(f.look(resources)); got != fmt.Sprintf("web:%d:true ", named) {
		t.Errorf("at first sight: %s", got)
	}
	if got := text(f.look(resources)); got != fmt.Sprintf("db:%d:true db:%d:false web:%d:true ", db, worker, named) {
		t.Errorf("found %s, not %d", got, other)
	}
}

func TestLook_WhatThisProcessRunsIsNoService(t *testing.T) {
	cmd := exec.Command("sleep", "600")
	cmd.Env = []string{"OCF_RESOURCE_INSTANCE=db"}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	f := New()
	for range 3 {
		if got := f.look([]Resource{{ID: "db", Class: "ocf"}}); len(got) != 0 {
			t.Errorf("found %s", text(got))
		}
	}
}

func TestWatch_ForgetsTheProcessesOfAResourceThatStopped(t *testing.T) {
	f := New()
	f.found = []Process{{Resource: "db", PID: 1}, {Resource: "web", PID: 2}}
	f.Watch([]Resource{{ID: "web"}})
	if got := text(f.Found()); got != "web:2:false " {
		t.Errorf("left %s", got)
	}
}

func TestLook_APidFileThatHangsHoldsUpNothing(t *testing.T) {
	db, web := daemon(t, "OCF_RESOURCE_INSTANCE=db"), daemon(t)
	file := hungfs.Mount(t) + "/db.pid"
	other := t.TempDir() + "/web.pid"
	if err := os.WriteFile(other, []byte(fmt.Sprintln(web)), 0o600); err != nil {
		t.Fatal(err)
	}
	f := New()
	f.named[file] = db // as it was read before the server died
	resources := []Resource{{ID: "db", Class: "ocf", PIDFile: file}, {ID: "web", Class: "ocf", PIDFile: other}}
	before, began := runtime.NumGoroutine(), time.Now()
	for range 20 {
		if got := text(f.look(resources)); got != fmt.Sprintf("db:%d:true web:%d:true ", db, web) {
			t.Fatalf("found %s", got)
		}
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("20 looks took %s", took)
	}
	if more := runtime.NumGoroutine() - before; more > 1 {
		t.Errorf("20 looks left %d goroutines", more)
	}
}
