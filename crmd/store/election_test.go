package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/crmd/store/content"
)

// The leader loses power; corosyncd tells the others after a second, far below raft's own timeout.
func TestCampaign_ReplacesADeadLeaderAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		c.form(3)
		c.add(c.nodes["n1"], "a")
		c.same()
		c.powerCut("n1")
		start := time.Now()
		c.must(c.nodes["n2"].Campaign(t.Context()))
		n2 := c.leader()
		if took := time.Since(start); n2.name != "n2" || took > 20*time.Millisecond {
			t.Errorf("%s leads after %s", n2.name, took)
		}
		c.add(n2, "b")
		want(t, c.same(), []string{"a", "b"})
	})
}

// After a restart of a follower the connections that others keep to it are dead. A campaign must not fail
// because of that.
func TestCampaign_SurvivesBrokenConnections(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		c.form(3)
		for range 3 {
			leader := c.leader()
			// n2 has connections to n3 from an election that it won before.
			c.must(leader.Campaign(t.Context()))
			for _, name := range []string{"n2", "n3"} {
				c.must(c.leader().transferIfLeader(t.Context(), name))
			}
			c.must(c.leader().transferIfLeader(t.Context(), "n1"))
			c.leader()
			c.stop("n3")
			c.start("n3")
			c.leader()
			c.powerCut("n1")
			start := time.Now()
			c.must(c.nodes["n2"].Campaign(t.Context()))
			c.leader()
			if took := time.Since(start); took > 20*time.Millisecond {
				t.Errorf("election took %s", took)
			}
			c.net.isolate("n1", false)
			c.start("n1")
			c.same()
			c.leader()
		}
	})
}

// A campaign that failed, or an election that raft began by itself, does not delay the next campaign.
func TestCampaign_AgainAfterALostOne(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		c.form(3)
		c.same()
		c.powerCut("n1")
		c.net.set("n2", "n3", true)
		n2 := c.nodes["n2"]
		c.must(n2.Campaign(t.Context()))
		time.Sleep(100 * time.Millisecond)
		for _, wait := range []time.Duration{0, 3 * DefaultHeartbeat} { // then n2 and n3 are candidates anyway
			time.Sleep(wait)
			if st := n2.Status(); st.Role != Candidate {
				t.Fatalf("n2 is %s", st.Role)
			}
			c.net.set("n2", "n3", false)
			start := time.Now()
			c.must(n2.Campaign(t.Context()))
			c.leader()
			if took := time.Since(start); took > 50*time.Millisecond {
				t.Errorf("election took %s", took)
			}
			c.net.set("n2", "n3", true)
			c.eventually("n2 steps down", func() bool { return n2.Status().Role == Candidate })
		}
	})
}

func (n *node) transferIfLeader(ctx context.Context, to string) error {
	if n.name == to {
		return nil
	}
	return n.Transfer(ctx, to)
}

func TestElection_HappensByItselfAfterTheHeartbeat(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		c.form(3)
		c.same()
		c.powerCut("n1")
		start := time.Now()
		c.leader()
		if took := time.Since(start); took < DefaultHeartbeat || took > 5*DefaultHeartbeat {
			t.Errorf("took %s", took)
		}
	})
}

// A leader that gets no CPU for less than the heartbeat stays the leader.
func TestElection_ASilentMomentDeposesNobody(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		c.form(3)
		c.same()
		term := c.leader().Status().Term
		c.net.isolate("n1", true)
		time.Sleep(DefaultHeartbeat * 3 / 4)
		c.net.isolate("n1", false)
		time.Sleep(3 * DefaultHeartbeat)
		if l := c.leader(); l.name != "n1" || l.Status().Term != term {
			t.Errorf("%s leads in term %d, before n1 in term %d", l.name, l.Status().Term, term)
		}
	})
}

// A leader that is cut off commits nothing, steps down, and follows when it is back; the proposer is told
// that the result is uncertain.
func TestPartition_MinorityLeaderCommitsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		c.form(5)
		n1 := c.nodes["n1"]
		c.add(n1, "a")
		c.same()
		for _, far := range []string{"n3", "n4", "n5"} {
			c.net.set("n1", far, true)
			c.net.set("n2", far, true)
		}
		lost := n1.Submit(add(n1.Document(), "lost"))
		c.must(c.nodes["n4"].Campaign(t.Context()))
		n4 := c.leader("n3", "n4", "n5")
		c.add(n4, "b")
		if err := lost.Wait(t.Context()); !errors.Is(err, ErrUncertain) {
			t.Errorf("the change of the minority: %v", err)
		}
		c.eventually("n1 steps down", func() bool { return n1.Status().Role != Leader })
		err := n1.Propose(t.Context(), add(n1.Document(), "c"))
		var not *NotLeader
		if !errors.As(err, &not) || not.Leader != "" || !strings.Contains(err.Error(), "no majority") {
			t.Errorf("a proposal in the minority: %v", err)
		}
		for _, far := range []string{"n3", "n4", "n5"} {
			c.net.set("n1", far, false)
			c.net.set("n2", far, false)
		}
		want(t, c.same(), []string{"a", "b"})
	})
}

func TestTransfer_HandsOverAndRefusesOthers(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		c.form(3)
		start := time.Now()
		c.must(c.nodes["n1"].Transfer(t.Context(), "n3"))
		if l := c.leader(); l.name != "n3" || time.Since(start) > 100*time.Millisecond {
			t.Errorf("%s leads after %s", l.name, time.Since(start))
		}
		if err := c.nodes["n3"].Transfer(t.Context(), "n9"); err == nil || !strings.Contains(err.Error(), "n9 does not vote") {
			t.Errorf("transfer to a stranger: %v", err)
		}
		if err := c.nodes["n1"].Transfer(t.Context(), "n2"); err == nil || !strings.Contains(err.Error(), "n3 does") {
			t.Errorf("transfer by a follower: %v", err)
		}
	})
}

func TestRollingRestart_KeepsEverything(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		c.form(3)
		var all []string
		for round := range 2 {
			for _, name := range []string{"n1", "n2", "n3"} {
				l := c.leader()
				if l.name == name {
					next := "n1"
					if name == "n1" {
						next = "n2"
					}
					c.must(l.Transfer(t.Context(), next))
				}
				c.stop(name)
				id := fmt.Sprintf("%s-%d", name, round)
				c.add(c.leader(), id)
				all = append(all, id)
				c.start(name)
			}
		}
		c.leader()
		want(t, c.same(), all)
	})
}

// All nodes start at once after a power failure of the whole cluster.
func TestColdStart_NeedsAMajority(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		c.form(3)
		c.add(c.nodes["n1"], "a")
		c.same()
		c.stopAll()
		n2 := c.start("n2")
		time.Sleep(5 * DefaultHeartbeat)
		if st := n2.Status(); st.Leader != "" || st.Role == Leader {
			t.Errorf("one of three nodes: %+v", st)
		}
		want(t, ids(n2.Document()), []string{"a"})
		c.start("n3")
		time.Sleep(5 * time.Millisecond)
		c.must(n2.Campaign(t.Context()))
		c.add(c.leader(), "b")
		c.start("n1")
		want(t, c.same(), []string{"a", "b"})
	})
}

// Several proposers on every node while the lead moves around and nodes are cut off: each change that was
// acknowledged is there, none twice, and all nodes have the same order.
func TestChaos_AcknowledgedChangesAreThereOnce(t *testing.T) {
	for seed := range 3 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inBubble(t, func(t *testing.T, c *cluster) { chaos(t, c, seed) })
		})
	}
}

func chaos(t *testing.T, c *cluster, seed int) {
	c.form(3)
	ctx, cancel := context.WithCancel(t.Context())
	var mu sync.Mutex
	var acked []string
	var wg sync.WaitGroup
	for _, name := range c.names() {
		n := c.nodes[name]
		for w := range 2 {
			wg.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					id := fmt.Sprintf("%s-%d-%d", n.name, w, i)
					if proposeUntilKnown(ctx, n, id) {
						mu.Lock()
						acked = append(acked, id)
						mu.Unlock()
					}
					time.Sleep(20 * time.Millisecond)
				}
			})
		}
	}
	for round := range 6 {
		time.Sleep(300 * time.Millisecond)
		l := c.leader()
		next := c.names()[(round+seed)%3]
		switch {
		case next != l.name && round%2 == 0:
			_ = l.Transfer(t.Context(), next) // may fail: others are moving it too
		default:
			c.net.isolate(l.name, true)
			time.Sleep(100 * time.Millisecond)
			others := slices.DeleteFunc(c.names(), func(n string) bool { return n == l.name })
			best := c.nodes[others[0]]
			if c.nodes[others[1]].Last().Compare(best.Last()) > 0 {
				best = c.nodes[others[1]]
			}
			c.must(best.Campaign(t.Context()))
			c.leader(others...)
			time.Sleep(200 * time.Millisecond)
			c.net.isolate(l.name, false)
		}
	}
	cancel()
	wg.Wait()
	c.leader()
	all := c.same()
	count := make(map[string]int)
	for _, id := range all {
		count[id]++
		if count[id] > 1 {
			t.Errorf("%s is there twice", id)
		}
	}
	for _, id := range acked {
		if count[id] != 1 {
			t.Errorf("%s was acknowledged and is there %d times", id, count[id])
		}
	}
	if len(acked) < 50 {
		t.Errorf("only %d changes went through", len(acked))
	}
	t.Logf("%d acknowledged, %d in the document", len(acked), len(all))
}

// proposeUntilKnown repeats a change as a client would: a stale one is made anew, and one whose result is
// uncertain is first looked for.
func proposeUntilKnown(ctx context.Context, n *node, id string) bool {
	for ctx.Err() == nil {
		if !n.Status().Ready {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		doc := n.Document()
		if slices.Contains(ids(doc), id) {
			return true
		}
		err := n.Propose(ctx, add(doc, id))
		var not *NotLeader
		switch {
		case err == nil:
			return true
		case errors.Is(err, content.ErrStale), errors.As(err, &not), errors.Is(err, ErrUncertain):
			time.Sleep(time.Millisecond) // virtual time stands still while a goroutine is busy
		default:
			return false
		}
	}
	return false
}
