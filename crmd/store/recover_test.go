package store

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"golang.org/x/sys/unix"

	"github.com/holdfast-ha/holdfast/crmd/store/content"
	"github.com/holdfast-ha/holdfast/crmd/store/disk"
)

// split makes a two-node cluster, cuts it, and lets the leader n1 write entries that n2 never sees, as many as
// given. Then n1 loses power.
func split(t *testing.T, c *cluster, diverge int) {
	t.Helper()
	c.form(2)
	n1 := c.nodes["n1"]
	c.add(n1, "a")
	c.same()
	c.net.set("n1", "n2", true)
	doc := n1.Document()
	for i := range diverge {
		id := "lost" + string(rune('0'+i))
		n1.Submit(add(doc, id))
		doc, _ = appendPatch(doc, id)
	}
	time.Sleep(time.Millisecond)
	c.stop("n1")
}

func TestRecover_SurvivorGoesOnAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		split(t, c, 5)
		n2 := c.nodes["n2"]
		if err := n2.Propose(t.Context(), add(n2.Document(), "x")); err == nil {
			t.Error("one of two nodes wrote without a recovery")
		}
		start := time.Now()
		c.must(n2.Recover(t.Context(), 2))
		if took := time.Since(start); took > 150*time.Millisecond {
			t.Errorf("took %s of virtual time, without the disk", took)
		}
		c.add(n2, "b")
		want(t, ids(n2.Document()), []string{"a", "b"})
		if n2.Epoch() != 2 {
			t.Errorf("epoch is %d", n2.Epoch())
		}
		c.stop("n2")
		n2 = c.start("n2")
		if n2.Epoch() != 2 {
			t.Errorf("epoch after a restart is %d", n2.Epoch())
		}
		c.leader()
		want(t, ids(n2.Document()), []string{"a", "b"})
	})
}

// The node that was fenced comes back with entries that nobody else ever had.
func TestRecover_ReturningNodeTakesTheSurvivorsLog(t *testing.T) {
	for _, reset := range []bool{true, false} {
		name := "after a reset"
		if !reset {
			name = "even without a reset"
		}
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, c *cluster) {
				split(t, c, 5)
				n2 := c.nodes["n2"]
				c.must(n2.Recover(t.Context(), 2))
				c.add(n2, "b")
				n1 := c.start("n1")
				c.net.set("n1", "n2", false)
				time.Sleep(3 * DefaultHeartbeat)
				if c.leader("n2"); n1.Status().Leader != "" || n1.Last().Compare(n2.Last()) >= 0 {
					t.Errorf("the old node disturbs: %+v, %+v and %+v", n1.Status(), n1.Last(), n2.Last())
				}
				if reset {
					c.must(n1.Reset(t.Context()))
					if st := n1.Status(); !st.Fresh || st.Role != Outsider || n1.Document() != nil || n1.Epoch() != 0 {
						t.Errorf("after the reset: %+v, epoch %d", st, n1.Epoch())
					}
				}
				c.must(n2.AddLearner(t.Context(), "n1"))
				c.must(n2.Promote(t.Context(), "n1"))
				c.add(n2, "c")
				c.leader()
				want(t, c.same(), []string{"a", "b", "c"})
				// The cluster is as good as before: now n2 is lost.
				c.powerCut("n2")
				c.must(n1.Recover(t.Context(), 3))
				c.add(n1, "d")
				want(t, ids(n1.Document()), []string{"a", "b", "c", "d"})
			})
		})
	}
}

// What the survivor has in its log and does not know to be committed may have been acknowledged.
func TestRecover_KeepsEntriesThatMayBeCommitted(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		c.form(2)
		n1, n2 := c.nodes["n1"], c.nodes["n2"]
		c.add(n1, "a") // n2 learns of the commit with the next heartbeat
		if len(ids(n2.Document())) != 0 {
			t.Fatal("the entry is applied on n2 already; the test needs it not to be")
		}
		c.powerCut("n1")
		c.must(n2.Recover(t.Context(), 2))
		want(t, ids(n2.Document()), []string{"a"})
		last := n2.applied[len(n2.applied)-1]
		if last.Change != nil || !last.Content.Equal(n2.Content()) {
			t.Errorf("the new content was announced as %+v", last)
		}
	})
}

// Two of four nodes survive; the one with the longer log goes on, the other joins it.
func TestRecover_TwoOfFour(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		c.form(4)
		c.same()
		n1 := c.nodes["n1"]
		c.net.isolate("n4", true)
		c.add(n1, "a")
		c.net.isolate("n1", true)
		c.net.isolate("n2", true)
		c.net.set("n3", "n4", false)
		c.stop("n1")
		c.stop("n2")
		n3, n4 := c.nodes["n3"], c.nodes["n4"]
		if n3.Last().Compare(n4.Last()) <= 0 {
			t.Fatalf("n3 has %+v, n4 has %+v", n3.Last(), n4.Last())
		}
		c.must(n3.Recover(t.Context(), 2))
		c.must(n4.Reset(t.Context()))
		c.must(n3.AddLearner(t.Context(), "n4"))
		c.must(n3.Promote(t.Context(), "n4"))
		c.add(n3, "b")
		want(t, c.same(), []string{"a", "b"})
	})
}

func TestRecover_Refuses(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		c.form(1)
		fresh := c.start("n2")
		for _, tc := range []struct {
			n     *node
			epoch uint64
			want  string
		}{
			{c.nodes["n1"], 1, "epoch 1 is not above the current 1"},
			{fresh, 1, "has no configuration log"},
		} {
			if err := tc.n.Recover(t.Context(), tc.epoch); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		}
		if err := c.nodes["n1"].Bootstrap(t.Context(), "n1"); err == nil || !strings.Contains(err.Error(), "has one already") {
			t.Errorf("a second bootstrap: %v", err)
		}
		c.add(c.nodes["n1"], "a")
	})
}

// imageLog copies the raft directory just before the last step of a recovery, and can make that step fail.
type imageLog struct {
	disk.LogFile
	t         *testing.T
	from, to  string
	fail, hot *bool
}

func (l imageLog) DeleteRange(first, last uint64) error {
	if *l.hot {
		*l.hot = false
		if err := os.CopyFS(l.to, os.DirFS(l.from)); err != nil {
			l.t.Error(err)
		}
		if *l.fail {
			return unix.EIO
		}
	}
	return l.LogFile.DeleteRange(first, last)
}

// A crash or an error between the new snapshot and the emptying of the old log: the log is recovered.
func TestRecover_InterruptedBeforeItsLastStep(t *testing.T) {
	for _, fail := range []bool{false, true} {
		inBubble(t, func(t *testing.T, c *cluster) {
			hot := false
			c.cfg = func(cfg *Config) {
				from, to := cfg.Dir, filepath.Join(c.root, "image")
				cfg.openLog = func(path string) (disk.LogFile, error) {
					f, err := raftboltdb.NewBoltStore(path)
					return imageLog{f, t, from, to, &fail, &hot}, err
				}
			}
			split(t, c, 0)
			n2 := c.nodes["n2"]
			hot = true
			c.must(n2.Recover(t.Context(), 2))
			c.add(n2, "b")
			c.stop("n2")
			if hot {
				t.Fatal("no image was taken")
			}
			c.cfg = func(cfg *Config) { cfg.Dir = filepath.Join(c.root, "image") }
			n2 = c.start("n2")
			if n2.Epoch() != 2 {
				t.Errorf("epoch of the image is %d", n2.Epoch())
			}
			c.must(n2.Campaign(t.Context()))
			c.leader()
			c.add(n2, "c")
			want(t, ids(n2.Document()), []string{"a", "c"})
		})
	}
}

// A leader that still believes in its majority recovers as fast.
func TestRecover_OfALeaderWithPendingChanges(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		c.form(2)
		n1 := c.nodes["n1"]
		c.powerCut("n2")
		p := n1.Submit(add(n1.Document(), "pending"))
		start := time.Now()
		c.must(n1.Recover(t.Context(), 2))
		if took := time.Since(start); took > 300*time.Millisecond {
			t.Errorf("took %s", took)
		}
		if err := p.Wait(t.Context()); err == nil {
			t.Error("a change that no majority had was acknowledged before the recovery")
		}
		want(t, ids(n1.Document()), []string{"pending"})
		c.must(n1.Propose(t.Context(), content.SetFile{File: content.File{Version: 1}}))
	})
}

func TestRecover_GivesUpWithItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		c.form(1)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := c.nodes["n1"].Recover(ctx, 2); err == nil {
			t.Error("recovered although nobody waits")
		}
	})
}
