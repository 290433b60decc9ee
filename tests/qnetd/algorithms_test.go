package qnetd

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/tests/lab"
)

// TestDebian_Algorithms cuts clusters in the ways that tell corosync-qnetd's algorithms apart. Who goes on is who has
// the server's vote, and Debian's own tool says so too.
func TestDebian_Algorithms(t *testing.T) {
	const ack, nack = "ACK", "NACK"
	for _, c := range []struct {
		algorithm, listed string
		nodes             int
		// alone is cut off from the other nodes, blind from the server too; early when the server has noticed that.
		alone        api.NodeID
		blind, early bool
		// votes are those that the server lists then. Who has one goes on.
		votes map[api.NodeID]string
	}{
		// The last man standing of two is the one with the lowest id, or who still reaches the server.
		{"lms", "LMS", 2, 2, false, false, map[api.NodeID]string{1: ack, 2: nack}},
		{"lms", "LMS", 2, 1, true, false, map[api.NodeID]string{2: ack}},
		// The larger part goes on, whatever its ids.
		{"lms", "LMS", 3, 1, false, false, map[api.NodeID]string{1: nack, 2: ack, 3: ack}},
		{"2nodelms", "2 Node LMS", 2, 2, false, false, map[api.NodeID]string{1: ack, 2: nack}},
		// With this algorithm the server decides once, when it is told of the cut: n1 must not seem to be there then.
		{"2nodelms", "2 Node LMS", 2, 1, true, true, map[api.NodeID]string{2: ack}},
	} {
		t.Run(fmt.Sprintf("%s, %d nodes, n%d alone, blind %t", c.algorithm, c.nodes, c.alone, c.blind), func(t *testing.T) {
			t.Parallel()
			w := start(t, debian{}, options{nodes: c.nodes, algo: c.algorithm})
			whole := map[api.NodeID]string{}
			var on, off []*lab.Node
			for i, n := range w.Nodes() {
				whole[api.NodeID(i+1)] = ack
				if c.votes[api.NodeID(i+1)] == ack {
					on = append(on, n)
				} else {
					off = append(off, n)
				}
			}
			w.listed(c.listed, whole)
			alone := w.Nodes()[c.alone-1]
			if c.blind {
				w.cut(alone, w.arbiter, true)
			}
			if c.early {
				delete(whole, c.alone)
				w.listed(c.listed, whole)
			}
			for _, n := range w.Nodes() {
				if n != alone {
					w.cut(alone, n, true)
				}
			}
			w.verdicts("the right side goes on", true, on...)
			w.verdicts("the other does not", false, off...)
			w.listed(c.listed, c.votes)
		})
	}
}

// The algorithm test gives its vote to every part of a cluster.
func TestDebian_AlgorithmTest(t *testing.T) {
	t.Parallel()
	w := start(t, debian{}, options{nodes: 2, algo: "test", more: "test_algorithm_enabled = true\n"})
	both := map[api.NodeID]string{1: "ACK", 2: "ACK"}
	w.listed("Test", both)
	n1, n2 := w.Nodes()[0], w.Nodes()[1]
	w.cut(n1, n2, true)
	w.verdicts("n1 goes on", true, n1)
	w.verdicts("n2 goes on", true, n2)
	w.listed("Test", both)
}

// nodeLines are what corosync-qnetd-tool shows of a node: its id and, behind the server's last word, the last that was
// a vote.
var nodeLines = regexp.MustCompile(`(?m)^\s+Node ID (\d+):(?s:.*?)^\s+Vote:.*\((\w+)\)`)

// listed waits until Debian's tool shows the algorithm and exactly those nodes with those votes.
func (w *world) listed(algorithm string, votes map[api.NodeID]string) {
	w.t.Helper()
	w.until("corosync-qnetd-tool lists the nodes", func(ctx context.Context) (bool, error) {
		r, err := w.arbiter.Run(ctx, "corosync-qnetd-tool", "-l", "-v")
		if err != nil {
			return false, err
		}
		got := map[api.NodeID]string{}
		for _, m := range nodeLines.FindAllStringSubmatch(r.Stdout, -1) {
			id, err := strconv.ParseUint(m[1], 10, 32)
			if err != nil {
				return false, err
			}
			got[api.NodeID(id)] = m[2]
		}
		return maps.Equal(got, votes) && strings.Contains(r.Stdout, algorithm), fmt.Errorf("%v in\n%s%s", got, r.Stdout, r.Stderr)
	})
}
