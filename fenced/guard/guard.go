// Package guard is a node's last guard, what `sbd watch` runs: it pets the hardware watchdog only while the
// node may live, and obeys the messages in the node's slots on the shared disks.
//
// It depends on nothing but the kernel and the disks. When it dies, the watchdog ends the node.
package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-ha/holdfast/fenced/petting"
	"github.com/holdfast-ha/holdfast/fenced/sbdconf"
	"github.com/holdfast-ha/holdfast/fenced/sbddisk"
	"github.com/holdfast-ha/holdfast/fenced/sbdformat"
	"github.com/holdfast-ha/holdfast/fenced/watchdog"
)

// Health asks the cluster stack about this node. Its methods are called by one goroutine each and return when
// their context ends.
type Health interface {
	// Members reports whether the membership can be relied on.
	Members(ctx context.Context) Verdict
	// Manager reports whether the resource manager calls this node healthy.
	Manager(ctx context.Context) Verdict
}

// Verdict is an answer of Health.
type Verdict struct {
	State State
	Why   string // what is wrong, "" when nothing is
}

// State is what a watcher finds.
type State uint8

const (
	// Unknown says nothing: the last verdict gets old.
	Unknown State = iota
	Healthy
	Unhealthy
	// Gone tells that the cluster stack has ended in an orderly way.
	Gone
)

// Dog is the watchdog; *watchdog.Watchdog is the real one.
type Dog interface {
	Pet() error
	Disarm() error
	SetTimeout(d time.Duration) error
}

// Config says what the guard watches.
type Config struct {
	// Node is the name of this node's slots.
	Node    string
	Devices []string
	Disk    sbddisk.Options
	// Timeouts are used where there is no disk; the header of a disk overrides them.
	Timeouts sbdformat.Timeouts
	// Warn replaces petting.DefaultWarn when it is not negative; 0 never warns.
	Warn time.Duration
	// WatchdogDevice is "" for none, which leaves a node whose guard dies unguarded.
	WatchdogDevice string
	KeepTimeout    bool
	// Health is nil when the cluster is not watched.
	Health       Health
	ClusterFirst bool
	// Clean refuses to start when a fencing message waits in a slot.
	Clean bool
	// StartTimeout is how long disks may take to appear.
	StartTimeout time.Duration
	// DelayMsgwait waits for msgwait before the start, Delay for a time of its own.
	DelayMsgwait bool
	Delay        time.Duration
	// Action is what the node does to itself when it may not live.
	Action sbdconf.Action
	// CrashWatchdog is the watchdog timeout while a crash dump is written; 0 stops the watchdog for it.
	CrashWatchdog time.Duration
	// Rehearse is sbd's trace mode: 1 turns every end into a crash dump, 2 only ends the guard, 3 waits ten
	// seconds before the end.
	Rehearse int
	// Restarted tells that an earlier guard of this boot did not end in an orderly way: messages in the slots
	// are meant for this life of the node.
	Restarted bool
	// Armed is called once, when others may rely on the guard.
	Armed func(status string)
	Log   *slog.Logger

	// Arm and End replace the kernel's watchdog and the end of the machine in tests.
	Arm func(path string, s watchdog.Settings) (Dog, error)
	End func(kind sbdconf.Kind)
}

// ErrFenced ends a start that must not be tried again without a person.
var ErrFenced = errors.New("a fencing message waits for this node: it was fenced. Find out why, then clear it with `sbd message`")

// guard is a running one.
type guard struct {
	Config
	timeouts sbdformat.Timeouts
	inputs   chan petting.Input
	stop     chan error // the guard is to end, in an orderly way (nil) or because it may not start
	ending   sync.Once
	over     atomic.Bool // the node is being ended: nobody pets any more

	mu  sync.Mutex
	dog Dog // nil before it is armed and after it was disarmed
}

// maxInputs bounds what waits for the loop; watchers wait when it is full.
const maxInputs = 64

// Run guards the node until ctx ends or an exit message arrives, which are orderly ends. An error means that it
// did not start.
func Run(ctx context.Context, c Config) error {
	g := &guard{Config: c, timeouts: c.Timeouts, inputs: make(chan petting.Input, maxInputs), stop: make(chan error, 1)}
	if g.Log == nil {
		g.Log = slog.New(slog.DiscardHandler)
	}
	if g.Arm == nil {
		g.Arm = func(path string, s watchdog.Settings) (Dog, error) { return g.armKernel(path, s) }
	}
	if g.End == nil {
		g.End = EndMachine
	}
	if err := g.begin(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var watchers sync.WaitGroup
	for i, path := range g.Devices {
		watchers.Go(func() { g.watchDisk(ctx, i, path) })
	}
	if g.Health != nil {
		watchers.Go(func() { g.ask(ctx, petting.Members, g.Health.Members) })
		watchers.Go(func() { g.ask(ctx, petting.Manager, g.Health.Manager) })
	}
	err := g.loop(ctx)
	cancel()
	// Before the watchers are joined: one of them may be waiting for a disk.
	err = errors.Join(err, g.disarm())
	watchers.Wait()
	return err
}

// withDog does something with the watchdog, if there is one.
func (g *guard) withDog(do func(Dog) error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.dog == nil {
		return nil
	}
	return do(g.dog)
}

func (g *guard) disarm() error {
	return g.withDog(func(d Dog) error { g.dog = nil; return d.Disarm() })
}

func (g *guard) armKernel(path string, s watchdog.Settings) (Dog, error) {
	w, err := watchdog.Arm(path, s)
	if err != nil {
		return nil, err
	}
	g.Log.Info("the watchdog is armed", "device", path, "identity", w.Identity(), "timeout", w.Settings().Timeout, "pretimeout", w.Settings().Pretimeout)
	if w.ResetBefore {
		g.Log.Warn("the machine's last start followed a reset by this watchdog", "device", path)
	}
	return w, nil
}

// begin finds the timeouts that are in force, and waits for as long as the start is to be delayed.
func (g *guard) begin(ctx context.Context) error {
	if len(g.Devices) > 0 {
		h, err := g.firstHeader(ctx)
		if err != nil {
			return err
		}
		g.timeouts = h.Timeouts
		if err := h.Check(); err != nil {
			g.Log.Warn("the timeouts on the disk contradict each other; create it anew while the cluster is down", "err", err)
		}
	}
	delay := g.Delay
	if g.DelayMsgwait {
		delay = g.timeouts.Msgwait
	}
	if delay > 0 {
		g.Log.Info("the start is delayed", "by", delay)
	}
	select {
	case <-time.After(delay):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// firstHeader waits for a disk that can be read.
func (g *guard) firstHeader(ctx context.Context) (sbdformat.Header, error) {
	var last error
	for until := time.Now().Add(g.StartTimeout); ; {
		for _, path := range g.Devices {
			d, err := sbddisk.Open(path, g.Disk)
			if err == nil {
				var h sbdformat.Header
				h, err = d.Header(ctx)
				d.Close()
				if err == nil {
					return h, nil
				}
			}
			last = err
		}
		if time.Now().After(until) || ctx.Err() != nil {
			return sbdformat.Header{}, fmt.Errorf("no disk can be used after %v: %w", g.StartTimeout, last)
		}
		select {
		case <-time.After(g.timeouts.Loop):
		case <-ctx.Done():
		}
	}
}

// io is how long a read may take.
func (g *guard) io() time.Duration {
	if g.Disk.Timeout > 0 {
		return g.Disk.Timeout
	}
	return sbddisk.DefaultTimeout
}

// loop owns the machine and the watchdog. It returns when the guard is to end.
func (g *guard) loop(ctx context.Context) error {
	warn := g.Warn
	if warn < 0 {
		warn = petting.DefaultWarn(g.timeouts.Watchdog)
	}
	m := petting.New(time.Now(), petting.Config{Disks: len(g.Devices), Cluster: g.Health != nil, ClusterFirst: g.ClusterFirst,
		Watchdog: g.timeouts.Watchdog, Loop: g.timeouts.Loop, IO: g.io(), Warn: warn})
	timer := time.NewTimer(g.timeouts.Loop)
	defer timer.Stop()
	for {
		var in petting.Input
		select {
		case in = <-g.inputs:
		case <-timer.C:
			in = petting.Tick{}
		case err := <-g.stop:
			return err
		case <-ctx.Done():
			g.Log.Info("an orderly stop was asked for")
			return nil
		}
		now := time.Now()
		for _, o := range m.Step(now, in) {
			if err := g.perform(o); err != nil {
				return err
			}
		}
		timer.Reset(max(0, time.Until(m.Deadline())))
	}
}

func (g *guard) perform(o petting.Output) error {
	switch o := o.(type) {
	case petting.Arm:
		return g.arm()
	case petting.Pet:
		if g.over.Load() {
			return nil
		}
		if err := g.withDog(Dog.Pet); err != nil {
			g.Log.Error("the watchdog cannot be petted", "err", err)
		}
	case petting.Act:
		g.Log.Error("this node may not live on", "why", o.Why, "action", g.Action.Kind)
		g.end(g.Action.Kind, g.Action.Flush)
	case petting.Abort:
		return errors.New(o.Why)
	case petting.Note:
		if o.Warn {
			g.Log.Warn(o.Text)
		} else {
			g.Log.Info(o.Text)
		}
	}
	return nil
}

func (g *guard) arm() error {
	if g.WatchdogDevice == "" {
		g.Log.Warn("there is no watchdog: if this process dies, the node goes on without a guard")
	} else {
		dog, err := g.Arm(g.WatchdogDevice, watchdog.Settings{Timeout: g.timeouts.Watchdog, KeepTimeout: g.KeepTimeout})
		if err != nil {
			return err
		}
		g.mu.Lock()
		g.dog = dog
		g.mu.Unlock()
	}
	if g.Armed != nil {
		g.Armed(fmt.Sprintf("guarding %s: watchdog %v, %d disks", g.Node, g.timeouts.Watchdog, len(g.Devices)))
	}
	return nil
}

// give hands an input to the loop.
func (g *guard) give(ctx context.Context, in petting.Input) {
	select {
	case g.inputs <- in:
	case <-ctx.Done():
	}
}

// quit asks the loop to end: in an orderly way with nil, or because the guard may not start.
func (g *guard) quit(err error) {
	select {
	case g.stop <- err:
	default: // it has been asked already
	}
}

// ask questions the cluster once per loop. An answer may take as long as a read of a disk.
func (g *guard) ask(ctx context.Context, w petting.Watcher, question func(context.Context) Verdict) {
	t := time.NewTicker(g.timeouts.Loop)
	defer t.Stop()
	for {
		limit, cancel := context.WithTimeout(ctx, g.io())
		v := question(limit)
		cancel()
		switch v.State {
		case Healthy:
			g.give(ctx, petting.Alive{Watcher: w})
		case Unhealthy:
			g.give(ctx, petting.Unhealthy{Watcher: w, Why: v.Why})
		case Gone:
			g.give(ctx, petting.Left{})
		case Unknown:
			g.give(ctx, petting.Silent{Watcher: w, Why: v.Why})
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}
