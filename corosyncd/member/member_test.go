package member

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/corosyncd/frame"
	"pgregory.net/rapid"
)

const ms = time.Millisecond

var start = time.Unix(1000, 0)

func timing() Timing {
	return Timing{Token: 1000 * ms, Interval: 200 * ms, Join: 50 * ms, Consensus: 1200 * ms}
}

func nodes(n int) []Node {
	list := make([]Node, n)
	for i := range list {
		list[i] = Node{ID: api.NodeID(i + 1), Name: "n" + api.NodeID(i+1).String(), Votes: 1}
	}
	return list
}

func set(members ...int) Set {
	var s Set
	for _, i := range members {
		s.Add(i)
	}
	return s
}

func TestSet_Operations(t *testing.T) {
	s := set(0, 63, 64, 383)
	if s.Len() != 4 || !s.Has(64) || s.Has(65) || s.First() != 0 || (Set{}).First() != -1 {
		t.Errorf("%v", s)
	}
	if got := slices.Collect(s.All()); !slices.Equal(got, []int{0, 63, 64, 383}) {
		t.Errorf("%v", got)
	}
	if s.And(set(64, 65)) != set(64) || s.Without(set(0, 63)) != set(64, 383) || !s.Contains(set(0, 383)) || s.Contains(set(1)) {
		t.Error("set arithmetic")
	}
	if got := set(0, 1, 2).translate([]int{5, -1, 0}); got != set(5, 0) {
		t.Errorf("%v", got)
	}
}

// The search must agree with trying every set.
func TestHeaviest_IsTheHeaviestClique(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 9).Draw(t, "nodes")
		adjacent, weights := make([]Set, n), make([]weight, n)
		var all Set
		for i := range n {
			all.Add(i)
			weights[i] = weight{rapid.Uint64Range(0, 2).Draw(t, "major"), rapid.Uint64Range(1, 3).Draw(t, "minor")}
			for j := range i {
				if rapid.IntRange(0, 3).Draw(t, "edge") > 0 {
					adjacent[i].Add(j)
					adjacent[j].Add(i)
				}
			}
		}
		var best weight
		for bits := range 1 << n {
			var s Set
			var w weight
			clique := true
			for i := range n {
				if bits&(1<<i) == 0 {
					continue
				}
				clique = clique && adjacent[i].Contains(s)
				s.Add(i)
				w = w.plus(weights[i])
			}
			if clique && w.above(best) {
				best = w
			}
		}
		got := heaviest(all, adjacent, weights)
		var w weight
		for i := range got.All() {
			w = w.plus(weights[i])
			others := got
			others.Remove(i)
			if !adjacent[i].Contains(others) {
				t.Fatalf("%v is no clique", got)
			}
		}
		if w != best {
			t.Fatalf("found %v, best is %v", w, best)
		}
	})
}

func TestHeaviest_EndsOnAGraphThatIsMadeToBeHard(t *testing.T) {
	const n = 120 // groups of three that do not know each other: 3^40 maximal cliques
	adjacent, weights := make([]Set, n), make([]weight, n)
	var all Set
	for i := range n {
		all.Add(i)
		weights[i] = weight{minor: 1}
		for j := range n {
			if i/3 != j/3 {
				adjacent[i].Add(j)
			}
		}
	}
	if got := heaviest(all, adjacent, weights); got.Len() != n/3 {
		t.Errorf("%d members", got.Len())
	}
}

// echo makes the report of a node that hears everybody and proposes what m does.
func echo(m *Machine, from int, life api.Incarnation) *Report {
	digest, seq := m.Proposal()
	hears := m.Hears()
	hears.Add(m.self)
	hears.Remove(from)
	return &Report{From: from, Incarnation: life, Hears: hears, Ring: m.Ring(), View: m.View(), ProposalSeq: seq, Proposal: digest}
}

// settle lets the peers agree with everything that the machine proposes.
func settle(m *Machine, now time.Time, peers ...int) {
	for range 6 {
		for _, p := range peers {
			m.Step(now, echo(m, p, api.Incarnation(100+p)))
		}
		now = now.Add(60 * ms)
		m.Step(now, Wake{})
	}
}

func machine(n int) *Machine {
	return New(Config{Self: 1, Incarnation: 100, Nodes: nodes(n), Timing: timing()}, start)
}

func TestStep_WaitsATokenBeforeItIsAlone(t *testing.T) {
	m := machine(3)
	m.Step(start, Wake{})
	if d := m.Deadline().Sub(start); d != timing().Token {
		t.Errorf("deadline after %s", d)
	}
	if m.Step(start.Add(999*ms), Wake{}); !m.View().Empty() {
		t.Error("alone too early")
	}
	if m.Step(start.Add(1000*ms), Wake{}); m.View() != set(0) || m.Ring().Rep != 1 || m.Ring().Seq == 0 {
		t.Errorf("%v %v", m.View(), m.Ring())
	}
}

func TestStep_ANodeThatIsTheOnlyOneDoesNotWait(t *testing.T) {
	m := machine(1)
	if m.Step(start, Wake{}); m.View() != set(0) {
		t.Errorf("%v", m.View())
	}
}

func TestStep_RepeatedReportsAreNothingNew(t *testing.T) {
	m := machine(3)
	settle(m, start, 1, 2)
	if m.View() != set(0, 1, 2) || !m.Settled() {
		t.Fatalf("%v", m.View())
	}
	r := echo(m, 1, 101)
	m.Step(start.Add(time.Second), r)
	if outs := m.Step(start.Add(time.Second), r); len(outs) != 0 {
		t.Errorf("%v", outs)
	}
	if n := testing.AllocsPerRun(100, func() { m.Step(start.Add(time.Second), r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestMark_FollowsTheEndOfANode(t *testing.T) {
	m := machine(3)
	settle(m, start, 1, 2)
	m.Step(start.Add(time.Second), Quorate{Yes: true})
	now := start.Add(2 * time.Second)
	m.Step(now, Silent{Node: 2, LastHeard: start, Why: "silent for 1000 ms"})
	settle(m, now, 1)
	how, life, why, _ := m.Departed(2)
	if how != api.DepartureLost || life != 102 || why != "silent for 1000 ms" || m.View() != set(0, 1) {
		t.Fatalf("%s %d %q", how, life, why)
	}
	if mark, life := m.Mark(2); mark != frame.MarkOut || life != 102 {
		t.Errorf("mark %d of %d", mark, life)
	}
	m.Step(now, Quorate{Yes: false})
	if mark, _ := m.Mark(2); mark != frame.MarkLost {
		t.Errorf("mark %d of a partition that may not act", mark)
	}
	m.Step(now, Fenced{Node: 2})
	if mark, life := m.Mark(2); mark != frame.MarkFenced || life != 102 {
		t.Errorf("mark %d of %d", mark, life)
	}
}

func TestLearn_TakesOverWhatAMemberKnows(t *testing.T) {
	m := machine(4)
	settle(m, start, 1, 2)
	r := echo(m, 1, 101)
	r.Marks = []MarkedNode{{Node: 3, Mark: frame.MarkOut, Incarnation: 77}}
	m.Step(start.Add(time.Second), r)
	if how, life, why, _ := m.Departed(3); how != api.DepartureLost || life != 77 || why != "n2 has lost it" {
		t.Errorf("%s %d %q", how, life, why)
	}
	r.Marks[0].Mark = frame.MarkLeft
	m.Step(start.Add(time.Second), r)
	if how, _, why, _ := m.Departed(3); how != api.DepartureLeft || why != "said goodbye to n2" {
		t.Errorf("%s %q", how, why)
	}
}

func TestReconfigure_KeepsMembersWhoseIndexMoves(t *testing.T) {
	all := nodes(4)
	m := New(Config{Self: 3, Incarnation: 100, Nodes: []Node{all[0], all[2], all[3]}, Timing: timing()}, start)
	settle(m, start, 0, 2)
	ring := m.Ring()
	if m.View() != set(0, 1, 2) {
		t.Fatalf("%v", m.View())
	}
	m.Reconfigure(start.Add(time.Second), all, timing())
	if m.View() != set(0, 2, 3) || m.Ring() != ring || m.Life(3) != 102 || !m.Settled() {
		t.Errorf("view %v ring %v", m.View(), m.Ring())
	}
}

func TestExpelled_OnlyByANodeThatThisOneDidNotLose(t *testing.T) {
	m := machine(2)
	settle(m, start, 1)
	now := start.Add(2 * time.Second)
	r := echo(m, 1, 101)
	r.Marks = []MarkedNode{{Node: 0, Mark: frame.MarkOut, Incarnation: 100}}
	r.View = set(1)
	m.Step(now, r)
	if !m.Expelled() {
		t.Error("not expelled")
	}
	m = machine(2)
	settle(m, start, 1)
	m.Step(now, Silent{Node: 1, Why: "silent"})
	m.Step(now, r)
	if m.Expelled() || m.View() != set(0) {
		t.Errorf("expelled by a node that was lost here first, view %v", m.View())
	}
}

func TestBan_OfWhoDoesNotAgree(t *testing.T) {
	m := machine(3)
	settle(m, start, 1)
	now := start.Add(2 * time.Second)
	var texts []string
	r := echo(m, 2, 102)
	r.Hears = set(0, 1)
	r.Proposal = 12345 // never what the others want
	for ; now.Before(start.Add(5 * time.Second)); now = now.Add(50 * ms) {
		one := echo(m, 1, 101)
		one.Hears = set(0, 2)
		for _, in := range []Input{one, r, Wake{}} {
			for _, o := range m.Step(now, in) {
				if n, ok := o.(Note); ok {
					texts = append(texts, n.Text)
				}
			}
		}
	}
	if !strings.Contains(strings.Join(texts, "\n"), "n3 does not agree on a view within 1200 ms") || m.View() != set(0, 1) {
		t.Errorf("view %v: %q", m.View(), texts)
	}
}
