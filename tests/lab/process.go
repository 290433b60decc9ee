package lab

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process is one process of a node.
type Process struct {
	PID  int // in the room
	Name string
}

// Processes lists all processes of a node, process 1 first.
func (n *Node) Processes() ([]Process, error) {
	pid := n.PID()
	if pid == 0 {
		return nil, nil
	}
	return ProcessesOf(pid)
}

// ProcessesOf lists the processes in the PID namespace of a process, without those in namespaces below it.
func ProcessesOf(pid int) ([]Process, error) {
	space, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid))
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var all []Process
	for _, e := range entries {
		p, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		dir := filepath.Join("/proc", e.Name())
		// A process that has gone meanwhile is none.
		if s, err := os.Readlink(dir + "/ns/pid"); err != nil || s != space {
			continue
		}
		comm, err := os.ReadFile(dir + "/comm")
		if err != nil {
			continue
		}
		all = append(all, Process{PID: p, Name: strings.TrimSpace(string(comm))})
	}
	slices.SortFunc(all, func(a, b Process) int {
		if a.PID == pid || b.PID == pid {
			return map[bool]int{true: -1, false: 1}[a.PID == pid]
		}
		return a.PID - b.PID
	})
	return all, nil
}

// Signal sends a signal to all processes with that name and returns how many there were. The name is the
// kernel's, at most 15 bytes.
func (n *Node) Signal(name string, sig syscall.Signal) (int, error) {
	all, err := n.Processes()
	if err != nil {
		return 0, err
	}
	count := 0
	for _, p := range all {
		if p.Name == name {
			if err := syscall.Kill(p.PID, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
				return count, fmt.Errorf("signal %s on %s: %w", name, n.Name, err)
			}
			count++
		}
	}
	return count, nil
}

// Freeze stops all processes of the node, as a hung hypervisor does. Its kernel goes on answering to ping.
func (n *Node) Freeze() error { return n.signalAll(syscall.SIGSTOP, "Tt") }

// Thaw lets the processes of a frozen node go on.
func (n *Node) Thaw() error { return n.signalAll(syscall.SIGCONT, "") }

// signalAll signals all processes, and again, because some may have been started meanwhile. With want it goes
// on until all are in one of these states of /proc/PID/stat, or dead. One that waits uninterruptibly (D) takes
// the signal as soon as it can, and that may be never: for a child that it has vforked and that is stopped too.
func (n *Node) signalAll(sig syscall.Signal, want string) error {
	deadline := time.Now().Add(5 * time.Second)
	signalled := map[int]bool{}
	for {
		all, err := n.Processes()
		if err != nil {
			return err
		}
		missing := 0
		for _, p := range all {
			s, err := readStat(p.PID)
			if err != nil || strings.Contains("ZX"+want, s.state) || signalled[p.PID] && s.state == "D" {
				continue
			}
			missing++
			signalled[p.PID] = true
			if err := syscall.Kill(p.PID, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("signal %s: %w", n.Name, err)
			}
		}
		if want == "" || missing == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("signal %s: %d processes do not stop", n.Name, missing)
		}
		time.Sleep(time.Millisecond)
	}
}

// stat is a part of /proc/PID/stat.
type stat struct {
	state string
	cpu   time.Duration // own and reaped children's, in steps of 10 ms
}

// clockTick is the unit of times in /proc/PID/stat, which is fixed by the kernel's ABI.
const clockTick = 10 * time.Millisecond

func readStat(pid int) (stat, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	// The name stands in brackets and may hold anything.
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	if len(fields) < 15 {
		return stat{}, fmt.Errorf("/proc/%d/stat: %q", pid, raw)
	}
	s := stat{state: fields[0]}
	for _, f := range fields[11:15] { // utime, stime, cutime, cstime
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return stat{}, fmt.Errorf("/proc/%d/stat: %w", pid, err)
		}
		s.cpu += time.Duration(n) * clockTick
	}
	return s, nil
}
