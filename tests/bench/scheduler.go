package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/holdfast-ha/holdfast/tests/bench/scheduling"
	"github.com/holdfast-ha/holdfast/tests/lab/room"
)

// scheduler measures the scheduler beside an installed crm_simulate.
func scheduler(ctx context.Context, withPeer bool, log *slog.Logger) error {
	dir, err := os.MkdirTemp("", "holdfast-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	const programs = ".tools/lab/bin" // where the programs of the lab are
	if err := room.Build(programs, "./cmd/holdfast-tools"); err != nil {
		return err
	}
	root, err := room.Root()
	if err != nil {
		return err
	}
	b := &scheduling.Bench{Ours: filepath.Join(dir, "crm_simulate"), Scratch: dir}
	if err := os.Symlink(filepath.Join(root, programs, "holdfast-tools"), b.Ours); err != nil {
		return err
	}
	if withPeer {
		if b.Peer, err = exec.LookPath("/usr/sbin/crm_simulate"); err != nil {
			log.Warn("measuring without the peer", "why", err)
		}
	}
	cases := filepath.Join(root, "..", "shared", "peers", "scheduler")
	if _, err := os.Stat(cases); err == nil {
		b.Cases = cases
	}
	ours, peer := newSamples(), newSamples()
	b.Add, b.AddPeer = ours.add, peer.add
	b.Say = func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
	log.Info("measure", "what", "scheduler", "load", busy())
	failed := b.Run(ctx)
	if err := report(os.Stdout, ours, peer, "pacemaker"); err != nil {
		return err
	}
	return failed
}
