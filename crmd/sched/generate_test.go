package sched_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"
)

// world is a random cluster that is being described.
type world struct {
	t     *rapid.T
	nodes []string // online ones first
	lost  []string
	// names are the top-level resources, runs the primitives that have history, promotable the clones that are.
	names, runs, promotable      []string
	stateful, clones             map[string]bool // primitives with roles, and clones
	sections                     map[string]*strings.Builder
	primitives, collective, rule int
}

// cluster describes a random cluster: a few nodes of which some are lost, resources of every kind, constraints,
// and a history in which everything runs at most where it may.
func cluster(t *rapid.T) *txtar.Archive {
	w := &world{t: t, sections: map[string]*strings.Builder{}, stateful: map[string]bool{}, clones: map[string]bool{}}
	w.placeNodes()
	for range rapid.IntRange(1, 4).Draw(t, "resources") {
		w.resource()
	}
	w.add("resources", `<fence id="power"/>`)
	w.add("history", "%s power start", w.nodes[0])
	for range rapid.IntRange(0, 4).Draw(t, "constraints") {
		w.constraint()
	}
	a := &txtar.Archive{Comment: []byte("A random cluster.\n")}
	for _, name := range []string{"nodes", "options", "resources", "constraints", "attributes", "history"} {
		if b := w.sections[name]; b != nil {
			a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(b.String())})
		}
	}
	return a
}

func (w *world) add(section, format string, args ...any) {
	if w.sections[section] == nil {
		w.sections[section] = &strings.Builder{}
	}
	fmt.Fprintf(w.sections[section], format+"\n", args...)
}

func (w *world) chance(percent int, what string) bool {
	return rapid.IntRange(0, 99).Draw(w.t, what) < percent
}

func (w *world) placeNodes() {
	w.add("options", "stonith-enabled=true")
	for i := range rapid.IntRange(2, 4).Draw(w.t, "nodes") {
		name := fmt.Sprintf("n%d", i+1)
		switch {
		case i > 0 && w.chance(25, "lost"):
			w.add("nodes", "%s lost", name)
			w.lost = append(w.lost, name)
		case i > 0 && w.chance(10, "standby"):
			w.add("nodes", "%s standby=on", name)
			w.nodes = append(w.nodes, name)
		default:
			w.add("nodes", "%s", name)
			w.nodes = append(w.nodes, name)
		}
	}
}

// somewhere is any node.
func (w *world) somewhere() string {
	return rapid.SampledFrom(slices.Concat(w.nodes, w.lost)).Draw(w.t, "node")
}

// primitive is an element with a name of its own.
func (w *world) primitive(kind string) (id, element string) {
	w.primitives++
	id = fmt.Sprintf("r%d", w.primitives)
	meta := ""
	if w.chance(20, "sticky") {
		meta += " resource-stickiness=50"
	}
	if w.chance(20, "priority") {
		meta += fmt.Sprintf(" priority=%d", rapid.IntRange(1, 9).Draw(w.t, "priority"))
	}
	ops := "monitor/10s"
	if kind == "stateful" {
		w.stateful[id] = true
		ops = "monitor/9s,role=Promoted monitor/10s,role=Unpromoted" // each role wants an interval of its own
	}
	return id, fmt.Sprintf(`<%s id="%s" meta="%s" ops="%s"/>`, kind, id, strings.TrimSpace(meta), ops)
}

func (w *world) resource() {
	w.collective++
	name := fmt.Sprintf("c%d", w.collective)
	switch rapid.SampledFrom([]string{"primitive", "group", "clone", "promotable"}).Draw(w.t, "kind") {
	case "primitive":
		id, e := w.primitive("dummy")
		if w.chance(20, "migrates") {
			// not members: Pacemaker, and so we, orders the migration of one in a circle when another has to start
			e = strings.Replace(e, `meta="`, `meta="allow-migrate=true `, 1)
		}
		w.add("resources", "%s", e)
		w.history(id, w.somewhere())
		name = id
	case "group":
		a, first := w.primitive("dummy")
		b, second := w.primitive("dummy")
		w.add("resources", `<group id="%s">%s%s</group>`, name, first, second)
		at := w.somewhere()
		w.history(a, at)
		w.history(b, at)
	case "clone":
		id, e := w.primitive("dummy")
		w.add("resources", `<clone id="%s" meta="interleave=%t notify=%t">%s</clone>`, name, w.chance(50, "interleave"), w.chance(30, "notify"), e)
		for _, n := range slices.Concat(w.nodes, w.lost) {
			w.history(id, n)
		}
	case "promotable":
		id, e := w.primitive("stateful")
		limit := rapid.IntRange(1, 2).Draw(w.t, "promoted-max")
		w.add("resources", `<clone id="%s" meta="promotable=true promoted-max=%d">%s</clone>`, name, limit, e)
		w.promotable = append(w.promotable, name)
		for i, n := range slices.Concat(w.nodes, w.lost) {
			if i < limit && w.chance(40, "promoted") {
				w.add("history", "%s %s promote", n, id)
				// without a score, which no agent leaves out, an instance may be stopped and started for ever
				w.add("attributes", "%s master-%s=%d", n, id, rapid.IntRange(1, 20).Draw(w.t, "master"))
				continue
			}
			if w.chance(70, "score") {
				w.add("attributes", "%s master-%s=%d", n, id, rapid.IntRange(-5, 20).Draw(w.t, "master"))
			}
			w.history(id, n)
		}
	}
	w.clones[name] = w.clones[name] || name[0] == 'c'
	w.names = append(w.names, name)
}

// history lets a primitive run on a node, or have failed there, or not.
func (w *world) history(id, node string) {
	switch rapid.IntRange(0, 9).Draw(w.t, "history of "+id) {
	case 0, 1, 2, 3, 4:
		w.add("history", "%s %s start", node, id)
		w.add("history", "%s %s monitor/10s", node, id)
		w.runs = append(w.runs, id)
	case 5:
		if w.stateful[id] {
			return // crm_simulate's record of a recovery followed by a promotion is not what the agents would leave
		}
		w.add("history", "%s %s start", node, id)
		w.add("history", "%s %s monitor/10s 7", node, id)
		w.runs = append(w.runs, id)
	}
}

func (w *world) constraint() {
	w.rule++
	id := fmt.Sprintf("k%d", w.rule)
	score := rapid.SampledFrom([]string{"100", "-100", "INFINITY", "-INFINITY", "0"}).Draw(w.t, "score")
	a := rapid.SampledFrom(w.names).Draw(w.t, "a")
	b := rapid.SampledFrom(w.names).Draw(w.t, "b")
	if slices.Index(w.names, a) > slices.Index(w.names, b) {
		a, b = b, a // constraints in a circle can never be satisfied
	}
	switch kind := rapid.IntRange(0, 2).Draw(w.t, "constraint"); {
	case kind == 0 || a == b:
		w.add("constraints", `<rsc_location id="%s" rsc="%s" node="%s" score="%s"/>`, id, a, w.somewhere(), score)
	case kind == 1 && w.clones[a]:
		// instances of clones that avoid each other change places for ever, in Pacemaker and so here
		w.add("constraints", `<rsc_colocation id="%s" rsc="%s" with-rsc="%s" score="INFINITY"/>`, id, b, a)
	case kind == 1:
		w.add("constraints", `<rsc_colocation id="%s" rsc="%s" with-rsc="%s" score="%s"/>`, id, b, a, score)
	default:
		// not Serialize: with a stop on one side and a migration on the other nothing is ever done, in Pacemaker too
		kind := rapid.SampledFrom([]string{"Mandatory", "Optional"}).Draw(w.t, "order")
		w.add("constraints", `<rsc_order id="%s" first="%s" then="%s" kind="%s"/>`, id, a, b, kind)
	}
}
