// Package supervise decides what follows when the processes of a resource hang: a restart in place, a move to
// another node, or an alarm only.
package supervise

import (
	"fmt"
	"slices"
	"time"
)

// Reaction is what follows a hang.
type Reaction string

const (
	// Failover makes the resource leave the node, if it can run elsewhere; else it is restarted.
	Failover Reaction = "failover"
	// Restart restarts it in place as often as Restarts allows, then Failover.
	Restart Reaction = "restart"
	// Alarm does nothing but tell.
	Alarm Reaction = "alarm"
)

// Config is what follows a hang of a resource.
type Config struct {
	OnHang Reaction
	// Restarts in place are allowed within Pause.
	Restarts int
	Pause    time.Duration
	// Kill ends the hung processes first: a stopped process does not answer the agent's stop, whose timeout
	// would fence the node.
	Kill bool
	// StopWithin bounds the demote and the stop together of a resource whose processes were killed, where a stop
	// that fails has the node fenced: an agent that has nothing left to stop and does not come back waits for
	// what no time will bring. 0 leaves them the timeouts of the operations.
	StopWithin time.Duration
	// PIDFile names the resource's processes where they cannot be found otherwise.
	PIDFile string
	// Probe is a command that exits with 0 when the resource works.
	Probe                       []string
	ProbeInterval, ProbeTimeout time.Duration
}

// Default moves a resource away after its hung processes were killed.
func Default() Config {
	return Config{OnHang: Failover, Restarts: 1, Pause: 6 * time.Hour, Kill: true, StopWithin: 5 * time.Second,
		ProbeInterval: 10 * time.Second, ProbeTimeout: 5 * time.Second}
}

// Settings are the configuration of all resources and of single ones.
type Settings struct {
	All       Config
	Resources map[string]Config
}

// Of is a resource's configuration.
func (s Settings) Of(rsc string) Config {
	if c, ok := s.Resources[rsc]; ok {
		return c
	}
	return s.All
}

// Validate reports numbers that make no sense.
func (c Config) Validate() error {
	switch {
	case !slices.Contains([]Reaction{Failover, Restart, Alarm}, c.OnHang):
		return fmt.Errorf("on_hang: is %q, must be failover, restart or alarm", c.OnHang)
	case c.Restarts < 0 || c.Pause < 0 || c.StopWithin < 0:
		return fmt.Errorf("restarts, pause and stop_within: must not be negative")
	case len(c.Probe) > 0 && (c.ProbeTimeout <= 0 || c.ProbeInterval <= 0):
		return fmt.Errorf("probe_interval and probe_timeout: must be more than 0")
	}
	return nil
}

// Process is a process that hangs; Start tells it from a later one with that pid.
type Process struct {
	PID   int
	Start uint64
}

// Input is what happens: Hung, Recovered or Configured.
type Input interface{ input() }

type (
	// Hung says that processes of a resource hang. It comes again while that lasts. Elsewhere tells that the
	// resource could run on another node.
	Hung struct {
		Resource  string
		Reason    string
		Processes []Process
		Elsewhere bool
	}
	// Recovered says that none of the resource's processes hangs any more.
	Recovered struct{ Resource string }
	// Configured changes the settings.
	Configured struct{ Settings Settings }
)

func (Hung) input()       {}
func (Recovered) input()  {}
func (Configured) input() {}

// Output is what is to be done.
type Output interface{ output() }

type (
	// Kill ends processes with SIGKILL.
	Kill struct {
		Resource  string
		Processes []Process
	}
	// Fail records a failure of the resource's monitor. Leave makes it leave the node.
	Fail struct {
		Resource, Reason string
		Leave            bool
	}
)

func (Kill) output() {}
func (Fail) output() {}

// again is how long a hang lasts before it counts as a new one: what was done about the first did not help.
const again = time.Minute

// hang is what is known of a resource.
type hang struct {
	acted    time.Time // when something was done about the present hang; zero when nothing hangs
	restarts []time.Time
}

// Machine is the supervisor of the resources of a node. One goroutine owns it.
type Machine struct {
	settings Settings
	hangs    map[string]*hang
}

// New makes a machine.
func New(s Settings) *Machine { return &Machine{settings: s, hangs: make(map[string]*hang)} }

// Deadline is zero: samples of the processes move the machine.
func (m *Machine) Deadline() time.Time { return time.Time{} }

// Step takes an input and returns what is to be done, in order.
func (m *Machine) Step(now time.Time, in Input) []Output {
	switch in := in.(type) {
	case Configured:
		m.settings = in.Settings
	case Recovered:
		if h := m.hangs[in.Resource]; h != nil {
			h.acted = time.Time{}
		}
	case Hung:
		return m.hung(now, in)
	}
	return nil
}

func (m *Machine) hung(now time.Time, in Hung) []Output {
	c := m.settings.Of(in.Resource)
	h := m.hangs[in.Resource]
	if h == nil {
		h = &hang{}
		m.hangs[in.Resource] = h
	}
	if c.OnHang == Alarm || !h.acted.IsZero() && now.Sub(h.acted) < again {
		return nil
	}
	h.acted = now
	h.restarts = slices.DeleteFunc(h.restarts, func(t time.Time) bool { return now.Sub(t) >= c.Pause })
	var out []Output
	if c.Kill && len(in.Processes) > 0 {
		out = append(out, Kill{in.Resource, in.Processes})
	}
	if c.OnHang == Restart && len(h.restarts) < c.Restarts || !in.Elsewhere {
		h.restarts = append(h.restarts, now)
		return append(out, Fail{Resource: in.Resource, Reason: in.Reason})
	}
	return append(out, Fail{Resource: in.Resource, Reason: in.Reason, Leave: true})
}

// StopLimit is the longest that each of the operations may take that end a resource whose processes were killed: its
// stop, and its demote where it is promoted. 0 is no limit but their own timeouts. fencing tells that a stop that
// fails has the node fenced; without that it would leave the resource blocked, and a limit would do harm.
func (c Config) StopLimit(promoted, fencing bool) time.Duration {
	switch {
	case !c.Kill || !fencing:
		return 0
	case promoted:
		return c.StopWithin / 2
	}
	return c.StopWithin
}

// Stage is a part of a budget: something that takes at most so long.
type Stage struct {
	Name string
	Max  time.Duration
}

// Timeouts are what the configuration says of a resource that hangs.
type Timeouts struct {
	// Noticed is the threshold of the detector process.hung, How says which.
	Noticed time.Duration
	How     string
	// Demote, Stop, Start and Promote are the timeouts of the operations.
	Demote, Stop, Start, Promote time.Duration
	Promoted, Fencing            bool
}

// What is not configured takes at most that long on a node that is not overloaded.
const (
	sampling = 1200 * time.Millisecond // until the next sample, and how long that takes
	killing  = 100 * time.Millisecond
	planning = 500 * time.Millisecond
)

// Budget is how long the stages take from the hang of a resource's process to the service, at most.
func (c Config) Budget(t Timeouts) []Stage {
	stages := []Stage{{"the hang is noticed: " + t.How, t.Noticed + sampling}}
	if c.OnHang == Alarm {
		return stages
	}
	if c.Kill {
		stages = append(stages, Stage{"the hung processes are killed", killing})
	}
	stages = append(stages, Stage{"plan and order", planning})
	limit := c.StopLimit(t.Promoted, t.Fencing)
	stop := func(task string, timeout time.Duration) Stage {
		if limit > 0 && limit < timeout {
			return Stage{task + " (stop_within), else the node is fenced", limit}
		}
		return Stage{task + " (its timeout)", timeout}
	}
	where := "elsewhere"
	if c.OnHang == Restart {
		where = "again"
	}
	if t.Promoted {
		stages = append(stages, stop("demote", t.Demote), stop("stop", t.Stop))
		if c.OnHang == Failover { // the instance that is promoted runs already
			return append(stages, Stage{"promote elsewhere (its timeout)", t.Promote})
		}
		return append(stages, Stage{"start again (its timeout)", t.Start}, Stage{"promote again (its timeout)", t.Promote})
	}
	return append(stages, stop("stop", t.Stop), Stage{"start " + where + " (its timeout)", t.Start})
}
