package throttle

import (
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// Meter follows a node's mode over time: which input is looked at when, and how the mode falls. One goroutine
// owns it.
type Meter struct {
	cfg  Config
	mode Mode
	// inputs are the last judgement of each selected input.
	inputs []api.ThrottleInput
	slow   time.Time // when load and store were sampled last
	warm   bool      // load and store count: not before the first period is over, as in Pacemaker
	fast   time.Time // when the others were
	cpu    time.Duration
	// lower is since when the inputs allow a lower mode; zero when they do not.
	lower time.Time
}

// NewMeter makes a meter. A node of which nothing was measured is not loaded.
func NewMeter(cfg Config) *Meter { return &Meter{cfg: cfg} }

// Configure changes the numbers. They take effect at once, with what was measured last.
func (m *Meter) Configure(cfg Config) {
	m.cfg, m.fast = cfg, time.Time{}
	if m.warm {
		m.slow = time.Time{}
	}
}

// Mode is the node's mode.
func (m *Meter) Mode() Mode { return m.mode }

// Inputs are the selected inputs with their thresholds, as sampled last.
func (m *Meter) Inputs() []api.ThrottleInput { return slices.Clone(m.inputs) }

// due reports whether a sample is due, and moves its time on. Samples come once a second; half of that is slack.
func due(last *time.Time, now time.Time, every int64) bool {
	if !last.IsZero() && now.Sub(*last) < time.Duration(every)*time.Millisecond-500*time.Millisecond {
		return false
	}
	*last = now
	return true
}

// Sample takes a measurement, once a second. used is the CPU time that crmd has used since it started; s.Store
// is made from it. It reports whether the mode has changed.
func (m *Meter) Sample(now time.Time, s Sample, used time.Duration) bool {
	since := now.Sub(m.slow)
	first := m.slow.IsZero()
	slow, fast := due(&m.slow, now, m.cfg.SampleMs), due(&m.fast, now, m.cfg.FastMs)
	if slow {
		if !first && since > 0 {
			s.Store = (used - m.cpu).Seconds() / since.Seconds()
		}
		m.cpu = used
		m.warm = m.warm || !first
	}
	_, all := m.cfg.Judge(s)
	for i, in := range all {
		taken := fast
		if in.Name == Load || in.Name == Store {
			taken = slow
		}
		at := slices.IndexFunc(m.inputs, func(x api.ThrottleInput) bool { return x.Name == in.Name })
		if !taken && at >= 0 {
			all[i] = m.inputs[at]
		}
	}
	m.inputs = all
	return m.settle(now)
}

// settle takes the worst mode of the inputs; a lower one only after it has held for as long as is configured.
func (m *Meter) settle(now time.Time) bool {
	worst := Negligible
	for _, in := range m.inputs {
		if (in.Name == Load || in.Name == Store) && !m.warm {
			continue
		}
		worst = max(worst, ParseMode(in.Mode))
	}
	if worst >= m.mode {
		changed := worst > m.mode
		m.mode, m.lower = worst, time.Time{}
		return changed
	}
	if m.lower.IsZero() {
		m.lower = now
	}
	if now.Sub(m.lower) < time.Duration(m.cfg.FallMs)*time.Millisecond {
		return false
	}
	m.mode, m.lower = worst, time.Time{}
	return true
}
