// Package detect finds trouble in a node's vitals: rules with thresholds and hysteresis that raise alarms.
package detect

import (
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/vitals/series"
)

// Level is how bad a rule finds things to be. The zero value is fine.
type Level uint8

const (
	// Fine is below every threshold.
	Fine Level = iota
	// Between is not bad enough to raise an alarm and not good enough to clear one.
	Between
	Info
	Warning
	Critical
)

func (l Level) severity() string {
	return [...]string{"", "", api.Info, api.Warning, api.Critical}[l]
}

// Finding is what a rule sees of one subject. A subject that it does not mention is fine.
type Finding struct {
	Subject  string // disk, link, process, ...; "" is the node
	Level    Level
	Summary  string
	Evidence []api.Evidence
	// Event tells that something happened in this sample rather than lasts: the alarm is raised at once.
	Event bool
}

// Threshold is a number of a rule that an administrator may change.
type Threshold struct {
	Name string
	// Unit: percent, seconds, count or ms.
	Unit    string
	Default float64
	Doc     string
}

// Rule is one detector.
type Rule struct {
	Name string
	// Title says in a few words what an alarm means.
	Title string
	// Doc says what is measured, and why that matters to a cluster.
	Doc string
	// Raise is for how long a condition must hold, Clear for how long it must be gone.
	Raise, Clear time.Duration
	Thresholds   []Threshold
	Advice       []string
	look         func(*look) []Finding
}

// Rules are all detectors. The order never changes, because digests number them: new ones come last.
func Rules() []Rule { return slices.Clone(rules) }

// Names are the names of all detectors in the order of Rules.
func Names() []string {
	out := make([]string, len(rules))
	for i, r := range rules {
		out[i] = r.Name
	}
	return out
}

var rules = []Rule{
	memoryExhaustion, zoneAccounting, kmemLeak, cgroupOOM, oomKill, swapOff, cpuOverload, cpuSteal, ioStall, diskDamaged,
	diskNearlyFull, heartbeatStall, heartbeatNetwork, linkFlap, processHung, clockJump, throttleHigh, fencePathBroken,
	configTimeouts,
}

// look is what a rule sees.
type look struct {
	now    *api.Vitals
	ring   *series.Ring
	trend  *trend
	host   *api.Host
	limits map[string]float64
}

// limit is the threshold of that name, as configured.
func (l *look) limit(name string) float64 { return l.limits[name] }

// Input is what happens to the machine.
type Input interface{ input() }

// Sampled is a new sample. The machine completes it with the trend of memory, and keeps it.
type Sampled struct{ Vitals *api.Vitals }

// Configured replaces the settings; the thresholds count from the next sample on.
type Configured struct{ Config Config }

// HostIs tells the facts of the node.
type HostIs struct{ Host api.Host }

func (Sampled) input()    {}
func (Configured) input() {}
func (HostIs) input()     {}

// Output is what the owner of the machine has to do.
type Output interface{ output() }

// Raised is a new alarm; Changed one that became worse or better, or whose evidence moved on; Cleared is over.
type (
	Raised  struct{ Alarm api.Alarm }
	Changed struct{ Alarm api.Alarm }
	Cleared struct{ Alarm api.Alarm }
)

// Act asks for what the administrator wants done about an alarm. On is false when the alarm is cleared.
type Act struct {
	Alarm  api.Alarm
	Action Action
	On     bool
}

func (Raised) output()  {}
func (Changed) output() {}
func (Cleared) output() {}
func (Act) output()     {}

// maxAlarms bounds the alarms of one rule: a broken disk array is one alarm less than its disks, not a flood.
const maxAlarms = 64

// evidenceEvery is how often an alarm that lasts is renewed.
const evidenceEvery = 10 * time.Second

type key struct {
	rule    int
	subject string
}

// state is what is known of one subject of a rule.
type state struct {
	level Level
	// bad is since when the finding has been at least Info, fine since when it has been below that; zero is
	// not now.
	bad, fine time.Time
	finding   Finding
	alarm     *api.Alarm // nil while none is raised
	seen      bool       // in this step
}

// Machine runs every rule over the samples. One goroutine owns it.
type Machine struct {
	node   string
	host   api.Host
	cfg    Config
	ring   series.Ring
	trend  trend
	states map[key]*state
	out    []Output
}

// New makes a machine.
func New(node string, cfg Config) *Machine {
	return &Machine{node: node, cfg: cfg, states: make(map[key]*state)}
}

// Ring are the samples of the last 15 minutes.
func (m *Machine) Ring() *series.Ring { return &m.ring }

// Host are the facts of the node.
func (m *Machine) Host() *api.Host { return &m.host }

// Deadline is zero: only samples move the machine.
func (m *Machine) Deadline() time.Time { return time.Time{} }

// Step takes an input and returns what has to be done.
func (m *Machine) Step(now time.Time, in Input) []Output {
	m.out = nil
	switch in := in.(type) {
	case Configured:
		m.cfg = in.Config
	case HostIs:
		m.host = in.Host
	case Sampled:
		m.sampled(now, in.Vitals)
	}
	return m.out
}

func (m *Machine) sampled(now time.Time, v *api.Vitals) {
	m.ring.Trend(v)
	m.ring.Add(v)
	m.trend.add(v)
	for i := range rules {
		set := m.cfg.of(i)
		if !set.Enabled {
			m.forget(now, i)
			continue
		}
		l := &look{now: v, ring: &m.ring, trend: &m.trend, host: &m.host, limits: set.Limits}
		for _, f := range rules[i].look(l) {
			m.found(now, i, set, f)
		}
		m.unmentioned(now, i, set)
	}
}

// forget clears the alarms of a rule that has been switched off.
func (m *Machine) forget(now time.Time, rule int) {
	for _, k := range m.keys(rule) {
		m.clear(now, k, m.cfg.of(rule))
		delete(m.states, k)
	}
}

// keys of a rule in a stable order.
func (m *Machine) keys(rule int) []key {
	var out []key
	for k := range m.states {
		if k.rule == rule {
			out = append(out, k)
		}
	}
	slices.SortFunc(out, func(a, b key) int { return compare(a.subject, b.subject) })
	return out
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Alarms are the alarms that are raised, in the order of the rules.
func (m *Machine) Alarms() []api.Alarm {
	out := []api.Alarm{}
	for i := range rules {
		for _, k := range m.keys(i) {
			if a := m.states[k].alarm; a != nil {
				out = append(out, *a)
			}
		}
	}
	return out
}
