// Command bench measures Holdfast, and beside it real Pacemaker in the same run, in lab clusters of real
// daemons. It prints one JSON line per measurement.
//
//	go run ./tests/bench [NAME...]
//
// Without a name it measures everything; BENCH in the environment names one too. BENCH_REPEATS says how often
// (5), BENCH_STACKS which stacks (holdfast,pacemaker). Progress goes to standard error. Exit status 1 tells
// that a measurement failed; what was measured is printed all the same.
package main

import (
	"context"
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
	nodes int
	run   func(context.Context, *bench) error
}

// scenarios in the order in which they run; those of one size share a cluster.
var scenarios = []scenario{
	{"footprint", 3, footprint},
	{"move", 3, move},
	{"monitor-failure", 3, monitorFailure},
	{"failover-3", 3, failover},
	{"bulk", 3, bulk},
	{"power-on", 3, powerUp},
	{"failover-2", 2, failover},
	{"scheduler", 0, nil}, // needs no cluster
}

// bench is one run of one scenario on one stack.
type bench struct {
	stack   stack
	repeats int
	samples *samples
}

func (b *bench) add(name, unit string, value float64) { b.samples.add(name, unit, value) }

func main() { cluster.Main(work) }

func work() int {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	chosen, err := choose(append(os.Args[1:], strings.Fields(os.Getenv("BENCH"))...))
	if err != nil {
		log.Error(err.Error())
		return 64
	}
	repeats, err := strconv.Atoi(or(os.Getenv("BENCH_REPEATS"), "5"))
	if err != nil || repeats < 1 {
		log.Error("BENCH_REPEATS has to be a number above 0", "is", os.Getenv("BENCH_REPEATS"))
		return 64
	}
	names := strings.Split(or(os.Getenv("BENCH_STACKS"), "holdfast,pacemaker"), ",")
	code := 0
	clusters := slices.DeleteFunc(slices.Clone(chosen), func(s scenario) bool { return s.run == nil })
	if len(clusters) < len(chosen) {
		if err := scheduler(ctx, slices.Contains(names, "pacemaker"), log); err != nil {
			log.Error("measurement failed", "what", "scheduler", "err", err)
			code = 1
		}
	}
	if len(clusters) == 0 {
		return code
	}
	return max(code, inClusters(ctx, clusters, repeats, names, log))
}

// inClusters measures what needs clusters.
func inClusters(ctx context.Context, chosen []scenario, repeats int, names []string, log *slog.Logger) int {
	if why := room.Missing(); why != "" {
		log.Error("no lab on this machine", "why", why)
		return 1
	}
	stacks, err := makeStacks(names, log)
	if err != nil {
		log.Error(err.Error())
		return 1
	}
	code := 0
	for len(chosen) > 0 {
		nodes := chosen[0].nodes
		same := slices.DeleteFunc(slices.Clone(chosen), func(s scenario) bool { return s.nodes != nodes })
		chosen = slices.DeleteFunc(chosen, func(s scenario) bool { return s.nodes == nodes })
		results := map[string]*samples{"holdfast": newSamples(), "pacemaker": newSamples()}
		for _, s := range stacks {
			if err := measure(ctx, s, same, repeats, results[s.name()], log); err != nil {
				log.Error("measurement failed", "stack", s.name(), "err", err)
				code = 1
			}
		}
		if err := report(os.Stdout, results["holdfast"], results["pacemaker"], "pacemaker"); err != nil {
			log.Error(err.Error())
			code = 1
		}
	}
	return code
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
		at := slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == name })
		if at < 0 {
			var known []string
			for _, s := range scenarios {
				known = append(known, s.name)
			}
			return nil, fmt.Errorf("there is no measurement %q; there are %s", name, strings.Join(known, ", "))
		}
		chosen = append(chosen, scenarios[at])
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
		if len(s.nodes()) == 0 {
			began := time.Now()
			if err := s.up(ctx, sc.nodes); err != nil {
				return fmt.Errorf("form a cluster of %d nodes: %w", sc.nodes, err)
			}
			log.Info("cluster is up", "stack", s.name(), "nodes", sc.nodes, "ms", time.Since(began).Milliseconds())
		}
		log.Info("measure", "what", sc.name, "stack", s.name(), "load", busy())
		if err := sc.run(ctx, &bench{stack: s, repeats: repeats, samples: into}); err != nil {
			log.Error("measurement failed", "what", sc.name, "stack", s.name(), "err", err)
			failed = fmt.Errorf("%s: %w", sc.name, err)
			if err := s.down(); err != nil {
				return err
			}
		}
	}
	return failed
}
