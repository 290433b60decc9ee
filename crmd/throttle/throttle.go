// Package throttle decides how many jobs a node may run at once, from how loaded it is.
//
// The rule is Pacemaker's; every number that Pacemaker compiles in is a field of Config with Pacemaker's
// value as default.
package throttle

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

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
	// SampleMs is the time between two samples of load and store, FastMs between those of the other inputs.
	SampleMs, FastMs int64
	// FallMs is for how long the inputs must allow a lower mode before it is taken. Pacemaker takes it at once.
	FallMs int64
	// Inputs are what is looked at: names of Inputs. Pacemaker looks at store and load.
	Inputs []string
	// Thresholds of the inputs besides store and load, from which they are low, medium, high and extreme; 0 is
	// never.
	Thresholds map[string][4]float64
	// Exempt are tasks that do not wait because of load: stonith, stop, demote, monitor (recurring ones),
	// probe, start, promote, ... The job maximum of an idle node holds for them all the same.
	Exempt []string
}

// Names of the inputs.
const (
	Store      = "store"       // CPU use of crmd, as a share of a core
	Load       = "load"        // 1-minute load average
	CPU        = "cpu"         // pressure (PSI) some, 10 s, percent
	Memory     = "memory"      // pressure some
	MemoryFull = "memory_full" // pressure full
	IO         = "io"          // pressure some
	IOFull     = "io_full"     // pressure full
	Queue      = "queue"       // tasks that run or could run, per core
	Late       = "late"        // how long a normal process waits for a CPU, ms
)

// Inputs are the names of all inputs.
var Inputs = []string{Store, Load, CPU, Memory, MemoryFull, IO, IOFull, Queue, Late}

// thresholds are where the inputs that Pacemaker does not have become low, medium, high and extreme.
func thresholds() map[string][4]float64 {
	return map[string][4]float64{
		CPU: {50, 70, 90, 0}, Memory: {10, 20, 40, 70}, MemoryFull: {2, 5, 15, 40}, IO: {40, 60, 80, 0}, IOFull: {15, 30, 50, 80},
		Queue: {2, 4, 8, 0}, Late: {100, 300, 1000, 5000},
	}
}

// SampleOf is a sample from a node's vitals. Store is not in them.
func SampleOf(h *api.Host, v *api.Vitals) Sample {
	cores := max(h.Cores, 1)
	return Sample{Cores: cores, Load: v.CPU.Load[0], Fast: map[string]float64{
		CPU: v.Pressure.CPU.Some10, Memory: v.Pressure.Memory.Some10, MemoryFull: v.Pressure.Memory.Full10, IO: v.Pressure.IO.Some10,
		IOFull: v.Pressure.IO.Full10, Queue: float64(v.CPU.Running) / float64(cores), Late: float64(v.Late)}}
}

// Default is Pacemaker 2.1's throttle.
func Default() Config {
	return Config{
		LoadThreshold: 0.8, Factors: [3]float64{1.2, 1.6, 2.0}, SingleCore: 0.6,
		StoreLimit: 0.95, StoreLimitSingle: 0.4, StoreFactors: [4]float64{0.8, 0.9, 1.0, 1.5},
		Shares:      [5]Share{{Fraction: 1}, {Fraction: 0.5}, {Fraction: 0.25}, {Jobs: 1}, {Jobs: 1}},
		JobsPerCore: 2, ClusterHigh: 0.5, ClusterExtreme: 0.25, SampleMs: 30000, FastMs: 1000,
		Inputs: []string{Store, Load}, Thresholds: thresholds(), Exempt: []string{"stonith", "stop", "demote", "monitor"},
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
	if c.SampleMs < 1000 || c.FastMs < 1000 {
		bad("throttle.sample: must be at least 1s, have %dms, and fast_sample %dms", c.SampleMs, c.FastMs)
	}
	for _, in := range c.Inputs {
		if !slices.Contains(Inputs, in) {
			bad("throttle.inputs: there is no input %q, only %v", in, Inputs)
		}
	}
	for _, in := range Inputs {
		last := 0.0
		for _, t := range c.Thresholds[in] {
			if t < 0 || t > 0 && t < last {
				bad("throttle.thresholds.%s: must rise from low to extreme, 0 is never; have %v", in, c.Thresholds[in])
				break
			}
			last = max(last, t)
		}
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
	// Fast are the other inputs by name.
	Fast map[string]float64
}

// Judge returns the node's mode, the worst of the selected inputs, and the inputs with their thresholds.
func (c Config) Judge(s Sample) (Mode, []api.ThrottleInput) {
	var inputs []api.ThrottleInput
	worst := Negligible
	for _, name := range Inputs {
		if !slices.Contains(c.Inputs, name) || name == Load && c.LoadThreshold <= 0 {
			continue
		}
		value, at := c.input(name, s)
		m := classify(value, at)
		worst = max(worst, m)
		inputs = append(inputs, api.ThrottleInput{Name: name, Value: value, Thresholds: at, Mode: m.String()})
	}
	return worst, inputs
}

// input is an input's value and its thresholds.
func (c Config) input(name string, s Sample) (float64, []float64) {
	limit, cores := c.StoreLimit, float64(s.Cores)
	if s.Cores <= 1 {
		limit, cores = c.StoreLimitSingle, c.SingleCore
	}
	switch name {
	case Store:
		if c.LoadThreshold > 0 {
			limit = min(limit, c.LoadThreshold)
		}
		return s.Store, scale(limit, 1, c.StoreFactors[:])
	case Load:
		return s.Load, scale(c.LoadThreshold, cores, c.Factors[:])
	default:
		at := c.Thresholds[name]
		return s.Fast[name], at[:]
	}
}

// scale is unit × n × each factor, rounded to single precision as Pacemaker stores its thresholds.
func scale(unit, n float64, factors []float64) []float64 {
	out := make([]float64, len(factors))
	for i, f := range factors {
		single := float32(float64(float32(unit)) * n * f)
		// The shortest decimal that means this number: 7.68, not 7.680000305.
		out[i], _ = strconv.ParseFloat(strconv.FormatFloat(float64(single), 'g', -1, 32), 64)
	}
	return out
}

// classify: a value is in a mode when it is strictly above the mode's threshold, compared in single precision
// as Pacemaker does: 0.80 is not above 80 % of one. A threshold of 0 is no threshold.
func classify(value float64, thresholds []float64) Mode {
	m := Negligible
	for i, t := range thresholds {
		if t > 0 && float32(value) > float32(t) {
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
