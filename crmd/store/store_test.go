package store

import (
	"errors"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/crmd/store/content"
)

func TestStore_OneNodeKeepsItsConfigurationOverRestarts(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		c.form(1)
		n1 := c.nodes["n1"]
		if n1.Epoch() != 1 {
			t.Errorf("epoch of a new cluster is %d", n1.Epoch())
		}
		c.add(n1, "a")
		c.must(n1.Propose(t.Context(), content.SetFile{File: content.File{Version: 1, Text: "[cluster]"}}))
		c.stop("n1")
		n1 = c.start("n1")
		// Before there is a leader: what was committed is known at once.
		want(t, ids(n1.Document()), []string{"a"})
		if f := n1.File(); f.Text != "[cluster]" {
			t.Errorf("cluster file is %+v", f)
		}
		c.add(c.leader(), "b")
		want(t, ids(n1.Document()), []string{"a", "b"})
		if len(n1.applied) != 1 {
			t.Errorf("%d changes announced after a restart, want the new one alone", len(n1.applied))
		}
	})
}

func TestStore_ThreeNodesAgree(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		c.form(3)
		n1 := c.nodes["n1"]
		for _, id := range []string{"a", "b", "c"} {
			c.add(n1, id)
		}
		want(t, c.same(), []string{"a", "b", "c"})
		err := c.nodes["n2"].Propose(t.Context(), add(n1.Document(), "d"))
		var not *NotLeader
		if !errors.As(err, &not) || not.Leader != "n1" {
			t.Errorf("a follower answered %v", err)
		}
		st := c.nodes["n3"].Status()
		if st.Role != Follower || st.Leader != "n1" || len(st.Voters) != 3 || st.Fresh {
			t.Errorf("status of n3: %+v", st)
		}
	})
}

func TestSubmit_OrderOfCallsIsOrderOfLog(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		c.form(3)
		n1, doc := c.nodes["n1"], c.nodes["n1"].Document()
		var all []*Proposal
		var names []string
		for i := range 200 {
			id := string(rune('a'+i%26)) + time.Duration(i).String()
			all, names = append(all, n1.Submit(add(doc, id))), append(names, id)
			doc, _ = appendPatch(doc, id)
		}
		for i, p := range all {
			if err := p.Wait(t.Context()); err != nil {
				t.Fatalf("change %d: %v", i, err)
			}
		}
		want(t, c.same(), names)
		for _, n := range c.nodes {
			n.mu.Lock()
			var seen []string
			for _, a := range n.applied {
				if p, ok := a.Change.(content.Patch); ok {
					seen = append(seen, p.Diff)
				}
			}
			n.mu.Unlock()
			if n.name == "n1" {
				want(t, seen, names)
			}
		}
	})
}

func TestPropose_ResultsComeFromTheContent(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		c.form(1)
		n1 := c.nodes["n1"]
		old := n1.Document()
		c.add(n1, "a")
		if err := n1.Propose(t.Context(), add(old, "b")); !errors.Is(err, content.ErrStale) {
			t.Errorf("a stale patch: %v", err)
		}
		token := content.AddToken{Token: content.Token{ID: "x", Expires: 1 << 50}}
		c.must(n1.Propose(t.Context(), token))
		c.must(n1.Propose(t.Context(), content.RemoveToken{ID: "x"}))
		if err := n1.Propose(t.Context(), content.RemoveToken{ID: "x"}); !errors.Is(err, content.ErrNoToken) {
			t.Errorf("a token used twice: %v", err)
		}
		want(t, ids(n1.Document()), []string{"a"})
	})
}

// An entry that nobody can read would stop every node for ever.
func TestSubmit_RefusesWhatCannotBeReadBack(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		c.form(1)
		deep := emptyDoc()
		for range 300 {
			outer := emptyDoc()
			deep = outer.Append(deep)
		}
		if err := c.nodes["n1"].Propose(t.Context(), content.Replace{Doc: deep}); err == nil {
			t.Error("a document that is too deep to be parsed was accepted")
		}
		c.add(c.nodes["n1"], "a")
	})
}

// A log entry of a newer version stops the node before its content differs from the others'.
func TestRun_StopsAtAnEntryOfANewerVersion(t *testing.T) {
	inBubble(t, func(t *testing.T, c *cluster) {
		c.form(1)
		n1 := c.nodes["n1"]
		p := n1.handOver([]byte{1, 250, 0})
		if err := p.Wait(t.Context()); !errors.Is(err, content.ErrNewer) {
			t.Errorf("the proposer got %v", err)
		}
		err := <-n1.done
		if !errors.Is(err, content.ErrNewer) {
			t.Errorf("Run returned %v", err)
		}
		delete(c.nodes, "n1")
		n1.cancel()
	})
}
