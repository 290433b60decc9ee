// Command bench measures Holdfast, and beside it real Pacemaker in the same run, in lab clusters of real
// daemons. It prints one JSON line per measurement.
//
//	go run ./tests/bench [NAME...]
//
// The name "stress" loads the machine instead, and counts members that are lost although nothing failed (stress.go).
// Without a name it measures everything else; BENCH in the environment names one too. BENCH_REPEATS says how often
// (5), BENCH_STACKS which stacks (holdfast,pacemaker), BENCH_LOAD for how long "overload" loads the machine (5m). Progress goes to standard error. Exit status 1 tells
// that a measurement failed; what was measured is printed all the same.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	cluster "github.com/holdfast-ha/holdfast/tests/lab/holdfast"
	"github.com/holdfast-ha/holdfast/tests/lab/room"
)

// scenario is one kind of measurement.
type scenario struct {
	name  string
	nodes int // 0: it needs no cluster
	run   func(context.Context, *bench) error
	token int // of the heartbeat in ms, 0 is the usual 1000
}

// scenarios in the order in which they run; those of one size share a cluster.
var scenarios = []scenario{
	{"footprint", 3, footprint, 0},
	{"move", 3, move, 0},
	{"monitor-failure", 3, monitorFailure, 0},
	{"failover-3", 3, failover, 0},
	{"detection", 3, detection, 0},
	{"bulk", 3, bulk, 0},
	{"power-on", 3, powerUp, 0},
	{"overload", 3, overload, 0},
	{"failover-2", 2, failover, 0},
	{"detection", 2, detection, 0},
	{"detection", 8, detection, 0},
	{"detection", 3, detection, 300},
	{"detection-simulated", 0, detectionSimulated, 0},
}

// shape is the cluster that a scenario needs.
func (s *scenario) shape() shape {
	if s.token == 0 {
		return shape{nodes: s.nodes, token: usualToken}
	}
	return shape{nodes: s.nodes, token: s.token}
}

// bench is one run of one scenario on one stack.
type bench struct {
	stack   stack
	repeats int
	token   int // of the cluster's heartbeat, ms
	samples *samples
}

func (b *bench) add(name, unit string, value float64) { b.samples.add(name, unit, value) }

func main() { cluster.Main(work) }

func work() int {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	names := append(os.Args[1:], strings.Fields(os.Getenv("BENCH"))...)
	stacks := strings.Split(or(os.Getenv("BENCH_STACKS"), "holdfast,pacemaker"), ",")
	repeats, err := strconv.Atoi(or(os.Getenv("BENCH_REPEATS"), "5"))
	if err != nil || repeats < 1 {
		log.Error("BENCH_REPEATS has to be a number above 0", "is", os.Getenv("BENCH_REPEATS"))
		return 64
	}
	if slices.Equal(names, []string{"stress"}) {
		return inClusters(stacks, log, func(stacks []stack) error { return stressMain(ctx, stacks, log) })
	}
	all := len(names) == 0
	code := 0
	if i := slices.Index(names, "scheduler"); all || i >= 0 {
		if !all {
			names = slices.Delete(names, i, i+1)
		}
		if err := scheduler(ctx, slices.Contains(stacks, "pacemaker"), log); err != nil {
			log.Error("measurement failed", "what", "scheduler", "err", err)
			code = 1
		}
	}
	if len(names) == 0 && !all {
		return code
	}
	chosen, err := choose(names)
	if err != nil {
		log.Error(err.Error())
		return 64
	}
	return max(code, inClusters(stacks, log, func(stacks []stack) error { return compare(ctx, stacks, chosen, repeats, log) }))
}

// inClusters does what needs clusters, with the stacks of these names.
func inClusters(names []string, log *slog.Logger, do func([]stack) error) int {
	if why := room.Missing(); why != "" {
		log.Error("no lab on this machine", "why", why)
		return 1
	}
	stacks, err := makeStacks(names, log)
	if err == nil {
		err = do(stacks)
	}
	if err != nil {
		log.Error(err.Error())
		return 1
	}
	return 0
}

// compare runs scenarios on every stack, those of one shape on one cluster, and prints the figures of each shape.
func compare(ctx context.Context, stacks []stack, chosen []scenario, repeats int, log *slog.Logger) error {
	var failed []error
	for len(chosen) > 0 {
		want := chosen[0].shape()
		same := slices.DeleteFunc(slices.Clone(chosen), func(s scenario) bool { return s.shape() != want })
		chosen = slices.DeleteFunc(chosen, func(s scenario) bool { return s.shape() == want })
		results := map[string]*samples{"holdfast": newSamples(), "pacemaker": newSamples()}
		for _, s := range stacks {
			if err := measure(ctx, s, same, repeats, results[s.name()], log); err != nil {
				failed = append(failed, fmt.Errorf("%s: %w", s.name(), err))
			}
		}
		failed = append(failed, report(os.Stdout, results["holdfast"], results["pacemaker"], "pacemaker"))
	}
	return errors.Join(failed...)
}

func or(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}

func choose(names []string) ([]scenario, error) {
	if len(names) == 0 {
		return slices.Clone(scenarios), nil
	}
	var chosen []scenario
	for _, name := range names {
		found := slices.DeleteFunc(slices.Clone(scenarios), func(s scenario) bool { return s.name != name })
		if len(found) == 0 {
			var known []string
			for _, s := range scenarios {
				if !slices.Contains(known, s.name) {
					known = append(known, s.name)
				}
			}
			return nil, fmt.Errorf("there is no measurement %q; there are %s, scheduler, and stress for itself", name, strings.Join(known, ", "))
		}
		chosen = append(chosen, found...)
	}
	return chosen, nil
}

// makeStacks prepares the stacks. A peer that cannot be had is told and left out.
func makeStacks(names []string, log *slog.Logger) ([]stack, error) {
	var all []stack
	for _, name := range names {
		switch name {
		case "holdfast":
			all = append(all, &holdfast{log: log})
		case "pacemaker":
			p, err := newPeer()
			if err != nil {
				log.Warn("measuring without the peer", "why", err)
				continue
			}
			all = append(all, p)
		default:
			return nil, fmt.Errorf("BENCH_STACKS: there is no stack %q; there are holdfast and pacemaker", name)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("nothing to measure")
	}
	return all, nil
}

// measure runs scenarios on one cluster of one stack. After a scenario that failed the others go on with a new
// cluster.
func measure(ctx context.Context, s stack, todo []scenario, repeats int, into *samples, log *slog.Logger) error {
	defer func() {
		if err := s.down(); err != nil {
			log.Error("take the cluster down", "stack", s.name(), "err", err)
		}
	}()
	var failed error
	for _, sc := range todo {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if sc.nodes > 0 && len(s.nodes()) == 0 {
			began := time.Now()
			if err := s.up(ctx, sc.shape()); err != nil {
				return fmt.Errorf("form a cluster of %d nodes: %w", sc.nodes, err)
			}
			log.Info("cluster is up", "stack", s.name(), "nodes", sc.nodes, "ms", time.Since(began).Milliseconds())
		}
		log.Info("measure", "what", sc.name, "nodes", sc.nodes, "stack", s.name(), "load", busy())
		if err := sc.run(ctx, &bench{stack: s, repeats: repeats, token: sc.shape().token, samples: into}); err != nil {
			log.Error("measurement failed", "what", sc.name, "stack", s.name(), "err", err)
			failed = fmt.Errorf("%s: %w", sc.name, err)
			if err := s.down(); err != nil {
				return err
			}
		}
	}
	return failed
}
