package holdfast

import (
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/tests/lab"
)

func TestMain(m *testing.M) { Main(m.Run) }

func TestHeartbeat_LosesANodeInTime(t *testing.T) {
	c := Start(t, Options{Options: lab.Options{Nodes: 3}})
	began := time.Now()
	if err := c.PowerOnAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("formed in %v", time.Since(began))
	n1, n2, n3 := c.Node("n1"), c.Node("n2"), c.Node("n3")
	for range 3 {
		cut := time.Now()
		if err := n3.PowerOff(); err != nil {
			t.Fatal(err)
		}
		if err := c.WaitMembers(t.Context(), []*lab.Node{n1, n2}, []*lab.Node{n1, n2}); err != nil {
			t.Fatal(err)
		}
		for _, n := range []*lab.Node{n1, n2} {
			v, err := View(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			lost := v.Departed[0]
			t.Logf("%s: %s %s after %d ms: %s", n.Name, lost.Name, lost.How, v.At-cut.UnixMilli(), lost.Reason)
			if took := v.At - cut.UnixMilli(); lost.How != api.DepartureLost || took > 1200 {
				t.Errorf("%s: %s %s after %d ms", n.Name, lost.Name, lost.How, took)
			}
		}
		began := time.Now()
		if err := n3.PowerOn(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := c.WaitMembers(t.Context(), c.Nodes(), c.Nodes()); err != nil {
			t.Fatal(err)
		}
		t.Logf("n3 is back after %v", time.Since(began))
	}
	usage, err := n1.Usage()
	if err != nil {
		t.Fatal(err)
	}
	for name, u := range usage {
		t.Logf("%s: %.1f MiB PSS, CPU %v", name, float64(u.PSS)/(1<<20), u.CPU)
	}
}
