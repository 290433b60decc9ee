package build

import "github.com/holdfast-ha/holdfast/cib/cibxml"

// Primitive is a resource of its own.
type Primitive struct {
	ID                      string
	Class, Provider, Type   string
	Description             string
	Params, Meta, Utilities []Pair // Utilities are the utilization
	Ops                     []Op
}

// Op is an operation of a resource.
type Op struct {
	Name string
	// Attrs are interval, timeout, role, on-fail, ...; without an interval it is 0s.
	Attrs        []Pair
	Params, Meta []Pair
}

// OpAttrs are the attributes of an operation in the order in which they are written.
var OpAttrs = []string{"interval", "timeout", "role", "on-fail", "enabled", "record-pending", "start-delay", "interval-origin", "description"}

// Element makes the element of the primitive.
func (p Primitive) Element() *cibxml.Element {
	e := cibxml.New("primitive", "id", p.ID, "class", p.Class)
	if p.Provider != "" {
		e.Set("provider", p.Provider)
	}
	e.Set("type", p.Type)
	if p.Description != "" {
		e.Set("description", p.Description)
	}
	appendSet(e, "instance_attributes", p.ID+"-instance_attributes", p.Params)
	appendSet(e, "meta_attributes", p.ID+"-meta_attributes", p.Meta)
	if len(p.Ops) > 0 {
		e.Append(Operations(p.ID, p.Ops))
	}
	appendSet(e, "utilization", p.ID+"-utilization", p.Utilities)
	return e
}

// Operations makes the element with a resource's operations, in the order given.
func Operations(rsc string, ops []Op) *cibxml.Element {
	list := cibxml.New("operations")
	ids := NewIDs(nil)
	for _, op := range ops {
		list.Append(op.element(rsc, ids))
	}
	return list
}

func (o Op) element(rsc string, ids *IDs) *cibxml.Element {
	interval := Get(o.Attrs, "interval")
	if interval == "" {
		interval = "0s"
	}
	id := ids.New(rsc + "-" + o.Name + "-interval-" + interval)
	e := cibxml.New("op", "id", id, "name", o.Name, "interval", interval)
	for _, name := range OpAttrs[1:] {
		if v := Get(o.Attrs, name); v != "" {
			e.Set(name, v)
		}
	}
	appendSet(e, "instance_attributes", id+"-instance_attributes", o.Params)
	appendSet(e, "meta_attributes", id+"-meta_attributes", o.Meta)
	return e
}

// Group makes a group of primitives that start one after the other on one node.
func Group(id, description string, meta []Pair, members ...*cibxml.Element) *cibxml.Element {
	e := cibxml.New("group", "id", id)
	if description != "" {
		e.Set("description", description)
	}
	e.Append(members...)
	appendSet(e, "meta_attributes", id+"-meta_attributes", meta)
	return e
}

// Clone makes a clone of a primitive or a group.
func Clone(id string, meta []Pair, of *cibxml.Element) *cibxml.Element {
	e := cibxml.New("clone", "id", id).Append(of)
	appendSet(e, "meta_attributes", id+"-meta_attributes", meta)
	return e
}
