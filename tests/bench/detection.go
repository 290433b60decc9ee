package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/holdfast-ha/holdfast/tests/lab"
)

// failure is a way in which a node fails.
type failure struct {
	name string
	do   func(s stack, victim string) error
}

var failures = []failure{
	{"power", func(s stack, victim string) error { return s.powerOff(victim) }},
	{"stop", func(s stack, victim string) error { return signalHeartbeat(s, victim, syscall.SIGSTOP) }},
	{"link", func(s stack, victim string) error { return s.pull(victim, true) }},
}

// detection measures how long after a fault each survivor has a view without the node that failed. Nothing is
// fenced: with two nodes and a cut link that would end one of the observers.
func detection(ctx context.Context, b *bench) error {
	if err := configure(ctx, b.stack, ""); err != nil {
		return err
	}
	if _, err := run(ctx, b.stack, b.stack.nodes()[0], "", "crm_attribute", "-t", "crm_config", "-n", "stonith-enabled", "-v", "false"); err != nil {
		return err
	}
	for _, f := range failures {
		for i := range b.repeats {
			if err := b.detectOnce(ctx, f); err != nil {
				return fmt.Errorf("%s, repeat %d: %w", f.name, i+1, err)
			}
		}
	}
	return nil
}

// detectTimeout is far beyond what either stack needs at the tokens that are measured.
const detectTimeout = 60 * time.Second

func (b *bench) detectOnce(ctx context.Context, f failure) error {
	s := b.stack
	if _, err := settled(ctx, s); err != nil {
		return err
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	victim := s.nodes()[rand.N(len(s.nodes()))]
	watches, err := watchAll(watching, s, victim)
	if err != nil {
		return err
	}
	// Anywhere between two heartbeats.
	time.Sleep(time.Second + rand.N(time.Second))
	began := time.Now()
	if err := f.do(s, victim); err != nil {
		return err
	}
	name := fmt.Sprintf("detection-%d-%s-token-%d", len(s.nodes()), f.name, b.token)
	for n, w := range watches {
		v, err := awaitLoss(ctx, s, n, w, victim, began)
		if err != nil {
			return err
		}
		b.add(name, "ms", since(began, v.at))
	}
	if err := s.powerOff(victim); err != nil {
		return err
	}
	if err := s.powerOn(ctx, victim); err != nil {
		return err
	}
	return s.pull(victim, false)
}

// signalHeartbeat signals the process that keeps the membership of a node.
func signalHeartbeat(s stack, node string, sig syscall.Signal) error {
	all, err := lab.ProcessesOf(s.pid(node))
	if err != nil {
		return err
	}
	for _, p := range all {
		if p.Name == s.heartbeat() {
			return syscall.Kill(p.PID, sig)
		}
	}
	return fmt.Errorf("%s: %s does not run on %s", s.name(), s.heartbeat(), node)
}

// watchAll watches the views of all nodes but one.
func watchAll(ctx context.Context, s stack, but string) (map[string]viewing, error) {
	watches := make(map[string]viewing)
	for _, n := range s.nodes() {
		if n == but {
			continue
		}
		w, err := s.watch(ctx, n)
		if err != nil {
			return nil, err
		}
		watches[n] = w
	}
	return watches, nil
}

// awaitLoss waits for a node's first view without the victim.
func awaitLoss(ctx context.Context, s stack, node string, w viewing, victim string, after time.Time) (seen, error) {
	var found seen
	err := poll(ctx, fmt.Sprintf("%s: %s has lost %s", s.name(), node, victim), detectTimeout, 5*time.Millisecond, func() (ok bool, err error) {
		views, err := w()
		found, ok = without(views, victim, after)
		return ok, err
	})
	return found, err
}
