package proctext

import (
	"bytes"
	"strings"
)

// Membership is where a process is in the memory hierarchy: its path, and whether that is of version 1.
type Membership struct {
	Path string
	V1   bool
}

// Cgroups reads /proc/PID/cgroup.
func Cgroups(b []byte) Membership {
	var m Membership
	for line := range strings.Lines(string(b)) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) != 3 {
			continue
		}
		for c := range strings.SplitSeq(parts[1], ",") {
			if c == "memory" {
				return Membership{Path: parts[2], V1: true}
			}
		}
		if parts[0] == "0" && parts[1] == "" {
			m.Path = parts[2]
		}
	}
	return m
}

// Unlimited stands for a cgroup without a limit. Version 1 writes a number near 2^63 instead of a word.
const Unlimited = int64(1) << 60

// Limit reads memory.max or memory.limit_in_bytes, in bytes.
func Limit(b []byte) int64 {
	b = bytes.TrimSpace(b)
	if len(b) == 0 || b[0] == 'm' { // max
		return Unlimited
	}
	return min(number(b), Unlimited)
}

// Bytes reads a file that holds one number.
func Bytes(b []byte) int64 { return number(bytes.TrimSpace(b)) }

// Value finds a key in a flat-keyed file such as memory.stat, memory.events, cgroup.stat or memory.oom_control.
func Value(b []byte, key string) int64 {
	for line := range bytes.Lines(b) {
		name, rest := field(line)
		if string(name) == key && len(rest) > 0 {
			return number(rest[1:])
		}
	}
	return 0
}

// MemoryCount reads from /proc/cgroups how many memory cgroups exist, deleted ones that still hold memory
// included. 0 where version 2 has taken the controller over.
func MemoryCount(b []byte) int {
	for line := range bytes.Lines(b) {
		name, rest := field(line)
		if string(name) != "memory" {
			continue
		}
		hierarchy, rest := field(rest)
		if number(hierarchy) == 0 {
			return 0
		}
		count, _ := field(rest)
		return int(number(count))
	}
	return 0
}

// NoKmem tells from /proc/cmdline whether kernel memory is kept out of cgroup accounting.
func NoKmem(cmdline []byte) bool {
	for w := range strings.FieldsSeq(string(cmdline)) {
		if v, ok := strings.CutPrefix(w, "cgroup.memory="); ok && strings.Contains(v, "nokmem") {
			return true
		}
	}
	return false
}
