package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/holdfast-ha/holdfast/tests/lab/probe"
)

// move measures a planned move of the group: from the command to the address on the target.
func move(ctx context.Context, b *bench) error {
	s := b.stack
	if err := configure(ctx, s, group(s, "")); err != nil {
		return err
	}
	for range b.repeats {
		from := whereIs(s, "d1")
		to := pick(s.nodes(), from)
		o, err := observe(ctx, s, "")
		if err != nil {
			return err
		}
		began := time.Now()
		_, err = run(ctx, s, s.nodes()[0], "", "crm_resource", "--move", "-r", "g1", "-N", to)
		returned := time.Now()
		var up probe.Event
		if err == nil {
			limit, cancel := context.WithTimeout(ctx, moveTimeout)
			up, err = o.seen.WaitFirst(limit, "the address is on "+to, began, func(e probe.Event) bool {
				return e.Up && e.Node == to && e.What == s.vip().String()
			})
			cancel()
		}
		o.stop()
		if err != nil {
			return err
		}
		b.add("move", "ms", since(began, up.At))
		b.add("move:command", "ms", since(began, returned))
		if _, err := run(ctx, s, s.nodes()[0], "", "crm_resource", "--clear", "-r", "g1"); err != nil {
			return err
		}
		time.Sleep(500 * time.Millisecond)
		if _, err := settled(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// monitorFailure takes a Dummy's state file away and measures until it has been started again.
func monitorFailure(ctx context.Context, b *bench) error {
	s := b.stack
	if err := configure(ctx, s, dummy("d1", "1s")); err != nil {
		return err
	}
	const interval = time.Second
	phases := 2 * b.repeats
	var up probe.Event
	// What a failure waits for is mostly the next monitor, so the failures are spread evenly between two monitors
	// and not left to chance. Monitors count from the last start; round -1 makes one.
	for round := -1; round < phases; round++ {
		node := whereIs(s, "d1")
		if node == "" {
			return fmt.Errorf("%s: d1 runs nowhere", s.name())
		}
		o, err := observe(ctx, s, "")
		if err != nil {
			return err
		}
		at := time.Now().Add(interval)
		if round >= 0 {
			phase := interval * time.Duration(2*round+1) / time.Duration(2*phases)
			at = up.At.Add(at.Sub(up.At).Truncate(interval) + interval + phase)
		}
		time.Sleep(time.Until(at))
		failed := time.Now()
		err = os.Remove(stateFile(s, node, "d1"))
		if err == nil {
			limit, cancel := context.WithTimeout(ctx, moveTimeout)
			up, err = o.seen.WaitFirst(limit, "d1 is started again", failed, func(e probe.Event) bool { return e.Up && e.What == "d1" })
			cancel()
		}
		o.stop()
		if err != nil {
			return err
		}
		if round >= 0 {
			b.add("monitor-failure", "ms", since(failed, up.At))
		}
		// Without its failures the resource stays where it is.
		if _, err := run(ctx, s, s.nodes()[0], "", "crm_resource", "--cleanup", "-r", "d1"); err != nil {
			return err
		}
		if _, err := settled(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// bulkCount is how many resources the bulk measurement starts.
const bulkCount = 100

// bulk starts a hundred Dummies on all nodes, from the command to the last state file, and stops them.
func bulk(ctx context.Context, b *bench) error {
	s, resources := b.stack, ""
	for i := range bulkCount {
		resources += dummy(fmt.Sprintf("d%d", i), "")
	}
	if err := configure(ctx, s, resources, "stop-all-resources", "true"); err != nil {
		return err
	}
	for range max(2, b.repeats/2) {
		for _, way := range []struct {
			name, stop string
			up         bool
		}{{"bulk-start", "false", true}, {"bulk-stop", "true", false}} {
			took, err := b.bulkOnce(ctx, way.stop, way.up)
			if err != nil {
				return err
			}
			b.add(fmt.Sprintf("%s-%d", way.name, bulkCount), "ms", took)
		}
	}
	return nil
}

// bulkOnce sets stop-all-resources and waits until that many files have come or gone.
func (b *bench) bulkOnce(ctx context.Context, stop string, up bool) (float64, error) {
	o, err := observe(ctx, b.stack, "")
	if err != nil {
		return 0, err
	}
	defer o.stop()
	began := time.Now()
	if _, err := run(ctx, b.stack, b.stack.nodes()[0], "", "crm_attribute", "-n", "stop-all-resources", "-v", stop); err != nil {
		return 0, err
	}
	limit, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	var last time.Time
	err = o.seen.Wait(limit, "all Dummies have changed", func(events []probe.Event) bool {
		n := 0
		for _, e := range events {
			if e.Up == up && len(e.What) > 1 && e.What[0] == 'd' {
				n, last = n+1, e.At
			}
		}
		return n >= bulkCount
	})
	if err != nil {
		return 0, err
	}
	took := since(began, last)
	_, err = settled(ctx, b.stack)
	return took, err
}
