package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// stressNodes is the size of the clusters under load.
const stressNodes = 3

// stressPlan is what `make stress` does, from the environment.
type stressPlan struct {
	span     time.Duration // of each load without a fault
	failures int           // power cuts during each load after that
	nice     int           // of the load
	loads    []string
	classes  []string // scheduling classes of the heartbeat daemons
}

func readStressPlan(getenv func(string) string) (stressPlan, error) {
	p := stressPlan{
		loads:   strings.Split(or(getenv("STRESS_LOADS"), strings.Join(loadNames(), ",")), ","),
		classes: strings.Split(or(getenv("STRESS_CLASSES"), "realtime,normal"), ","),
	}
	for _, v := range []struct {
		name, fallback string
		into           *int
	}{{"STRESS_FAILURES", "10", &p.failures}, {"STRESS_NICE", "0", &p.nice}} {
		n, err := strconv.Atoi(or(getenv(v.name), v.fallback))
		if err != nil || n < 0 {
			return p, fmt.Errorf("%s has to be a number from 0", v.name)
		}
		*v.into = n
	}
	seconds, err := strconv.ParseFloat(or(getenv("STRESS_SECONDS"), "180"), 64)
	if err != nil || seconds <= 0 {
		return p, fmt.Errorf("STRESS_SECONDS has to be a number above 0")
	}
	p.span = time.Duration(seconds * float64(time.Second))
	for _, l := range p.loads {
		if !slices.Contains(loadNames(), l) {
			return p, fmt.Errorf("STRESS_LOADS: there is no load %q; there are %s", l, strings.Join(loadNames(), ", "))
		}
	}
	for _, c := range p.classes {
		if c != "realtime" && c != "normal" {
			return p, fmt.Errorf("STRESS_CLASSES: there is no class %q; there are realtime and normal", c)
		}
	}
	return p, nil
}

// stressAll measures every load on one stack: members lost although nothing failed, then how long true failures
// take to be noticed. It is for machines that have nothing else to do.
func stressAll(ctx context.Context, s stack, p stressPlan, into *samples, log *slog.Logger) (err error) {
	defer func() {
		if e := s.down(); e != nil && err == nil {
			err = e
		}
	}()
	for _, class := range p.classes {
		if err := s.up(ctx, shape{nodes: stressNodes, token: usualToken, bare: true, slow: class == "normal"}); err != nil {
			return fmt.Errorf("%s: %w", s.name(), err)
		}
		for _, load := range p.loads {
			log.Info("stress", "stack", s.name(), "class", class, "load", load, "before", busy())
			b := &stressRun{bench: bench{stack: s, samples: into}, plan: p, name: fmt.Sprintf("stress-%s-%s", class, load)}
			if err := b.run(ctx, load); err != nil {
				return fmt.Errorf("%s, %s, %s: %w", s.name(), class, load, err)
			}
		}
		if err := s.down(); err != nil {
			return err
		}
	}
	return nil
}

// stressRun is one load on one cluster.
type stressRun struct {
	bench
	plan stressPlan
	name string
}

func (b *stressRun) run(ctx context.Context, load string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := b.stack
	if err := together(ctx, s); err != nil {
		return err
	}
	watches, err := watchAll(ctx, s, "")
	if err != nil {
		return err
	}
	l, err := startLoad(load, s, b.plan.nice)
	if err != nil {
		return err
	}
	defer l.stop()
	began := time.Now()
	select {
	case <-time.After(b.plan.span):
	case <-ctx.Done():
		return ctx.Err()
	}
	ended := time.Now()
	if err := l.died(); err != nil {
		return err
	}
	for n, w := range watches {
		views, err := w()
		if err != nil {
			return err
		}
		lost, changes := losses(views, began, ended)
		b.add(b.name+":lost-members", "members", float64(lost))
		b.add(b.name+":new-views", "views", float64(changes))
		for what, n := range s.complaints(ctx, n, began) {
			b.add(b.name+":"+what, "", n)
		}
	}
	for range b.plan.failures {
		if err := b.failOnce(ctx, watches); err != nil {
			return err
		}
	}
	return l.died()
}

// failOnce cuts the power of a node under load. The times are those of the daemons: the bench is starved too.
func (b *stressRun) failOnce(ctx context.Context, watches map[string]viewing) error {
	s := b.stack
	if err := together(ctx, s); err != nil {
		return err
	}
	time.Sleep(2*time.Second + rand.N(time.Second))
	victim := s.nodes()[rand.N(len(s.nodes()))]
	began := time.Now()
	if err := s.powerOff(victim); err != nil {
		return err
	}
	dead := time.Now()
	for n, w := range watches {
		if n == victim {
			continue
		}
		v, err := awaitLoss(ctx, s, n, w, victim, began)
		if err != nil {
			return err
		}
		b.add(b.name+":detection", "ms", since(began, v.adopted))
	}
	b.add(b.name+":power-off-took", "ms", since(began, dead))
	return s.powerOn(ctx, victim)
}

// together waits until every node has every member; a node that stays out is switched off and on.
func together(ctx context.Context, s stack) error {
	const patience = 30 * time.Second
	for range 4 {
		watching, stop := context.WithCancel(ctx)
		watches, err := watchAll(watching, s, "")
		if err != nil {
			stop()
			return err
		}
		var apart string
		err = poll(ctx, s.name()+": all nodes are members", patience, 50*time.Millisecond, func() (bool, error) {
			for _, n := range s.nodes() {
				views, err := watches[n]()
				if err != nil {
					return false, err
				}
				if len(views) == 0 || len(views[len(views)-1].members) < len(s.nodes()) {
					apart = n
					return false, nil
				}
			}
			return true, nil
		})
		stop()
		if err == nil || ctx.Err() != nil {
			return err
		}
		if err := s.powerOff(apart); err != nil {
			return err
		}
		if err := s.powerOn(ctx, apart); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s: the nodes do not come together", s.name())
}

// stressMain is `make stress`.
func stressMain(ctx context.Context, stacks []stack, log *slog.Logger) error {
	p, err := readStressPlan(os.Getenv)
	if err != nil {
		return err
	}
	results := map[string]*samples{"holdfast": newSamples(), "pacemaker": newSamples()}
	var failed error
	for _, s := range stacks {
		if err := stressAll(ctx, s, p, results[s.name()], log); err != nil {
			log.Error("stress", "err", err)
			failed = err
		}
	}
	if err := report(os.Stdout, results["holdfast"], results["pacemaker"], "corosync"); err != nil {
		return err
	}
	return failed
}
