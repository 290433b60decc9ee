package main

import (
	"context"
	"encoding/xml"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/tests/lab/probe"
)

// Resources of the overload measurement: so many are monitored while the load lasts, and as many are added then.
const (
	overloadCount    = 20
	overloadInterval = "10s"
	overloadTimeout  = 10 * time.Minute
)

// overload loads the machine with 64 CPU hogs for BENCH_LOAD (5m) while a cluster monitors 20 resources, and
// measures what came of them and how long 20 more take to start, first without load and then under it. An
// administrator's question is whether a busy node loses its services, and whether it can still be worked with.
func overload(ctx context.Context, b *bench) error {
	span, err := time.ParseDuration(or(os.Getenv("BENCH_LOAD"), "5m"))
	if err != nil || span <= 0 {
		return fmt.Errorf("BENCH_LOAD has to be a duration such as 5m, not %q", os.Getenv("BENCH_LOAD"))
	}
	s := b.stack
	if err := configure(ctx, s, numbered("d", overloadCount)); err != nil {
		return err
	}
	before := places(s, "d")
	if err := b.addResources(ctx, "idle", "x"); err != nil {
		return err
	}
	l, err := startLoad("cpu", s, 0)
	if err != nil {
		return err
	}
	defer l.stop()
	select {
	case <-time.After(span):
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := l.died(); err != nil {
		return err
	}
	if err := b.addResources(ctx, "loaded", "y"); err != nil {
		return err
	}
	if err := l.died(); err != nil {
		return err
	}
	l.stop()
	moved := 0
	for id, node := range places(s, "d") {
		if before[id] != node {
			moved++
		}
	}
	failures, err := failedOperations(ctx, s)
	if err != nil {
		return err
	}
	b.add("overload:moved", "resources", float64(moved))
	b.add("overload:failures", "operations", float64(failures))
	return nil
}

// numbered are Dummies with a monitor, d0 to d19 and so on.
func numbered(prefix string, n int) string {
	var out strings.Builder
	for i := range n {
		out.WriteString(dummy(fmt.Sprintf("%s%d", prefix, i), overloadInterval))
	}
	return out.String()
}

// places tells where the resources with a prefix run.
func places(s stack, prefix string) map[string]string {
	at := map[string]string{}
	for i := range overloadCount {
		id := fmt.Sprintf("%s%d", prefix, i)
		at[id] = whereIs(s, id)
	}
	return at
}

// addResources adds resources to those that are there and measures from the command until the last one runs.
func (b *bench) addResources(ctx context.Context, when, prefix string) error {
	s := b.stack
	o, err := observe(ctx, s, "")
	if err != nil {
		return err
	}
	defer o.stop()
	began := time.Now()
	if _, err := run(ctx, s, s.nodes()[0], "<resources>"+numbered(prefix, overloadCount)+"</resources>", "cibadmin", "--modify", "--allow-create", "-o", "resources", "--xml-pipe"); err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, overloadTimeout)
	defer cancel()
	var last time.Time
	err = o.seen.Wait(limit, fmt.Sprintf("%d more resources run", overloadCount), func(events []probe.Event) bool {
		n := 0
		for _, e := range events {
			if e.Up && strings.HasPrefix(e.What, prefix) {
				n, last = n+1, e.At
			}
		}
		return n >= overloadCount
	})
	if err != nil {
		return err
	}
	b.add("overload:20-more-"+when, "ms", since(began, last))
	return nil
}

// failedOperations counts the failures that crm_mon shows.
func failedOperations(ctx context.Context, s stack) (int, error) {
	out, err := run(ctx, s, s.nodes()[0], "", "crm_mon", "-1", "--output-as=xml")
	if err != nil {
		return 0, err
	}
	var doc struct {
		Failures []struct {
			Op string `xml:"op_key,attr"`
		} `xml:"failures>failure"`
	}
	if err := xml.Unmarshal([]byte(out), &doc); err != nil {
		return 0, fmt.Errorf("%s: crm_mon: %w", s.name(), err)
	}
	return len(doc.Failures), nil
}
