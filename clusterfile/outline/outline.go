// Package outline tells in a person's words what a configuration says and how two differ.
package outline

import (
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/clusterfile/rule"
)

// Object is one thing of a configuration: a resource, a constraint, all cluster properties together, ...
type Object struct {
	Kind     string
	ID       string // "" for the kinds of which there is one
	Settings []Setting
}

// Name is kind and id.
func (o *Object) Name() string { return strings.TrimSpace(o.Kind + " " + o.ID) }

// Get is the value of a setting, "" when there is none.
func (o *Object) Get(key string) string {
	for _, s := range o.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// Setting is something that an object says, with the key that it has in the cluster file.
type Setting struct{ Key, Value string }

// Kinds of objects.
const (
	Properties       = "cluster properties"
	ResourceDefaults = "resource defaults"
	OpDefaults       = "operation defaults"
	FenceDevice      = "fence device"
)

// kinds are the names of the elements that are objects.
var kinds = map[string]string{
	"node": "node", "primitive": "resource", "group": "group", "clone": "clone", "master": "clone", "bundle": "bundle", "template": "template",
	"rsc_location": "location constraint", "rsc_order": "order constraint", "rsc_colocation": "colocation constraint",
	"rsc_ticket": "ticket constraint", "fencing-level": "fencing level", "tag": "tag", "alert": "alert", "acl_role": "ACL role",
	"acl_target": "ACL user", "acl_group": "ACL group", "acl_user": "ACL user",
}

// single are the sections that are one object.
var single = map[string]string{"crm_config": Properties, "rsc_defaults": ResourceDefaults, "op_defaults": OpDefaults}

// Read lists what a configuration contains, in the order of the document.
func Read(conf *cibxml.Element) []Object {
	var all []Object
	for section := range conf.Tags() {
		if kind, ok := single[section.Name]; ok {
			if o := (Object{Kind: kind, Settings: options(section)}); len(o.Settings) > 0 {
				all = append(all, o)
			}
			continue
		}
		for e := range section.Tags() {
			all = append(all, objects(e)...)
		}
	}
	return all
}

// objects are an element and, for collections of resources, what is in it.
func objects(e *cibxml.Element) []Object {
	o := Object{Kind: kinds[e.Name], ID: e.ID()}
	if o.Kind == "" {
		o.Kind = "<" + e.Name + ">"
	}
	if e.Name == "node" {
		o.ID = e.Get("uname")
	}
	if e.Name == "primitive" && e.Get("class") == "stonith" {
		o.Kind = FenceDevice
	}
	w := &writer{}
	var inner []Object
	switch e.Name {
	case "group", "clone", "master", "bundle":
		var members []string
		for m := range e.Tags("primitive", "group") {
			members = append(members, m.ID())
			inner = append(inner, objects(m)...)
		}
		w.add("members", strings.Join(members, " "))
		w.body(e, "primitive", "group")
	default:
		w.body(e)
	}
	o.Settings = w.settings
	return append([]Object{o}, inner...)
}

// options are all pairs of the sets of a section.
func options(section *cibxml.Element) []Setting {
	w := &writer{}
	for set := range section.Tags() {
		w.set("", set)
	}
	return w.settings
}

// writer collects settings.
type writer struct{ settings []Setting }

func (w *writer) add(key, value string) {
	if value != "" {
		w.settings = append(w.settings, Setting{w.unique(key), value})
	}
}

// unique numbers keys that an object has more than once, such as several rules.
func (w *writer) unique(key string) string {
	name := key
	for n := 2; slices.ContainsFunc(w.settings, func(s Setting) bool { return s.Key == name }); n++ {
		name = key + " (" + strconv.Itoa(n) + ")"
	}
	return name
}

// setNames are the sets of pairs and the prefix of their keys.
var setNames = map[string]string{"instance_attributes": "params", "meta_attributes": "meta", "utilization": "utilization"}

// body writes attributes and children of an object, except the children of those names.
func (w *writer) body(e *cibxml.Element, except ...string) {
	if e.Name == "primitive" || e.Name == "template" {
		w.add("agent", agentName(e))
	}
	for _, a := range e.Attrs {
		switch {
		case a.Name == "id", e.Name == "node" && (a.Name == "uname" || a.Name == "type" && (a.Value == "normal" || a.Value == "member")),
			e.Name != "rsc_ticket" && (a.Name == "class" || a.Name == "provider" || a.Name == "type"):
		default:
			w.add(a.Name, a.Value)
		}
	}
	sets := 0
	for c := range e.Tags() {
		switch {
		case slices.Contains(except, c.Name):
		case setNames[c.Name] != "":
			prefix := setNames[c.Name]
			if e.Name == "node" && prefix == "params" {
				prefix = "attributes"
			}
			w.set(prefix, c)
		case c.Name == "operations":
			w.operations(c)
		case c.Name == "resource_set":
			sets++
			w.resourceSet(sets, c)
		case c.Name == "rule":
			w.rule("", c)
		case c.Name == "obj_ref" || c.Name == "role":
			w.join(map[string]string{"obj_ref": "references", "role": "roles"}[c.Name], c.ID())
		default:
			w.other(label(c), c)
		}
	}
}

// join adds a word to a setting that is a list.
func (w *writer) join(key, word string) {
	for i := range w.settings {
		if w.settings[i].Key == key {
			w.settings[i].Value += " " + word
			return
		}
	}
	w.add(key, word)
}

func agentName(e *cibxml.Element) string {
	name := e.Get("type")
	if p := e.Get("provider"); p != "" {
		name = p + ":" + name
	}
	if c := e.Get("class"); c != "" && name != "" {
		return c + ":" + name
	}
	return name
}

// set writes the pairs of a set. A set with a rule has it in its keys.
func (w *writer) set(prefix string, set *cibxml.Element) {
	if r := set.Child("rule"); r != nil {
		text, _ := rule.Format(r)
		prefix += "(" + text + ")"
	}
	if ref := set.Get("id-ref"); ref != "" {
		w.add(dotted(prefix, "id-ref"), ref)
	}
	for nv := range set.Tags("nvpair") {
		v, there := nv.Lookup("value")
		if !there || v == "" {
			v = `""`
		}
		w.add(dotted(prefix, nv.Get("name")), v)
	}
}

func dotted(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}

// operations writes each operation as one setting. Several of one name are told apart by their intervals.
func (w *writer) operations(list *cibxml.Element) {
	count := map[string]int{}
	for op := range list.Tags("op") {
		count[op.Get("name")]++
	}
	for op := range list.Tags("op") {
		key := "op." + op.Get("name")
		if count[op.Get("name")] > 1 {
			key += "[" + op.Get("interval") + "]"
		}
		w.add(key, operation(op))
	}
}

// operation writes what an operation says: interval=10s timeout=20s.
func operation(op *cibxml.Element) string {
	var parts []string
	if i := op.Get("interval"); i != "" && i != "0" && i != "0s" {
		parts = append(parts, "interval="+i)
	}
	for _, a := range build.OpAttrs {
		if v := op.Get(a); v != "" && a != "interval" {
			parts = append(parts, a+"="+v)
		}
	}
	inner := &writer{}
	for set := range op.Tags() {
		inner.set(setNames[set.Name], set)
	}
	for _, s := range inner.settings {
		parts = append(parts, strings.TrimPrefix(s.Key, "params.")+"="+s.Value)
	}
	if len(parts) == 0 {
		return "with defaults"
	}
	return strings.Join(parts, " ")
}

func (w *writer) resourceSet(n int, set *cibxml.Element) {
	key := "set " + strconv.Itoa(n)
	var ids []string
	for ref := range set.Tags("resource_ref") {
		ids = append(ids, ref.ID())
	}
	w.add(key+".resources", strings.Join(ids, " "))
	for _, a := range set.Attrs {
		if a.Name != "id" {
			w.add(key+"."+a.Name, a.Value)
		}
	}
}

func (w *writer) rule(prefix string, r *cibxml.Element) {
	text, ok := rule.Format(r)
	if !ok {
		text = r.Compact()
	}
	w.add(dotted(prefix, "rule"), text)
	for _, name := range []string{"score", "score-attribute", "role"} {
		w.add(dotted(prefix, "rule."+name), r.Get(name))
	}
}

// other writes elements that have no notation of their own, attribute by attribute.
func (w *writer) other(path string, e *cibxml.Element) {
	before := len(w.settings)
	for _, a := range e.Attrs {
		if a.Name != "id" {
			w.add(path+"."+a.Name, a.Value)
		}
	}
	for c := range e.Tags() {
		if prefix := setNames[c.Name]; prefix != "" {
			w.set(path+"."+prefix, c)
			continue
		}
		w.other(path+"."+label(c), c)
	}
	if len(w.settings) == before {
		w.add(path, "yes")
	}
}

func label(e *cibxml.Element) string {
	if id := e.ID(); id != "" {
		return e.Name + "[" + id + "]"
	}
	return e.Name
}
