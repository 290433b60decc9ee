package quorum

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"pgregory.net/rapid"
)

// world is a cluster of machines whose partitions a test decides.
type world struct {
	now  time.Time
	cfg  func(api.NodeID) Config
	ms   map[api.NodeID]*Machine
	part map[api.NodeID][]api.NodeID
}

func newWorld(n int, change func(*Config)) *world {
	w := &world{now: time.Unix(0, 0), ms: map[api.NodeID]*Machine{}, part: map[api.NodeID][]api.NodeID{}}
	w.cfg = func(id api.NodeID) Config {
		c := Config{Self: id, Votes: 1, Expected: n, LastManWindow: 10 * time.Second}
		change(&c)
		return c
	}
	for id := api.NodeID(1); id <= api.NodeID(n); id++ {
		w.start(id)
	}
	return w
}

func (w *world) start(id api.NodeID) {
	w.ms[id] = New(w.cfg(id))
	w.part[id] = nil
}

// exchange lets the members of each partition tell each other their votes until nothing changes.
func (w *world) exchange(among func(id api.NodeID) []api.NodeID) {
	for range 10 {
		for id, m := range w.ms {
			for _, other := range among(id) {
				if peer := w.ms[other]; peer != nil {
					m.Step(w.now, peer.Own())
				}
			}
		}
	}
}

// split puts the nodes into partitions, such as "1 2 | 3"; a node that is in none is dead.
func (w *world) split(parts string) {
	next := map[api.NodeID][]api.NodeID{}
	for part := range strings.SplitSeq(parts, "|") {
		var ids []api.NodeID
		for word := range strings.FieldsSeq(part) {
			var id api.NodeID
			fmt.Sscan(word, &id)
			ids = append(ids, id)
		}
		for _, id := range ids {
			next[id] = ids
		}
	}
	for id := range w.ms {
		if next[id] == nil {
			delete(w.ms, id)
			delete(w.part, id)
		}
	}
	for id := range next {
		if w.ms[id] == nil {
			w.start(id)
		}
	}
	w.exchange(func(id api.NodeID) []api.NodeID { return next[id] })
	for id, ids := range next {
		if !slices.Equal(w.part[id], ids) {
			w.part[id] = ids
			w.ms[id].Step(w.now, View{Members: ids})
		}
	}
	w.exchange(func(id api.NodeID) []api.NodeID { return w.part[id] })
}

func (w *world) pass(d time.Duration) {
	w.now = w.now.Add(d)
	for _, m := range w.ms {
		m.Step(w.now, Wake{})
	}
	w.exchange(func(id api.NodeID) []api.NodeID { return w.part[id] })
}

// quorate lists the nodes that may act.
func (w *world) quorate() string {
	var ids []string
	for id := api.NodeID(1); id < 100; id++ {
		if m := w.ms[id]; m != nil && m.Verdict().Quorate {
			ids = append(ids, id.String())
		}
	}
	return strings.Join(ids, " ")
}

// Each script is a row of steps: a split, or a number of seconds to wait, and who may act then. What it shows
// was seen with Corosync 3.1.7 or its simulator.
func TestStep_ActsAsVotequorum(t *testing.T) {
	type step struct{ do, want string }
	cases := []struct {
		name  string
		nodes int
		cfg   func(*Config)
		steps []step
	}{
		{"majority", 3, func(*Config) {}, []step{
			{"1", ""}, {"1 2", "1 2"}, {"1 2 3", "1 2 3"}, {"1 | 2 3", "2 3"}, {"1 | 2 | 3", ""}, {"1 2 3", "1 2 3"}}},
		{"even split without a tie-breaker", 4, func(*Config) {}, []step{{"1 2 3 4", "1 2 3 4"}, {"1 2 | 3 4", ""}}},
		{"two nodes", 2, func(c *Config) { c.TwoNode, c.WaitForAll = true, true }, []step{
			{"1", ""}, {"1 2", "1 2"}, {"1 | 2", "1 2"}, {"1 2", "1 2"}, {"1", "1"}, {"1 2", "1 2"}}},
		{"two nodes that both start alone", 2, func(c *Config) { c.TwoNode, c.WaitForAll = true, true }, []step{{"1 | 2", ""}, {"1 2", "1 2"}}},
		{"losing quorum arms wait_for_all again", 3, func(c *Config) { c.WaitForAll = true }, []step{
			{"1 2", ""}, {"1 2 3", "1 2 3"}, {"1 2", "1 2"}, {"1", ""}, {"1 2", ""}, {"1 2 3", "1 2 3"}}},
		{"a late starter takes wait_for_all's end from a quorate member", 3, func(c *Config) { c.WaitForAll = true }, []step{
			{"1 2 3", "1 2 3"}, {"1 2", "1 2"}, {"1 2 3", "1 2 3"}, {"2 3", "2 3"}}},
		{"tie-breaker lowest", 4, func(c *Config) { c.AutoTieBreaker = true }, []step{
			{"1 2 3 4", "1 2 3 4"}, {"1 3 | 2 4", "1 3"}, {"1 2 3 4", "1 2 3 4"}, {"2 3 4", "2 3 4"}, {"3 4 | 2", ""}}},
		{"tie-breaker highest", 4, func(c *Config) { c.AutoTieBreaker, c.TieBreaker = true, TieBreakerHighest }, []step{
			{"1 2 3 4", "1 2 3 4"}, {"1 2 | 3 4", "3 4"}}},
		{"tie-breaker list", 4, func(c *Config) {
			c.AutoTieBreaker, c.TieBreaker, c.TieBreakerNodes = true, TieBreakerList, []api.NodeID{3, 1}
		}, []step{{"1 2 3 4", "1 2 3 4"}, {"1 2 | 3 4", "3 4"}}},
		{"tie-breaker never beats a majority", 5, func(c *Config) { c.AutoTieBreaker, c.WaitForAll = true, true }, []step{
			{"1 2 3 4 5", "1 2 3 4 5"}, {"1 2 | 3 4 5", "3 4 5"}}},
		{"last man standing, one by one", 5, func(c *Config) { c.LastManStanding, c.WaitForAll = true, true }, []step{
			{"1 2 3 4 5", "1 2 3 4 5"}, {"1 2 3 4", "1 2 3 4"}, {"11", "1 2 3 4"}, {"1 2 3", "1 2 3"}, {"11", "1 2 3"},
			{"1 2", "1 2"}, {"11", "1 2"}, {"1", ""}}},
		{"last man standing needs its window", 5, func(c *Config) { c.LastManStanding, c.WaitForAll = true, true }, []step{
			{"1 2 3 4 5", "1 2 3 4 5"}, {"1 2 3", "1 2 3"}, {"5", "1 2 3"}, {"1 2", ""}}},
		{"last man standing with tie-breaker", 4, func(c *Config) { c.LastManStanding, c.WaitForAll, c.AutoTieBreaker = true, true, true }, []step{
			{"1 2 3 4", "1 2 3 4"}, {"1 2 3", "1 2 3"}, {"11", "1 2 3"}, {"1 2", "1 2"}, {"11", "1 2"}, {"1", "1"}}},
		{"votes", 3, func(c *Config) {
			c.Expected = 5
			if c.Self == 1 {
				c.Votes = 3
			}
		}, []step{{"1 2 3", "1 2 3"}, {"1 | 2 3", "1"}}},
		{"expected votes grow with the total", 3, func(c *Config) { c.Expected = 2 }, []step{
			{"1 2", "1 2"}, {"1 2 3", "1 2 3"}, {"1 | 2 3", "2 3"}}},
	}
	for _, c := range cases {
		w := newWorld(c.nodes, c.cfg)
		for i, s := range c.steps {
			var seconds int
			if n, _ := fmt.Sscanf(s.do, "%d", &seconds); n == 1 && seconds > 4 {
				w.pass(time.Duration(seconds) * time.Second)
			} else {
				w.split(s.do)
			}
			if got := w.quorate(); got != s.want {
				t.Errorf("%s: after step %d (%s) %q may act, want %q; 1 says: %+v", c.name, i, s.do, got, s.want, w.ms[1])
			}
		}
	}
}

func TestStep_CancelWaitEndsWaitForAll(t *testing.T) {
	w := newWorld(3, func(c *Config) { c.WaitForAll = true })
	w.split("1 2")
	for _, m := range w.ms {
		m.Step(w.now, CancelWait{})
	}
	if got := w.quorate(); got != "1 2" {
		t.Errorf("%q may act", got)
	}
}

func TestStep_AllowDownscaleFollowsGoodbyes(t *testing.T) {
	w := newWorld(5, func(c *Config) { c.AllowDownscale = true; c.Expected = 3 })
	w.split("1 2 3 4 5")
	for i, members := range [][]api.NodeID{{1, 2, 3, 4}, {1, 2, 3}, {1, 2}} {
		for _, id := range members {
			w.ms[id].Step(w.now, View{Members: members, Left: []api.NodeID{api.NodeID(5 - i)}})
		}
		w.exchange(func(id api.NodeID) []api.NodeID { return members })
	}
	if v := w.ms[1].Verdict(); !v.Quorate || v.Expected != 3 || v.Needed != 2 {
		t.Errorf("%+v", v)
	}
}

func TestStep_ChecksWhatAnAdministratorAsks(t *testing.T) {
	w := newWorld(3, func(*Config) {})
	w.split("1 2 3")
	m := w.ms[1]
	for _, c := range []struct {
		in   Input
		want string
	}{
		{SetExpected{Votes: 2}, "3 votes are here already"},
		{SetExpected{Votes: 9}, "would not be quorate"},
		{SetVotes{Node: 9, Votes: 1}, "never been seen"},
		{SetVotes{Node: 2, Votes: -1}, "negative"},
		{SetExpected{Votes: 4}, ""},
		{SetVotes{Node: 2, Votes: 3}, ""},
	} {
		why := ""
		for _, o := range m.Step(w.now, c.in) {
			if r, ok := o.(Refused); ok {
				why = r.Why
			}
		}
		if (c.want == "") != (why == "") || !strings.Contains(why, c.want) {
			t.Errorf("%+v: %q, want %q", c.in, why, c.want)
		}
	}
	if v := m.Verdict(); v.Expected != 5 || v.Votes != 5 || v.Needed != 3 {
		t.Errorf("%+v", v)
	}
}

func TestHold_BlocksWhateverTheVotes(t *testing.T) {
	w := newWorld(2, func(c *Config) { c.TwoNode, c.WaitForAll = true, true })
	w.split("1 2")
	m := w.ms[1]
	m.Step(w.now, Hold{Why: "n2 has declared this node lost"})
	m.Step(w.now, View{Members: []api.NodeID{1}})
	if v := m.Verdict(); v.Quorate || v.Reason != "n2 has declared this node lost" {
		t.Errorf("%+v", v)
	}
	m.Step(w.now, Hold{})
	if v := m.Verdict(); v.Quorate || !strings.HasPrefix(v.Reason, "waiting for all nodes") {
		t.Errorf("%+v", v)
	}
}

// Two partitions that exist at the same time must never both be quorate, whatever the history. two_node is the
// one exception; there fencing decides.
func TestStep_NeverTwoQuoratePartitions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 7).Draw(t, "nodes")
		lms := rapid.Bool().Draw(t, "last man")
		atb := rapid.Bool().Draw(t, "tie-breaker") && !(lms && n%2 == 1)
		w := newWorld(n, func(c *Config) {
			c.LastManStanding, c.AutoTieBreaker = lms, atb
			c.WaitForAll = lms || atb
		})
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			parts := make([][]string, 3)
			for id := 1; id <= n; id++ {
				if p := rapid.IntRange(-1, 2).Draw(t, "partition"); p >= 0 {
					parts[p] = append(parts[p], fmt.Sprint(id))
				}
			}
			text := strings.Join(parts[0], " ") + "|" + strings.Join(parts[1], " ") + "|" + strings.Join(parts[2], " ")
			w.split(text)
			if rapid.Bool().Draw(t, "wait") {
				w.pass(11 * time.Second)
			}
			var acting []api.NodeID
			for id, m := range w.ms {
				if m.Verdict().Quorate {
					if acting != nil && !slices.Equal(acting, w.part[id]) {
						t.Fatalf("partitions %v and %v of %q may both act", acting, w.part[id], text)
					}
					acting = w.part[id]
				}
			}
		}
	})
}
