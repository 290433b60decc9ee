package simnet

import (
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/corosyncd/engine"
	"github.com/holdfast-ha/holdfast/corosyncd/quorum"
)

const ms = time.Millisecond

// formed is a cluster in one view that has been quiet for a while.
func formed(t *testing.T, opt Options) *World {
	t.Helper()
	w := traced(t, opt)
	w.Form()
	if !w.Agreed(w.All()...) {
		t.Fatal("no common view")
	}
	w.Run(2 * time.Second)
	return w
}

// within wants a condition to hold soon.
func within(t *testing.T, w *World, d time.Duration, what string, done func() bool) {
	t.Helper()
	began := w.Now
	if !w.RunUntil(w.Now.Add(d), done) {
		t.Fatalf("%s: not within %s", what, d)
	}
	t.Logf("%s after %s", what, w.Now.Sub(began))
}

func departure(n *Node, id api.NodeID) api.Departed {
	for _, d := range n.View.Departed {
		if d.ID == id {
			return d
		}
	}
	return api.Departed{}
}

func twoNode(q *quorum.Config) { q.TwoNode, q.WaitForAll = true, true }

func TestCut_TwoNodesBothDeclareTheLoss(t *testing.T) {
	w := formed(t, Options{Nodes: 2, Seed: 1, Quorum: twoNode})
	w.Partition(0)
	within(t, w, 1200*ms, "both are alone", func() bool { return w.Agreed(0) && w.Agreed(1) })
	for i, n := range w.Nodes {
		if d := departure(n, api.NodeID(2-i)); d.How != api.DepartureLost || !n.View.Quorum.Quorate {
			t.Errorf("n%d: %+v, quorate %t", i+1, d, n.View.Quorum.Quorate)
		}
	}
	// They must not come together again before one is fenced.
	w.Heal()
	w.Run(5 * time.Second)
	if !w.Agreed(0) || !w.Agreed(1) || !w.Nodes[0].View.Quorum.Quorate {
		t.Error("they did not stay apart")
	}
	w.Nodes[1].Crash()
	w.Nodes[0].Do(engine.Fenced{ID: 2})
	w.Run(time.Second)
	w.Nodes[1].Start()
	within(t, w, 500*ms, "the fenced node is back", func() bool { return w.Agreed(0, 1) })
	expectSound(t, w)
}

func TestCut_OneDirectionOfTwoNodesHasOneSurvivor(t *testing.T) {
	w := formed(t, Options{Nodes: 2, Seed: 1, Quorum: twoNode})
	w.Cut(0, 1) // n2 hears nothing, n1 hears n2
	within(t, w, 1500*ms, "both are alone", func() bool { return w.Agreed(0) && w.Agreed(1) })
	if w.Nodes[0].View.Quorum.Quorate || !w.Nodes[1].View.Quorum.Quorate {
		t.Errorf("n1: %+v, n2: %+v", w.Nodes[0].View.Quorum, w.Nodes[1].View.Quorum)
	}
	if why := w.Nodes[0].View.Quorum.Reason; !strings.Contains(why, "declared this node lost") {
		t.Errorf("n1 says %q", why)
	}
}

func TestCut_OneWayBetweenTwoOfThreeKeepsALargestSet(t *testing.T) {
	w := formed(t, Options{Nodes: 3, Seed: 2})
	w.Cut(0, 2) // n3 does not hear n1; n2 hears both
	within(t, w, 2200*ms, "n1 and n2 go on", func() bool { return w.Agreed(0, 1) && w.Agreed(2) })
	if w.Nodes[2].View.Quorum.Quorate {
		t.Error("n3 may act")
	}
	if d := departure(w.Nodes[1], 3); d.Reason != "it does not hear n1" {
		t.Errorf("n2 says %+v", d)
	}
	expectSound(t, w)
}

// A node whose receiver fails accuses everybody; it must not take a healthy node down with it.
func TestCut_ADeafNodeGoesAlone(t *testing.T) {
	for seed := range uint64(10) {
		w := New(Options{Nodes: 3, Seed: seed})
		w.Form()
		w.Run(3 * time.Second)
		w.Cut(1, 0)
		w.Cut(2, 0)
		if !w.RunUntil(w.Now.Add(2500*ms), func() bool { return w.Agreed(1, 2) && w.Agreed(0) }) {
			t.Errorf("seed %d: not settled", seed)
		}
		for _, i := range []int{1, 2} {
			if w.Nodes[i].Views > 6 || !w.Nodes[i].View.Quorum.Quorate {
				t.Errorf("seed %d: n%d went through %d views, quorate %t", seed, i+1, w.Nodes[i].Views, w.Nodes[i].View.Quorum.Quorate)
			}
		}
		expectSound(t, w)
	}
}

func TestLinks_OneOfTwoMayFailWithoutAViewChange(t *testing.T) {
	w := formed(t, Options{Nodes: 3, Seed: 1, Links: 2})
	views := w.Nodes[0].Views
	w.Faults.dead = map[int]bool{1: true}
	w.Run(5 * time.Second)
	if w.Nodes[0].Views != views {
		t.Error("the view changed")
	}
	down := 0
	for _, l := range w.Nodes[0].Engine.Links() {
		if !l.Connected && l.Link == 1 {
			down++
		}
	}
	if down != 2 {
		t.Errorf("%d links are down, want 2", down)
	}
	w.Faults.dead = map[int]bool{0: true, 1: true}
	within(t, w, 1200*ms, "all links gone", func() bool { return w.Agreed(0) && w.Agreed(1) && w.Agreed(2) })
}

func TestRestart_WithinTheTokenIsTheSameMemberInANewLife(t *testing.T) {
	w := formed(t, Options{Nodes: 3, Seed: 1})
	ring, life := w.Nodes[0].View.Ring, w.Nodes[0].View.Member(2).Incarnation
	w.Nodes[1].Crash()
	w.Run(600 * ms)
	w.Nodes[1].Start()
	within(t, w, 300*ms, "one view", func() bool { return w.Agreed(0, 1, 2) && w.Nodes[0].View.Ring != ring })
	v := w.Nodes[0].View
	if len(v.Departed) > 0 || v.Member(2).Incarnation <= life || v.Ring.Seq <= ring.Seq {
		t.Errorf("%+v", v)
	}
	w.Run(3 * time.Second)
	if w.Nodes[0].View.Ring != v.Ring {
		t.Error("the view changed again")
	}
	expectSound(t, w)
}

func TestLeave_IsToldApartFromLoss(t *testing.T) {
	w := formed(t, Options{Nodes: 3, Seed: 1})
	w.Nodes[2].Do(engine.Leave{})
	within(t, w, 100*ms, "n3 is gone", func() bool { return w.Agreed(0, 1) && w.Nodes[2].gone })
	for _, i := range []int{0, 1} {
		if d := departure(w.Nodes[i], 3); d.How != api.DepartureLeft {
			t.Errorf("n%d: %+v", i+1, d)
		}
	}
	w.Run(3 * time.Second)
	w.Nodes[2].Start()
	within(t, w, 200*ms, "n3 is back", func() bool { return w.Agreed(0, 1, 2) })
}

func TestLeave_AllAtOnceNeedsNoTimeout(t *testing.T) {
	for seed := range uint64(20) {
		w := New(Options{Nodes: 3, Seed: seed})
		w.Form()
		w.Run(time.Second)
		for _, n := range w.Nodes {
			w.At(time.Duration(w.rng.Int64N(int64(2*ms))), func() { n.Do(engine.Leave{}) })
		}
		if !w.RunUntil(w.Now.Add(300*ms), func() bool { return w.Nodes[0].gone && w.Nodes[1].gone && w.Nodes[2].gone }) {
			t.Errorf("seed %d: not all are gone", seed)
		}
	}
}

func TestLeave_IsBelievedAlthoughOneMissesIt(t *testing.T) {
	w := formed(t, Options{Nodes: 3, Seed: 1})
	w.Cut(2, 1)
	w.Nodes[2].Do(engine.Leave{})
	within(t, w, 2500*ms, "n3 is gone", func() bool { return w.Agreed(0, 1) })
	w.Run(500 * ms)
	if d := departure(w.Nodes[1], 3); d.How != api.DepartureLeft {
		t.Errorf("n2: %+v", d)
	}
}

// A node that was paused for longer than the token must not act on its old view, and stays out.
func TestPause_LeadsToOneLossAndNoDoubleOwner(t *testing.T) {
	w := formed(t, Options{Nodes: 2, Seed: 1, Quorum: twoNode})
	w.Nodes[0].Pause()
	within(t, w, 1200*ms, "n2 is alone", func() bool { return w.Agreed(1) })
	w.Run(2 * time.Second)
	w.Nodes[0].Resume()
	w.Run(5 * ms)
	if v := w.Nodes[0].View; v.Quorum.Quorate && !v.Stale {
		t.Errorf("n1 may act: %+v", v)
	}
	w.Run(10 * time.Second)
	if v := w.Nodes[0].View; v.Quorum.Quorate || len(v.Members) != 1 {
		t.Errorf("n1 may act: %+v", v)
	}
	if v := w.Nodes[1].View; !v.Quorum.Quorate || v.Has(1) {
		t.Errorf("n2: %+v", v)
	}
	w.Nodes[0].Start() // a new life may join
	within(t, w, 300*ms, "n1 is back", func() bool { return w.Agreed(0, 1) && w.Nodes[0].View.Quorum.Quorate })
	expectSound(t, w)
}

func TestPause_ShorterThanTheTokenChangesNothing(t *testing.T) {
	w := formed(t, Options{Nodes: 3, Seed: 1})
	views := w.Nodes[1].Views
	w.Nodes[0].Pause()
	w.Run(700 * ms)
	w.Nodes[0].Resume()
	w.Run(5 * time.Second)
	if !w.Agreed(0, 1, 2) || w.Nodes[1].Views != views {
		t.Error("the view changed")
	}
}

// A host that has been late before admits it, and then gets the stall grace.
func TestStall_GraceForWhoAdmitsIt(t *testing.T) {
	w := formed(t, Options{Nodes: 3, Seed: 1, Grace: 3 * time.Second})
	w.Nodes[0].Do(engine.Starved{Yes: true})
	w.Run(500 * ms)
	w.Nodes[0].Pause()
	w.Run(3 * time.Second)
	w.Nodes[0].Resume()
	w.Run(time.Second)
	if !w.Agreed(0, 1, 2) {
		t.Error("a node that admitted to be starved was lost after 3 s")
	}
	w.Nodes[0].Pause()
	within(t, w, 4300*ms, "the grace is used up", func() bool { return w.Agreed(1, 2) })
}

func TestLost_ComesBackOnlyAfterAFenceOrANewLife(t *testing.T) {
	w := formed(t, Options{Nodes: 3, Seed: 1})
	w.Partition(2)
	within(t, w, 1300*ms, "n3 is lost", func() bool { return w.Agreed(0, 1) && w.Agreed(2) })
	w.Heal()
	w.Run(5 * time.Second)
	if !w.Agreed(0, 1) || !w.Agreed(2) {
		t.Fatal("n3 came back by itself")
	}
	life := departure(w.Nodes[0], 3).Incarnation
	w.Nodes[0].Do(engine.Fenced{ID: 3, Incarnation: life})
	within(t, w, 500*ms, "n3 may join", func() bool { return w.Agreed(0, 1, 2) })
	expectSound(t, w)
}
