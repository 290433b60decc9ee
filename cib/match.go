package cib

import (
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// find searches the last element of a path and everything below it, depth first, and returns the path to the
// first match; nil when there is none.
func (d *draft) find(path []*cibxml.Element, match func(*cibxml.Element) bool) []*cibxml.Element {
	e := d.current(path[len(path)-1])
	if e.Kind != cibxml.Tag {
		return nil
	}
	if match(e) {
		return path
	}
	for _, c := range e.Children {
		if p := d.find(append(path, c), match); p != nil {
			return p
		}
	}
	return nil
}

// findBelow is find without the element itself.
func (d *draft) findBelow(path []*cibxml.Element, match func(*cibxml.Element) bool) []*cibxml.Element {
	top := d.current(path[len(path)-1])
	return d.find(path, func(e *cibxml.Element) bool { return e != top && match(e) })
}

// sameObject is the target of a modify: the same name, and the same id or none in both.
func sameObject(input *cibxml.Element) func(*cibxml.Element) bool {
	id, hasID := input.Lookup("id")
	return func(e *cibxml.Element) bool {
		v, ok := e.Lookup("id")
		return e.Name == input.Name && ok == hasID && v == id
	}
}

// replaceable is the target of a replace: the same name, and the same id where the input has one.
func replaceable(input *cibxml.Element) func(*cibxml.Element) bool {
	id, hasID := input.Lookup("id")
	return func(e *cibxml.Element) bool {
		v, ok := e.Lookup("id")
		return e.Name == input.Name && (!hasID || ok && v == id)
	}
}

// deletable is the target of a delete: replaceable, with every attribute of the input equal but for case.
func deletable(input *cibxml.Element) func(*cibxml.Element) bool {
	fits := replaceable(input)
	return func(e *cibxml.Element) bool {
		return fits(e) && !slices.ContainsFunc(input.Attrs, func(a cibxml.Attr) bool {
			v, ok := e.Lookup(a.Name)
			return !ok || !strings.EqualFold(v, a.Value)
		})
	}
}

// childLike is the child that a merge writes into: by name and id, else by name and id-ref, else the first of
// that name; nil when there is none. Comments are found by their text, without regard to case.
func childLike(parent, input *cibxml.Element) *cibxml.Element {
	attr := ""
	value := ""
	for _, name := range []string{"id", "id-ref"} {
		if v, ok := input.Lookup(name); ok {
			attr, value = name, v
			break
		}
	}
	for _, c := range parent.Children {
		if c.Kind != input.Kind || c.Name != input.Name {
			continue
		}
		if c.Kind != cibxml.Tag {
			if strings.EqualFold(c.Text, input.Text) {
				return c
			}
			continue
		}
		if v, ok := c.Lookup(attr); attr == "" || ok && v == value {
			return c
		}
	}
	return nil
}

// merge writes the attributes of the input into the last element of the path, and its children into the
// children there, adding what is missing. Nothing is removed.
func (d *draft) merge(path []*cibxml.Element, input *cibxml.Element) {
	target := d.current(path[len(path)-1])
	for _, a := range input.Attrs {
		old, had := target.Lookup(a.Name)
		v := expand(a.Name, old, a.Value)
		if had && v == old {
			continue
		}
		if path = d.edit(path); path == nil {
			return
		}
		target = path[len(path)-1]
		target.Set(a.Name, v)
	}
	for _, c := range input.Children {
		into := childLike(d.current(target), c)
		switch {
		case c.Kind != cibxml.Tag:
			if into == nil {
				d.append(path, c)
			}
		case into != nil:
			d.merge(append(slices.Clip(path), into), c)
		default:
			d.merge(d.add(path, c.Name), c)
		}
	}
}
