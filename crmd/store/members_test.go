package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/holdfast-ha/holdfast/crmd/store/content"
)

// A learner that needs a snapshot, because the log behind it is gone, catches up and becomes a voter.
func TestLearner_CatchesUpBySnapshot(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		c.form(1)
		n1 := c.nodes["n1"]
		fill(t, n1, trailingLogs+200)
		c.must(n1.inst.Load().raft.Snapshot().Error())
		if first, _ := n1.disk.Log.FirstIndex(); first < 10 {
			t.Fatalf("the log still begins with entry %d", first)
		}
		n2 := c.start("n2")
		c.must(n1.AddLearner(t.Context(), "n2"))
		c.eventually("n2 has the content", func() bool { return n2.Content().Equal(n1.Content()) })
		if st := n2.Status(); st.Role != Learner || st.Fresh {
			t.Errorf("status of n2: %+v", st)
		}
		n2.mu.Lock()
		if n2.applied[0].Change != nil {
			t.Errorf("the snapshot was announced as %T", n2.applied[0].Change)
		}
		n2.mu.Unlock()
		if err := n2.Campaign(t.Context()); err == nil || !strings.Contains(err.Error(), "does not vote") {
			t.Errorf("a learner stood for election: %v", err)
		}
		c.must(n1.Promote(t.Context(), "n2"))
		c.add(n1, "last")
		c.same()
		// The new voter can lead.
		c.must(n1.Transfer(t.Context(), "n2"))
		c.add(c.leader(), "from n2")
		c.same()
	})
}

func fill(t *testing.T, n *node, count int) {
	t.Helper()
	doc := n.Document()
	var last *Proposal
	for i := range count {
		id := fmt.Sprint("fill", i)
		last = n.Submit(add(doc, id))
		doc, _ = appendPatch(doc, id)
		if i%500 == 499 {
			if err := last.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := last.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestMembers_AddPromoteDemoteRemove(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		c.form(2)
		n1, n3 := c.nodes["n1"], c.start("n3")
		role := func(n *node, want Role) {
			t.Helper()
			c.eventually(fmt.Sprintf("%s is %s", n.name, want), func() bool { return n.Status().Role == want })
		}
		if err := n1.Promote(t.Context(), "n3"); err == nil || !strings.Contains(err.Error(), "add it as a learner first") {
			t.Errorf("a stranger got a vote: %v", err)
		}
		c.must(n1.AddLearner(t.Context(), "n3"))
		role(n3, Learner)
		c.must(n1.Promote(t.Context(), "n3"))
		role(n3, Follower)
		if err := n1.AddLearner(t.Context(), "n3"); err == nil || !strings.Contains(err.Error(), "votes already") {
			t.Errorf("got %v", err)
		}
		c.must(n1.Demote(t.Context(), "n3"))
		role(n3, Learner)
		c.must(n1.Remove(t.Context(), "n3"))
		if st := n1.Status(); !slices.Equal(st.Voters, []string{"n1", "n2"}) || st.Learners != nil {
			t.Errorf("members: %v and %v", st.Voters, st.Learners)
		}
		if err := n3.Remove(t.Context(), "n1"); err == nil {
			t.Error("a node that does not lead removed another")
		}
		// The leader can remove itself.
		c.must(n1.Remove(t.Context(), "n1"))
		c.must(c.nodes["n2"].Campaign(t.Context()))
		c.eventually("n2 leads", func() bool { return c.nodes["n2"].Status().Ready })
		role(n1, Outsider)
	})
}

func TestPromote_WaitsUntilTheLearnerHasCaughtUp(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		c.form(1)
		n1 := c.nodes["n1"]
		c.start("n2")
		c.net.set("n1", "n2", true)
		c.must(n1.AddLearner(t.Context(), "n2"))
		fill(t, n1, 2*promoteLag)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := n1.Promote(ctx, "n2"); err == nil || !strings.Contains(err.Error(), "deadline") {
			t.Errorf("a node that hears nothing got a vote: %v", err)
		}
		c.add(n1, "one voter still commits alone")
		c.net.set("n1", "n2", false)
		c.must(n1.Promote(t.Context(), "n2"))
		c.same()
	})
}

func TestPromote_AtMostSevenVote(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		c.form(MaxVoters)
		n1 := c.nodes["n1"]
		c.start("n8")
		c.must(n1.AddLearner(t.Context(), "n8"))
		if err := n1.Promote(t.Context(), "n8"); err == nil || !strings.Contains(err.Error(), "7 nodes vote already") {
			t.Errorf("got %v", err)
		}
		c.add(n1, "a")
		want(t, c.same(), []string{"a"})
	})
}

// A voter that comes back with an empty disk must not elect a leader that lacks what it had acknowledged.
func TestVote_NodeThatLostItsDiskElectsNobody(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		c.form(3)
		n1 := c.nodes["n1"]
		c.same()
		c.net.isolate("n3", true)
		c.add(n1, "acknowledged") // by n1 and n2
		c.net.isolate("n1", true)
		c.stop("n1")
		c.stop("n2")
		c.must(os.RemoveAll(filepath.Join(c.root, "n2")))
		n2 := c.start("n2")
		c.net.set("n2", "n3", false)
		if st := n2.Status(); !st.Fresh && st.Role != Stopped {
			t.Errorf("status of the node without its disk: %+v", st)
		}
		n3 := c.nodes["n3"]
		c.must(n3.Campaign(t.Context()))
		time.Sleep(5 * DefaultHeartbeat)
		if st := n3.Status(); st.Role == Leader {
			t.Fatal("n3 leads without the acknowledged entry")
		}
		// With n1 back everything is there, and n2 can be taken in again.
		c.net.isolate("n1", false)
		c.start("n1")
		l := c.leader("n1", "n3")
		c.must(l.Remove(t.Context(), "n2"))
		c.must(l.AddLearner(t.Context(), "n2"))
		c.must(l.Promote(t.Context(), "n2"))
		want(t, c.same(), []string{"acknowledged"})
	})
}

func TestBootstrap_OfSeveralVoters(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		all := []string{"n1", "n2", "n3"}
		for _, name := range all {
			c.must(c.start(name).Bootstrap(t.Context(), all...))
		}
		c.must(c.nodes["n2"].Campaign(t.Context()))
		l := c.leader()
		c.must(l.Propose(t.Context(), content.Replace{Base: content.NoDocument, Doc: emptyDoc()}))
		c.add(l, "a")
		want(t, c.same(), []string{"a"})
		if err := c.start("n4").Bootstrap(t.Context(), "n1", "n2"); err == nil {
			t.Error("a node that is not among the voters bootstrapped")
		}
	})
}

// A log that grows by size is compacted too, and a restart from the snapshot has everything.
func TestCompaction_BoundsTheLogBySize(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		c.form(1)
		n1 := c.nodes["n1"]
		big := strings.Repeat("x", 2<<20)
		for range 12 {
			c.must(n1.Propose(t.Context(), content.SetFile{File: content.File{Version: n1.File().Version + 1, Text: big}}))
		}
		snapshots := func() []*raft.SnapshotMeta {
			list, err := n1.disk.Snapshots.List()
			c.must(err)
			return list
		}
		c.eventually("a snapshot", func() bool { return len(snapshots()) > 0 && n1.fsm.bytes.Load() < compactBytes })
		c.stop("n1")
		n1 = c.start("n1")
		if f := n1.File(); f.Version != 12 || len(f.Text) != len(big) {
			t.Errorf("after a restart: version %d of %d bytes", f.Version, len(f.Text))
		}
		c.add(c.leader(), "a")
	})
}
