package crmd

import (
	"testing"
	"time"
)

// hang stops what the node's corosyncd says, or lets it go on.
func (n *testNode) hang(yes bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.silent = yes
}

// A corosyncd that hangs tells its node nothing of the others having lost it. Its crmd finds that out itself, and
// neither plans, where it leads, nor obeys.
func TestSilence_NothingStartsOnANodeWhoseCorosyncdHangs(t *testing.T) {
	for name, role := range map[string]string{"n1": "the DC", "n2": "where d1 belongs"} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, 2)
			c.up()
			if dc := c.dc().name; dc != "n1" {
				t.Fatalf("the DC is %s", dc)
			}
			n := c.node(name)
			n.hang(true)
			hung := time.Now()
			c.until("the view is stale", func() bool { return n.status().View.Stale })
			if took := time.Since(hung); took < 700*time.Millisecond {
				t.Errorf("the view was stale %v after corosyncd hung, with a token of 1 s", took)
			}
			c.configure(t, c.node("n1"))
			for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
				if !n.status().View.Stale {
					t.Fatal("the view is renewed, and corosyncd has said nothing")
				}
			}
			if got := c.journalText(); got != "" {
				t.Fatalf("%s, and corosyncd of %s hangs", got, name)
			}
			n.hang(false)
			c.until("the view is renewed and d1 runs", func() bool { return !n.status().View.Stale && c.journalText() == "start d1 n2" })
		})
	}
}
