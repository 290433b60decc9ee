package cmap

import (
	"fmt"
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/clusterfile"
)

func state(t *testing.T) *State {
	t.Helper()
	f, err := clusterfile.Parse("cluster.toml", []byte(`
[cluster]
name = "peerlab"
[[node]]
name = "n1"
id = 1
links = ["10.77.0.1"]
[[node]]
name = "n2"
id = 2
links = ["10.77.0.2"]
[quorum]
two_node = true
`))
	if err != nil {
		t.Fatal(err)
	}
	v := &api.View{
		Local: 1, Cluster: "peerlab", Ring: api.RingID{Rep: 1, Seq: 9}, Quorum: api.Quorum{Expected: 2},
		Members: []api.Member{{ID: 1, Name: "n1"}},
		Nodes: []api.ConfiguredNode{
			{ID: 1, Name: "n1", Addrs: []string{"10.77.0.1"}, Votes: 1}, {ID: 2, Name: "n2", Addrs: []string{"10.77.0.2"}, Votes: 1}},
	}
	return &State{File: f, View: v, Joins: map[api.NodeID]int{1: 1, 2: 3}, Realtime: true,
		Links: []api.LinkStatus{{Link: 0, Node: 2, Enabled: true, Connected: true, RTT: 290}},
		User:  []api.CmapEntry{{Key: "foo.bar", Type: "str", Value: "hallo"}}}
}

// The lines are those that corosync-cmapctl of Corosync 3.1.7 printed for such a cluster.
func TestEntries_AreWhatClientsOfCorosyncRead(t *testing.T) {
	var text strings.Builder
	last := ""
	for _, e := range Entries(state(t)) {
		if e.Key <= last {
			t.Errorf("%s follows %s", e.Key, last)
		}
		last = e.Key
		fmt.Fprintf(&text, "%s (%s) = %s\n", e.Key, e.Type, e.Value)
	}
	for _, want := range []string{
		"foo.bar (str) = hallo\n", "nodelist.local_node_pos (u32) = 0\n", "nodelist.node.0.name (str) = n1\n", "nodelist.node.0.nodeid (u32) = 1\n",
		"nodelist.node.0.ring0_addr (str) = 10.77.0.1\n", "nodelist.node.1.name (str) = n2\n", "quorum.provider (str) = corosync_votequorum\n",
		"quorum.two_node (u8) = 1\n", "runtime.config.totem.consensus (u32) = 1200\n", "runtime.config.totem.token (u32) = 1000\n",
		"runtime.members.1.status (str) = joined\n", "runtime.members.1.ip (str) = r(0) ip(10.77.0.1) \n", "runtime.members.2.status (str) = left\n",
		"runtime.members.2.join_count (u32) = 3\n", "runtime.votequorum.this_node_id (u32) = 1\n", "runtime.votequorum.wait_for_all_status (u8) = 0\n",
		"totem.cluster_name (str) = peerlab\n", "totem.version (u32) = 2\n", "system.sched_rr (str) = yes\n",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
}

func TestStats_ShowLinks(t *testing.T) {
	for _, e := range Stats(state(t), 7) {
		if e.Key == "stats.knet.node2.link0.latency_ave" && e.Value != "290" || e.Key == "stats.schedmiss.worst" && e.Value != "7" {
			t.Errorf("%+v", e)
		}
	}
}

func TestStats_ShowWhenTheDaemonDidNotRun(t *testing.T) {
	s := state(t)
	s.Missed = []api.SchedMiss{{At: 1700000000123, Delay: 1500.25}, {At: 1600000000000, Delay: 300}}
	var text strings.Builder
	for _, e := range Stats(s, 0) {
		fmt.Fprintf(&text, "%s (%s) = %s\n", e.Key, e.Type, e.Value)
	}
	for _, want := range []string{"stats.schedmiss.0.delay (flt) = 1500.250000\n", "stats.schedmiss.0.timestamp (u64) = 1700000000123\n",
		"stats.schedmiss.1.delay (flt) = 300.000000\n"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
}

func TestCheck_RefusesAsCorosyncDoes(t *testing.T) {
	for _, c := range []struct{ kind, value, want string }{
		{"u8", "300", "300 is not valid u8 integer"}, {"u9", "3", "Unknown type u9"}, {"i8", "-128", ""}, {"u32", "-1", "-1 is not valid u32 integer"},
		{"str", "any thing", ""}, {"dbl", "1.5", ""}, {"dbl", "x", "x is not valid float"},
	} {
		if got := Check(api.CmapEntry{Key: "foo.n", Type: c.kind, Value: c.value}); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.kind, c.value, got, c.want)
		}
	}
	if Check(api.CmapEntry{Key: "a b", Type: "str"}) == "" {
		t.Error("a blank in a key")
	}
	if !ReadOnly("totem.token") || ReadOnly("foo.bar") {
		t.Error("read only")
	}
}
