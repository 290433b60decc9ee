// Package xpath finds elements of a CIB by XPath 1.0 expressions.
//
// It is an engine of its own because the one library that was tried (antchfx/xpath) counts positions wrongly
// behind a chain of predicates, and a wrong match of "cibadmin --delete --xpath" removes the wrong resource.
// There are no variables and no namespaces; everything else of XPath 1.0 is here.
package xpath

import (
	"fmt"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// Match is an element that an expression found. An attribute, a comment or a text in the result stands for the
// element that it is in, as in Pacemaker.
type Match struct {
	Element *cibxml.Element
	// Path leads from the root of the document down to Element, both included.
	Path []*cibxml.Element
	// Attr is the name of the attribute that was found, "" when it was the element.
	Attr string
}

// Parent is the element above, nil for the root.
func (m Match) Parent() *cibxml.Element {
	if len(m.Path) < 2 {
		return nil
	}
	return m.Path[len(m.Path)-2]
}

// Location is where the element is, as cibxml.Location writes it.
func (m Match) Location() string { return cibxml.Location(m.Path) }

// Expr is a compiled expression. It may be used by several goroutines at once.
type Expr struct {
	root expr
	text string
}

// Compile parses an expression.
func Compile(text string) (*Expr, error) {
	e, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("XPath %q: %w", text, err)
	}
	return &Expr{e, text}, nil
}

// Select finds all matches in document order. A node that matches in several ways is listed once, but two
// attributes of one element make two matches with the same element. An expression whose value is no set of
// nodes matches nothing. The error is that the expression needs too much time.
func (x *Expr) Select(root *cibxml.Element) ([]Match, error) {
	v, err := x.eval(root, budget)
	set := asSet(v)
	matches := make([]Match, len(set))
	for i, n := range set {
		matches[i] = n.match()
	}
	return matches, err
}

// Evaluate gives the value of an expression: float64, string or bool. For a set of nodes it gives the text of
// the first, "" when the set is empty.
func (x *Expr) Evaluate(root *cibxml.Element) (any, error) {
	v, err := x.eval(root, budget)
	if s, ok := v.(nodeSet); ok {
		return toText(s), err
	}
	return v, err
}

func (x *Expr) eval(root *cibxml.Element, limit int) (v any, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case exhausted:
			v, err = nil, fmt.Errorf("XPath %q: gave up after %d nodes, make the expression more specific", x.text, limit)
		default:
			panic(r)
		}
	}()
	document := &place{elem: &cibxml.Element{Children: []*cibxml.Element{root}}}
	if root == nil {
		document.elem.Children = nil
	}
	return x.root.eval(&context{node: node{document, -1}, pos: 1, size: 1,
		run: &run{left: limit, absolute: map[*path]nodeSet{}}}), nil
}

// match turns a node into the element that stands for it.
func (n node) match() Match {
	at, attr := n.at, ""
	if n.isAttr() {
		attr = n.name()
	}
	if at.up == nil && len(at.elem.Children) > 0 {
		at = &place{at, at.elem.Children[0], 0, 1}
	}
	if at.elem.Kind != cibxml.Tag && at.depth > 1 {
		at = at.up
	}
	path := make([]*cibxml.Element, at.depth)
	for p := at; p.up != nil; p = p.up {
		path[p.depth-1] = p.elem
	}
	return Match{Element: at.elem, Path: path, Attr: attr}
}

// Find compiles an expression and selects what it finds.
func Find(root *cibxml.Element, text string) ([]Match, error) {
	x, err := Compile(text)
	if err != nil {
		return nil, err
	}
	return x.Select(root)
}
