// Package proc looks at processes through /proc.
package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/holdfast-ha/holdfast/internal/patience"
)

// Process is one process at one moment. A pid alone does not name a process, because pids are used again:
// PID together with Start does, until the next boot.
type Process struct {
	PID     int
	PPID    int
	Group   int
	Session int
	Start   uint64 // clock ticks after boot
	// State is the kernel's letter: R running, S sleeping, D uninterruptible, T stopped, t traced, Z zombie.
	State byte
	Comm  string // the kernel's name of it, at most 15 bytes
	// WChan is the kernel function in which it sleeps; "" when it runs or the kernel does not tell.
	WChan string
	// Stack is its kernel stack, innermost function first; set by Tree, and readable by root only.
	Stack []string
}

// String is such as "mount.nfs[812] D in nfs_wait_bit_killable".
func (p Process) String() string {
	s := fmt.Sprintf("%s[%d] %c", p.Comm, p.PID, p.State)
	if p.WChan != "" {
		s += " in " + p.WChan
	}
	return s
}

// Gone tells that the process runs no code any more: it is a zombie or dead.
func (p Process) Gone() bool { return p.State == 'Z' || p.State == 'X' }

// Read looks at one process. The error is os.ErrNotExist when there is none. It reads only files that
// the kernel serves without the process's memory lock, so that a hung process cannot hang the reader.
func Read(pid int) (Process, error) { return ReadIn("/proc", pid) }

// ReadIn is Read below another directory than /proc, for recorded inputs.
func ReadIn(root string, pid int) (Process, error) {
	raw, err := os.ReadFile(root + "/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			err = os.ErrNotExist
		}
		return Process{}, fmt.Errorf("process %d: %w", pid, err)
	}
	return parseStat(pid, raw)
}

// parseStat reads /proc/PID/stat. The name in parentheses may itself hold blanks and parentheses.
func parseStat(pid int, raw []byte) (Process, error) {
	open, end := bytes.IndexByte(raw, '('), bytes.LastIndexByte(raw, ')')
	if open < 0 || end < open {
		return Process{}, fmt.Errorf("process %d: /proc stat has no name: %q", pid, raw)
	}
	f := strings.Fields(string(raw[end+1:]))
	if len(f) < 20 {
		return Process{}, fmt.Errorf("process %d: /proc stat has %d fields after the name", pid, len(f))
	}
	p := Process{PID: pid, Comm: string(raw[open+1 : end]), State: f[0][0]}
	for _, field := range []struct {
		at  int
		dst *int
	}{{1, &p.PPID}, {2, &p.Group}, {3, &p.Session}} {
		n, err := strconv.Atoi(f[field.at])
		if err != nil {
			return Process{}, fmt.Errorf("process %d: /proc stat: %w", pid, err)
		}
		*field.dst = n
	}
	start, err := strconv.ParseUint(f[19], 10, 64)
	if err != nil {
		return Process{}, fmt.Errorf("process %d: /proc stat: %w", pid, err)
	}
	p.Start = start
	return p, nil
}

// Alive reports whether the process with that pid and start time still runs code.
func Alive(pid int, start uint64) bool {
	p, err := Read(pid)
	return err == nil && p.Start == start && !p.Gone()
}

// PIDs lists every process, which costs little: nothing is read of them.
func PIDs() []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil
	}
	pids := make([]int, 0, len(names))
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Find lists the processes for which keep says yes, at most limit of them.
func Find(limit int, keep func(Process) bool) []Process {
	var found []Process
	for _, pid := range PIDs() {
		if len(found) >= limit {
			break
		}
		if p, err := Read(pid); err == nil && keep(p) {
			found = append(found, p)
		}
	}
	return found
}

// Tree lists a process and its descendants that still run code, with what they wait for, the process itself
// first. It looks only at these, so it costs little on a host with many processes; a descendant whose parent
// has ended is not found.
func Tree(pid, limit int) []Process {
	var found []Process
	for queue := []int{pid}; len(queue) > 0 && len(found) < limit; queue = queue[1:] {
		p, err := Read(queue[0])
		if err != nil {
			continue
		}
		queue = append(queue, Children(p.PID)...)
		if !p.Gone() {
			p.WChan, p.Stack = WChan("/proc", p.PID), Stack("/proc", p.PID)
			found = append(found, p)
		}
	}
	return found
}

// Children lists the children of a process; empty on a kernel that does not tell (CONFIG_PROC_CHILDREN).
func Children(pid int) []int {
	dir := "/proc/" + strconv.Itoa(pid) + "/task"
	tasks, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var children []int
	for _, t := range tasks {
		raw, err := os.ReadFile(dir + "/" + t.Name() + "/children")
		if err != nil {
			continue
		}
		for _, f := range strings.Fields(string(raw)) {
			if child, err := strconv.Atoi(f); err == nil {
				children = append(children, child)
			}
		}
	}
	return children
}

// Group lists the processes of a process group that still run code. It looks at every process of the host.
func Group(group, limit int) []Process {
	return Find(limit, func(p Process) bool { return p.Group == group && !p.Gone() })
}

// WChan reads in which kernel function a process sleeps; root is /proc.
func WChan(root string, pid int) string {
	raw, err := os.ReadFile(root + "/" + strconv.Itoa(pid) + "/wchan")
	if s := string(raw); err == nil && s != "0" {
		return s
	}
	return ""
}

// maxStack bounds the functions that Stack returns, stackPatience how long it waits for the kernel: a process that
// hangs in exec holds the lock that its stack is read under.
const (
	maxStack      = 16
	stackPatience = 200 * time.Millisecond
)

// Stack reads the functions on a process's kernel stack, innermost first; root is /proc. It is empty where the
// kernel does not tell, or not to this user, or does not answer.
func Stack(root string, pid int) []string {
	raw, err := patience.ReadFile(root+"/"+strconv.Itoa(pid)+"/stack", stackPatience)
	if err != nil {
		return nil
	}
	var out []string
	for line := range strings.Lines(string(raw)) {
		_, f, ok := strings.Cut(strings.TrimSpace(line), "] ") // [<0>] do_signal_stop+0x1b0/0x290
		f, _, _ = strings.Cut(f, "+")
		if ok && f != "" && len(out) < maxStack {
			out = append(out, f)
		}
	}
	return out
}

// Environ reads a variable of a process's environment as it was at exec. Unlike Read it can block on a
// process that is stuck in memory management.
func Environ(pid int, name string) (string, bool) {
	raw, err := os.ReadFile(environ(pid))
	if err != nil {
		return "", false
	}
	return variable(raw, name)
}

// EnvironWithin is Environ for one who would rather not know than wait: the error is patience.ErrStuck when the
// process does not answer for that long, or hung the last time and still does.
func EnvironWithin(pid int, name string, wait time.Duration) (string, bool, error) {
	raw, err := patience.ReadFile(environ(pid), wait)
	if err != nil {
		return "", false, err
	}
	value, ok := variable(raw, name)
	return value, ok, nil
}

func environ(pid int) string { return "/proc/" + strconv.Itoa(pid) + "/environ" }

// variable finds a variable in an environment as the kernel shows it.
func variable(raw []byte, name string) (string, bool) {
	for v := range bytes.SplitSeq(raw, []byte{0}) {
		if val, ok := bytes.CutPrefix(v, []byte(name+"=")); ok {
			return string(val), true
		}
	}
	return "", false
}

// Cmdline is the program and the arguments of a process; empty when it is gone. Like Environ it can block.
func Cmdline(pid int) []string {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err != nil || len(raw) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(raw), "\x00"), "\x00")
}

// BootID names this boot of the kernel; "" when it cannot be read.
func BootID() string {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}
