// Package scheduling measures the scheduler: whole runs of crm_simulate over Pacemaker's own cases, the
// scheduler alone, and how time and memory grow with the cluster.
package scheduling

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/tools/simulate"
)

// repeats is how often each case is measured. The least counts: everything that disturbs a run makes it longer.
const repeats = 3

// Measurement is told what was measured.
type Measurement func(name, unit string, value float64)

// Bench is one comparison.
type Bench struct {
	// Ours and Peer are crm_simulate of both; Peer is "" when it is not installed.
	Ours, Peer string
	// Cases is the folder with Pacemaker's cases; "" when it is not here.
	Cases string
	// Scratch is a folder for files.
	Scratch string
	// Add and AddPeer take what was measured, Say a line for people.
	Add, AddPeer Measurement
	Say          func(format string, args ...any)
}

// Run measures everything.
func (b *Bench) Run(ctx context.Context) error {
	if b.Cases == "" {
		b.Say("Pacemaker's cases are not here: only growth is measured")
	} else {
		if err := b.processes(ctx); err != nil {
			return err
		}
		if err := b.alone(ctx); err != nil {
			return err
		}
	}
	return b.growth(ctx)
}

// inputs are the cases, with the arguments that some of them need.
func (b *Bench) inputs() (files []string, extra map[string][]string, err error) {
	files, err = filepath.Glob(filepath.Join(b.Cases, "xml", "*.xml"))
	if err != nil {
		return nil, nil, err
	}
	raw, err := os.ReadFile(filepath.Join(b.Cases, "args.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return files, nil, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &extra)
	}
	return files, extra, err
}

// processes measures whole processes, ours and the peer's in turn.
func (b *Bench) processes(ctx context.Context) error {
	files, extra, err := b.inputs()
	if err != nil {
		return err
	}
	for _, f := range files {
		args := append([]string{"-x", f, "-S"}, extra[strings.TrimSuffix(filepath.Base(f), ".xml")]...)
		var ours, peer []float64
		for range repeats {
			ms, err := run(ctx, b.Ours, args...)
			if err != nil {
				return err
			}
			ours = append(ours, ms)
			if b.Peer == "" {
				continue
			}
			if ms, err = run(ctx, b.Peer, args...); err != nil {
				return err
			}
			peer = append(peer, ms)
		}
		b.Add("scheduler-process", "ms", slices.Min(ours))
		if b.Peer != "" {
			b.AddPeer("scheduler-process", "ms", slices.Min(peer))
		}
	}
	return nil
}

// alone measures the scheduler without reading, writing and simulating.
func (b *Bench) alone(ctx context.Context) error {
	files, _, err := b.inputs()
	if err != nil {
		return err
	}
	for _, f := range files {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		doc, err := simulate.ReadFile(f)
		if err != nil {
			return fmt.Errorf("read %s: %w", f, err)
		}
		if doc, err = simulate.Prepare(doc, func(string) {}); err != nil {
			return fmt.Errorf("prepare %s: %w", f, err)
		}
		var ms []float64
		for range repeats {
			began := time.Now()
			sched.Schedule(sched.Input{Doc: doc, Now: began.Unix(), Zone: time.UTC, Sanitized: true}, sched.Options{})
			ms = append(ms, milliseconds(time.Since(began)))
		}
		b.Add("scheduler-alone", "ms", slices.Min(ms))
	}
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
