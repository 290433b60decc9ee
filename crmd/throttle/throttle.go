// Package throttle decides how many jobs a node may run at once, from how loaded it is.
//
// The rule is Pacemaker's; every number that Pacemaker compiles in is a field of Config with Pacemaker's
// value as default.
package throttle

import (
	"errors"
	"fmt"
	"slices"

	"github.com/holdfast-ha/holdfast/api"
)

// Mode is how loaded a node is. The zero value is not loaded.
type Mode uint8

const (
	Negligible Mode = iota
	Low
	Medium
	High
	Extreme
)

var modeNames = [...]string{"negligible", "low", "medium", "high", "extreme"}

func (m Mode) String() string { return modeNames[min(int(m), len(modeNames)-1)] }

// ParseMode reads a mode's name. A name that is not known counts as Low, as a node that said nothing does.
func ParseMode(s string) Mode {
	if i := slices.Index(modeNames[:], s); i >= 0 {
		return Mode(i)
	}
	return Low
}

// Share is what a mode leaves of the job maximum: Fraction of it, or exactly Jobs when that is not 0.
type Share struct {
	Fraction float64
	Jobs     int
}

func (s Share) of(maximum int) int {
	n := s.Jobs
	if n == 0 {
		n = int(float64(maximum) * s.Fraction)
	}
	return max(1, n)
}

// Config is every number of the throttle.
type Config struct {
	// LoadThreshold is the share of a node's cores that load may use (load-threshold); 0 or less switches
	// the load input off and leaves the configuration store's.
	LoadThreshold float64
	// Factors of LoadThreshold × cores from which the load is low, medium and high. Load is never extreme.
	Factors [3]float64
	// SingleCore stands for the number of cores of a machine that has one.
	SingleCore float64
	// StoreLimit is the share of a core that crmd's own work may use, StoreLimitSingle on one core;
	// StoreFactors are the shares of it from which it is low, medium, high and extreme.
	StoreLimit, StoreLimitSingle float64
	StoreFactors                 [4]float64
	// Shares of the job maximum that each mode leaves, by Mode.
	Shares [5]Share
	// JobsPerCore makes the job maximum when NodeActionLimit is 0.
	JobsPerCore     int
	NodeActionLimit int
	// ClusterHigh and ClusterExtreme are the share of active peers that may be busy at once while a node is
	// in that mode.
	ClusterHigh, ClusterExtreme float64
	// SampleMs is the time between two samples.
	SampleMs int64
	// Exempt are tasks that never wait: stonith, stop, demote, monitor, start, promote, ...
	Exempt []string
}

// Default is Pacemaker 2.1's throttle.
func Default() Config {
	return Config{
		LoadThreshold: 0.8, Factors: [3]float64{1.2, 1.6, 2.0}, SingleCore: 0.6,
		StoreLimit: 0.95, StoreLimitSingle: 0.4, StoreFactors: [4]float64{0.8, 0.9, 1.0, 1.5},
		Shares:      [5]Share{{Fraction: 1}, {Fraction: 0.5}, {Fraction: 0.25}, {Jobs: 1}, {Jobs: 1}},
		JobsPerCore: 2, ClusterHigh: 0.5, ClusterExtreme: 0.25, SampleMs: 30000,
	}
}

// Validate reports every number that makes no sense, by the name that it has in the cluster file.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !slices.IsSorted(c.Factors[:]) || c.Factors[0] <= 0 {
		bad("throttle.factors: must rise from low to high and be above 0, have %v", c.Factors)
	}
	if !slices.IsSorted(c.StoreFactors[:]) || c.StoreFactors[0] <= 0 {
		bad("throttle.store_factors: must rise from low to extreme and be above 0, have %v", c.StoreFactors)
	}
	for i, s := range c.Shares {
		if s.Jobs < 0 || s.Fraction < 0 || s.Fraction > 1 {
			bad("throttle.shares.%s: must be a fraction from 0 to 1 or a number of jobs", Mode(i))
		}
	}
	if c.SampleMs < 100 {
		bad("throttle.sample: must be at least 100ms, have %dms", c.SampleMs)
	}
	if c.JobsPerCore < 1 {
		bad("throttle.jobs_per_core: must be at least 1, have %d", c.JobsPerCore)
	}
	return errors.Join(errs...)
}

// Sample is what was measured on a node.
type Sample struct {
	Cores int
	// Load is the 1-minute load average.
	Load float64
	// Store is the CPU time that crmd used since the last sample, as a share of a core.
	Store float64
}

// Judge returns the node's mode, the worst of its inputs, and the inputs with their thresholds.
func (c Config) Judge(s Sample) (Mode, []api.ThrottleInput) {
	var inputs []api.ThrottleInput
	worst := Negligible
	add := func(name string, value float64, thresholds []float64) {
		m := classify(value, thresholds)
		worst = max(worst, m)
		inputs = append(inputs, api.ThrottleInput{Name: name, Value: value, Thresholds: thresholds, Mode: m.String()})
	}
	limit := c.StoreLimit
	cores := float64(s.Cores)
	if s.Cores <= 1 {
		limit, cores = c.StoreLimitSingle, c.SingleCore
	}
	if c.LoadThreshold > 0 {
		limit = min(limit, c.LoadThreshold)
	}
	add("store", s.Store, scale(limit, c.StoreFactors[:]))
	if c.LoadThreshold > 0 {
		add("load", s.Load, scale(c.LoadThreshold*cores, c.Factors[:]))
	}
	return worst, inputs
}

func scale(unit float64, factors []float64) []float64 {
	out := make([]float64, len(factors))
	for i, f := range factors {
		out[i] = unit * f
	}
	return out
}

// classify: a value is in a mode when it is strictly above the mode's threshold.
func classify(value float64, thresholds []float64) Mode {
	m := Negligible
	for i, t := range thresholds {
		if value > t {
			m = Mode(i + 1)
		}
	}
	return m
}

// Maximum is the number of jobs that an idle node may run at once.
func (c Config) Maximum(cores int) int {
	if c.NodeActionLimit > 0 {
		return c.NodeActionLimit
	}
	return max(1, c.JobsPerCore*cores)
}

// Jobs is how many jobs a node in that mode may run at once. It is never below 1.
func (c Config) Jobs(m Mode, maximum int) int { return c.Shares[m].of(maximum) }

// Node is what the DC knows of a node.
type Node struct {
	Mode    Mode
	Maximum int
}

// Total is how many actions of a transition may be in flight at once: batchLimit, lowered while nodes are
// highly loaded. 0 is no limit.
func (c Config) Total(batchLimit int, nodes []Node) int {
	limit := batchLimit
	lower := func(share float64) {
		n := max(1, int(float64(len(nodes))*share))
		if limit == 0 || n < limit {
			limit = n
		}
	}
	for _, n := range nodes {
		switch n.Mode {
		case Extreme:
			lower(c.ClusterExtreme)
		case High:
			lower(c.ClusterHigh)
		}
	}
	return limit
}

// Exempted reports whether actions of that task never wait for the throttle.
func (c Config) Exempted(task string) bool { return slices.Contains(c.Exempt, task) }
