package acl

import "github.com/holdfast-ha/holdfast/cib/cibxml"

// Filter returns the part of a document that the user may see, nil when that is nothing. Elements on the way
// to something readable stay, with nothing but their id. What may be seen whole is shared with the document.
func (a *Access) Filter(doc *cibxml.Element) *cibxml.Element {
	m := a.mark(doc)
	return m.filter(doc, false, m.tangled(doc))
}

// tangled finds the elements that a permission names somewhere below, or themselves.
func (m marks) tangled(doc *cibxml.Element) map[*cibxml.Element]bool {
	found := map[*cibxml.Element]bool{}
	var walk func(e *cibxml.Element) bool
	walk = func(e *cibxml.Element) bool {
		has := m[e] != 0
		for _, k := range e.Children {
			has = walk(k) || has
		}
		if has {
			found[e] = true
		}
		return has
	}
	walk(doc)
	return found
}

// filter cuts an element down to what is readable; readable is what holds for its parent.
func (m marks) filter(e *cibxml.Element, readable bool, tangled map[*cibxml.Element]bool) *cibxml.Element {
	if set := m[e]; set != 0 {
		readable = set&(1<<Denied) == 0
	}
	if !tangled[e] {
		if readable {
			return e
		}
		return nil
	}
	c := *e
	c.Children = nil
	for _, k := range e.Children {
		if below := m.filter(k, readable, tangled); below != nil {
			c.Children = append(c.Children, below)
		}
	}
	if readable {
		return &c
	}
	if len(c.Children) == 0 {
		return nil
	}
	c.Attrs = nil
	if id, ok := e.Lookup("id"); ok {
		c.Attrs = []cibxml.Attr{{Name: "id", Value: id}}
	}
	return &c
}
