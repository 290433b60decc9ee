// Package vitals measures the node once a second: processors, memory, pressure, cgroups, the kernel's log,
// disks, watched processes, its own lateness.
//
// Every source runs on a goroutine of its own, because a disk, an NFS mount or an entry of /proc may hang:
// the others go on, and the sample says which source is stale.
package vitals

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// Config says what is measured. Empty paths are the real ones; functions that are nil measure nothing.
type Config struct {
	Proc string // /proc
	Sys  string // /sys
	Kmsg string // /dev/kmsg
	// Period is the time between two samples: one second.
	Period time.Duration
	// Disks are the file systems that are probed.
	Disks []Disk
	// Processes are the processes that are watched; it is asked every period and must not wait.
	Processes func() []Watch
	// Heartbeat asks corosyncd, Fencing asks fenced. They may wait.
	Heartbeat func(context.Context) api.HeartbeatVitals
	Fencing   func(context.Context) []api.FencePath
	// Complete adds what the owner knows: peers, throttle, timeouts. It must not wait.
	Complete func(*api.Vitals)
	// Host is told the facts of the node before the first Report, which gets every sample. A sample is
	// immutable afterwards, except for the trend of memory.
	Host   func(api.Host)
	Report func(*api.Vitals)
	Log    *slog.Logger
}

func (c *Config) setDefaults() {
	for _, d := range []struct {
		path  *string
		value string
	}{{&c.Proc, "/proc"}, {&c.Sys, "/sys"}, {&c.Kmsg, "/dev/kmsg"}} {
		if *d.path == "" {
			*d.path = d.value
		}
	}
	if c.Period <= 0 {
		c.Period = time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

const (
	// patience is how long a sample waits for sources that are read every period.
	patience = 200 * time.Millisecond
	// ticksPerPeriod is how often the sampler looks at its own lateness within a period.
	ticksPerPeriod = 5
	// farewell is how long Run waits for sources at its end. One that is stuck in the kernel cannot be
	// joined; it ends with the process.
	farewell = time.Second
)

// Sampler measures while Run runs.
type Sampler struct {
	cfg     Config
	host    api.Host
	sources []*source
	kmsg    *kernelLog
	poke    chan struct{} // capacity 1: a sample out of turn is wanted
	last    time.Time     // of the last sample
}

// New makes a sampler, reads the facts of the host and starts nothing.
func New(cfg Config) (*Sampler, error) {
	cfg.setDefaults()
	if cfg.Report == nil {
		return nil, errors.New("vitals: Report is nil")
	}
	s := &Sampler{cfg: cfg, poke: make(chan struct{}, 1)}
	p := &procReader{root: cfg.Proc}
	g := &cgroupReader{proc: cfg.Proc, sys: cfg.Sys}
	s.host = p.host(g)
	s.kmsg = &kernelLog{path: cfg.Kmsg, bootMs: p.bootMs(), log: cfg.Log}
	s.add("proc", cfg.Period, p.read)
	s.add("cgroup", cfg.Period, g.read)
	s.add("cgroups", cgroupCountEvery, g.count)
	s.add("zoneinfo", zoneEvery, zoneReader{cfg.Proc}.read)
	if cfg.Processes != nil {
		s.add("processes", cfg.Period, (&processReader{root: cfg.Proc, watches: cfg.Processes}).read)
	}
	if cfg.Heartbeat != nil {
		s.add("heartbeat", cfg.Period, s.readHeartbeat)
	}
	if cfg.Fencing != nil {
		s.add("fencing", fencingEvery, s.readFencing)
	}
	for _, d := range cfg.Disks {
		r := newDiskReader(d, cfg.Proc)
		s.add("disk "+d.Path, r.disk.Every, r.read)
		src := s.sources[len(s.sources)-1]
		src.hung, src.deadline = r.stuck, r.disk.Deadline
	}
	return s, nil
}

// Intervals of what changes slowly or costs more.
const (
	cgroupCountEvery = time.Minute
	zoneEvery        = 30 * time.Second
	fencingEvery     = 10 * time.Second
	callTimeout      = 900 * time.Millisecond
)

func (s *Sampler) add(name string, every time.Duration, read reader) {
	s.sources = append(s.sources, newSource(name, every, read))
}

// Run samples until ctx ends.
func (s *Sampler) Run(ctx context.Context) error {
	if s.cfg.Host != nil {
		s.cfg.Host(s.host)
	}
	var all sync.WaitGroup
	for _, src := range s.sources {
		all.Go(func() { src.run(ctx) })
	}
	all.Go(func() { s.kmsg.run(ctx) })
	s.Poke() // the first sample comes at once
	s.loop(ctx)
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(farewell):
		for _, src := range s.sources {
			if begun := src.busySince(); !begun.IsZero() {
				s.cfg.Log.Warn("a source of the vitals is stuck in the kernel and left behind", "source", src.name, "for", time.Since(begun).Round(time.Second))
			}
		}
	}
	return nil
}

// loop takes a sample every period and measures by how much it comes late.
func (s *Sampler) loop(ctx context.Context) {
	step := s.cfg.Period / ticksPerPeriod
	due := time.Now().Add(step)
	worst := time.Duration(0)
	timer := time.NewTimer(step)
	defer timer.Stop()
	for tick := 1; ; tick++ {
		select {
		case <-timer.C:
		case <-s.poke:
			s.cfg.Report(s.sample(ctx, time.Now(), true))
			tick--
			continue
		case <-ctx.Done():
			return
		}
		now := time.Now()
		worst = max(worst, now.Sub(due))
		if tick%ticksPerPeriod == 0 {
			v := s.sample(ctx, now, false)
			v.Late = worst.Milliseconds()
			worst = 0
			s.cfg.Report(v)
		}
		due = due.Add(step)
		if now = time.Now(); due.Before(now) { // after a stall there is no burst of samples
			due = now.Add(step)
		}
		timer.Reset(time.Until(due))
	}
}

// Poke has a sample taken at once, out of turn: something has happened that deserves one. It never waits.
func (s *Sampler) Poke() {
	select {
	case s.poke <- struct{}{}:
	default:
	}
}

// sample asks the sources that are due, waits a moment for the fast ones, and puts together what is known. out
// of turn, those that are read every period are due unless they are being read.
func (s *Sampler) sample(ctx context.Context, now time.Time, outOfTurn bool) *api.Vitals {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	var asked []*source
	for _, src := range s.sources {
		if src.ask(now, outOfTurn && src.every <= s.cfg.Period) {
			asked = append(asked, src)
		}
	}
	for _, src := range asked {
		if src.every > s.cfg.Period {
			continue
		}
		select {
		case <-src.answered:
		case <-limit.C:
			limit.Reset(0) // no patience for the others either
		case <-ctx.Done():
		}
	}
	return s.assemble(now)
}

func (s *Sampler) assemble(now time.Time) *api.Vitals {
	v := &api.Vitals{At: now.UnixMilli(), Memory: api.MemoryVitals{Exhausted: -1}, Kernel: s.kmsg.take()}
	for _, src := range s.sources {
		src.fill(now, v)
	}
	if !s.last.IsZero() {
		// The wall clock's step against the monotonic clock's.
		v.Clock.Jump = (now.Round(0).Sub(s.last.Round(0)) - now.Sub(s.last)).Milliseconds()
	}
	s.last = now
	if s.cfg.Complete != nil {
		s.cfg.Complete(v)
	}
	return v
}

// Once reads every source that is due in the caller's goroutine and returns a sample as of now. It is for
// recorded inputs; Run must not run.
func (s *Sampler) Once(now time.Time) *api.Vitals {
	for _, src := range s.sources {
		if src.due(now) {
			src.begin(now)
			src.end(src.read(now))
		}
	}
	s.kmsg.readRecorded()
	v := s.assemble(now)
	v.Clock.Jump = 0
	return v
}

// Host are the facts of the node.
func (s *Sampler) Host() api.Host { return s.host }

func (s *Sampler) readHeartbeat(time.Time) filler {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	h := s.cfg.Heartbeat(ctx)
	return func(v *api.Vitals, fresh bool) {
		v.Heartbeat = h
		if !fresh {
			v.Heartbeat.Late = 0
			v.Heartbeat.Links = quiet(h.Links)
		}
	}
}

// quiet is links without what was counted.
func quiet(in []api.LinkVitals) []api.LinkVitals {
	out := append([]api.LinkVitals(nil), in...)
	for i := range out {
		out[i].Received, out[i].Lost, out[i].Flaps = 0, 0, 0
	}
	return out
}

func (s *Sampler) readFencing(time.Time) filler {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	paths := s.cfg.Fencing(ctx)
	return func(v *api.Vitals, _ bool) { v.Fencing = paths }
}

// readFile is os.ReadFile for files that the kernel makes up, into a buffer that is used again.
func readFile(path string, buf []byte) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	buf = buf[:0]
	for {
		if cap(buf)-len(buf) < 512 {
			buf = append(buf, make([]byte, 4096)...)[:len(buf)]
		}
		n, err := f.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if n == 0 || err != nil {
			return buf, nil // a short read is the end of what there is
		}
	}
}
