package xpath

import (
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// place is one step of the way from the document node down to a node. Elements know no parent, so an
// evaluation remembers how it came to them. Places are never changed.
type place struct {
	up    *place // nil for the document node
	elem  *cibxml.Element
	index int // among up.elem.Children
	depth int // 0 for the document node, 1 for the root element
}

// node is a node of the document: what is at the place, or one of its attributes.
type node struct {
	at   *place
	attr int // index of the attribute, -1 for the element, comment or text itself
}

func (n node) isAttr() bool     { return n.attr >= 0 }
func (n node) isDocument() bool { return n.at.up == nil }

// parent is the node above one that is neither an attribute nor the document.
func (n node) parent() node { return node{n.at.up, -1} }

// name is "" for what has none.
func (n node) name() string {
	if n.isAttr() {
		return n.at.elem.Attrs[n.attr].Name
	}
	return n.at.elem.Name
}

// text is the string-value of XPath 1.0 §5.
func (n node) text() string {
	if n.isAttr() {
		return n.at.elem.Attrs[n.attr].Value
	}
	if n.at.elem.Kind != cibxml.Tag {
		return n.at.elem.Text
	}
	var b strings.Builder
	n.at.elem.Walk(func(e *cibxml.Element) bool {
		if e.Kind == cibxml.Text || e.Kind == cibxml.CData {
			b.WriteString(e.Text)
		}
		return true
	})
	return b.String()
}

// compare orders nodes as they are in the document, an element before its attributes and these before its
// children. It is 0 for the same node.
func compare(m, n node) int {
	a, b := m.at, n.at
	for a.depth > b.depth {
		a = a.up
	}
	for b.depth > a.depth {
		b = b.up
	}
	if same(a, b) {
		if m.at.depth != n.at.depth {
			return m.at.depth - n.at.depth
		}
		return m.attr - n.attr
	}
	for !same(a.up, b.up) {
		a, b = a.up, b.up
	}
	return a.index - b.index
}

// same reports whether two places of equal depth are one.
func same(a, b *place) bool {
	for a != b {
		if a == nil || b == nil || a.index != b.index {
			return false
		}
		a, b = a.up, b.up
	}
	return true
}

// axes are the ways to go from a node; each visits in the axis' own order. Attributes have no children and no
// siblings.
var axes = map[string]func(c *context, n node, visit func(node)){
	"self":   func(_ *context, n node, visit func(node)) { visit(n) },
	"child":  func(c *context, n node, visit func(node)) { c.children(n, visit) },
	"parent": func(_ *context, n node, visit func(node)) { upward(n, 1, visit) },
	"ancestor": func(_ *context, n node, visit func(node)) {
		upward(n, n.at.depth+1, visit)
	},
	"ancestor-or-self": func(_ *context, n node, visit func(node)) {
		visit(n)
		upward(n, n.at.depth+1, visit)
	},
	"descendant": func(c *context, n node, visit func(node)) { c.below(n, visit) },
	"descendant-or-self": func(c *context, n node, visit func(node)) {
		visit(n)
		c.below(n, visit)
	},
	"attribute": func(_ *context, n node, visit func(node)) {
		if !n.isAttr() {
			for i := range n.at.elem.Attrs {
				visit(node{n.at, i})
			}
		}
	},
	"following-sibling": func(c *context, n node, visit func(node)) { c.siblings(n, 1, visit) },
	"preceding-sibling": func(c *context, n node, visit func(node)) { c.siblings(n, -1, visit) },
	"following": func(c *context, n node, visit func(node)) {
		if n.isAttr() {
			n = node{n.at, -1}
			c.below(n, visit)
		}
		for ; !n.isDocument(); n = n.parent() {
			c.siblings(n, 1, func(s node) { visit(s); c.below(s, visit) })
		}
	},
	"preceding": func(c *context, n node, visit func(node)) {
		for n.attr = -1; !n.isDocument(); n = n.parent() {
			c.siblings(n, -1, func(s node) {
				var all []node
				c.below(s, func(d node) { all = append(all, d) })
				for i := len(all) - 1; i >= 0; i-- {
					visit(all[i])
				}
				visit(s)
			})
		}
	},
	"namespace": func(*context, node, func(node)) {},
}

// upward visits up to n nodes above.
func upward(from node, n int, visit func(node)) {
	at := from.at
	if from.isAttr() {
		visit(node{at, -1})
		n--
	}
	for ; n > 0 && at.up != nil; n-- {
		at = at.up
		visit(node{at, -1})
	}
}

func (c *context) children(n node, visit func(node)) {
	if n.isAttr() {
		return
	}
	for i, k := range n.at.elem.Children {
		c.spend()
		visit(node{&place{n.at, k, i, n.at.depth + 1}, -1})
	}
}

func (c *context) below(n node, visit func(node)) {
	c.children(n, func(k node) {
		visit(k)
		c.below(k, visit)
	})
}

func (c *context) siblings(n node, step int, visit func(node)) {
	if n.isAttr() || n.isDocument() {
		return
	}
	all := n.at.up.elem.Children
	for i := n.at.index + step; i >= 0 && i < len(all); i += step {
		c.spend()
		visit(node{&place{n.at.up, all[i], i, n.at.depth}, -1})
	}
}
