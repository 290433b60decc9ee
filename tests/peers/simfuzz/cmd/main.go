// Command simfuzz looks for inputs that Holdfast's crm_simulate and an installed one answer differently, and
// leaves each, reduced to what shows it, in a directory.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/holdfast-ha/holdfast/tests/peers/simfuzz"
)

// hunt is what to look for, and what has been found.
type hunt struct {
	*simfuzz.Judge
	cases, out   string
	seed, count  uint64
	steps, limit int
	workers      int

	total, refused, unanswered, different, accepted int
}

func main() {
	h := &hunt{}
	peer := flag.String("peer", "/usr/sbin/crm_simulate", "the program to compare with")
	flag.StringVar(&h.cases, "cases", "", "change the CIBs of this directory instead of making new ones")
	flag.Uint64Var(&h.seed, "seed", 1, "first seed")
	flag.Uint64Var(&h.count, "n", 1000, "inputs")
	flag.IntVar(&h.workers, "workers", 2, "inputs at the same time")
	flag.StringVar(&h.out, "out", "/tmp/simfuzz", "where differences go")
	flag.IntVar(&h.steps, "shrink", 500, "how often a smaller input is tried")
	flag.IntVar(&h.limit, "max", 20, "stop after so many differences")
	one := flag.String("one", "", "only compare this saved difference or CIB")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	dir, err := os.MkdirTemp("", "simfuzz")
	if err == nil {
		defer os.RemoveAll(dir)
		h.Judge = &simfuzz.Judge{Peer: simfuzz.Installed{Path: *peer}, Ours: simfuzz.Ours{}, Dir: dir}
		if *one != "" {
			err = h.single(ctx, *one)
		} else {
			err = h.run(ctx)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (h *hunt) single(ctx context.Context, path string) error {
	in, err := simfuzz.Load(path)
	if err != nil {
		return err
	}
	o, err := h.Try(ctx, in)
	fmt.Printf("differs in %v, refused %v, unanswered %v, unstable %v\n%s", o.Parts, o.Refused, o.PeerCrashed, o.Unstable, o.Text)
	return err
}

func (h *hunt) run(ctx context.Context) error {
	source := h.Random
	if h.cases != "" {
		files, err := filepath.Glob(filepath.Join(h.cases, "*.xml"))
		if err != nil || len(files) == 0 {
			return fmt.Errorf("no CIBs in %s: %v", h.cases, err)
		}
		source = func(_ context.Context, seed uint64) (simfuzz.Input, error) { return simfuzz.Mutated(files, seed) }
	}
	end := h.seed + h.count
	next := func() (uint64, bool) {
		h.seed++
		return h.seed - 1, h.seed <= end && h.different < h.limit
	}
	err := h.Each(ctx, h.workers, next, func(seed uint64) (simfuzz.Input, error) { return source(ctx, seed) },
		func(o simfuzz.Outcome) error { return h.seen(ctx, o) })
	fmt.Printf("%d inputs: %d refused by both, %d that the peer cannot answer, %d accepted differences, %d differences\n",
		h.total, h.refused, h.unanswered, h.accepted, h.different)
	return err
}

func (h *hunt) seen(ctx context.Context, o simfuzz.Outcome) error {
	h.total++
	switch {
	case o.PeerCrashed:
		h.unanswered++
		return nil
	case o.Same():
		if o.Refused {
			h.refused++
		}
		return nil
	case simfuzz.Explained(o) != nil:
		h.accepted++
		return nil
	}
	h.different++
	small, err := h.Smallest(ctx, o, h.steps)
	if err != nil {
		return err
	}
	dir := filepath.Join(h.out, o.Input.Name)
	fmt.Printf("%s differs in %v\n", dir, o.Parts)
	return small.Save(dir)
}
