package sched_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/crmd/sched/graph"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/tests/sketch"
)

// seed makes every run the same, so that a change is judged and not luck; -rapid.seed tries others. Some clusters
// are never content, with Pacemaker neither: those that the generator does not leave out are one in thousands.
const seed = "1"

func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("rapid.seed"); f.Value.String() == "0" {
		if err := f.Value.Set(seed); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// described is a random cluster; a failing test shows its description.
func described(t *rapid.T) sched.Input {
	archive := cluster(t)
	c, err := sketch.Read(archive)
	if err != nil {
		t.Fatalf("%v\n%s", err, txtar.Format(archive))
	}
	t.Logf("%s", txtar.Format(archive))
	return prepared(t, c.CIB)
}

func TestPlan_NeverPromotesMoreThanTheLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := sched.Schedule(described(t), sched.Options{})
		for _, clone := range r.Model.All {
			if !clone.Promotable || clone.Kind != model.Clone {
				continue
			}
			total, onNode := 0, map[string]int{}
			for _, instance := range clone.Children {
				if node := r.Assignment.Node(instance); node != nil && r.Assignment.S.Rsc(instance).NextRole == model.Promoted {
					total++
					onNode[node.Name]++
				}
			}
			if total > clone.Clone.PromotedMax {
				t.Errorf("%s: %d instances are to be promoted, %d may be", clone.ID, total, clone.Clone.PromotedMax)
			}
			for node, n := range onNode {
				if n > clone.Clone.PromotedNodeMax {
					t.Errorf("%s: %d instances are to be promoted on %s, %d may be", clone.ID, n, node, clone.Clone.PromotedNodeMax)
				}
			}
		}
	})
}

// before are the actions that have to be done before one can be.
func before(g *graph.Graph, a *graph.Action) map[int]bool {
	inputs := map[int][]*graph.Action{}
	for _, s := range g.Synapses {
		inputs[s.Action.ID] = s.Inputs
	}
	seen := map[int]bool{}
	var visit func(id int)
	visit = func(id int) {
		for _, in := range inputs[id] {
			if !seen[in.ID] {
				seen[in.ID] = true
				visit(in.ID)
			}
		}
	}
	visit(a.ID)
	return seen
}

func TestPlan_StartsNothingBeforeTheFenceOfItsHolder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := sched.Schedule(described(t), sched.Options{})
		g := r.Transition.Graph(0)
		fences := map[string]int{}
		for _, s := range g.Synapses {
			if s.Action.Task == graph.TaskFence && s.Action.Kind == graph.Cluster {
				fences[s.Action.Node] = s.Action.ID
			}
		}
		for _, s := range g.Synapses {
			a := s.Action
			if a.Resource == nil || a.Task != "start" && a.Task != "promote" {
				continue
			}
			rsc := r.Model.Resource(a.Resource.ID)
			if rsc == nil || rsc.Parent != nil && rsc.Parent.Kind == model.Clone && a.Task == "start" || rsc.FenceDevice {
				continue // an instance of a clone may start beside others
			}
			for _, holder := range r.Model.State.Rsc(rsc).Running {
				if !r.Model.State.Node(holder).Unclean || holder.Name == a.Node {
					continue
				}
				if fence, ok := fences[holder.Name]; !ok || !before(g, a)[fence] {
					t.Errorf("%s on %s does not wait for the fence of %s, which holds it", a.Key, a.Node, holder.Name)
				}
			}
		}
	})
}

// forgetCancelled drops the monitors that a graph cancels from a history. crm_simulate keeps them, and records
// that they were cancelled as if that were an operation.
func forgetCancelled(doc *cibxml.Element, g *graph.Graph) {
	cancelled, done := map[string]bool{}, map[string]bool{}
	for _, s := range g.Synapses {
		key := s.Action.Key + "@" + s.Action.Node
		cancelled[key] = cancelled[key] || s.Action.Task == graph.TaskCancel
		done[key] = done[key] || s.Action.Task == "monitor"
	}
	for state := range doc.Child("status").Tags("node_state") {
		state.Walk(func(e *cibxml.Element) bool {
			e.Children = slices.DeleteFunc(e.Children, func(c *cibxml.Element) bool {
				old := !done[c.Get("operation_key")+"@"+state.Get("uname")] && cancelled[c.Get("operation_key")+"@"+state.Get("uname")]
				return c.Name == "lrm_rsc_op" && (old || c.Get("operation") == "cancel")
			})
			return true
		})
	}
}

// rounds are how often the cluster may plan until it is content: what was promoted in one run may give another
// instance a better score in the next, in Pacemaker and so here.
const rounds = 3

// What was planned has been done: after a few rounds scheduling finds nothing more to do.
func TestPlan_IsDoneAfterIt(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		in := described(t)
		var left []string
		for range rounds {
			in = carriedOut(t, dir, in)
			left = nil
			for _, s := range sched.Schedule(in, sched.Options{}).Transition.Graph(0).Synapses {
				if s.Action.Kind != graph.Pseudo {
					left = append(left, s.Action.Key+" "+s.Action.Node)
				}
			}
			if left == nil {
				return
			}
		}
		t.Errorf("the cluster still wants %s", strings.Join(left, ", "))
	})
}

// carriedOut is a cluster after its plan.
func carriedOut(t *rapid.T, dir string, in sched.Input) sched.Input {
	before, after := filepath.Join(dir, "in.xml"), filepath.Join(dir, "out.xml")
	if err := os.WriteFile(before, []byte(in.Doc.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sketch.Ours(t.Context(), "-x", before, "-S", "-O", after); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(after)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := cibxml.Parse(string(raw))
	if err != nil {
		t.Fatal(err)
	}
	forgetCancelled(doc, sched.Schedule(in, sched.Options{}).Transition.Graph(0))
	return prepared(t, doc)
}

// shuffled is a document in which the order of what has no order is another.
func shuffled(t *rapid.T, e *cibxml.Element) *cibxml.Element {
	c := *e
	c.Attrs = rapid.Permutation(e.Attrs).Draw(t, "attributes")
	c.Children = slices.Clone(e.Children)
	for i := range c.Children {
		c.Children[i] = shuffled(t, c.Children[i])
	}
	switch e.Name {
	case "crm_config", "cluster_property_set", "nodes", "configuration", "operations", "lrm_resource":
		c.Children = rapid.Permutation(c.Children).Draw(t, e.Name)
	}
	return &c
}

func TestPlan_DoesNotDependOnTheOrderOfTheInput(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := described(t)
		want := decided(sched.Schedule(in, sched.Options{}))
		in.Doc = shuffled(t, in.Doc)
		if got := decided(sched.Schedule(in, sched.Options{})); got != want {
			t.Errorf("another order of the same input gives another plan")
		}
	})
}
