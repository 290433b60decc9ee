package simnet

import (
	"slices"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/corosyncd/quorum"
)

func expectSound(t *testing.T, w *World) {
	t.Helper()
	for _, b := range w.Broken() {
		t.Error(b)
	}
}

func traced(t *testing.T, opt Options) *World {
	w := New(opt)
	w.Trace = t.Logf
	return w
}

func TestForm_NodesPoweredOnTogetherFormOneView(t *testing.T) {
	for _, n := range []int{1, 2, 3, 8, 32} {
		w := New(Options{Nodes: n, Seed: 1})
		if took := w.Form(); took > 300*time.Millisecond {
			t.Errorf("%d nodes took %s", n, took)
		}
		for _, node := range w.Nodes {
			if node.Views > 4 {
				t.Errorf("%d nodes: n%d went through %d views", n, node.Index+1, node.Views)
			}
		}
		expectSound(t, w)
	}
}

// A node that fails is out of every survivor's view within the token and 200 ms, whatever the size of the cluster
// and however it failed.
func TestDetection_IsBoundedAtAnySize(t *testing.T) {
	for _, n := range []int{2, 3, 8, 32} {
		var times []time.Duration
		for seed := range uint64(max(3, min(12, 48/n))) {
			w := New(Options{Nodes: n, Seed: seed, Grace: 3 * time.Second, Quorum: func(q *quorum.Config) { q.TwoNode = n == 2 }})
			w.Form()
			w.Run(2 * time.Second)
			f := Failures[seed%3]
			took := w.Detect(int(seed)%n, f)
			if len(took) != n-1 {
				t.Fatalf("%d nodes, %s: only %d noticed", n, f.Name, len(took))
			}
			times = append(times, took...)
			expectSound(t, w)
		}
		slices.Sort(times)
		median, worst := times[len(times)/2], times[len(times)-1]
		t.Logf("%d nodes: median %s, max %s", n, median, worst)
		if median > 1050*time.Millisecond || worst > 1200*time.Millisecond {
			t.Errorf("%d nodes: median %s, max %s", n, median, worst)
		}
	}
}
