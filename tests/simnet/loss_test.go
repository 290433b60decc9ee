package simnet

import (
	"os"
	"testing"
	"time"
)

// lossTime is how long each rate of loss is simulated: SIMNET_LOSS=1h for a thorough run.
func lossTime(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("SIMNET_LOSS")
	if text == "" {
		return 90 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal("SIMNET_LOSS: ", err)
	}
	return d
}

// Packets that are lost, overtake each other by up to 20 ms and come twice cost no member at up to 5 %. Beyond that
// there are figures: a lost heartbeat is asked for again, so that even a fifth is rarely enough.
func TestLoss_LosesNoMember(t *testing.T) {
	span := lossTime(t)
	for _, c := range []struct {
		loss  float64
		nodes int
		links int
	}{{0, 3, 1}, {0.01, 3, 1}, {0.05, 3, 1}, {0.05, 8, 1}, {0.2, 3, 1}, {0.2, 8, 1}, {0.2, 3, 2}} {
		w := New(Options{Nodes: c.nodes, Links: c.links, Seed: 5})
		w.Form()
		w.Run(time.Second)
		var views []int
		for _, n := range w.Nodes {
			views = append(views, n.Views)
		}
		sent := w.Packets
		w.Faults.Loss, w.Faults.Jitter, w.Faults.Duplicate = c.loss, 20*ms, 0.01
		w.Run(span)
		changes := 0
		for i, n := range w.Nodes {
			changes += n.Views - views[i]
		}
		rate := float64(w.Packets-sent) / span.Seconds() / float64(c.nodes)
		t.Logf("%d nodes, %d links, %g loss, %s: %d changes of views, %.1f packets/s from each node", c.nodes, c.links, c.loss, span, changes, rate)
		if c.loss <= 0.05 && changes > 0 {
			t.Errorf("%d nodes with %g loss: %d changes of views in %s", c.nodes, c.loss, changes, span)
		}
		expectSound(t, w)
	}
}
