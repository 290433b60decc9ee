// Package observer watches this node and keeps what the others say of themselves: it samples the vitals, runs
// the detectors and the throttle's meter over them, and exchanges digests with the other nodes.
package observer

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/detect"
	"github.com/holdfast-ha/holdfast/crmd/throttle"
	"github.com/holdfast-ha/holdfast/crmd/vitals"
	"github.com/holdfast-ha/holdfast/crmd/vitals/series"
)

// Config says what is observed. The functions are called from the observer's goroutine and must not wait.
type Config struct {
	Node string
	// Vitals is what is measured. Complete, Host and Report belong to the observer.
	Vitals   vitals.Config
	Settings Settings
	// Alarm is told what the detectors say, in order.
	Alarm func(detect.Output)
	// Mode is told the throttle's mode when it, or the job limit of an idle node, has changed.
	Mode func(mode throttle.Mode, jobs int)
	// Used is the CPU time that crmd has used since it started.
	Used func() time.Duration
	Log  *slog.Logger
}

// Settings are what may be changed while the observer runs.
type Settings struct {
	Detect   detect.Config
	Throttle throttle.Config
	Timeouts []api.TimeoutProblem
}

// Observer watches while Run runs. Its methods are safe for concurrent use.
type Observer struct {
	cfg     Config
	sampler *vitals.Sampler

	mu       sync.Mutex
	machine  *detect.Machine
	meter    *throttle.Meter
	jobs     int // told last
	settings Settings
	members  map[string]time.Time // whose silence means something, until when; zero is without end
	peers    map[string]*book
	lost     []api.LostPeer // since the last sample
	digest   []byte
	last     api.Digest
	alarms   uint64        // rises whenever an alarm is raised, changed or cleared
	ended    []api.Alarm   // cleared lately, oldest first
	next     chan struct{} // closed with every new digest
}

// New makes an observer and starts nothing.
func New(cfg Config) (*Observer, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	o := &Observer{cfg: cfg, settings: cfg.Settings, machine: detect.New(cfg.Node, cfg.Settings.Detect),
		meter: throttle.NewMeter(cfg.Settings.Throttle), peers: make(map[string]*book), members: make(map[string]time.Time), next: make(chan struct{})}
	v := cfg.Vitals
	v.Complete, v.Host, v.Report, v.Log = o.complete, o.host, o.sampled, cfg.Log
	var err error
	o.sampler, err = vitals.New(v)
	return o, err
}

// Run observes until ctx ends.
func (o *Observer) Run(ctx context.Context) error { return o.sampler.Run(ctx) }

// Poke has a sample taken at once.
func (o *Observer) Poke() { o.sampler.Poke() }

// Configure changes the settings. They count from the next sample on.
func (o *Observer) Configure(s Settings) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.settings = s
	o.machine.Step(time.Now(), detect.Configured{Config: s.Detect})
	o.meter.Configure(s.Throttle)
}

func (o *Observer) host(h api.Host) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.machine.Step(time.Now(), detect.HostIs{Host: h})
}

// complete adds to a sample what the observer knows besides.
func (o *Observer) complete(v *api.Vitals) {
	o.mu.Lock()
	defer o.mu.Unlock()
	v.Timeouts = o.settings.Timeouts
	v.Lost, o.lost = o.lost, nil
	v.Throttle = api.ThrottleVitals{Mode: o.meter.Mode().String(), Inputs: o.meter.Inputs()}
	now := time.Now()
	for name, until := range o.members {
		if !until.IsZero() && now.After(until) {
			delete(o.members, name)
			continue
		}
		p := api.PeerVitals{Node: name, Digest: -1}
		if b := o.peers[name]; b != nil && !b.heard.IsZero() {
			p.Digest = now.Sub(b.heard).Milliseconds()
			p.Unanswered = b.refused.After(b.heard)
		}
		if b := o.peers[name]; b != nil && !b.refused.IsZero() {
			p.Refused = max(1, now.Sub(b.refused).Milliseconds())
		}
		v.Peers = append(v.Peers, p)
	}
	sortPeers(v.Peers)
	v.Heartbeat.Links = linksOf(v.Heartbeat.Links, o.members)
}

// maxEnded bounds the alarms that are over and still shown.
const maxEnded = 64

// sampled has meter and detectors look at a sample, and makes the digest.
func (o *Observer) sampled(v *api.Vitals) {
	now := time.Now()
	o.mu.Lock()
	changed := o.meter.Sample(now, throttle.SampleOf(o.machine.Host(), v), o.cfg.Used())
	mode, jobs := o.meter.Mode(), o.settings.Throttle.Maximum(max(o.machine.Host().Cores, 1))
	changed = changed || jobs != o.jobs
	o.jobs = jobs
	v.Throttle = api.ThrottleVitals{Mode: mode.String(), Inputs: o.meter.Inputs()}
	out := o.machine.Step(now, detect.Sampled{Vitals: v})
	for _, x := range out {
		if c, ok := x.(detect.Cleared); ok {
			o.ended = append(o.ended, c.Alarm)
			o.ended = o.ended[max(0, len(o.ended)-maxEnded):]
		}
	}
	if len(out) > 0 {
		o.alarms++
	}
	o.condense(v)
	o.mu.Unlock()
	if changed {
		o.cfg.Mode(mode, jobs)
	}
	for _, x := range out {
		o.cfg.Alarm(x)
	}
}

// condense makes the digest of a sample and wakes those that pass it on.
func (o *Observer) condense(v *api.Vitals) {
	var names []string
	hung := 0
	for _, a := range o.machine.Alarms() {
		names = append(names, a.Name)
		if a.Name == "process.hung" {
			hung++
		}
	}
	o.last = series.Condense(o.cfg.Node, o.machine.Host(), v, hung, names)
	o.digest = series.Encode(&o.last, detect.Names())
	close(o.next)
	o.next = make(chan struct{})
}

// Next is closed with the next sample.
func (o *Observer) Next() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.next
}

// Host are the facts of this node.
func (o *Observer) Host() api.Host {
	o.mu.Lock()
	defer o.mu.Unlock()
	return *o.machine.Host()
}

// Samples are this node's samples taken at that time (Unix ms) or later, oldest first. They are immutable.
func (o *Observer) Samples(from int64) []*api.Vitals {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]*api.Vitals(nil), o.machine.Ring().From(from)...)
}

// Last is this node's newest sample, nil before the first.
func (o *Observer) Last() *api.Vitals {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.machine.Ring().Last()
}

// Throttle is this node's mode and its inputs.
func (o *Observer) Throttle() api.ThrottleVitals {
	o.mu.Lock()
	defer o.mu.Unlock()
	return api.ThrottleVitals{Mode: o.meter.Mode().String(), Inputs: o.meter.Inputs()}
}
