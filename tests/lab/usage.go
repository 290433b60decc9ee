package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Memory of a process or of several, in bytes.
type Memory struct {
	// PSS counts a page that k processes share as 1/k page, over all processes of the machine.
	PSS, RSS, Private int64
}

// Usage is what processes have used.
type Usage struct {
	Memory
	CPU time.Duration // user and system, with children that have been reaped
}

// UsageByName sums what the processes in the PID namespace of a process use, by their names. Process 1 itself
// is left out of the memory but not of the CPU time: it has reaped what agents left behind.
func UsageByName(pid int) (map[string]Usage, error) {
	all, err := ProcessesOf(pid)
	if err != nil {
		return nil, err
	}
	sum := map[string]Usage{}
	for _, p := range all {
		s, err := readStat(p.PID)
		if gone(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		var m Memory
		if p.PID != pid {
			m, err = readMemory(p.PID)
		}
		if gone(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		u := sum[p.Name]
		u.PSS, u.RSS, u.Private, u.CPU = u.PSS+m.PSS, u.RSS+m.RSS, u.Private+m.Private, u.CPU+s.cpu
		sum[p.Name] = u
	}
	return sum, nil
}

// gone tells that a process has ended while it was looked at.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH)
}

// readMemory reads smaps_rollup; a process without memory, such as a zombie, has none.
func readMemory(pid int) (Memory, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return Memory{}, err
	}
	var m Memory
	for line := range strings.Lines(string(raw)) {
		name, rest, _ := strings.Cut(line, ":")
		words := strings.Fields(rest)
		if len(words) != 2 || words[1] != "kB" {
			continue
		}
		kib, err := strconv.ParseInt(words[0], 10, 64)
		if err != nil {
			return Memory{}, fmt.Errorf("/proc/%d/smaps_rollup: %w", pid, err)
		}
		switch name {
		case "Rss":
			m.RSS = kib << 10
		case "Pss":
			m.PSS = kib << 10
		case "Private_Clean", "Private_Dirty":
			m.Private += kib << 10
		}
	}
	return m, nil
}

// Usage sums what the node's processes use, by name, without its process 1's memory.
func (n *Node) Usage() (map[string]Usage, error) {
	pid := n.PID()
	if pid == 0 {
		return nil, fmt.Errorf("usage of %s: %w", n.Name, ErrOff)
	}
	return UsageByName(pid)
}
