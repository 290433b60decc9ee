package clusterfile

import (
	"time"

	"github.com/holdfast-ha/holdfast/cib/value"
	"github.com/holdfast-ha/holdfast/fenced/budget"
)

// Fencing is section [fencing].
type Fencing struct {
	// Driver serves devices that do not say it themselves: native or legacy; Drivers are exceptions by agent.
	Driver  string
	Drivers map[string]string
	// Budget is within how long after its last sign of life a node has to be fenced; 0 sets no limit.
	Budget time.Duration
	// Probe is how often each way to fence is tested without fencing anybody; 0 is never.
	Probe time.Duration
	// A node that was fenced RateLimit times within RateWindow stays down; 0 is no limit.
	RateLimit  int
	RateWindow time.Duration
	// IOFence says what reservations are for where a node has other fence devices too.
	IOFence string
	// SBD is what the shared disks are made with, as far as the file says it.
	SBD budget.SBD
}

// Values of io_fence.
const (
	// IOFenceOff leaves the order to the topology.
	IOFenceOff = "off"
	// IOFenceFirst takes write access away first, and then switches off; both must succeed.
	IOFenceFirst = "first"
	// IOFenceSufficient lets the cluster go on when write access is gone; the power follows.
	IOFenceSufficient = "sufficient"
)

const (
	defaultProbe      = 5 * time.Minute
	defaultRateLimit  = 10
	defaultRateWindow = time.Hour
	maxSpan           = 24 * time.Hour
)

func readFencing(root *Section, totem Totem) Fencing {
	s := root.Table("fencing")
	f := Fencing{
		Driver:     s.Word("driver", "native", "native", "legacy"),
		Drivers:    map[string]string{},
		Budget:     s.Span("budget", 0, time.Second, maxSpan),
		Probe:      s.Span("probe", defaultProbe, 0, maxSpan),
		RateLimit:  s.Int("rate_limit", defaultRateLimit, 0, 1000),
		RateWindow: s.Span("rate_window", defaultRateWindow, time.Second, 30*maxSpan),
		IOFence:    s.Word("io_fence", IOFenceOff, IOFenceOff, IOFenceFirst, IOFenceSufficient),
	}
	if f.Probe > 0 && f.Probe < minProbe {
		s.Problem("probe", "is %s, must be 0 (never) or at least %s: management cards have few sessions", f.Probe, minProbe)
	}
	if s.Has("drivers") {
		sub := s.Table("drivers")
		for _, agent := range sub.Keys() {
			f.Drivers[agent] = sub.Word(agent, "", "native", "legacy")
		}
		sub.Done()
	}
	if s.Has("sbd") {
		sub := s.Table("sbd")
		f.SBD = budget.SBD{From: "[fencing.sbd]", Watchdog: sub.Span("watchdog", 0, time.Second, maxSpan), Loop: sub.Span("loop", 0, time.Second, maxSpan),
			Msgwait: sub.Span("msgwait", 0, time.Second, maxSpan), IO: sub.Span("io", 0, time.Second, maxSpan)}
		sub.Done()
	}
	f.check(s, totem)
	s.Done()
	return f
}

// minProbe is the shortest time between two probes of a device.
const minProbe = 10 * time.Second

// check refuses timeouts that contradict each other, as far as these sections show; those of devices and
// properties are looked at with them.
func (f *Fencing) check(s *Section, totem Totem) {
	in := budget.Cluster{Token: totem.Effective(), Consensus: totem.Consensus, Grace: totem.StallGrace, SBD: f.SBD}
	_, conflicts := budget.Check(in)
	for _, c := range conflicts {
		if c.Fatal {
			s.Problem("sbd", "%s", c)
		}
	}
	if f.Budget > 0 && f.Budget <= in.Detection() {
		s.Problem("budget", "is %s, must be more than the %s after which the loss of a node is noticed: raise it, or lower token", f.Budget, budget.Text(in.Detection()))
	}
}

// Span is a time span in quotes with a unit, such as "30s".
func (s *Section) Span(key string, fallback, lo, hi time.Duration) time.Duration {
	if !s.Has(key) {
		return fallback
	}
	text, _ := s.Raw(key).(string)
	ms, err := value.Duration(text)
	d := time.Duration(ms) * time.Millisecond
	switch {
	case err != nil || text == "":
		s.Problem(key, "must be a time span in quotes, such as \"30s\"")
		return fallback
	case d < lo || d > hi:
		s.Problem(key, "is %s, must be from %s to %s", text, lo, hi)
		return fallback
	}
	return d
}
