package schema

import (
	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// named calls fn for every attribute of an element whose value is an id or a reference to one.
func (c *checker) named(s *shape, e *cibxml.Element, fn func(a *attr, value string)) {
	for i := range e.Attrs {
		for j := range s.naming {
			if a := &s.naming[j]; a.name == e.Attrs[i].Name && a.has(c.version) {
				fn(a, collapse(e.Attrs[i].Value))
				break
			}
		}
	}
}

// count adds an element's own ids and references to the balance.
func (c *checker) count(s *shape, e *cibxml.Element, by int) {
	if c.balance == nil {
		return
	}
	c.named(s, e, func(a *attr, value string) {
		if a.ref {
			value = "\x00" + value
		}
		c.balance[value] += by
	})
}

// countAll counts a child of an element with rules s, and everything below.
func (c *checker) countAll(s *shape, k *cibxml.Element, by int) {
	t, ok := s.child(k, c.version)
	if !ok || shapes[t.shape].free {
		return
	}
	c.count(shapes[t.shape], k, by)
	for _, below := range k.Children {
		c.countAll(shapes[t.shape], below, by)
	}
}

// idsChanged reports whether the ids and references of the document are others than before.
func (c *checker) idsChanged() bool {
	for _, n := range c.balance {
		if n != 0 {
			return true
		}
	}
	return false
}

// crossReferences finds ids that occur twice and references that lead nowhere.
func (c *checker) crossReferences(doc *cibxml.Element) {
	ids := map[string]bool{}
	type reference struct {
		path  []*cibxml.Element
		attr  string
		value string
	}
	var refs []reference
	var visit func(s *shape, e *cibxml.Element)
	visit = func(s *shape, e *cibxml.Element) {
		c.path = append(c.path, e)
		c.named(s, e, func(a *attr, value string) {
			switch {
			case a.ref:
				refs = append(refs, reference{append([]*cibxml.Element(nil), c.path...), a.name, value})
			case ids[value]:
				c.report("id %q occurs more than once in the document", value)
			}
			if a.id {
				ids[value] = true
			}
		})
		for _, k := range e.Children {
			if t, ok := s.child(k, c.version); ok && !shapes[t.shape].free {
				visit(shapes[t.shape], k)
			}
		}
		c.path = c.path[:len(c.path)-1]
	}
	visit(shapes["cib"], doc)
	for _, r := range refs {
		if !ids[r.value] {
			c.path = r.path
			c.report("attribute %s refers to %q, which is the id of nothing", r.attr, r.value)
		}
	}
}
