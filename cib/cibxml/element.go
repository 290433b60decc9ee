// Package cibxml is the XML tree that a CIB is made of: parsing, serialising and searching it.
//
// The tree is not a general DOM. It keeps what a CIB keeps: elements with attributes in their order,
// comments, and (only when asked) text. Elements are values shared between documents: once an element is
// part of a tree that somebody else can see it must not change. Edits make new elements along the path
// from the root (see With), so that a reader never needs a lock or a copy.
package cibxml

import "slices"

// Kind tells what a node of the tree is.
type Kind uint8

const (
	// Tag is an element with a name, attributes and children.
	Tag Kind = iota
	// Comment has only Text, without the delimiters.
	Comment
	// Text is character data; present only when the document was parsed with KeepText.
	Text
	// CData is a CDATA section; kept always, as Pacemaker keeps it.
	CData
)

// Attr is one attribute. Its order within the element is significant for digests.
type Attr struct {
	Name  string
	Value string
}

// Element is one node of the tree. The zero value is an element without a name.
type Element struct {
	Name     string
	Attrs    []Attr
	Children []*Element
	Text     string // of a Comment, Text or CData node
	Kind     Kind
}

// New makes an element from alternating attribute names and values. It panics on an odd count, which is a
// mistake of the programmer.
func New(name string, nameValues ...string) *Element {
	if len(nameValues)%2 != 0 {
		panic("cibxml.New: odd number of attribute names and values for " + name)
	}
	e := &Element{Name: name}
	if len(nameValues) > 0 {
		e.Attrs = make([]Attr, 0, len(nameValues)/2)
	}
	for i := 0; i < len(nameValues); i += 2 {
		e.Attrs = append(e.Attrs, Attr{nameValues[i], nameValues[i+1]})
	}
	return e
}

// Get returns the attribute's value, "" when there is none.
func (e *Element) Get(name string) string {
	v, _ := e.Lookup(name)
	return v
}

// Lookup returns the attribute's value and whether it is present. A nil element has no attributes.
func (e *Element) Lookup(name string) (string, bool) {
	if e == nil {
		return "", false
	}
	for i := range e.Attrs {
		if e.Attrs[i].Name == name {
			return e.Attrs[i].Value, true
		}
	}
	return "", false
}

// ID is the attribute "id".
func (e *Element) ID() string { return e.Get("id") }

// IsTag reports whether the node is an element of that name.
func (e *Element) IsTag(name string) bool { return e.Kind == Tag && e.Name == name }

// Child returns the first child element of that name, nil when there is none. A nil receiver has no
// children, so that chains such as doc.Child("configuration").Child("nodes") need no checks in between.
func (e *Element) Child(name string) *Element {
	if e == nil {
		return nil
	}
	for _, c := range e.Children {
		if c.IsTag(name) {
			return c
		}
	}
	return nil
}

// Find returns the first child element with that name and id, nil when there is none.
func (e *Element) Find(name, id string) *Element {
	if e == nil {
		return nil
	}
	for _, c := range e.Children {
		if c.IsTag(name) && c.ID() == id {
			return c
		}
	}
	return nil
}

// Tags iterates over the child elements, skipping comments and text. With a name, only those elements.
func (e *Element) Tags(name ...string) func(yield func(*Element) bool) {
	return func(yield func(*Element) bool) {
		if e == nil {
			return
		}
		for _, c := range e.Children {
			if c.Kind != Tag || (len(name) > 0 && !slices.Contains(name, c.Name)) {
				continue
			}
			if !yield(c) {
				return
			}
		}
	}
}

// Walk visits e and everything below it in document order until visit returns false for an element, whose
// children are then skipped.
func (e *Element) Walk(visit func(*Element) bool) {
	if e == nil || !visit(e) {
		return
	}
	for _, c := range e.Children {
		c.Walk(visit)
	}
}

// Clone copies the element and everything below it. The copy may be edited in place until it is shared.
func (e *Element) Clone() *Element {
	if e == nil {
		return nil
	}
	c := *e
	c.Attrs = slices.Clone(e.Attrs)
	if e.Children != nil {
		c.Children = make([]*Element, len(e.Children))
		for i, k := range e.Children {
			c.Children[i] = k.Clone()
		}
	}
	return &c
}

// Set sets an attribute in place, appending it when it is new. Only for elements that are not shared yet.
func (e *Element) Set(name, value string) {
	for i := range e.Attrs {
		if e.Attrs[i].Name == name {
			e.Attrs[i].Value = value
			return
		}
	}
	e.Attrs = append(e.Attrs, Attr{name, value})
}

// Unset removes an attribute in place. Only for elements that are not shared yet.
func (e *Element) Unset(name string) {
	e.Attrs = slices.DeleteFunc(e.Attrs, func(a Attr) bool { return a.Name == name })
}

// Append adds children in place and returns e. Only for elements that are not shared yet.
func (e *Element) Append(children ...*Element) *Element {
	e.Children = append(e.Children, children...)
	return e
}

// WithAttr returns a copy of e with the attribute set; the children are shared.
func (e *Element) WithAttr(name, value string) *Element {
	c := *e
	c.Attrs = slices.Clone(e.Attrs)
	c.Set(name, value)
	return &c
}

// WithoutAttr returns a copy of e without the attribute; the children are shared.
func (e *Element) WithoutAttr(name string) *Element {
	c := *e
	c.Attrs = slices.Clone(e.Attrs)
	c.Unset(name)
	return &c
}

// WithChildren returns a copy of e with other children.
func (e *Element) WithChildren(children []*Element) *Element {
	c := *e
	c.Children = children
	return &c
}

// WithChild returns a copy of e in which the child old is replaced by repl. A nil old appends, a nil repl
// removes. The children are compared by identity.
func (e *Element) WithChild(old, repl *Element) *Element {
	c := *e
	switch {
	case old == nil:
		c.Children = append(slices.Clip(slices.Clone(e.Children)), repl)
	case repl == nil:
		c.Children = slices.DeleteFunc(slices.Clone(e.Children), func(k *Element) bool { return k == old })
	default:
		c.Children = slices.Clone(e.Children)
		if i := slices.Index(c.Children, old); i >= 0 {
			c.Children[i] = repl
		}
	}
	return &c
}

// Equal reports whether two trees are the same, the order of attributes included.
func (e *Element) Equal(o *Element) bool {
	if e == o {
		return true
	}
	if e == nil || o == nil || e.Kind != o.Kind || e.Name != o.Name || e.Text != o.Text ||
		!slices.Equal(e.Attrs, o.Attrs) || len(e.Children) != len(o.Children) {
		return false
	}
	for i := range e.Children {
		if !e.Children[i].Equal(o.Children[i]) {
			return false
		}
	}
	return true
}
