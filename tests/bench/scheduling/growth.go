package scheduling

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// size is a cluster's.
type size struct{ resources, nodes int }

func (s size) String() string { return fmt.Sprintf("%dx%d", s.resources, s.nodes) }

// sizes are what is measured, from small to large.
var sizes = []size{
	{10, 3}, {10, 8}, {10, 32}, {10, 100}, {100, 3}, {100, 8}, {100, 32}, {100, 100},
	{1000, 3}, {1000, 8}, {1000, 32}, {1000, 100}, {3000, 32}, {10000, 3}, {10000, 8}, {10000, 32}, {10000, 100},
}

// patience is how long a run of the peer may take by its known growth, in seconds: it is quadratic in the
// resources and nearly so in the nodes.
const patience = 40

func (s size) peerSeconds() float64 {
	return 2.7 * math.Pow(float64(s.resources)/1000, 2) * math.Pow(float64(s.nodes)/8, 1.75)
}

// growth measures how time and memory grow, and that both schedulers say the same.
func (b *Bench) growth(ctx context.Context) error {
	for _, s := range sizes {
		file := filepath.Join(b.Scratch, s.String()+".xml")
		if err := os.WriteFile(file, []byte(Cluster(s.resources, s.nodes)), 0o600); err != nil {
			return err
		}
		ours, err := b.best(ctx, s, b.Ours, file, 3)
		if err != nil {
			return err
		}
		b.Add("scheduler-"+s.String(), "ms", ours.ms)
		b.Add("scheduler-memory-"+s.String(), "MiB", ours.mib)
		remark := fmt.Sprintf("%6.1f MiB  %5.2f us per resource and node", ours.mib, 1000*ours.ms/float64(s.resources*s.nodes))
		if b.Peer != "" && s.peerSeconds() <= patience {
			peer, err := b.peer(ctx, s, file)
			if err != nil {
				return err
			}
			remark += fmt.Sprintf("  peer %.0f ms, %.1f MiB", peer.ms, peer.mib)
		}
		b.Say("%s", bar(s, ours.ms)+remark)
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	return nil
}

// usage is what a run takes.
type usage struct{ ms, mib float64 }

// best is the least time of a few runs that decide what to do and write nothing down, and the memory of one.
func (b *Bench) best(ctx context.Context, s size, program, file string, times int) (usage, error) {
	least := usage{ms: math.Inf(1)}
	for range times {
		ms, err := run(ctx, program, "-x", file, "-R", "-Q")
		if err != nil {
			return least, fmt.Errorf("%s: %w", s, err)
		}
		least.ms = min(least.ms, ms)
	}
	var err error
	if least.mib, err = memory(ctx, program, "-x", file, "-R", "-Q"); err != nil {
		return least, fmt.Errorf("%s: %w", s, err)
	}
	return least, nil
}

// peer measures the peer on the same input and compares what both are going to do.
func (b *Bench) peer(ctx context.Context, s size, file string) (usage, error) {
	u, err := b.best(ctx, s, b.Peer, file, 1)
	if err != nil {
		return u, err
	}
	b.AddPeer("scheduler-"+s.String(), "ms", u.ms)
	b.AddPeer("scheduler-memory-"+s.String(), "MiB", u.mib)
	var plans []string
	for i, program := range []string{b.Ours, b.Peer} {
		graph := filepath.Join(b.Scratch, fmt.Sprintf("graph%d", i))
		if _, err := run(ctx, program, "-x", file, "-Q", "-G", graph); err != nil {
			return u, err
		}
		raw, err := os.ReadFile(graph)
		if err != nil {
			return u, err
		}
		plans = append(plans, version.ReplaceAllString(string(raw), ""))
		if err := os.Remove(graph); err != nil {
			return u, err
		}
	}
	if plans[0] != plans[1] {
		return u, fmt.Errorf("%s: the graphs of %s and %s differ", s, b.Ours, b.Peer)
	}
	return u, nil
}

// version is what a graph says of the program that made it.
var version = regexp.MustCompile(`crm_feature_set="[^"]*"`)

// bar draws a time. Each mark doubles it, so that linear growth shows as a straight line.
func bar(s size, ms float64) string {
	n := max(0, int(math.Round(math.Log2(ms)*2)))
	return fmt.Sprintf("%11s %9.1f ms %-28s ", s, ms, strings.Repeat("#", n))
}
