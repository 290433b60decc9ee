package sketch

import (
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// agents are the elements that stand for primitives.
var agents = map[string][3]string{
	"dummy":    {"ocf", "pacemaker", "Dummy"},
	"stateful": {"ocf", "pacemaker", "Stateful"},
	"remote":   {"ocf", "pacemaker", "remote"},
	"fence":    {"stonith", "", "fence_lab"},
}

// Expand replaces the shorthand in resources, in place: the elements dummy, stateful, remote and fence are
// primitives of those agents, and the attributes meta, params, needs (capacity) and ops of any resource hold
// words that become blocks: NAME=VALUE, for ops NAME[/INTERVAL][,ATTRIBUTE=VALUE...].
func Expand(e *cibxml.Element) *cibxml.Element {
	for child := range e.Tags() {
		Expand(child)
	}
	if agent, ok := agents[e.Name]; ok {
		e.Name = "primitive"
		e.Set("class", agent[0])
		if agent[1] != "" {
			e.Set("provider", agent[1])
		}
		e.Set("type", agent[2])
	}
	for _, block := range []struct{ attr, tag string }{{"meta", "meta_attributes"}, {"params", "instance_attributes"}, {"needs", "utilization"}} {
		if text, ok := e.Lookup(block.attr); ok && e.ID() != "" {
			e.Unset(block.attr)
			e.Children = append(pairs(block.tag, e.ID()+"-"+block.attr, strings.Fields(text), ""), e.Children...)
		}
	}
	if text, ok := e.Lookup("ops"); ok {
		e.Unset("ops")
		operations := cibxml.New("operations")
		for _, word := range strings.Fields(text) {
			parts := strings.Split(word, ",")
			name, interval, _ := strings.Cut(parts[0], "/")
			if interval == "" {
				interval = "0"
			}
			op := cibxml.New("op", "id", e.ID()+"-"+name+"-"+interval, "name", name, "interval", interval)
			for _, p := range parts[1:] {
				k, v, _ := strings.Cut(p, "=")
				op.Set(k, v)
				if k == "role" {
					op.Set("id", op.ID()+"-"+v)
				}
			}
			operations.Append(op)
		}
		e.Append(operations)
	}
	return e
}

// primitives visits the primitives with the names that history has for them. Those inside of bundles are left
// out: their names are made up.
func primitives(e *cibxml.Element, visit func(id string, p *cibxml.Element)) {
	for child := range e.Tags() {
		switch child.Name {
		case "primitive":
			visit(child.ID(), child)
		case "group", "clone", "master":
			if child.Name == "group" || !unique(child) {
				primitives(child, visit)
				continue
			}
			primitives(child, func(id string, p *cibxml.Element) {
				for _, number := range []string{":0", ":1", ":2"} {
					visit(id+number, p)
				}
			})
		}
	}
}

// unique reports whether a clone's instances are told apart.
func unique(clone *cibxml.Element) bool {
	for block := range clone.Tags("meta_attributes") {
		for pair := range block.Tags("nvpair") {
			if pair.Get("name") == "globally-unique" {
				return pair.Get("value") == "true"
			}
		}
	}
	return false
}
