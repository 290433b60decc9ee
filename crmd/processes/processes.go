// Package processes finds the processes that a node's resources consist of.
//
// A process belongs to a resource when the resource's pid file names it, when it runs in the cgroup of the
// resource's systemd unit, or when it has the environment of the resource's agent, which a daemon keeps. What agents
// are running is no service: descendants of this process do not count.
package processes

import (
	"cmp"
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/holdfast-ha/holdfast/internal/patience"
	"github.com/holdfast-ha/holdfast/internal/proc"
)

// Resource is something that is active on this node.
type Resource struct {
	ID, Class, Type string
	// PIDFile is where its main process is named, "" when that is not known.
	PIDFile string
}

// Process is a process of a resource. Main is the one that the resource stands and falls with: that of its pid
// file, else the oldest.
type Process struct {
	Resource string
	PID      int
	Start    uint64
	Comm     string
	Main     bool
}

const (
	// every is the time between two looks. A process counts when it was there at two of them, so that what an
	// agent runs for a moment is never taken for the service.
	every = 3 * time.Second
	// most bounds the processes of a resource that are watched: the oldest of a service with many workers.
	most = 32
)

// Finder looks while Run runs. Its methods are safe for concurrent use and never wait for a process.
type Finder struct {
	mu        sync.Mutex
	resources []Resource
	found     []Process
	// Only Run touches these.
	known map[int]*owned
	looks int
	named map[string]int // by pid file, as it was read last
}

// owned is a process that was looked at. Its environment is read once; on one that is stuck in memory management
// it is tried again at each look, without waiting.
type owned struct {
	proc.Process
	instance string // OCF_RESOURCE_INSTANCE of its environment
	unit     string // systemd unit of its cgroup
	// asked is set once these were read. An agent's child is asked when the agent has ended: it may be a daemon.
	asked bool
	looks int
}

// New makes a finder.
func New() *Finder { return &Finder{known: make(map[int]*owned), named: make(map[string]int)} }

// patient is how long is waited for a process or a pid file that does not answer.
const patient = 200 * time.Millisecond

// Watch says which resources are active here now.
func (f *Finder) Watch(resources []Resource) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.resources = slices.Clone(resources)
	f.found = slices.DeleteFunc(f.found, func(p Process) bool {
		return !slices.ContainsFunc(resources, func(r Resource) bool { return r.ID == p.Resource })
	})
}

// Found are the processes of the active resources as seen last, main processes first.
func (f *Finder) Found() []Process {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.found)
}

// Run looks until ctx ends.
func (f *Finder) Run(ctx context.Context) error {
	for {
		f.mu.Lock()
		resources := f.resources
		f.mu.Unlock()
		if len(resources) > 0 {
			found := f.look(resources)
			f.mu.Lock()
			f.found = found
			f.mu.Unlock()
		}
		select {
		case <-time.After(every):
		case <-ctx.Done():
			return nil
		}
	}
}

// thorough is every how many looks each process is read again; in between only those that are new or matter. A
// process whose pid was used again by a service is found at the latest then.
const thorough = 20

func (f *Finder) look(resources []Resource) []Process {
	f.looks++
	present := make(map[int]*owned)
	for _, pid := range proc.PIDs() {
		o := f.known[pid]
		if o == nil || !o.asked || o.looks < 2 || o.instance != "" || f.looks%thorough == 0 {
			p, err := proc.Read(pid)
			if err != nil {
				continue // it has ended
			}
			if o == nil || o.Start != p.Start {
				o = &owned{}
			}
			o.Process = p
		}
		o.looks++
		present[pid] = o
	}
	f.known = present
	for pid, o := range present {
		if !o.asked && !o.Gone() && !f.ours(pid) {
			var err error
			o.instance, _, err = proc.EnvironWithin(pid, "OCF_RESOURCE_INSTANCE", patient)
			o.unit, o.asked = unitOf(pid), !errors.Is(err, patience.ErrStuck)
		}
	}
	var out []Process
	for _, r := range resources {
		out = append(out, f.of(r)...)
	}
	return out
}

// ours reports whether a process is this one or was started by it.
func (f *Finder) ours(pid int) bool {
	own := os.Getpid()
	for range 64 { // deeper than any tree
		o := f.known[pid]
		switch {
		case pid == own:
			return true
		case o == nil || o.PPID <= 1:
			return false
		}
		pid = o.PPID
	}
	return true
}

// of are the processes of a resource, the main one first.
func (f *Finder) of(r Resource) []Process {
	main := f.pidIn(r.PIDFile)
	var out []Process
	for pid, o := range f.known {
		mine := pid == main || o.looks > 1 && (o.instance != "" && sameInstance(o.instance, r.ID) || r.Class == "systemd" && o.unit == unitName(r.Type))
		if mine && !f.ours(pid) {
			out = append(out, Process{Resource: r.ID, PID: pid, Start: o.Start, Comm: o.Comm, Main: pid == main})
		}
	}
	slices.SortFunc(out, func(a, b Process) int {
		main := func(p Process) int { return map[bool]int{true: 0, false: 1}[p.Main] }
		return cmp.Or(cmp.Compare(main(a), main(b)), cmp.Compare(a.Start, b.Start), cmp.Compare(a.PID, b.PID))
	})
	if len(out) > 0 {
		out[0].Main = true
	}
	return out[:min(len(out), most)]
}

// sameInstance: an anonymous clone's instance is named without its number here.
func sameInstance(instance, id string) bool {
	base, _, _ := strings.Cut(instance, ":")
	return instance == id || base == id
}

// pidIn is the process that a pid file names, 0 when it names none. While the file does not answer, it is what
// was read before: it may lie on the file system that the service hangs on.
func (f *Finder) pidIn(file string) int {
	if file == "" {
		return 0
	}
	raw, err := patience.ReadFile(file, patient)
	switch {
	case errors.Is(err, patience.ErrStuck):
		return f.named[file]
	case err != nil:
		delete(f.named, file)
		return 0
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(raw)), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || pid <= 1 {
		pid = 0
	}
	f.named[file] = pid
	return pid
}

func unitName(typ string) string {
	if strings.Contains(typ, ".") {
		return typ
	}
	return typ + ".service"
}

// unitOf is the systemd unit in whose cgroup a process runs.
func unitOf(pid int) string {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(raw)) {
		for part := range strings.SplitSeq(strings.TrimSpace(line), "/") {
			if strings.HasSuffix(part, ".service") || strings.HasSuffix(part, ".scope") {
				return part
			}
		}
	}
	return ""
}
