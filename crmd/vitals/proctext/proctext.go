// Package proctext reads the kernel's text files: /proc, /sys/fs/cgroup and the lines of /dev/kmsg.
//
// It takes bytes and gives values, so that recorded files go through the same code as live ones. The files
// that are read every second are parsed without garbage; what is seldom read is left to prometheus/procfs.
package proctext

import (
	"bytes"
	"strconv"

	"github.com/holdfast-ha/holdfast/api"
)

// number reads the decimal digits at the start of b; it stops at the first other byte.
func number(b []byte) int64 {
	n := int64(0)
	for _, c := range b {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

func float(b []byte) float64 {
	f, _ := strconv.ParseFloat(string(b), 64) // "" and nonsense are 0: not measured
	return f
}

// field cuts the first word off a line.
func field(b []byte) (word, rest []byte) {
	b = bytes.TrimLeft(b, " \t\n")
	if i := bytes.IndexAny(b, " \t\n"); i >= 0 {
		return b[:i], b[i:]
	}
	return b, nil
}

// Loadavg reads /proc/loadavg.
func Loadavg(b []byte, c *api.CPUVitals) {
	for i := range c.Load {
		var w []byte
		w, b = field(b)
		c.Load[i] = float(w)
	}
}

// Ticks are the CPU times of all processors since boot, in clock ticks.
type Ticks struct{ User, System, Idle, IOWait, Steal int64 }

// Stat reads /proc/stat: the line of all processors, and how many tasks run or wait for a disk.
func Stat(b []byte, c *api.CPUVitals) Ticks {
	var t Ticks
	for line := range bytes.Lines(b) {
		switch {
		case bytes.HasPrefix(line, []byte("cpu ")):
			var n [8]int64 // user nice system idle iowait irq softirq steal
			rest := line[4:]
			for i := range n {
				var w []byte
				w, rest = field(rest)
				n[i] = number(w)
			}
			t = Ticks{User: n[0] + n[1], System: n[2] + n[5] + n[6], Idle: n[3], IOWait: n[4], Steal: n[7]}
		case bytes.HasPrefix(line, []byte("procs_running ")):
			c.Running = int(number(line[14:]))
		case bytes.HasPrefix(line, []byte("procs_blocked ")):
			c.Blocked = int(number(line[14:]))
		}
	}
	return t
}

// Shares sets what the time between two readings was used for.
func Shares(from, to Ticks, c *api.CPUVitals) {
	d := Ticks{to.User - from.User, to.System - from.System, to.Idle - from.Idle, to.IOWait - from.IOWait, to.Steal - from.Steal}
	all := float64(d.User + d.System + d.Idle + d.IOWait + d.Steal)
	if all <= 0 || from == (Ticks{}) {
		return
	}
	share := func(n int64) float64 { return 100 * float64(max(n, 0)) / all }
	c.Busy, c.System, c.IOWait, c.Steal = share(d.User+d.System), share(d.System), share(d.IOWait), share(d.Steal)
}

// Meminfo reads /proc/meminfo, in KiB.
func Meminfo(b []byte, m *api.MemoryVitals) {
	fields := [...]struct {
		name string
		dst  *int64
	}{
		{"MemTotal", &m.HostTotal}, {"MemFree", &m.Free}, {"MemAvailable", &m.HostAvailable}, {"Cached", &m.Cached},
		{"SwapTotal", &m.SwapTotal}, {"SwapFree", &m.SwapFree}, {"Dirty", &m.Dirty}, {"Writeback", &m.Writeback},
		{"SReclaimable", &m.SReclaimable}, {"SUnreclaim", &m.SUnreclaim},
	}
	available := false
	for line := range bytes.Lines(b) {
		name, rest, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			continue
		}
		for _, f := range fields {
			if string(name) == f.name {
				w, _ := field(rest)
				*f.dst = number(w)
				available = available || f.name == "MemAvailable"
				break
			}
		}
	}
	if !available { // before Linux 3.14: what is free, and the cache and slab that can be given back
		m.HostAvailable = m.Free + m.Cached/2 + m.SReclaimable/2
	}
	m.Total, m.Available = m.HostTotal, m.HostAvailable
}

// Counters are the counters of /proc/vmstat since boot.
type Counters struct {
	AllocStall, OOMKill, MajorFaults, CompactStall, SwapIn, SwapOut int64
}

// Vmstat reads /proc/vmstat. Allocation stalls are counted per zone since Linux 4.8.
func Vmstat(b []byte) Counters {
	var c Counters
	for line := range bytes.Lines(b) {
		name, rest := field(line)
		if len(rest) == 0 {
			continue
		}
		switch {
		case bytes.HasPrefix(name, []byte("allocstall")):
			c.AllocStall += number(rest[1:])
		case string(name) == "oom_kill":
			c.OOMKill = number(rest[1:])
		case string(name) == "pgmajfault":
			c.MajorFaults = number(rest[1:])
		case string(name) == "compact_stall":
			c.CompactStall = number(rest[1:])
		case string(name) == "pswpin":
			c.SwapIn = number(rest[1:])
		case string(name) == "pswpout":
			c.SwapOut = number(rest[1:])
		}
	}
	return c
}

// Events is what happened between two readings.
func Events(from, to Counters) api.VMVitals {
	if from == (Counters{}) {
		return api.VMVitals{}
	}
	d := func(a, b int64) int64 { return max(b-a, 0) }
	return api.VMVitals{AllocStall: d(from.AllocStall, to.AllocStall), OOMKill: d(from.OOMKill, to.OOMKill),
		MajorFaults: d(from.MajorFaults, to.MajorFaults), CompactStall: d(from.CompactStall, to.CompactStall),
		SwapIn: d(from.SwapIn, to.SwapIn), SwapOut: d(from.SwapOut, to.SwapOut)}
}

// Pressure reads a file of /proc/pressure or a cgroup's *.pressure.
func Pressure(b []byte) api.Pressure {
	var p api.Pressure
	for line := range bytes.Lines(b) {
		kind, rest := field(line)
		for w, rest := field(rest); len(w) > 0; w, rest = field(rest) {
			name, value, _ := bytes.Cut(w, []byte("="))
			switch string(kind) + string(name) {
			case "someavg10":
				p.Some10 = float(value)
			case "someavg60":
				p.Some60 = float(value)
			case "fullavg10":
				p.Full10 = float(value)
			case "fullavg60":
				p.Full60 = float(value)
			}
		}
	}
	return p
}
