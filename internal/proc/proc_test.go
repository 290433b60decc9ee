package proc

import (
	"errors"
	"os"
	"os/exec"
	"reflect"
	"syscall"
	"testing"
	"time"
)

func TestParseStat_NameMayHoldAnything(t *testing.T) {
	raw := []byte("42 (a) (b c) D 7 40 39 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 998877 1 2\n")
	p, err := parseStat(42, raw)
	if err != nil {
		t.Fatal(err)
	}
	want := Process{PID: 42, PPID: 7, Group: 40, Session: 39, Start: 998877, State: 'D', Comm: "a) (b c"}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got %+v", p)
	}
	for _, bad := range []string{"", "42 x", "42 (x) S 1", "42 (x) S a b c 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0 99 1"} {
		if _, err := parseStat(42, []byte(bad)); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestAlive_NeedsTheSameStart(t *testing.T) {
	self, err := Read(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if !Alive(self.PID, self.Start) {
		t.Error("this process is not alive")
	}
	if Alive(self.PID, self.Start+1) {
		t.Error("another process with this pid counts as this one")
	}
}

func TestGroup_ShowsAStoppedMember(t *testing.T) {
	cmd := exec.Command("sleep", "600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(5 * time.Second)
	for {
		members := Group(pid, 10)
		if len(members) == 1 && members[0].PID == pid && members[0].State == 'T' {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("group is %v", members)
		}
	}
	cmd.Process.Kill()
	cmd.Wait()
	if left := Group(pid, 10); len(left) != 0 {
		t.Errorf("after its end: %v", left)
	}
	if _, err := Read(pid); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after its end: %v", err)
	}
}

func TestTree_DescendantsWithTheirState(t *testing.T) {
	cmd := exec.Command("sh", "-c", "sh -c 'sleep 600; :' & wait")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); cmd.Wait() })
	if len(Children(os.Getpid())) == 0 {
		t.Skip("this kernel does not list children")
	}
	for limit := time.Now().Add(5 * time.Second); ; {
		tree := Tree(cmd.Process.Pid, 10)
		if len(tree) == 3 && tree[0].PID == cmd.Process.Pid && tree[1].PPID == tree[0].PID && tree[2].PPID == tree[1].PID && tree[2].Comm == "sleep" {
			break
		}
		if time.Now().After(limit) {
			t.Fatalf("tree is %v", tree)
		}
	}
	if tree := Tree(cmd.Process.Pid, 2); len(tree) != 2 {
		t.Errorf("two of them: %v", tree)
	}
}
