package clusterfile

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/holdfast-ha/holdfast/api"
)

const three = `
[cluster]
name = "shop"

[totem]
token = 2000
stall_grace = 1500
hold = 180            # Corosync's

[[node]]
name = "n2"
id = 2
links = ["10.0.0.2", "10.1.0.2"]

[[node]]
name = "n1"
id = 1
links = ["10.0.0.1", "10.1.0.1"]
votes = 3
attributes = { rack = "a" }

[quorum]
two_node = 1

[[resource]]
id = "vip"
`

func TestParse_ReadsValuesAndDefaults(t *testing.T) {
	f, err := Parse("cluster.toml", []byte(three))
	if err != nil {
		t.Fatal(err)
	}
	want := Cluster{Name: "shop", Port: 5405, CRMPort: 5420, FencedPort: 5421}
	if d := cmp.Diff(want, f.Cluster); d != "" {
		t.Error(d)
	}
	if f.Totem.Effective() != 2*time.Second || f.Totem.Interval() != 400*time.Millisecond ||
		f.Totem.Consensus != 2400*time.Millisecond || f.Totem.StallGrace != 1500*time.Millisecond {
		t.Errorf("totem: %+v", f.Totem)
	}
	if len(f.Nodes) != 2 || f.Nodes[0].ID != 1 || f.Nodes[0].Votes != 3 || f.Nodes[1].Votes != 1 ||
		f.Nodes[1].Links[1] != netip.MustParseAddr("10.1.0.2") {
		t.Errorf("nodes: %+v", f.Nodes)
	}
	if !f.Quorum.TwoNode || !f.Quorum.WaitForAll || f.Quorum.LastManWindow != 10*time.Second {
		t.Errorf("quorum: %+v", f.Quorum)
	}
	if len(f.Ignored) != 1 || f.Ignored[0].Key != "totem.hold" || f.Ignored[0].Line != 8 {
		t.Errorf("ignored: %+v", f.Ignored)
	}
	if n := f.Rest.Tables("resource"); len(n) != 1 || n[0].Str("id", "") != "vip" {
		t.Errorf("rest: %+v", n)
	}
}

// Corosync 3.1.7 says which link it takes and with which priority: "host: 2 (passive) best link: 0 (pri: 1)".
func TestInterface_LinksThatAreNotNamedHaveKnetsPriority(t *testing.T) {
	const text = "[cluster]\nname = \"c\"\n%s[[node]]\nname = \"n1\"\nid = 1\nlinks = [\"10.0.0.1\", \"10.1.0.1\"]\n"
	for sections, want := range map[string][2]int{
		"":                                      {1, 1},
		"[[totem.interface]]\nlinknumber = 1\n": {1, 1},
		"[[totem.interface]]\nlinknumber = 1\nknet_pong_count = 3\n":    {1, 1},
		"[[totem.interface]]\nlinknumber = 1\nknet_link_priority = 0\n": {1, 1},
		"[[totem.interface]]\nlinknumber = 0\nknet_link_priority = 0\n": {1, 1},
		"[[totem.interface]]\nlinknumber = 1\nknet_link_priority = 1\n": {1, 1},
		"[[totem.interface]]\nlinknumber = 1\nknet_link_priority = 2\n": {1, 2},
	} {
		f, err := Parse("cluster.toml", fmt.Appendf(nil, text, sections))
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]int{f.Totem.Interface(0).Priority, f.Totem.Interface(1).Priority}; got != want {
			t.Errorf("%q: priorities %v, want %v", sections, got, want)
		}
	}
}

func TestInterface_IsReadAndHasKnetsDefaults(t *testing.T) {
	const text = `[cluster]
name = "c"
[totem]
link_mode = "active"
[[totem.interface]]
linknumber = 1
knet_link_priority = 10
knet_ping_timeout = 700
knet_ping_interval = 100
[[node]]
name = "n1"
id = 1
links = ["10.0.0.1", "10.1.0.1"]
`
	f, err := Parse("cluster.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	tt := f.Totem
	if one, zero := tt.Interface(1), tt.Interface(0); tt.Mode != Active || one.Priority != 10 || one.Timeout(tt.Effective()) != 700*time.Millisecond ||
		zero.Timeout(tt.Effective()) != 500*time.Millisecond || zero.PongCount != 2 {
		t.Errorf("%+v", tt)
	}
	if len(f.Ignored) != 1 || f.Ignored[0].Key != "totem.interface[0].knet_ping_interval" {
		t.Errorf("ignored: %+v", f.Ignored)
	}
	for more, want := range map[string]string{
		"knet_ping_timeout = 100":                       "must be at least 400 ms",
		"[[totem.interface]]\nlinknumber = 1":           "two sections for link 1",
		"knet_link_priority = 300":                      "must be from 0 to 255",
		"[[totem.interface]]\nlinknumber = 9\nbind = 1": "unknown key",
	} {
		broken := strings.Replace(text, "knet_ping_interval = 100", more, 1)
		if strings.HasPrefix(more, "knet") {
			broken = strings.Replace(strings.Replace(broken, "knet_ping_timeout = 700\n", "", 1), "knet_link_priority = 10\n", "", 1)
		}
		if _, err := Parse("x", []byte(broken)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", more, err)
		}
	}
}

func TestEffective_AddsTheCoefficientAboveTwoNodes(t *testing.T) {
	text := "[cluster]\nname='c'\n[totem]\ntoken_coefficient = 650\n"
	for i := 1; i <= 3; i++ {
		text += strings.NewReplacer("%", string(rune('0'+i))).Replace("[[node]]\nname='n%'\nid=%\nlinks=['10.0.0.%']\n")
	}
	f, err := Parse("x", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if f.Totem.Effective() != 1650*time.Millisecond || f.Totem.Consensus != 1980*time.Millisecond {
		t.Errorf("token %s consensus %s", f.Totem.Effective(), f.Totem.Consensus)
	}
}

func TestParse_ReportsEveryProblemWithFileLineAndKey(t *testing.T) {
	const text = `[cluster]
nmae = "shop"
port = "5405"

[totem]
token = "1s"
consensus = 10
crypto_cipher = "none"

[[node]]
name = "n1"
id = 1
links = ["db.example.com"]

[[node]]
name = "n1"
id = 1
links = ["10.0.0.1", "10.0.0.2"]
vots = 2

[quorum]
two_node = "yes"
auto_tie_breaker_node = "7"
last_man_standing_window = 0.5

[totme]
token = 1
`
	_, err := Parse("cluster.toml", []byte(text))
	if err == nil {
		t.Fatal("accepted")
	}
	want := []string{
		`cluster.toml:1: cluster.name: is missing; nodes join only a cluster of the same name`,
		`cluster.toml:2: cluster.nmae: unknown key; did you mean "name"?`,
		`cluster.toml:3: cluster.port: is the string "5405", must be a whole number`,
		`cluster.toml:6: totem.token: is "1s", must be a number of milliseconds without a unit: 1000`,
		`cluster.toml:7: totem.consensus: is 10 ms, must be from 30 to 3600000 ms`,
		`cluster.toml:13: node[0].links: "db.example.com" is not the address of a host; names are not looked up, because DNS may fail when it matters`,
		`cluster.toml:16: node[1].name: "n1" is the name of the node in line 10 too`,
		`cluster.toml:17: node[1].id: 1 is the id of the node in line 10 too (n1)`,
		`cluster.toml:19: node[1].vots: unknown key; did you mean "votes"?`,
		`cluster.toml:22: quorum.two_node: is "yes", must be true or false`,
		`cluster.toml:23: quorum.auto_tie_breaker_node: "7" is neither "lowest", "highest" nor the id of a node`,
		`cluster.toml:24: quorum.last_man_standing_window: is the number 0.5, must be a whole number of milliseconds`,
		`cluster.toml:26: totme: unknown key; did you mean "totem"?`,
	}
	if d := cmp.Diff(want, strings.Split(err.Error(), "\n")); d != "" {
		t.Error(d)
	}
}

func TestParse_RefusesWhatWouldSplitOrBlockTheCluster(t *testing.T) {
	head := "[cluster]\nname='c'\n"
	node := func(n string, more string) string {
		return "[[node]]\nname='n" + n + "'\nid=" + n + "\nlinks=['10.0.0." + n + "']\n" + more + "\n"
	}
	two, three := node("1", "")+node("2", ""), node("1", "")+node("2", "")+node("3", "")
	cases := []struct{ name, text, want string }{
		{"two_node with three nodes", head + three + "[quorum]\ntwo_node=true\n", "is for a cluster of two nodes"},
		{"two_node with a tie-breaker", head + two + "[quorum]\ntwo_node=true\nauto_tie_breaker=true\n", "cannot be combined"},
		{"tie-breaker without halves", head + three + "[quorum]\nauto_tie_breaker=true\n", "needs an even number"},
		{"last man with votes", head + two + node("3", "votes=2") + "[quorum]\nlast_man_standing=true\n", "one has 2"},
		{"quorum device", head + two + "[quorum.device]\nmodel='net'\n", "host: is missing"},
		{"no votes", head + node("1", "votes=0"), "no node has a vote"},
		{"no nodes", head, "there is no node"},
		{"links differ", head + node("1", "") + "[[node]]\nname='x'\nid=2\nlinks=['10.0.0.8','10.0.0.9']\n", "every node must be on every link"},
		{"families differ", head + node("1", "") + "[[node]]\nname='x'\nid=2\nlinks=['fe80::1']\n", "one kind of address"},
		{"same address", head + node("1", "") + "[[node]]\nname='x'\nid=2\nlinks=['10.0.0.1']\n", "is an address of the node in line 3 too"},
		{"ports equal", "[cluster]\nname='c'\nport=5420\n" + two, "must differ"},
		{"too many heartbeats", head + two + "[totem]\ntoken=100\ntoken_retransmits_before_loss_const=50\n", "not reliable"},
		{"token 0", head + two + "[totem]\ntoken=0\n", "is 0 ms"},
		{"a list of clusters", "[[cluster]]\nname='c'\n" + two, "write [cluster], not [[cluster]]"},
		{"not TOML", "[cluster\nname='c'\n", "syntax:"},
	}
	for _, c := range cases {
		_, err := Parse("f", []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

func TestParse_TieBreakerForms(t *testing.T) {
	base := strings.Replace(strings.Replace(three, "votes = 3", "", 1), "two_node = 1", "auto_tie_breaker = true\nauto_tie_breaker_node = %", 1)
	for form, want := range map[string]Quorum{
		`"lowest"`:  {TieBreaker: TieBreakerLowest},
		`"highest"`: {TieBreaker: TieBreakerHighest},
		`"2 1"`:     {TieBreaker: TieBreakerList, TieBreakerNodes: []api.NodeID{2, 1}},
		`[2, 1]`:    {TieBreaker: TieBreakerList, TieBreakerNodes: []api.NodeID{2, 1}},
		`2`:         {TieBreaker: TieBreakerList, TieBreakerNodes: []api.NodeID{2}},
	} {
		f, err := Parse("f", []byte(strings.Replace(base, "%", form, 1)))
		if err != nil {
			t.Errorf("%s: %v", form, err)
			continue
		}
		if f.Quorum.TieBreaker != want.TieBreaker || !cmp.Equal(f.Quorum.TieBreakerNodes, want.TieBreakerNodes) {
			t.Errorf("%s: got %+v", form, f.Quorum)
		}
	}
}

func TestLocate_FindsKeysInEveryNotation(t *testing.T) {
	const text = `a = 1
b.c = "x # no comment"
"odd key" = '''
[not.a.table]
x = 1'''
[t]
k = [1,
  "two", # three = 3
  { deep = 4 }]
inline = { p = 1, q.r = [
  2 ] }
[[list]]
x = 1
[[list]]
y = """a\"""b"""
[list.sub]
z = 2
[[list.inner]]
w = 1
[[list.inner]]
w = 2
`
	want := map[string]int{
		"a": 1, "b": 2, "b.c": 2, `"odd key"`: 3, "t": 6, "t.k": 7, "t.k[0]": 7, "t.k[1]": 8, "t.k[2]": 9,
		"t.k[2].deep": 9, "t.inline": 10, "t.inline.p": 10, "t.inline.q": 10, "t.inline.q.r": 10,
		"t.inline.q.r[0]": 11, "list": 12, "list[0]": 12, "list[0].x": 13, "list[1]": 14, "list[1].y": 15,
		"list[1].sub": 16, "list[1].sub.z": 17, "list[1].inner": 18, "list[1].inner[0]": 18, "list[1].inner[0].w": 19,
		"list[1].inner[1]": 20, "list[1].inner[1].w": 21,
	}
	if d := cmp.Diff(want, locate(text)); d != "" {
		t.Error(d)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(three)
	f.Add("[[node]]\nlinks=[{a=[1,2]},'''x''']\n")
	f.Fuzz(func(t *testing.T, text string) {
		locate(text) // must end and not panic on text that is not TOML either
		file, err := Parse("f", []byte(text))
		if (file == nil) == (err == nil) {
			t.Errorf("file %v, error %v", file, err)
		}
	})
}
