package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/room"
)

// loads are the arguments of stress-ng; {DIR} is a directory on a real disk. The load "vm" has in addition the
// memory of each node in a cgroup of its own that is full.
var loads = []struct {
	name string
	args string
}{
	{"cpu", "--cpu 64"},
	{"vm", "--cpu 2"},
	{"fork", "--fork 8"},
	{"io", "--io 8 --hdd 4 --hdd-bytes 256m --hdd-opts fsync --temp-path {DIR}"},
	{"all", "--cpu 64 --fork 8 --io 8 --hdd 4 --hdd-bytes 256m --hdd-opts fsync --temp-path {DIR}"},
}

// withFullMemory are the loads during which the nodes' memory is full.
var withFullMemory = map[string]bool{"vm": true, "all": true}

func loadNames() []string {
	var names []string
	for _, l := range loads {
		names = append(names, l.name)
	}
	return names
}

// load is what keeps the machine busy.
type load struct {
	jobs   []*job
	groups []memoryGroup
}

type job struct {
	cmd  *exec.Cmd
	done chan struct{}
}

// startLoad starts a load beside the nodes of a stack.
func startLoad(name string, s stack, nice int) (*load, error) {
	if missing := missingPrograms("stress-ng"); missing != "" {
		return nil, errors.New(missing)
	}
	l := &load{}
	scratch, err := room.Scratch()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(scratch, "stress")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	for _, o := range loads {
		if o.name == name {
			err = l.start("", nice, strings.Fields(strings.ReplaceAll(o.args, "{DIR}", dir))...)
		}
	}
	if err == nil && withFullMemory[name] {
		err = l.fillMemory(s, nice, dir)
	}
	if err != nil {
		l.stop()
		return nil, err
	}
	return l, nil
}

// start runs stress-ng until the load is stopped, in the cgroup whose file of processes is given.
func (l *load) start(procs string, nice int, args ...string) error {
	script := `exec nice -n "$0" stress-ng --quiet "$@"`
	if procs != "" {
		script = `echo $$ > ` + procs + ` && ` + script
	}
	cmd := exec.Command("sh", append([]string{"-c", script, strconv.Itoa(nice)}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start a load: %w", err)
	}
	j := &job{cmd: cmd, done: make(chan struct{})}
	go func() { _ = cmd.Wait(); close(j.done) }()
	l.jobs = append(l.jobs, j)
	return nil
}

// died tells whether a load has ended before it was stopped: then nothing was measured.
func (l *load) died() error {
	for _, j := range l.jobs {
		select {
		case <-j.done:
			return fmt.Errorf("the load %q has ended by itself: %s", j.cmd.Args, j.cmd.ProcessState)
		default:
		}
	}
	return nil
}

// stop ends the load and gives the nodes their memory back.
func (l *load) stop() {
	for _, j := range l.jobs {
		_ = syscall.Kill(-j.cmd.Process.Pid, syscall.SIGTERM)
		select {
		case <-j.done:
		case <-time.After(10 * time.Second):
		}
		// What stress-ng has left.
		_ = syscall.Kill(-j.cmd.Process.Pid, syscall.SIGKILL)
		<-j.done
	}
	for _, g := range l.groups {
		g.remove()
	}
}

// memoryGroup is a memory cgroup, of either version.
type memoryGroup struct{ dir, procs, parent string }

// Memory of a node under the load vm, and what stress-ng wants of it: with the page cache of a writer that is more
// than there is, so that reclaim never ends.
const (
	nodeMemory  = 192 << 20
	stressedVM  = "70m"
	cachedFiles = "256m"
)

// fillMemory puts each node into a memory cgroup and fills that with anonymous memory and page cache.
func (l *load) fillMemory(s stack, nice int, dir string) error {
	for _, n := range s.nodes() {
		g, err := newMemoryGroup("holdfast-stress-"+n, nodeMemory)
		if err != nil {
			return err
		}
		l.groups = append(l.groups, g)
		all, err := lab.ProcessesOf(s.pid(n))
		if err != nil {
			return err
		}
		for _, p := range all {
			if err := g.add(p.PID); err != nil {
				return err
			}
		}
		err = l.start(g.procs, nice, "--vm", "2", "--vm-bytes", stressedVM, "--hdd", "2", "--hdd-bytes", cachedFiles, "--temp-path", dir)
		if err != nil {
			return err
		}
	}
	return nil
}

func newMemoryGroup(name string, limit int) (memoryGroup, error) {
	top, file := "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
	if _, err := os.Stat(top); err != nil {
		top, file = "/sys/fs/cgroup", "memory.max"
	}
	g := memoryGroup{dir: filepath.Join(top, name), parent: filepath.Join(top, "cgroup.procs")}
	g.procs = filepath.Join(g.dir, "cgroup.procs")
	// One that a killed run has left behind is empty.
	if err := os.Remove(g.dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return g, fmt.Errorf("memory cgroup: %w", err)
	}
	if err := os.Mkdir(g.dir, 0o755); err != nil {
		return g, fmt.Errorf("memory cgroup: %w", err)
	}
	if err := os.WriteFile(filepath.Join(g.dir, file), []byte(strconv.Itoa(limit)), 0); err != nil {
		return g, fmt.Errorf("memory cgroup: %w", err)
	}
	return g, nil
}

func (g memoryGroup) add(pid int) error {
	err := os.WriteFile(g.procs, []byte(strconv.Itoa(pid)), 0)
	if errors.Is(err, syscall.ESRCH) {
		return nil // it has ended
	}
	return err
}

// remove moves what is left in the group to the top and removes it.
func (g memoryGroup) remove() {
	for range 50 {
		raw, err := os.ReadFile(g.procs)
		if err != nil {
			return
		}
		for _, pid := range strings.Fields(string(raw)) {
			_ = os.WriteFile(g.parent, []byte(pid), 0)
		}
		if os.Remove(g.dir) == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// missingPrograms says which of the programs are not installed, "" when all are.
func missingPrograms(names ...string) string {
	for _, n := range names {
		if _, err := exec.LookPath(n); err != nil {
			return n + " is not installed"
		}
	}
	return ""
}
