package schema

import "slices"

// attr is an attribute that an element may have.
type attr struct {
	name string
	kind
	must bool
	span
}

// must is an attribute that has to be there.
func must(name string, k kind) attr { return attr{name, k, true, always} }

// may is an attribute that can be there.
func may(name string, k kind) attr { return attr{name, k, false, always} }

func (a attr) since(v version) attr { a.span = a.span.and(span{v, v39}); return a }
func (a attr) until(v version) attr { a.span = a.span.and(span{v10, v}); return a }

// kids are children of which there may be min to max together, of any of the tags.
type kids struct {
	tags     []tag
	min, max int
	span
	// place orders the children of an element that cares for their order.
	place int
}

// tag is the name of a child and the name of the rules for it.
type tag struct {
	name, shape string
	span
}

// many is the count without a limit.
const many = 1 << 30

// a makes a child that stands for the rules of its own name.
func a(name string) tag { return tag{name, name, always} }

// as makes a child for which other rules hold than those of its name.
func as(name, shape string) tag { return tag{name, shape, always} }

func (t tag) since(v version) tag { t.span = t.span.and(span{v, v39}); return t }
func (t tag) until(v version) tag { t.span = t.span.and(span{v10, v}); return t }

func anyOf(tags ...tag) kids    { return kids{tags, 0, many, always, 0} }
func someOf(tags ...tag) kids   { return kids{tags, 1, many, always, 0} }
func oneOfThe(tags ...tag) kids { return kids{tags, 1, 1, always, 0} }
func maybe(tags ...tag) kids    { return kids{tags, 0, 1, always, 0} }

func (k kids) since(v version) kids { k.span = k.span.and(span{v, v39}); return k }
func (k kids) until(v version) kids { k.span = k.span.and(span{v10, v}); return k }
func (k kids) at(place int) kids    { k.place = place; return k }

// form is a set of attributes and children that go together.
type form struct {
	attrs []attr
	kids  []kids
	span
}

// shape is the rules for an element. Of each choice exactly one form holds, beside the form that always does.
type shape struct {
	form
	choices [][]form
	// ordered are the versions in which the children must stand in the order of their places.
	ordered span
	// free elements may contain whatever they like.
	free bool

	forms    []form // all combinations of the choices
	children map[string][]tag
	naming   []attr // the attributes that are ids or references
}

// with is a form; attributes, children and a span in any order.
func with(parts ...any) form {
	f := form{span: always}
	for _, p := range parts {
		switch p := p.(type) {
		case attr:
			f.attrs = append(f.attrs, p)
		case kids:
			f.kids = append(f.kids, p)
		case span:
			f.span = p
		case form:
			f = f.plus(p)
		default:
			panic("schema.with: neither attribute, children, form nor span")
		}
	}
	return f
}

func (f form) plus(o form) form {
	return form{slices.Concat(f.attrs, o.attrs), slices.Concat(f.kids, o.kids), f.span.and(o.span)}
}

// element makes the rules for an element from what always holds and from choices.
func element(base form, choices ...[]form) *shape {
	s := &shape{form: base, choices: choices, ordered: span{v39, v10}, children: map[string][]tag{}}
	s.forms = []form{base}
	for _, c := range choices {
		var combined []form
		for _, f := range s.forms {
			for _, one := range c {
				combined = append(combined, f.plus(one))
			}
		}
		s.forms = combined
	}
	for _, f := range s.forms {
		for _, at := range f.attrs {
			if at.id || at.ref {
				at.span = at.span.and(f.span)
				s.naming = append(s.naming, at)
			}
		}
		for _, k := range f.kids {
			for _, t := range k.tags {
				t.span = t.span.and(k.span)
				if !slices.Contains(s.children[t.name], t) {
					s.children[t.name] = append(s.children[t.name], t)
				}
			}
		}
	}
	return s
}

// either is a choice.
func either(forms ...form) []form { return forms }

// inOrder makes the order of the children matter in these versions.
func (s *shape) inOrder(in span) *shape {
	s.ordered = in
	return s
}

func since(v version) span { return span{v, v39} }
func until(v version) span { return span{v10, v} }
