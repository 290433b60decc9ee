package simnet

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/corosyncd/engine"
	"github.com/holdfast-ha/holdfast/corosyncd/quorum"
)

// history runs one random membership history and reports what went wrong.
func history(seed uint64, trace func(string, ...any)) []string {
	rng := rand.New(rand.NewPCG(seed, 7))
	n := 2 + rng.IntN(8)
	opt := Options{Nodes: n, Seed: seed, Links: 1 + rng.IntN(2), Grace: 3 * time.Second}
	wfa, lms, atb := rng.IntN(2) == 0, rng.IntN(4) == 0, rng.IntN(4) == 0
	opt.Quorum = func(q *quorum.Config) {
		q.TwoNode = n == 2
		q.LastManStanding = lms && n > 2
		q.AutoTieBreaker = atb && n > 2 && !(lms && n%2 == 1)
		q.WaitForAll = wfa || q.TwoNode || q.LastManStanding || q.AutoTieBreaker
	}
	w := New(opt)
	w.Trace = trace
	w.Fencing(time.Duration(rng.IntN(2000))*time.Millisecond, time.Duration(500+rng.IntN(5000))*time.Millisecond)
	w.Form()
	for range 3 + rng.IntN(8) {
		w.disturb(rng)
		w.Run(time.Duration(rng.Int64N(int64(4 * time.Second))))
	}
	w.Heal()
	for _, node := range w.Nodes {
		node.Resume()
	}
	// Without new faults they must agree soon.
	fence := w.check.fence
	w.check.fence = nil
	for range 4 {
		if w.Run(w.agreement()); w.Settled() {
			break
		}
	}
	w.check.fence = fence
	// What is still lost gets fenced and comes back; then everybody must be together.
	all := w.All()
	end := w.Now.Add(40 * time.Second)
	for w.Now.Before(end) {
		w.Run(5 * time.Second)
		for _, node := range w.Nodes {
			if !node.Up {
				node.Start()
			}
		}
		if w.Agreed(all...) {
			break
		}
		w.restartOutcasts()
	}
	broken := w.Broken()
	if !w.Agreed(all...) {
		text := "no common view at the end:"
		for _, node := range w.Nodes {
			text += fmt.Sprintf(" n%d: %s %v", node.Index+1, node.View.Ring, ids(node.View))
		}
		broken = append(broken, text)
	}
	return broken
}

// restartOutcasts does what an administrator does with nodes that stay out because nobody can fence them.
func (w *World) restartOutcasts() {
	for _, node := range w.Nodes {
		if node.Up && node.View != nil && !node.View.Quorum.Quorate {
			w.trace("n%d is restarted by hand", node.Index+1)
			node.Start()
			return
		}
	}
}

// disturb does one thing to the cluster.
func (w *World) disturb(rng *rand.Rand) {
	node := w.Nodes[rng.IntN(len(w.Nodes))]
	other := w.Nodes[rng.IntN(len(w.Nodes))]
	switch rng.IntN(11) {
	case 0:
		node.Crash()
	case 1:
		if node.Up { // corosyncd is restarted
			node.Skew = time.Duration(rng.Int64N(int64(2*time.Hour))) - time.Hour
			node.Start()
		}
	case 2:
		var group []int
		for i := range w.Nodes {
			if rng.IntN(2) == 0 {
				group = append(group, i)
			}
		}
		w.Partition(group...)
	case 3:
		if node != other {
			w.Cut(node.Index, other.Index)
		}
	case 4: // a receiver or a sender breaks
		for _, o := range w.Nodes {
			if o != node && rng.IntN(2) == 0 {
				w.Cut(o.Index, node.Index)
			}
		}
	case 5, 6:
		w.Heal()
	case 7:
		node.Pause()
		w.At(time.Duration(rng.Int64N(int64(5*time.Second))), node.Resume)
	case 8:
		if !node.Up {
			node.Start()
		}
	case 9:
		w.Faults.Loss, w.Faults.Duplicate = rng.Float64()*0.3, rng.Float64()*0.1
		w.Faults.Jitter = time.Duration(1 + rng.Int64N(int64(30*time.Millisecond)))
	case 10:
		node.Do(engine.Leave{})
	}
}

// TestHistories checks many random histories. SIMNET_SEED replays one, SIMNET_RUNS sets how many there are.
func TestHistories(t *testing.T) {
	if text := os.Getenv("SIMNET_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range history(seed, t.Logf) {
			t.Error(b)
		}
		return
	}
	runs := 50
	if text := os.Getenv("SIMNET_RUNS"); text != "" {
		runs, _ = strconv.Atoi(text)
	}
	failed := 0
	for seed := range uint64(runs) {
		if broken := history(seed, nil); len(broken) > 0 {
			t.Errorf("seed %d (replay with SIMNET_SEED=%d):\n%s", seed, seed, strings.Join(broken, "\n"))
			if failed++; failed >= 5 {
				t.Fatal("too many")
			}
		}
	}
}
