package export

import (
	"slices"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/value"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/clusterfile/crm"
	"github.com/holdfast-ha/holdfast/clusterfile/option"
)

// stonith writes a fence device.
func (x *exporter) stonith(t *table, e *cibxml.Element) {
	x.only(e, "id", "class", "type", "description")
	t.header("[[stonith]]")
	t.text("id", e.ID())
	t.text("agent", e.Get("type"))
	t.optional("description", e, "description")
	driver := ""
	meta := x.set(e, "meta_attributes", option.Stonith)
	for i, a := range meta {
		if a.Name == "driver" {
			driver = a.Value
			meta = append(meta[:i:i], meta[i+1:]...)
			break
		}
	}
	if driver != "" {
		t.text("driver", driver)
	}
	t.table("params", x.params(e))
	t.table("meta", scalars(meta))
	x.operations(t, e)
	x.children(e, "instance_attributes", "meta_attributes", "operations")
}

// resource writes a primitive, a group or a clone of one of them.
func (x *exporter) resource(t *table, e *cibxml.Element) {
	switch e.Name {
	case "primitive":
		x.primitive(t, e, "", nil)
	case "group":
		x.group(t, e, nil)
	case "clone":
		x.only(e, "id")
		x.children(e, "primitive", "group", "meta_attributes")
		inner := 0
		for c := range e.Tags("primitive", "group") {
			if inner++; c.Name == "primitive" {
				x.primitive(t, c, "", e)
			} else {
				x.group(t, c, e)
			}
		}
		x.ok = x.ok && inner == 1
	default:
		x.ok = false
	}
}

// primitive writes a resource; group is the group that it is in, clone the clone around it.
func (x *exporter) primitive(t *table, e *cibxml.Element, group string, clone *cibxml.Element) {
	x.only(e, "id", "class", "provider", "type", "description")
	x.children(e, "instance_attributes", "meta_attributes", "operations", "utilization")
	x.ok = x.ok && e.Get("class") != "stonith" && e.Get("type") != ""
	agent := e.Get("class") + ":"
	if p := e.Get("provider"); p != "" {
		agent += p + ":"
	}
	t.header("[[resource]]")
	t.text("id", e.ID())
	t.text("agent", agent+e.Get("type"))
	if group != "" {
		t.text("group", group)
	}
	t.optional("description", e, "description")
	if clone != nil {
		x.clone(t, clone, e.ID())
	}
	t.table("params", x.params(e))
	t.table("meta", scalars(x.set(e, "meta_attributes", option.Resource)))
	t.table("utilization", scalars(x.numbers(e)))
	x.operations(t, e)
}

// group writes its own section only when there is more to say than its members.
func (x *exporter) group(t *table, e *cibxml.Element, clone *cibxml.Element) {
	x.only(e, "id", "description")
	x.children(e, "primitive", "meta_attributes")
	meta := x.set(e, "meta_attributes", option.Resource)
	if len(meta) > 0 || clone != nil || e.Get("description") != "" {
		t.header("[[group]]")
		t.text("id", e.ID())
		t.optional("description", e, "description")
		if clone != nil {
			x.clone(t, clone, e.ID())
		}
		t.table("meta", scalars(meta))
	}
	members := 0
	for p := range e.Tags("primitive") {
		x.primitive(t, p, e.ID(), nil)
		members++
	}
	x.ok = x.ok && members > 0
}

func (x *exporter) clone(t *table, clone *cibxml.Element, of string) {
	var pairs []pair
	if clone.ID() != of+"-clone" {
		pairs = append(pairs, pair{"id", Quote(clone.ID())})
	}
	pairs = append(pairs, scalars(x.set(clone, "meta_attributes", option.Clone))...)
	if len(pairs) == 0 {
		t.line("clone", "true")
		return
	}
	t.table("clone", pairs)
}

// set reads the one set of that kind; more than one, or options that the cluster file refuses, have no notation.
func (x *exporter) set(e *cibxml.Element, tag string, known option.Table) []cibxml.Attr {
	var list []cibxml.Attr
	sets := 0
	for s := range e.Tags(tag) {
		if len(s.Children) == 0 && s.Get("id-ref") == "" {
			continue
		}
		sets++
		list = append(list, x.pairs(s)...)
	}
	x.ok = x.ok && sets <= 1
	for _, p := range list {
		if known == nil {
			continue
		}
		if o := known.Find(p.Name); o == nil || o.Check(p.Value) != nil {
			x.ok = false
		}
	}
	return list
}

func (x *exporter) params(e *cibxml.Element) []pair {
	var pairs []pair
	for _, a := range x.set(e, "instance_attributes", nil) {
		file := ""
		if x.in.Secret != nil {
			file = x.in.Secret(e.ID(), a.Name, a.Value)
		}
		if file != "" {
			pairs = append(pairs, pair{Key(a.Name), "{ file = " + Quote(file) + " }"})
			continue
		}
		pairs = append(pairs, pair{Key(a.Name), Value(a.Value)})
	}
	return pairs
}

func (x *exporter) numbers(e *cibxml.Element) []cibxml.Attr {
	list := x.set(e, "utilization", nil)
	for _, a := range list {
		if Value(a.Value) == Quote(a.Value) || a.Value == "true" || a.Value == "false" {
			x.ok = false
		}
	}
	return list
}

// operations writes op.NAME for each name, in the order of the first of them.
func (x *exporter) operations(t *table, e *cibxml.Element) {
	byName := map[string][]string{}
	var names []string
	for list := range e.Tags("operations") {
		x.only(list, "id")
		x.children(list, "op")
		seen := map[string]bool{}
		for op := range list.Tags("op") {
			name := op.Get("name")
			if len(byName[name]) == 0 {
				names = append(names, name)
			}
			ms, err := value.Duration(op.Get("interval"))
			key := name + "/" + itoa(int(ms))
			recurring := err == nil && ms > 0
			x.ok = x.ok && err == nil && !seen[key] && recurring == (name == "monitor") && slices.Contains(crm.Actions, name)
			seen[key] = true
			byName[name] = append(byName[name], x.operation(op))
		}
	}
	for _, name := range names {
		if list := byName[name]; len(list) == 1 {
			t.line("op."+Key(name), list[0])
		} else {
			t.tables("op."+Key(name), list)
		}
	}
}

func (x *exporter) operation(op *cibxml.Element) string {
	x.children(op, "instance_attributes", "meta_attributes")
	var pairs []pair
	for _, a := range op.Attrs {
		switch {
		case a.Name == "id" || a.Name == "name":
		case a.Name == "interval" && (a.Value == "0s" || a.Value == "0"):
		default:
			if o := option.Operation.Find(a.Name); o == nil || o.Check(a.Value) != nil || a.Value == "" {
				x.ok = false
			}
			pairs = append(pairs, pair{Key(a.Name), Value(a.Value)})
		}
	}
	var params []cibxml.Attr
	for _, a := range x.set(op, "instance_attributes", nil) {
		if a.Name == "OCF_CHECK_LEVEL" {
			pairs = append(pairs, pair{a.Name, Value(a.Value)})
			continue
		}
		params = append(params, a)
	}
	if len(params) > 0 {
		pairs = append(pairs, pair{"params", inline(scalars(params))})
	}
	if meta := x.set(op, "meta_attributes", option.Operation); len(meta) > 0 {
		pairs = append(pairs, pair{"meta", inline(scalars(meta))})
	}
	return inline(pairs)
}

// sameID reports whether an element gets its id again when it is made without one.
func sameID(made, e *cibxml.Element) bool { return made.ID() == e.ID() }

func newIDs() *build.IDs { return build.NewIDs(nil) }
