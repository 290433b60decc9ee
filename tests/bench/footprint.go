package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/tests/lab"
)

// idleTime is how long the CPU time of an idle cluster is counted.
const idleTime = 30 * time.Second

// footprint measures memory and CPU of the daemons of idle nodes, with a monitored group.
func footprint(ctx context.Context, b *bench) error {
	s := b.stack
	if err := configure(ctx, s, group(s, "10s")); err != nil {
		return err
	}
	time.Sleep(5 * time.Second)
	before := map[string]map[string]lab.Usage{}
	for _, n := range s.nodes() {
		u, err := lab.UsageByName(s.pid(n))
		if err != nil {
			return err
		}
		before[n] = u
	}
	began := time.Now()
	select {
	case <-time.After(idleTime):
	case <-ctx.Done():
		return ctx.Err()
	}
	for _, n := range s.nodes() {
		after, err := lab.UsageByName(s.pid(n))
		if err != nil {
			return err
		}
		b.recordFootprint(before[n], after, time.Since(began))
	}
	return nil
}

func (b *bench) recordFootprint(before, after map[string]lab.Usage, span time.Duration) {
	var memory lab.Memory
	var cpu time.Duration
	percent := func(d time.Duration) float64 { return 100 * d.Seconds() / span.Seconds() }
	for name, u := range after {
		used := u.CPU - before[name].CPU
		cpu += used
		if slices.Contains(b.stack.others(), name) {
			continue
		}
		memory.PSS += u.PSS
		memory.RSS += u.RSS
		if name == b.stack.heartbeat() {
			b.add("memory-heartbeat", "MiB PSS", mib(u.PSS))
			b.add("cpu-heartbeat", "% of a core", percent(used))
		}
	}
	b.add("memory-node", "MiB PSS", mib(memory.PSS))
	b.add("memory-node:rss", "MiB RSS", mib(memory.RSS))
	// Agents are in it: their parents have reaped them.
	b.add("cpu-node", "% of a core", percent(cpu))
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// powerUp switches a whole cluster off and on and measures until the first resource runs.
func powerUp(ctx context.Context, b *bench) error {
	s := b.stack
	if err := configure(ctx, s, group(s, "10s")); err != nil {
		return err
	}
	for range max(2, b.repeats/2) {
		for _, n := range s.nodes() {
			if err := s.powerOff(n); err != nil {
				return err
			}
		}
		for _, n := range s.nodes() {
			if err := poll(ctx, n+" is off", moveTimeout, 10*time.Millisecond, func() (bool, error) { return s.pid(n) == 0, nil }); err != nil {
				return err
			}
		}
		time.Sleep(time.Second)
		began := time.Now()
		for _, n := range s.nodes() {
			if err := s.powerOn(ctx, n); err != nil {
				return err
			}
		}
		err := poll(ctx, "the first resource runs", 2*time.Minute, 2*time.Millisecond, func() (bool, error) { return whereIs(s, "d1") != "", nil })
		if err != nil {
			return fmt.Errorf("%s: %w", s.name(), err)
		}
		b.add(fmt.Sprintf("power-on-%d", len(s.nodes())), "ms", since(began, time.Now()))
		if _, err := settled(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// busy tells how loaded the machine is, for the reader of the figures.
func busy() string {
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return err.Error()
	}
	return string(raw[:len(raw)-1])
}
