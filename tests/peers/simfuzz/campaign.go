package simfuzz

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Outcome is what became of one input.
type Outcome struct {
	Input Input
	Difference
	// Refused tells that both programs found the input invalid, PeerCrashed that the peer could not cope with it.
	Refused, PeerCrashed bool
	// Unstable tells that the peer gives different answers to the same input.
	Unstable bool
}

// Judge asks both programs and compares.
type Judge struct {
	Peer, Ours Program
	// Dir is where files are made while programs run.
	Dir string
}

// Try compares the answers to one input.
func (j *Judge) Try(ctx context.Context, in Input) (Outcome, error) {
	peer, err := Ask(ctx, j.Peer, in, j.Dir)
	if err != nil {
		return Outcome{}, err
	}
	o := Outcome{Input: in, Refused: peer.Exit == 78, PeerCrashed: cannot(peer)}
	if o.PeerCrashed {
		return o, nil
	}
	ours, err := Ask(ctx, j.Ours, in, j.Dir)
	if err != nil {
		return Outcome{}, err
	}
	o.Difference = Compare(peer, ours)
	if o.Same() {
		return o, nil
	}
	return j.again(ctx, o, peer)
}

// again makes sure of a difference: the clock may have moved between the programs, and the peer may look at
// memory that it has not written, which is filled with something else this time.
func (j *Judge) again(ctx context.Context, o Outcome, first Answer) (Outcome, error) {
	perturbed := j.Peer
	if p, ok := j.Peer.(Installed); ok {
		p.Env = append(slices.Clone(p.Env), "MALLOC_PERTURB_=165")
		perturbed = p
	}
	peer, err := Ask(ctx, perturbed, o.Input, j.Dir)
	if err != nil {
		return o, err
	}
	ours, err := Ask(ctx, j.Ours, o.Input, j.Dir)
	if err != nil {
		return o, err
	}
	o.Difference = Compare(peer, ours)
	o.Unstable = !o.Same() && (peer.Exit != first.Exit || !Compare(first, peer).Same())
	return o, nil
}

// Smallest shrinks the input of an outcome that shows a difference.
func (j *Judge) Smallest(ctx context.Context, o Outcome, steps int) (Outcome, error) {
	best := o
	var failed error
	Shrink(ctx, o.Input, steps, func(in Input) bool {
		n, err := j.Try(ctx, in)
		if err != nil {
			failed = errors.Join(failed, err)
			return false
		}
		if n.Same() || n.PeerCrashed || n.Unstable != o.Unstable || !n.has(o.Parts[0]) {
			return false
		}
		best = n
		return true
	})
	return best, failed
}

// Each tries the inputs that make makes of the seeds that next tells, in so many workers, and hands every
// outcome to seen, one at a time. It ends when next has no more, or with the first error.
func (j *Judge) Each(ctx context.Context, workers int, next func() (uint64, bool), make func(uint64) (Input, error), seen func(Outcome) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var making, telling sync.Mutex
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for ctx.Err() == nil {
				making.Lock()
				seed, ok := next()
				making.Unlock()
				if !ok {
					return
				}
				var o Outcome
				in, err := make(seed)
				if err == nil {
					o, err = j.Try(ctx, in)
				}
				if err == nil {
					telling.Lock()
					err = seen(o)
					telling.Unlock()
				}
				if err != nil {
					stop(err)
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// Save writes an outcome below dir: the input, its arguments and what differs.
func (o Outcome) Save(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	args := ""
	for _, a := range o.Input.Args {
		args += a + "\n"
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "cib.xml"), []byte(o.Input.Doc.String()), 0o644),
		os.WriteFile(filepath.Join(dir, "args"), []byte(args), 0o644),
		os.WriteFile(filepath.Join(dir, "diff"), []byte(o.Text), 0o644))
}
