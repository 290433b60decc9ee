package crmd

import (
	"slices"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// n3 hangs and is fenced by reservations: it runs all the same, and is heard again in the same life. It lets go by itself,
// without touching d1, which runs on n2 by then; that is no second failure. Started anew it takes part as any other node.
func TestCluster_ANodeThatWasFencedAndRunsLetsGo(t *testing.T) {
	c := newCluster(t, 3)
	c.up()
	c.configure(t, c.node("n1"))
	c.until("d1 runs on n3", func() bool { return c.journalText() == "start d1 n3" })
	n3 := c.node("n3")
	for _, n := range c.nodes {
		n.mu.Lock()
		n.spares = true
		n.mu.Unlock()
	}
	shots := func() (list []api.FenceEvent) {
		for _, n := range c.nodes {
			n.mu.Lock()
			list = append(list, n.shots...)
			n.mu.Unlock()
		}
		return list
	}
	c.views("n1", "n2")
	c.until("d1 runs on n2", func() bool { return c.journalText() == "start d1 n3, start d1 n2" })

	c.views("n1", "n2", "n3")
	n3.heard <- shots()[0]
	n3.letsGo()
	if !n3.hasLeft() {
		t.Error("corosyncd on n3 was not told to leave")
	}
	c.views("n1", "n2")
	c.until("the others are idle", func() bool { dc := c.dc(); return dc != nil && dc.status().State == "S_IDLE" })
	time.Sleep(300 * time.Millisecond) // a second fence would be asked for at once
	if s := shots(); len(s) != 1 {
		t.Errorf("n3 was fenced %d times: %+v", len(s), s)
	}

	n3.start()
	c.views("n1", "n2", "n3")
	c.until("n3 takes part again", func() bool {
		dc := c.dc()
		if dc == nil || dc.status().State != "S_IDLE" || !slices.Contains(dc.status().Voters, "n3") {
			return false
		}
		out, err := dc.cib(api.CIBRequest{Op: "query", XPath: "//node_state[@uname='n3' and @crmd='online']"})
		return err == nil && out.XML != ""
	})
	if got := c.journalText(); got != "start d1 n3, start d1 n2" {
		t.Errorf("resources were touched: %s", got)
	}
}

// letsGo waits until crmd has ended by itself, after it had corosyncd leave. The resources stay as they are.
func (n *testNode) letsGo() {
	n.c.t.Helper()
	select {
	case err := <-n.ended:
		n.ended <- err // for kill
		n.kill()
	case <-time.After(20 * time.Second):
		n.c.t.Fatalf("%s: its crmd has not ended within 20 s", n.name)
	}
}
