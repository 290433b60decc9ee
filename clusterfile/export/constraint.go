package export

import (
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/value"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/clusterfile/crm"
	"github.com/holdfast-ha/holdfast/clusterfile/rule"
)

// id writes the id unless it is the one that would be made.
func (t *table) id(e, made *cibxml.Element) {
	if !sameID(made, e) {
		t.text("id", e.ID())
	}
}

func (x *exporter) constraint(t *table, e *cibxml.Element) {
	for _, attr := range []string{"rsc", "with-rsc", "first", "then"} {
		x.ok = x.ok && !x.cloned[e.Get(attr)]
	}
	switch e.Name {
	case "rsc_location":
		x.location(t, e)
	case "rsc_order":
		x.order(t, e)
	case "rsc_colocation":
		x.colocation(t, e)
	case "rsc_ticket":
		x.ticket(t, e)
	default:
		x.ok = false
	}
}

// word notes values that the cluster file refuses, such as old names of roles.
func (x *exporter) word(e *cibxml.Element, attr string, allowed []string) {
	v, ok := e.Lookup(attr)
	if !ok {
		return
	}
	for _, a := range allowed {
		if a == v {
			return
		}
	}
	x.ok = false
}

// node notes a node that does not exist, which the cluster file refuses.
func (x *exporter) node(e *cibxml.Element, attr string) {
	if name, ok := e.Lookup(attr); ok && !slices.Contains(x.nodes, name) {
		x.ok = false
	}
}

// distinct notes a resource that is constrained to itself.
func (x *exporter) distinct(e *cibxml.Element, a, b string) {
	if v, ok := e.Lookup(a); ok && v == e.Get(b) {
		x.ok = false
	}
}

func (x *exporter) score(e *cibxml.Element) {
	if v, ok := e.Lookup("score"); ok {
		_, err := value.Score(v)
		x.ok = x.ok && err == nil
	}
}

func (x *exporter) location(t *table, e *cibxml.Element) {
	x.only(e, "id", "rsc", "rsc-pattern", "role", "node", "score", "resource-discovery")
	x.children(e, "rule", "resource_set")
	x.word(e, "role", crm.Roles)
	x.word(e, "resource-discovery", crm.Discoveries)
	x.score(e)
	x.node(e, "node")
	t.header("[[constraint.location]]")
	l := build.Location{Rsc: e.Get("rsc"), Pattern: e.Get("rsc-pattern"), Node: e.Get("node"), Score: e.Get("score"), Sets: sets(e)}
	r := e.Child("rule")
	if r != nil {
		l.Rule = func(id string) *cibxml.Element { return cibxml.New("rule", "id", id) }
	}
	t.id(e, l.Element(newIDs()))
	t.optional("resource", e, "rsc")
	t.optional("pattern", e, "rsc-pattern")
	x.resourceSets(t, e)
	t.optional("node", e, "node")
	if r != nil {
		x.rule(t, e)
	} else {
		t.optional("role", e, "role")
		t.optional("score", e, "score")
		_, scored := e.Lookup("score")
		x.ok = x.ok && scored
	}
	t.optional("resource-discovery", e, "resource-discovery")
}

func (x *exporter) rule(t *table, e *cibxml.Element) {
	rules := 0
	for r := range e.Tags("rule") {
		if rules++; rules > 1 {
			break
		}
		text, ok := rule.Format(r)
		_, err := rule.Parse(text, "x")
		x.ok = x.ok && ok && err == nil
		t.text("rule", text)
		t.optional("score", r, "score")
		t.optional("score-attribute", r, "score-attribute")
		t.optional("role", r, "role")
		x.word(r, "role", crm.Roles)
		x.score(r)
		_, scored := r.Lookup("score")
		_, byAttr := r.Lookup("score-attribute")
		x.ok = x.ok && scored != byAttr
	}
	_, role := e.Lookup("role")
	_, score := e.Lookup("score")
	x.ok = x.ok && rules == 1 && !role && !score
}

func (x *exporter) order(t *table, e *cibxml.Element) {
	x.only(e, "id", "first", "then", "first-action", "then-action", "kind", "symmetrical", "require-all")
	x.children(e, "resource_set")
	x.word(e, "first-action", crm.SetActions)
	x.word(e, "then-action", crm.SetActions)
	x.word(e, "kind", crm.Kinds)
	x.distinct(e, "first", "then")
	t.header("[[constraint.order]]")
	t.id(e, build.Order{First: e.Get("first"), Then: e.Get("then"), Kind: e.Get("kind"), Sets: sets(e)}.Element(newIDs()))
	x.attrs(t, e, "first", "first-action", "then", "then-action", "kind")
	x.truths(t, e, "symmetrical", "require-all")
	x.resourceSets(t, e)
}

func (x *exporter) colocation(t *table, e *cibxml.Element) {
	x.only(e, "id", "rsc", "with-rsc", "rsc-role", "with-rsc-role", "score", "node-attribute", "influence")
	x.children(e, "resource_set")
	x.word(e, "rsc-role", crm.Roles)
	x.word(e, "with-rsc-role", crm.Roles)
	x.score(e)
	if _, scored := e.Lookup("score"); !scored {
		x.ok = false
	}
	x.distinct(e, "rsc", "with-rsc")
	t.header("[[constraint.colocation]]")
	t.id(e, build.Colocation{Rsc: e.Get("rsc"), With: e.Get("with-rsc"), Score: e.Get("score"), Sets: sets(e)}.Element(newIDs()))
	t.optional("resource", e, "rsc")
	t.optional("role", e, "rsc-role")
	t.optional("with", e, "with-rsc")
	t.optional("with-role", e, "with-rsc-role")
	x.attrs(t, e, "score", "node-attribute")
	x.truths(t, e, "influence")
	x.resourceSets(t, e)
}

func (x *exporter) ticket(t *table, e *cibxml.Element) {
	x.only(e, "id", "ticket", "rsc", "rsc-role", "loss-policy")
	x.children(e, "resource_set")
	x.word(e, "rsc-role", crm.Roles)
	x.word(e, "loss-policy", crm.LossPolicy)
	t.header("[[constraint.ticket]]")
	t.id(e, build.Ticket{Ticket: e.Get("ticket"), Rsc: e.Get("rsc"), Role: e.Get("rsc-role"), Sets: sets(e)}.Element(newIDs()))
	t.text("ticket", e.Get("ticket"))
	t.optional("resource", e, "rsc")
	t.optional("role", e, "rsc-role")
	t.optional("loss-policy", e, "loss-policy")
	x.resourceSets(t, e)
}

func (x *exporter) attrs(t *table, e *cibxml.Element, names ...string) {
	for _, n := range names {
		t.optional(n, e, n)
	}
}

// truths writes attributes that are true or false in the only way in which the cluster file writes them back.
func (x *exporter) truths(t *table, e *cibxml.Element, names ...string) {
	for _, n := range names {
		x.word(e, n, []string{"true", "false"})
		t.optional(n, e, n)
	}
}

// sets are the resource sets of a constraint, for its id.
func sets(e *cibxml.Element) []build.ResourceSet {
	var list []build.ResourceSet
	for s := range e.Tags("resource_set") {
		var set build.ResourceSet
		for r := range s.Tags("resource_ref") {
			set.Resources = append(set.Resources, r.ID())
		}
		list = append(list, set)
	}
	return list
}

func (x *exporter) resourceSets(t *table, e *cibxml.Element) {
	var list []string
	for s := range e.Tags("resource_set") {
		x.only(s, "id", "sequential", "require-all", "action", "role", "kind", "score")
		x.word(s, "action", crm.SetActions)
		x.word(s, "role", crm.Roles)
		x.word(s, "kind", crm.Kinds)
		x.word(s, "sequential", []string{"true", "false"})
		x.word(s, "require-all", []string{"true", "false"})
		x.score(s)
		var quoted []string
		for r := range s.Tags("resource_ref") {
			x.ok = x.ok && !x.cloned[r.ID()]
			quoted = append(quoted, Quote(r.ID()))
		}
		x.ok = x.ok && len(quoted) > 0
		pairs := []pair{{"resources", "[" + strings.Join(quoted, ", ") + "]"}}
		for _, a := range s.Attrs {
			if a.Name != "id" {
				pairs = append(pairs, pair{a.Name, Value(a.Value)})
			}
		}
		list = append(list, inline(pairs))
	}
	if len(list) > 0 {
		t.tables("sets", list)
	}
}

func (x *exporter) fencingLevel(t *table, e *cibxml.Element) {
	x.only(e, "id", "index", "target", "target-pattern", "target-attribute", "target-value", "devices")
	x.children(e)
	index, err := strconv.Atoi(e.Get("index"))
	x.ok = x.ok && err == nil && index >= 1 && index <= 9
	x.node(e, "target")
	t.header("[[fencing_level]]")
	t.id(e, build.FencingLevel{Index: index, Target: e.Get("target"), Pattern: e.Get("target-pattern"), Attribute: e.Get("target-attribute")}.Element(newIDs()))
	t.optional("target", e, "target")
	t.optional("pattern", e, "target-pattern")
	t.optional("attribute", e, "target-attribute")
	t.optional("value", e, "target-value")
	t.line("level", strconv.Itoa(index))
	var devices []string
	for _, d := range strings.Split(e.Get("devices"), ",") {
		devices = append(devices, strings.TrimSpace(d))
	}
	t.list("devices", devices)
}
