package simnet

import (
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/corosyncd/frame"
)

// pathMTU is what a node says of the path to another one.
func (n *Node) pathMTU(to int) int {
	for _, l := range n.Engine.Links() {
		if l.Node == n.world.Nodes[to].ID {
			return l.MTU + frame.Overhead
		}
	}
	return 0
}

func TestPathMTU_IsFoundFollowedAndCostsNoMember(t *testing.T) {
	w := New(Options{Nodes: 3, Seed: 3, MaxPacket: 1472})
	w.Form()
	w.Run(3 * time.Second)
	views := w.Nodes[0].Views
	for _, step := range []struct {
		mtu, want int
		loss      float64
	}{{0, 1472, 0}, {1252, 1252, 0}, {0, 1472, 0}, {900, 900, 0.05}} {
		w.Faults.MTU, w.Faults.Loss = step.mtu, step.loss
		w.Run(2 * time.Minute)
		for _, n := range w.Nodes[1:] {
			if got := n.pathMTU(0); got > step.want || got < step.want-16 {
				t.Errorf("path of %d: n%d says %d", step.want, n.Index+1, got)
			}
		}
	}
	for _, l := range w.Nodes[0].Engine.Links() {
		if share := float64(l.Lost) / float64(l.Lost+l.Received+1); share > 0.02 { // 5 % for a quarter of the time
			t.Errorf("%d of %d heartbeats count as lost", l.Lost, l.Received+l.Lost)
		}
	}
	if w.Nodes[0].Views != views {
		t.Errorf("%d views", w.Nodes[0].Views-views)
	}
	expectSound(t, w)
}
