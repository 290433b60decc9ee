package attrs

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/holdfast-ha/holdfast/api"
)

var t0 = time.Unix(1000, 0)

func set(name, value string) api.AttrUpdate {
	return api.AttrUpdate{Op: "update", Name: name, Value: value, Dampen: -1}
}

func must(t *testing.T, a *Attrs, now time.Time, u api.AttrUpdate) []Output {
	t.Helper()
	out, err := a.Update(now, u, []string{"n1", "n2"})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func text(out []Output) string {
	var words []string
	for _, o := range out {
		switch o := o.(type) {
		case Broadcast:
			words = append(words, "broadcast"+list(o.Entries))
		case Write:
			words = append(words, "write"+list(o.Values))
		}
	}
	return strings.Join(words, "; ")
}

func list(entries []Entry) string {
	s := ""
	for _, e := range entries {
		s += fmt.Sprintf(" %s@%s=%s", e.Name, e.Node, e.Value)
		if e.Deleted {
			s += "(gone)"
		}
	}
	return s
}

func expect(t *testing.T, out []Output, want string) {
	t.Helper()
	if got := text(out); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestUpdate_WriterWritesAtOnceWithoutDampening(t *testing.T) {
	a := New("n1")
	a.SetWriter(t0, true)
	expect(t, must(t, a, t0, set("ping", "5")), "broadcast ping@n1=5; write ping@n1=5")
	expect(t, must(t, a, t0, set("ping", "5")), "")
	b := New("n2")
	expect(t, must(t, b, t0, set("ping", "5")), "broadcast ping@n2=5")
}

func TestUpdate_CaseAloneIsNoChange(t *testing.T) {
	a := New("n1")
	must(t, a, t0, set("x", "Yes"))
	expect(t, must(t, a, t0, set("x", "yes")), "")
}

func TestUpdate_DampeningCollectsAndRestarts(t *testing.T) {
	a := New("n1")
	a.SetWriter(t0, true)
	u := set("ping", "1")
	u.Dampen = 5000
	expect(t, must(t, a, t0, u), "broadcast ping@n1=1")
	expect(t, must(t, a, t0.Add(4*time.Second), set("ping", "2")), "broadcast ping@n1=2")
	expect(t, a.Wake(t0.Add(8*time.Second)), "")
	if d := a.Deadline(); !d.Equal(t0.Add(9 * time.Second)) {
		t.Errorf("deadline %v", d)
	}
	expect(t, a.Wake(t0.Add(9*time.Second)), "write ping@n1=2")
	u = api.AttrUpdate{Op: "update-both", Name: "ping", Value: "3", Dampen: 60000}
	expect(t, must(t, a, t0.Add(10*time.Second), u), "broadcast ping@n1=3")
}

func TestUpdate_IncrementsCountFromTheOldValue(t *testing.T) {
	a := New("n1")
	must(t, a, t0, set("fail", "value++"))
	must(t, a, t0, set("fail", "value++"))
	must(t, a, t0, set("fail", "value+=3"))
	if v, _ := a.Get("fail", "n1"); v != "5" {
		t.Errorf("got %s", v)
	}
	must(t, a, t0, set("fail", "value+=INFINITY"))
	if v, _ := a.Get("fail", "n1"); v != "INFINITY" {
		t.Errorf("got %s", v)
	}
}

func TestUpdate_PatternClearsFailCounts(t *testing.T) {
	a := New("n1")
	a.SetWriter(t0, true)
	must(t, a, t0, set("fail-count-d1#monitor_1000", "3"))
	must(t, a, t0, set("fail-count-d10#monitor_1000", "3"))
	must(t, a, t0, set("last-failure-d1#monitor_1000", "99"))
	out := must(t, a, t0, api.AttrUpdate{Op: "delete", Pattern: `^(fail-count|last-failure)-d1(#.+_[0-9]+)?$`})
	expect(t, out, "broadcast fail-count-d1#monitor_1000@n1=(gone) last-failure-d1#monitor_1000@n1=(gone); "+
		"write fail-count-d1#monitor_1000@n1=(gone) last-failure-d1#monitor_1000@n1=(gone)")
	if _, ok := a.Get("fail-count-d10#monitor_1000", "n1"); !ok {
		t.Error("another resource's count was cleared")
	}
}

func TestUpdate_PrivateStaysOutOfTheCIB(t *testing.T) {
	a := New("n1")
	a.SetWriter(t0, true)
	u := set("evacuate", "yes")
	u.Private = true
	expect(t, must(t, a, t0, u), "broadcast evacuate@n1=yes")
	if v, _ := a.Query("evacuate", ""); len(v) != 1 {
		t.Errorf("query %v", v)
	}
}

func TestUpdate_RefusesNonsense(t *testing.T) {
	a := New("n1")
	for _, u := range []api.AttrUpdate{{Op: "update"}, {Op: "nope", Name: "x"}, {Op: "delete", Pattern: "("},
		{Op: "update-delay", Name: "unknown", Dampen: 5}} {
		if _, err := a.Update(t0, u, nil); err == nil {
			t.Errorf("%+v was accepted", u)
		}
	}
}

func TestForget_DropsOnlyThatNode(t *testing.T) {
	a := New("n1")
	must(t, a, t0, api.AttrUpdate{Op: "update", Name: "x", Value: "1", Node: AllNodes})
	a.Forget("n2")
	if v, _ := a.Query("x", ""); len(v) != 1 || v[0].Node != "n1" {
		t.Errorf("got %v", v)
	}
}

func TestSetWriter_NewWriterWritesEverything(t *testing.T) {
	a := New("n2")
	a.Merge(t0, []Entry{{Name: "x", Node: "n1", Value: "1", Version: Version{7, "n1"}, Dampen: 60000}})
	expect(t, a.SetWriter(t0, true), "write x@n1=1")
	expect(t, must(t, a, t0, api.AttrUpdate{Op: "refresh"}), "write x@n1=1")
}

// However broadcasts are delayed, doubled and reordered, all nodes end with the same values.
func TestMerge_AllNodesConverge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := []*Attrs{New("n1"), New("n2"), New("n3")}
		var sent [][]Entry
		for i := range rapid.IntRange(1, 30).Draw(t, "steps") {
			n := nodes[rapid.IntRange(0, 2).Draw(t, "node")]
			if len(sent) > 0 && rapid.Bool().Draw(t, "deliver") {
				n.Merge(t0, sent[rapid.IntRange(0, len(sent)-1).Draw(t, "which")])
				continue
			}
			u := set(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "name"), fmt.Sprint(i))
			u.Node = rapid.SampledFrom([]string{"n1", "n2"}).Draw(t, "host")
			if rapid.IntRange(0, 4).Draw(t, "del") == 0 {
				u.Op = "delete"
			}
			out, err := n.Update(t0, u, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range out {
				sent = append(sent, o.(Broadcast).Entries)
			}
		}
		for _, n := range nodes {
			for _, e := range sent {
				n.Merge(t0, e)
			}
		}
		want, _ := nodes[0].Query("", "")
		for _, n := range nodes[1:] {
			if got, _ := n.Query("", ""); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%s has %v, n1 has %v", n.local, got, want)
			}
		}
	})
}
