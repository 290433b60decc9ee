package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/holdfast-ha/holdfast/tests/lab/room"
)

// envVictim makes the test binary a program that uses the lab and gets killed; it holds the path of the lab's
// own program, so that nothing is built.
const envVictim = "HOLDFAST_LAB_VICTIM"

// victim runs a cluster, with one node frozen, until it is killed.
func victim() int {
	if why := room.Missing(); why != "" {
		fmt.Println("missing:", why)
		return 1
	}
	c, err := New(Options{Nodes: 2, Links: 2, StateSize: 1 << 20, Command: []string{"sh", "-c", "echo of $(hostname) >/etc/mark; sleep 1000"}})
	if err == nil {
		err = c.PowerOnAll(context.Background())
	}
	if err == nil {
		err = c.Node("n2").Freeze()
	}
	var out string
	if err == nil {
		out, err = c.Node("n1").Exec(context.Background(), "sh", "-c", "id -u; ping -c1 -W2 n2 >/dev/null && echo reached")
	}
	if err != nil {
		fmt.Println("failed:", err)
		return 1
	}
	fmt.Println("ready", os.Getppid(), strings.ReplaceAll(out, "\n", " "))
	io.Copy(io.Discard, os.Stdin) // for ever: nobody writes or closes it
	select {}
}

// world is what a lab could leave behind.
type world struct{ processes, mounts, links, files []string }

func look(t *testing.T) world {
	t.Helper()
	var w world
	procs, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range procs {
		if comm, err := os.ReadFile(p); err == nil {
			w.processes = append(w.processes, p+" "+strings.TrimSpace(string(comm)))
		}
	}
	raw, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	w.mounts = strings.Split(string(raw), "\n")
	links, err := netlink.LinkList()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		w.links = append(w.links, l.Attrs().Name)
	}
	for _, dir := range []string{"/run", room.Dir, "/dev/shm", "/sys/fs/cgroup/cpuacct", "/sys/fs/cgroup"} {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		for _, e := range entries {
			w.files = append(w.files, filepath.Join(dir, e.Name()))
		}
	}
	return w
}

// more is what is in now and was not before.
func more(now, before world) []string {
	var extra []string
	for _, pair := range [][2][]string{{now.processes, before.processes}, {now.mounts, before.mounts}, {now.links, before.links}, {now.files, before.files}} {
		for _, s := range pair[0] {
			if !slices.Contains(pair[1], s) {
				extra = append(extra, s)
			}
		}
	}
	return extra
}

// startVictim starts one as the user and returns it with its first line.
func startVictim(t *testing.T, uid uint32) (*exec.Cmd, string) {
	t.Helper()
	if why := room.Missing(); why != "" {
		t.Skip(why)
	}
	// Not in the test's own directory: that is below /run, which each room has for itself.
	dir, err := os.MkdirTemp("/var/tmp", "victim")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{self: "victim", room.Init(): "inside"} {
		if err := copyFile(from, filepath.Join(dir, to), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(filepath.Join(dir, "victim"))
	cmd.Dir = "/"
	cmd.Env = []string{envVictim + "=" + filepath.Join(dir, "inside"), "PATH=" + os.Getenv("PATH"), "HOME=/"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if uid != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: uid}
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = t.Output()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		cmd.Process.Kill()
		cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil && line == "" {
		t.Fatalf("the victim says nothing: %v", err)
	}
	return cmd, strings.TrimSpace(line)
}

func TestCleanup_IsTheKernelsWork(t *testing.T) {
	if why := room.Missing(); why != "" {
		t.Skip(why)
	}
	for name, choose := range map[string]func(t *testing.T, outside int) int{
		"the process outside is killed":       func(_ *testing.T, outside int) int { return outside },
		"the room's process 1 is killed":      func(t *testing.T, outside int) int { return child(t, outside) },
		"the program in the room is killed":   func(t *testing.T, outside int) int { return child(t, child(t, outside)) },
		"the process outside is told to stop": func(_ *testing.T, outside int) int { return -outside },
	} {
		t.Run(name, func(t *testing.T) {
			before := look(t)
			cmd, line := startVictim(t, 0)
			if !strings.HasPrefix(line, "ready 1 0 reached") {
				t.Fatalf("the victim says %q", line)
			}
			if got := more(look(t), before); len(got) < 5 {
				t.Fatalf("the victim's world is too small to prove anything: %v", got)
			}
			pid, sig := choose(t, cmd.Process.Pid), syscall.SIGKILL
			if pid < 0 {
				pid, sig = -pid, syscall.SIGTERM
			}
			if err := syscall.Kill(pid, sig); err != nil {
				t.Fatal(err)
			}
			cmd.Wait()
			eventually(t, "nothing is left of the victim", func() bool { return len(more(look(t), before)) == 0 })
		})
	}
}

// child is the one child process of a process.
func child(t *testing.T, pid int) int {
	t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range lists {
		raw, err := os.ReadFile(list)
		if err != nil {
			t.Fatal(err)
		}
		var c int
		if _, err := fmt.Sscan(string(raw), &c); err == nil {
			return c
		}
	}
	t.Fatalf("process %d has no child", pid)
	return 0
}

func TestMain_NeedsNoRoot(t *testing.T) {
	if room.Mapped() {
		t.Skip("this test runs without root already")
	}
	_, line := startVictim(t, 65534)
	if strings.HasPrefix(line, "missing:") {
		t.Skipf("this machine has no user namespaces for everybody: %s", line)
	}
	if !strings.HasPrefix(line, "ready 1 0 reached") {
		t.Errorf("a user without rights gets %q", line)
	}
}
