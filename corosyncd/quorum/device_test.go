package quorum

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"pgregory.net/rapid"
)

// withDevice is a world of n nodes whose device has that many votes and is there.
func withDevice(n, votes int, change func(*Config)) *world {
	w := newWorld(n, func(c *Config) {
		c.Expected = n + votes
		c.Device = Device{Votes: votes, SyncTimeout: 3 * time.Second}
		change(c)
	})
	w.say(true, false)
	return w
}

// say lets the device answer the nodes, all unless some are named.
func (w *world) say(alive, cast bool, ids ...api.NodeID) {
	for id, m := range w.ms {
		if len(ids) == 0 || slices.Contains(ids, id) {
			m.Step(w.now, DeviceVote{Alive: alive, Answered: true, Cast: cast})
		}
	}
	w.exchange(func(id api.NodeID) []api.NodeID { return w.part[id] })
}

// acting lists the nodes that may act, as heartbeats tell it, with a question mark behind those that wait for the
// device.
func (w *world) acting() string {
	var ids []string
	for id := api.NodeID(1); id < 100; id++ {
		if m := w.ms[id]; m != nil && m.Undecided() {
			ids = append(ids, id.String()+"?")
		} else if m != nil && m.Quorate() {
			ids = append(ids, id.String())
		}
	}
	return strings.Join(ids, " ")
}

func TestDevice_DecidesASplit(t *testing.T) {
	w := withDevice(2, 1, func(*Config) {})
	expect := func(what, want string) {
		t.Helper()
		if got := w.acting(); got != want {
			t.Errorf("%s: %q may act, want %q", what, got, want)
		}
	}
	w.split("1")
	expect("one node without the device", "")
	w.say(true, true)
	expect("one node with the device", "1")
	w.split("1 2")
	expect("both nodes, the device has said nothing yet", "1 2")
	w.say(true, true)
	w.split("1 | 2")
	expect("cut, the device has not answered", "1? 2?")
	if v := w.ms[1].Verdict(); !v.Quorate || !v.Undecided || !strings.HasPrefix(v.Reason, "waiting for the quorum device: 1 of 3 votes") {
		t.Errorf("%+v", v)
	}
	w.say(true, false, 2)
	expect("NACK for 2", "1?")
	w.say(true, true, 1)
	expect("ACK for 1", "1")
	w.say(true, false, 1)
	expect("the device takes its vote away", "")
}

func TestDevice_ThatDoesNotAnswerIsWaitedForNoLongerThanSyncTimeout(t *testing.T) {
	w := withDevice(2, 1, func(*Config) {})
	w.split("1 2")
	w.say(true, true)
	w.split("1 | 2")
	if at := w.ms[1].Deadline(); !at.Equal(w.now.Add(3 * time.Second)) {
		t.Errorf("wakes at %v", at)
	}
	w.pass(2 * time.Second)
	if got := w.acting(); got != "1? 2?" {
		t.Errorf("%q", got)
	}
	w.pass(time.Second)
	if got := w.acting(); got != "" {
		t.Errorf("%q", got)
	}
}

func TestDevice_ThatIsGoneIsNotWaitedFor(t *testing.T) {
	w := withDevice(2, 1, func(*Config) {})
	w.split("1 2")
	w.say(false, false)
	if got := w.acting(); got != "1 2" {
		t.Errorf("%q", got)
	}
	w.split("1 | 2")
	if got := w.acting(); got != "" {
		t.Errorf("%q", got)
	}
}

func TestDevice_LastManStandingByVotes(t *testing.T) {
	w := withDevice(4, 3, func(*Config) {})
	w.split("1 2 3 4")
	w.say(true, true)
	for _, part := range []string{"1 2 3", "1 2", "1"} {
		w.split(part)
		w.say(true, true)
		if got := w.acting(); got != part {
			t.Errorf("%s: %q", part, got)
		}
	}
}

func TestDevice_WaitForAllWaitsForNodesOnly(t *testing.T) {
	w := withDevice(2, 1, func(c *Config) { c.WaitForAll = true })
	w.split("1")
	w.say(true, true)
	if got := w.acting(); got != "" {
		t.Errorf("%q", got)
	}
	w.say(true, false)
	w.split("1 2")
	if got := w.acting(); got != "1 2" {
		t.Errorf("%q", got)
	}
}

func TestDevice_ItsWaitForAllIsOverOnce(t *testing.T) {
	for _, once := range []bool{false, true} {
		w := withDevice(2, 1, func(c *Config) { c.WaitForAll, c.WaitOnce = true, once })
		w.split("1 2")
		w.split("1 | 2")
		w.say(true, false)
		w.say(true, true, 1)
		if got := w.acting(); (got == "1") != once {
			t.Errorf("once %t: %q", once, got)
		}
	}
}

func TestDevice_MasterWinsLetsOneYesCount(t *testing.T) {
	for _, wins := range []bool{false, true} {
		w := withDevice(4, 1, func(c *Config) { c.Device.MasterWins = wins })
		w.split("1 2 3 4")
		w.say(true, false)
		w.split("1 2 | 3 4")
		w.say(true, false)
		w.say(true, true, 1)
		want := map[bool]string{true: "1 2", false: "1"}[wins]
		if got := w.acting(); got != want {
			t.Errorf("master wins %t: %q, want %q", wins, got, want)
		}
	}
}

func TestDevice_ComesAndGoesAtRunTime(t *testing.T) {
	w := newWorld(2, func(c *Config) { c.TwoNode, c.WaitForAll = true, true })
	w.split("1 2")
	with := Config{Votes: 1, Expected: 3, WaitForAll: true, WaitOnce: true, Device: Device{Votes: 1, SyncTimeout: time.Second}}
	for id, m := range w.ms {
		c := with
		c.Self = id
		m.Step(w.now, Reload{Config: c})
	}
	w.say(true, true)
	if v := w.ms[1].Verdict(); !v.Quorate || v.Expected != 3 || v.Needed != 2 || v.Votes != 3 || !slices.Contains(v.Flags, "Qdevice") {
		t.Errorf("%+v", v)
	}
	for id, m := range w.ms {
		m.Step(w.now, Reload{Config: Config{Self: id, Votes: 1, Expected: 2, TwoNode: true, WaitForAll: true}})
	}
	if v := w.ms[1].Verdict(); !v.Quorate || v.Expected != 2 || v.Needed != 1 || v.Votes != 2 || v.Device != (api.QuorumDevice{}) {
		t.Errorf("%+v", v)
	}
}

// Whatever the history, an arbiter that never says yes to two partitions at once never makes two quorate.
func TestDevice_NeverTwoQuoratePartitions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 6).Draw(t, "nodes")
		votes := rapid.IntRange(1, n-1).Draw(t, "device votes")
		once := rapid.Bool().Draw(t, "once")
		w := withDevice(n, votes, func(c *Config) { c.WaitForAll, c.WaitOnce = once, once })
		yes := make(map[api.NodeID]bool) // who was told so last
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			var parts [3][]string
			for id := 1; id <= n; id++ {
				if p := rapid.IntRange(-1, 2).Draw(t, "partition"); p >= 0 {
					parts[p] = append(parts[p], fmt.Sprint(id))
				}
			}
			w.split(strings.Join(parts[0], " ") + "|" + strings.Join(parts[1], " ") + "|" + strings.Join(parts[2], " "))
			w.oneActs(t, n)
			// Some hear nothing. The losers hear it first, as the protocol guarantees: as long as one that was told
			// yes has not been told no, nobody else is told yes.
			winner := rapid.IntRange(0, 2).Draw(t, "winner")
			hearers := make(map[bool][]api.NodeID) // by whether they win
			losers := make(map[api.NodeID]bool)
			for p, ids := range parts {
				for _, word := range ids {
					var id api.NodeID
					fmt.Sscan(word, &id)
					losers[id] = p != winner
					if rapid.Bool().Draw(t, "hears") {
						hearers[p == winner] = append(hearers[p == winner], id)
					}
				}
			}
			for _, id := range hearers[false] {
				w.say(true, false, id)
				delete(yes, id)
			}
			maps.DeleteFunc(yes, func(id api.NodeID, _ bool) bool { _, alive := losers[id]; return !alive })
			if !slices.ContainsFunc(slices.Collect(maps.Keys(yes)), func(id api.NodeID) bool { return losers[id] }) {
				for _, id := range hearers[true] {
					w.say(true, true, id)
					yes[id] = true
				}
			}
			w.oneActs(t, n)
			if rapid.Bool().Draw(t, "wait") {
				w.pass(4 * time.Second)
				w.oneActs(t, n)
			}
		}
	})
}

func (w *world) oneActs(t *rapid.T, n int) {
	var acting []api.NodeID
	for id := api.NodeID(1); id <= api.NodeID(n); id++ {
		if m := w.ms[id]; m != nil && m.Quorate() {
			if acting != nil && !slices.Equal(acting, w.part[id]) {
				t.Fatalf("partitions %v and %v may both act", acting, w.part[id])
			}
			acting = w.part[id]
		}
	}
}
