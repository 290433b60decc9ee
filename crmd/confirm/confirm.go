// Package confirm decides whether a monitor that got no answer counts as failed. No answer and a bad answer are
// different: on a host that is measurably starved, no answer says something about the host, and is confirmed
// before it says something about the resource.
package confirm

import (
	"fmt"
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/worker"
)

// Config says when no answer is a failure on a starved host.
type Config struct {
	// Failures of the last Of tries must have got no answer. 1 of 1 counts the first, as Pacemaker does.
	Failures, Of int
	// Deadline bounds the doubt: without a good answer since it began, the resource has failed.
	Deadline time.Duration
	Starved  Thresholds
}

// Thresholds from which on a host is starved; each alone is enough, 0 is never.
type Thresholds struct {
	// CPU, Memory and IO are pressure stall information in percent: some for the first, full for the others.
	CPU, Memory, IO float64
	// LoadPerCore counts where the kernel has no pressure information.
	LoadPerCore float64
	// Late is how long a normal process waited for a processor.
	Late time.Duration
}

// Default is three of four tries within a minute.
func Default() Config {
	return Config{Failures: 3, Of: 4, Deadline: time.Minute,
		Starved: Thresholds{CPU: 60, Memory: 10, IO: 50, LoadPerCore: 4, Late: time.Second}}
}

// Validate reports numbers that make no sense.
func (c Config) Validate() error {
	switch {
	case c.Failures < 1 || c.Of < c.Failures:
		return fmt.Errorf("monitor.confirm: is %d of %d, must be N of M with 1 <= N <= M", c.Failures, c.Of)
	case c.Deadline <= 0:
		return fmt.Errorf("monitor.deadline: must be more than 0")
	}
	return nil
}

// Starvation says how the host was short of something in these samples, "" when it was not.
func (t Thresholds) Starvation(h *api.Host, samples []*api.Vitals) string {
	var worst api.PressureVitals
	var load float64
	var late int64
	for _, v := range samples {
		p := &v.Pressure
		worst.Known = worst.Known || p.Known
		worst.CPU.Some10 = max(worst.CPU.Some10, p.CPU.Some10)
		worst.Memory.Full10 = max(worst.Memory.Full10, p.Memory.Full10)
		worst.IO.Full10 = max(worst.IO.Full10, p.IO.Full10)
		load = max(load, v.CPU.Load[0]/float64(max(h.Cores, 1)))
		late = max(late, v.Late)
	}
	above := func(v, limit float64) bool { return limit > 0 && v >= limit }
	switch {
	case above(worst.Memory.Full10, t.Memory):
		return fmt.Sprintf("all tasks waited for memory %.0f %% of the time", worst.Memory.Full10)
	case above(worst.IO.Full10, t.IO):
		return fmt.Sprintf("all tasks waited for disks %.0f %% of the time", worst.IO.Full10)
	case t.Late > 0 && time.Duration(late)*time.Millisecond >= t.Late:
		return fmt.Sprintf("a process waited %d ms for a CPU", late)
	case above(worst.CPU.Some10, t.CPU):
		return fmt.Sprintf("tasks waited for a CPU %.0f %% of the time, load %.1f per core", worst.CPU.Some10, load)
	case !worst.Known && above(load, t.LoadPerCore):
		return fmt.Sprintf("load %.1f per core", load)
	}
	return ""
}

// Input is what happens: Ended, Forget, Configured or Wake.
type Input interface{ input() }

type (
	// Ended is a result of the executor. Starved says how the host was short of something meanwhile.
	Ended struct {
		Result  worker.Result
		Starved string
	}
	// Forget drops what is in doubt of a resource, because it was stopped or deleted.
	Forget struct{ Rsc string }
	// Configured changes the numbers.
	Configured struct{ Config Config }
	// Wake says that the deadline may have come.
	Wake struct{}
)

func (Ended) input()      {}
func (Forget) input()     {}
func (Configured) input() {}
func (Wake) input()       {}

// Output is what is to be done: Deliver, Again or Held.
type Output interface{ output() }

type (
	// Deliver hands a result on: it counts.
	Deliver struct{ Result worker.Result }
	// Again runs the monitor again now.
	Again struct{ Result worker.Result }
	// Held tells that a monitor got no answer and that this does not count yet: Tries of Of.
	Held struct {
		Result    worker.Result
		Starved   string
		Tries, Of int
	}
	// Answered tells that a monitor in doubt got an answer after all.
	Answered struct {
		Result worker.Result
		After  time.Duration
	}
)

func (Deliver) output()  {}
func (Again) output()    {}
func (Held) output()     {}
func (Answered) output() {}

// doubt is a monitor that got no answer. since is when the first of those came that no good answer has followed;
// zero after a good answer.
type doubt struct {
	since time.Time
	last  worker.Result // without an answer
	tries []bool        // true: no answer; the last Of
	at    time.Time     // of the last try
}

// Machine is between the executor's results and the history. One goroutine owns it.
type Machine struct {
	cfg    Config
	doubts map[string]*doubt // by operation key
	// told are the result that counted last of each recurring monitor.
	told map[string]told
	out  []Output
}

type told struct {
	status lrm.Status
	rc     lrm.RC
}

// New makes a machine.
func New(cfg Config) *Machine {
	return &Machine{cfg: cfg, doubts: make(map[string]*doubt), told: make(map[string]told)}
}

// Step takes an input and returns what is to be done, in order.
func (m *Machine) Step(now time.Time, in Input) []Output {
	m.out = nil
	switch in := in.(type) {
	case Configured:
		m.cfg = in.Config
	case Forget:
		m.forget(in.Rsc)
	case Ended:
		m.ended(now, in)
	}
	for _, key := range m.keys() {
		if d := m.doubts[key]; !d.since.IsZero() && !now.Before(d.since.Add(m.cfg.Deadline)) {
			m.fail(now, key, d, "no answer came before the deadline")
		}
	}
	return m.out
}

// Deadline is when Step wants to be called with Wake, zero for never.
func (m *Machine) Deadline() time.Time {
	var next time.Time
	for _, d := range m.doubts {
		if d.since.IsZero() {
			continue
		}
		if at := d.since.Add(m.cfg.Deadline); next.IsZero() || at.Before(next) {
			next = at
		}
	}
	return next
}

func (m *Machine) keys() []string {
	keys := make([]string, 0, len(m.doubts))
	for k := range m.doubts {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (m *Machine) forget(rsc string) {
	for key := range m.doubts {
		if r, _, _, err := lrm.ParseOpKey(key); err == nil && r == rsc {
			delete(m.doubts, key)
		}
	}
	for key := range m.told {
		if r, _, _, err := lrm.ParseOpKey(key); err == nil && r == rsc {
			delete(m.told, key)
		}
	}
}

func (m *Machine) ended(now time.Time, in Ended) {
	o := in.Result.Order
	if o.Task != "monitor" || o.Interval <= 0 || in.Result.Status == lrm.Cancelled {
		if o.Task == "stop" || in.Result.Status == lrm.Cancelled {
			m.forget(o.Rsc)
		}
		m.out = append(m.out, Deliver{in.Result})
		return
	}
	key := lrm.OpKey(o.Rsc, o.Task, o.Interval)
	d := m.doubts[key]
	if d != nil && d.since.IsZero() && now.Sub(d.at) > m.cfg.Deadline {
		delete(m.doubts, key) // good answers in between are not reported, they only repeat
		d = nil
	}
	if in.Result.Status != lrm.Timeout {
		m.answered(now, key, d, in.Result)
		return
	}
	switch {
	case d == nil && (in.Starved == "" || m.cfg.Of <= 1):
		m.deliver(key, in.Result)
		return
	case d == nil:
		d = &doubt{}
		m.doubts[key] = d
	}
	if d.since.IsZero() {
		d.since = now
	}
	d.last, d.at = in.Result, now
	d.try(true, m.cfg.Of)
	silent := d.silent()
	switch {
	case in.Starved == "":
		m.fail(now, key, d, "the host was not short of anything any more")
	case silent >= m.cfg.Failures:
		m.fail(now, key, d, fmt.Sprintf("%d of %d tries got no answer", silent, len(d.tries)))
	default:
		m.out = append(m.out, Held{in.Result, in.Starved, silent, m.cfg.Of}, Again{in.Result})
	}
}

func (d *doubt) try(silent bool, of int) {
	d.tries = append(d.tries, silent)
	d.tries = d.tries[max(0, len(d.tries)-of):]
}

func (d *doubt) silent() int {
	n := 0
	for _, s := range d.tries {
		if s {
			n++
		}
	}
	return n
}

// answered takes a good or bad answer. The doubt is over when none of the last tries was without one.
func (m *Machine) answered(now time.Time, key string, d *doubt, r worker.Result) {
	if d == nil {
		m.deliver(key, r)
		return
	}
	d.try(false, m.cfg.Of)
	d.at = now
	if !d.since.IsZero() {
		m.out = append(m.out, Answered{r, now.Sub(d.since)})
		d.since = time.Time{}
	}
	if d.silent() == 0 {
		delete(m.doubts, key)
	}
	// What counted last was the same answer: there is nothing new.
	if m.told[key] != (told{r.Status, r.RC}) {
		r.Again = true
		m.deliver(key, r)
	}
}

func (m *Machine) deliver(key string, r worker.Result) {
	m.told[key] = told{r.Status, r.RC}
	m.out = append(m.out, Deliver{r})
}

// fail ends a doubt with a failure.
func (m *Machine) fail(now time.Time, key string, d *doubt, why string) {
	r := d.last
	r.Again = true
	r.ExitReason = fmt.Sprintf("%s; confirmed on a starved host: %s within %d ms", r.ExitReason, why, now.Sub(d.since).Milliseconds())
	delete(m.doubts, key)
	m.deliver(key, r)
}
