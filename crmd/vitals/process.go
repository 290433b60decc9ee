package vitals

import (
	"errors"
	"os"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/internal/proc"
)

// Watch is a process of a resource.
type Watch struct {
	Resource string
	PID      int
	Start    uint64 // tells it from a later process with the same pid
	Comm     string
	// Main is the process that the resource stands and falls with. A zombie beside it means nothing.
	Main bool
	// Probe and Failures are the result of the resource's own probe, if it has one.
	Probe    string
	Failures int
}

// processReader looks at the states of the watched processes.
type processReader struct {
	root    string
	watches func() []Watch
	seen    map[identity]seen
}

// identity is one process; a pid alone is used again.
type identity struct {
	pid   int
	start uint64
}

// seen is since when a process has been in its state.
type seen struct {
	state string
	since time.Time
}

func (r *processReader) read(now time.Time) filler {
	var list []api.ProcessVitals
	present := make(map[identity]seen)
	for _, w := range r.watches() {
		p := api.ProcessVitals{Resource: w.Resource, PID: w.PID, Start: w.Start, Comm: w.Comm, Main: w.Main, State: "-", Probe: w.Probe, Failures: w.Failures}
		x, err := proc.ReadIn(r.root, w.PID)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil && x.Start == w.Start {
			p.State = string(x.State)
			if x.State == 'D' || x.State == 'T' {
				p.WChan = proc.WChan(r.root, w.PID)
			}
		}
		if !w.Main && p.State == "Z" {
			continue
		}
		id := identity{w.PID, w.Start}
		was := r.seen[id]
		if was.state != p.State {
			was = seen{p.State, now}
		}
		present[id] = was
		p.For = now.Sub(was.since).Milliseconds()
		list = append(list, p)
	}
	r.seen = present
	return func(v *api.Vitals, _ bool) { v.Processes = list }
}
