package main

import (
	"context"
	"fmt"
	"time"

	"github.com/holdfast-ha/holdfast/corosyncd/quorum"
	"github.com/holdfast-ha/holdfast/tests/simnet"
)

// simulatedSizes are the clusters whose detection is measured in virtual time: those that processes are measured
// for too, and those for which a machine is too small.
var simulatedSizes = []int{2, 3, 8, 32, 128}

// detectionSimulated measures detection with the real engines on a simulated network.
func detectionSimulated(ctx context.Context, b *bench) error {
	if b.stack.heartbeat() != "corosyncd" {
		return nil
	}
	for _, n := range simulatedSizes {
		for _, token := range []time.Duration{usualToken * time.Millisecond, 300 * time.Millisecond} {
			for _, f := range simnet.Failures {
				name := fmt.Sprintf("detection-%d-%s-token-%d-simulated", n, f.Name, token.Milliseconds())
				for seed := range simulatedRuns(n, b.repeats) {
					if err := ctx.Err(); err != nil {
						return err
					}
					w := simnet.New(simnet.Options{
						Nodes: n, Seed: seed, Token: token, Grace: 3 * time.Second, Quorum: func(q *quorum.Config) { q.TwoNode = n == 2 }})
					w.Form()
					w.Run(2 * token)
					took := w.Detect(int(seed)%n, f)
					if len(took) != n-1 {
						return fmt.Errorf("%s, seed %d: %d of %d survivors noticed", name, seed, len(took), n-1)
					}
					for _, d := range took {
						b.add(name, "ms", float64(d.Microseconds())/1000)
					}
				}
			}
		}
	}
	return nil
}

// simulatedRuns is how often a size is repeated: the larger the cluster the more survivors tell their time, and the
// longer a run takes.
func simulatedRuns(nodes, repeats int) uint64 {
	return uint64(min(4*repeats, max(3, 400/nodes)))
}
