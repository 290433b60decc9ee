package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/holdfast-ha/holdfast/tests/lab/probe"
)

// Bounds of waiting for what takes a second or so; what takes longer is broken, and an error beats waiting.
const (
	recoverTimeout = 90 * time.Second
	moveTimeout    = 60 * time.Second
)

// failover cuts the power of the node that runs the group and measures how long until the address answers
// again, for a victim that is the DC and for another.
func failover(ctx context.Context, b *bench) error {
	if err := configure(ctx, b.stack, group(b.stack, "10s")); err != nil {
		return err
	}
	for i := range 2 * b.repeats {
		if err := b.failoverOnce(ctx, i%2 == 0); err != nil {
			return fmt.Errorf("repeat %d: %w", i+1, err)
		}
	}
	return nil
}

func (b *bench) failoverOnce(ctx context.Context, wantDC bool) error {
	s := b.stack
	dc, err := settled(ctx, s)
	if err != nil {
		return err
	}
	victim := dc
	if !wantDC {
		victim = pick(s.nodes(), dc)
	}
	if err := placeGroup(ctx, s, victim); err != nil {
		return err
	}
	// Anywhere between two heartbeats.
	time.Sleep(rand.N(time.Second))
	o, err := observe(ctx, s, victim)
	if err != nil {
		return err
	}
	defer o.stop()
	limit, cancel := context.WithTimeout(ctx, recoverTimeout)
	defer cancel()
	if _, err := o.pinger.FirstAsked(limit, time.Now()); err != nil {
		return fmt.Errorf("%s: the address does not answer on %s: %w", s.name(), victim, err)
	}
	cut := time.Now()
	if err := s.powerOff(victim); err != nil {
		return err
	}
	// What was asked within the next milliseconds may have been answered by the victim.
	answer, err := o.pinger.FirstAsked(limit, cut.Add(20*time.Millisecond))
	if err != nil {
		return fmt.Errorf("%s: power cut of %s (DC: %v): %w", s.name(), victim, wantDC, err)
	}
	b.recordFailover(o, victim, wantDC, cut, answer.At)
	if err := s.powerOn(ctx, victim); err != nil {
		return err
	}
	rejoin := time.Now()
	if _, err := settled(ctx, s); err != nil {
		return err
	}
	b.add(fmt.Sprintf("rejoin-%d", len(s.nodes())), "ms", since(rejoin, time.Now()))
	return nil
}

func (b *bench) recordFailover(o *observation, victim string, wasDC bool, cut, answered time.Time) {
	name := fmt.Sprintf("failover-%d-other", len(b.stack.nodes()))
	if wasDC {
		name = fmt.Sprintf("failover-%d-dc", len(b.stack.nodes()))
	}
	b.add(name, "ms", since(cut, answered))
	if e, ok := o.seen.First(cut, func(e probe.Event) bool { return e.Up && e.Node != victim && e.What == b.stack.vip().String() }); ok {
		b.add(name+":address-up", "ms", since(cut, e.At))
	}
	if e, ok := o.seen.First(cut, func(e probe.Event) bool { return e.Up && e.Node != victim && e.What == "d1" }); ok {
		b.add(name+":first-resource", "ms", since(cut, e.At))
	}
	asked, done := b.stack.fenced(victim, cut)
	if !asked.IsZero() {
		b.add(name+":fence-asked", "ms", since(cut, asked))
	}
	if !done.IsZero() {
		b.add(name+":fence-done", "ms", since(cut, done))
	}
}

func since(from, to time.Time) float64 { return float64(to.Sub(from).Microseconds()) / 1000 }

// pick chooses one of the others.
func pick(nodes []string, not string) string {
	var rest []string
	for _, n := range nodes {
		if n != not {
			rest = append(rest, n)
		}
	}
	return rest[rand.N(len(rest))]
}

// whereIs tells the node on which a Dummy's state file is, "" for none.
func whereIs(s stack, id string) string {
	for _, n := range s.nodes() {
		if s.pid(n) == 0 {
			continue
		}
		if _, err := os.Stat(stateFile(s, n, id)); err == nil {
			return n
		}
	}
	return ""
}

// placeGroup moves the group to a node and takes the constraint away again.
func placeGroup(ctx context.Context, s stack, node string) error {
	if whereIs(s, "d1") == node {
		return nil
	}
	if _, err := run(ctx, s, node, "", "crm_resource", "--move", "-r", "g1", "-N", node); err != nil {
		return err
	}
	err := poll(ctx, "the group is on "+node, moveTimeout, 20*time.Millisecond, func() (bool, error) { return whereIs(s, "d1") == node, nil })
	if err != nil {
		return err
	}
	if _, err := run(ctx, s, node, "", "crm_resource", "--clear", "-r", "g1"); err != nil {
		return err
	}
	time.Sleep(time.Second)
	_, err = settled(ctx, s)
	return err
}

// observation is what is watched during one measurement.
type observation struct {
	seen   *probe.Record
	pinger *probe.Pinger
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// observe pings the address and watches addresses and state files on all nodes but one ("" watches all).
func observe(ctx context.Context, s stack, but string) (*observation, error) {
	ctx, cancel := context.WithCancel(ctx)
	o := &observation{seen: probe.NewRecord(), cancel: cancel}
	var err error
	if o.pinger, err = probe.NewPinger(s.space(), s.vip(), 2*time.Millisecond); err != nil {
		cancel()
		return nil, err
	}
	o.work.Go(func() { o.pinger.Run(ctx) })
	for _, n := range s.nodes() {
		if n == but {
			continue
		}
		addresses, err1 := probe.WatchAddresses(ctx, o.seen, n, s.pid(n))
		files, err2 := probe.WatchFiles(ctx, o.seen, n, stateFile(s, n, ""))
		for _, wait := range []func(){addresses, files} {
			if wait != nil {
				o.work.Go(wait)
			}
		}
		if err := errors.Join(err1, err2); err != nil {
			o.stop()
			return nil, err
		}
	}
	return o, nil
}

func (o *observation) stop() {
	o.cancel()
	o.work.Wait()
}
