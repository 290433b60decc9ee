// Command simfuzz looks for inputs that Holdfast's crm_simulate and an installed one answer differently.
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

func main() {
	peer := flag.String("peer", "/usr/sbin/crm_simulate", "the program to compare with")
	cases := flag.String("cases", "", "mutate the CIBs of this directory")
	seed := flag.Uint64("seed", 1, "first seed")
	count := flag.Int("n", 1000, "inputs")
	workers := flag.Int("workers", 2, "inputs at the same time")
	out := flag.String("out", "/tmp/simfuzz", "where differences go")
	steps := flag.Int("shrink", 1500, "how often a smaller input is tried")
	limit := flag.Int("max", 20, "stop after so many differences")
	one := flag.String("one", "", "only compare this saved difference or CIB")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	dir, err := os.MkdirTemp("", "simfuzz")
	if err == nil {
		defer os.RemoveAll(dir)
		j := &simfuzz.Judge{Peer: simfuzz.Installed{Path: *peer}, Ours: simfuzz.Ours{}, Dir: dir}
		if *one != "" {
			err = single(ctx, j, *one)
		} else {
			err = hunt(ctx, j, *cases, *seed, *count, *workers, *steps, *limit, *out)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func single(ctx context.Context, j *simfuzz.Judge, path string) error {
	in, err := simfuzz.Load(path)
	if err != nil {
		return err
	}
	o, err := j.Try(ctx, in)
	fmt.Println(o.Parts, o.Refused, o.PeerCrashed, o.Unstable)
	fmt.Print(o.Text)
	return err
}

func hunt(ctx context.Context, j *simfuzz.Judge, cases string, seed uint64, count, workers, steps, limit int, out string) error {
	end := seed + uint64(count)
	var files []string
	var err error
	if cases != "" {
		files, err = filepath.Glob(filepath.Join(cases, "*.xml"))
		if err != nil || len(files) == 0 {
			return fmt.Errorf("no CIBs in %s: %v", cases, err)
		}
	}
	next := func() (uint64, bool) {
		seed++
		return seed - 1, seed <= end
	}
	make := func(seed uint64) (simfuzz.Input, error) {
		if len(files) == 0 {
			return j.Random(ctx, seed)
		}
		return simfuzz.Mutated(files, seed)
	}
	var total, refused, peerCrashed, different, unstable int
	err = j.Each(ctx, workers, next, make, func(o simfuzz.Outcome) error {
		total++
		switch {
		case o.PeerCrashed:
			peerCrashed++
			return o.Save(filepath.Join(out, "peer-"+o.Input.Name))
		case o.Same():
			if o.Refused {
				refused++
			}
			return nil
		case o.Unstable:
			unstable++
		default:
			different++
		}
		before := len(o.Input.Doc.String())
		o, err := j.Smallest(ctx, o, steps)
		if err != nil {
			return err
		}
		fmt.Printf("%s: %v unstable=%v, %d -> %d bytes\n", o.Input.Name, o.Parts, o.Unstable, before, len(o.Input.Doc.String()))
		if different >= limit {
			seed = end
		}
		return o.Save(filepath.Join(out, o.Input.Name))
	})
	fmt.Printf("%d inputs: %d refused by both, %d different, %d unstable, %d crash the peer\n", total, refused, different, unstable, peerCrashed)
	return err
}
