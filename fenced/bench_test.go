package fenced

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestFence_ReachesTheAgentAtOnce measures from the request to the agent's first line, and to the answer. The
// bound is loose, because the machine may be busy; the log has the figures.
func TestFence_ReachesTheAgentAtOnce(t *testing.T) {
	c := newCluster(t, "n1", "n2", "n3")
	for _, n := range c.nodes {
		n.configure(c.device("d1", "n3"))
	}
	n1 := c.nodes["n1"]
	check(t, n1, "d1")
	var exec, answer []time.Duration
	for range 30 {
		_ = os.Remove(filepath.Join(c.Dir, "calls"))
		begin := time.Now()
		r, err := n1.fence("n3", "reboot")
		answer = append(answer, time.Since(begin))
		raw, _ := os.ReadFile(filepath.Join(c.Dir, "calls"))
		var ns int64
		if _, serr := fmt.Sscan(strings.Fields(string(raw))[0], &ns); err != nil || serr != nil || !r.Proven() {
			t.Fatal(r, err, serr)
		}
		exec = append(exec, time.Unix(0, ns).Sub(begin))
	}
	slices.SortFunc(exec, cmp.Compare)
	slices.SortFunc(answer, cmp.Compare)
	t.Logf("to the agent's first line: median %v, max %v; to the answer: median %v, max %v", exec[15], exec[29], answer[15], answer[29])
	if exec[15] > 100*time.Millisecond {
		t.Errorf("the agent starts %v after the request", exec[15])
	}
}
