package observe

import (
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/holdfast"
)

// What watching costs: the whole crmd of an idle node, in which vitals, detectors and digests run every second,
// stays below a few thousandths of a core. BenchmarkSecond in crmd/observer has the part of vitals and detectors.
func TestCost_AnIdleNodeIsWatchedForLittle(t *testing.T) {
	w := start(t, holdfast.Options{Options: lab.Options{Nodes: 3}})
	time.Sleep(3 * time.Second)
	span := loaded()
	n2 := w.Node("n2")
	before, err := n2.Usage()
	w.must(err)
	time.Sleep(span)
	after, err := n2.Usage()
	w.must(err)
	for _, name := range []string{"crmd", "corosyncd", "fenced"} {
		share := 100 * (after[name].CPU - before[name].CPU).Seconds() / span.Seconds()
		t.Logf("%-9s %.2f %% of a core, %.1f MiB private, %.1f MiB PSS", name, share, float64(after[name].Private)/(1<<20), float64(after[name].PSS)/(1<<20))
		if name == "crmd" && share > 1 {
			t.Errorf("crmd uses %.2f %% of a core on an idle node", share)
		}
	}
}
