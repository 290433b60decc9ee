package xpath

import (
	"math"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// budget bounds the nodes that one evaluation may visit, so that "//*//*//*" on a large CIB ends in an error
// and not in minutes of silence.
const budget = 20_000_000

// context is what an expression is evaluated in.
type context struct {
	node node
	pos  int // from 1
	size int
	*run
}

// run is what all contexts of one evaluation share.
type run struct {
	left int // of the budget
	// absolute remembers the value of absolute paths: they do not depend on the context, and predicates such
	// as [@id=//rsc_location/@rsc] ask for them again for each node.
	absolute map[*path]nodeSet
}

// exhausted is thrown when the budget is used up; Select and Evaluate catch it.
type exhausted struct{}

func (c *context) spend() {
	if c.left--; c.left < 0 {
		panic(exhausted{})
	}
}

// expr is a parsed expression. Its value is a nodeSet, float64, string or bool.
type expr interface {
	eval(c *context) any
}

// nodeSet is in document order, without duplicates, unless it is the raw result of a reverse axis.
type nodeSet []node

type number float64

func (n number) eval(*context) any { return float64(n) }

type literal string

func (l literal) eval(*context) any { return string(l) }

type union struct{ parts []expr }

func (u *union) eval(c *context) any {
	var all nodeSet
	for _, p := range u.parts {
		all = append(all, asSet(p.eval(c))...)
	}
	return sorted(all)
}

// filter is a primary expression with predicates, such as (//primitive)[1].
type filter struct {
	from       expr
	predicates []expr
}

func (f *filter) eval(c *context) any {
	set := asSet(f.from.eval(c))
	for _, p := range f.predicates {
		set = c.keep(slices.Clone(set), p)
	}
	return set
}

// keep filters a set, whose order is that of its axis, by a predicate. It works in place.
func (c *context) keep(set nodeSet, predicate expr) nodeSet {
	inner := context{size: len(set), run: c.run}
	kept := set[:0]
	for i, n := range set {
		inner.node, inner.pos = n, i+1
		v := predicate.eval(&inner)
		if f, ok := v.(float64); ok && f == float64(i+1) || !ok && toBool(v) {
			kept = append(kept, n)
		}
	}
	return kept
}

// path is a location path; from is nil when it starts at the context node.
type path struct {
	from     expr
	absolute bool
	steps    []*step
}

type step struct {
	axis       string
	test       test
	predicates []expr
}

// test is a node test: a kind (node, text, comment), or a name of the axis' principal kind, "*" for any.
type test struct {
	kind string
	name string
}

// add appends a step. "//x" means descendant-or-self::node()/child::x, which is the same as descendant::x
// and much cheaper that way, unless a predicate counts positions among the siblings.
func (p *path) add(s *step) {
	if n := len(p.steps); n > 0 && s.axis == "child" && !slices.ContainsFunc(s.predicates, positional) {
		last := p.steps[n-1]
		if last.axis == "descendant-or-self" && last.test.kind == "node" && len(last.predicates) == 0 {
			merged := *s
			merged.axis = "descendant"
			p.steps[n-1] = &merged
			return
		}
	}
	p.steps = append(p.steps, s)
}

// positional reports whether a predicate may depend on the position of the node.
func positional(e expr) bool {
	switch e := e.(type) {
	case number:
		return true
	case literal:
		return false
	case *binary:
		return e.arithmetic() || usesPosition(e)
	case *call:
		return e.fn.number || usesPosition(e)
	}
	return usesPosition(e)
}

// usesPosition looks for position() and last(), also where they belong to an inner predicate.
func usesPosition(e expr) bool {
	switch e := e.(type) {
	case *binary:
		return usesPosition(e.left) || usesPosition(e.right)
	case *call:
		return e.name == "position" || e.name == "last" || slices.ContainsFunc(e.args, usesPosition)
	case *union:
		return slices.ContainsFunc(e.parts, usesPosition)
	case *filter:
		return usesPosition(e.from) || slices.ContainsFunc(e.predicates, usesPosition)
	case *path:
		return e.from != nil && usesPosition(e.from)
	}
	return false
}

func (p *path) eval(c *context) any {
	if p.from != nil || !p.absolute {
		return p.walk(c)
	}
	set, ok := c.absolute[p]
	if !ok {
		set = p.walk(c)
		c.absolute[p] = set
	}
	return set
}

func (p *path) walk(c *context) nodeSet {
	var set nodeSet
	switch {
	case p.from != nil:
		set = asSet(p.from.eval(c))
	case p.absolute:
		at := c.node.at
		for at.up != nil {
			at = at.up
		}
		set = nodeSet{{at, -1}}
	default:
		set = nodeSet{c.node}
	}
	for _, s := range p.steps {
		set = s.apply(c, set)
	}
	return set
}

func (s *step) apply(c *context, from nodeSet) nodeSet {
	walk := axes[s.axis]
	var all nodeSet
	for _, n := range from {
		start := len(all)
		walk(c, n, func(hit node) {
			if s.test.matches(hit, s.axis) {
				all = append(all, hit)
			}
		})
		for _, p := range s.predicates {
			all = all[:start+len(c.keep(all[start:], p))]
		}
	}
	return sorted(all)
}

func (t test) matches(n node, axis string) bool {
	kind := n.at.elem.Kind
	switch t.kind {
	case "node":
		return true
	case "text":
		return !n.isAttr() && (kind == cibxml.Text || kind == cibxml.CData)
	case "comment":
		return !n.isAttr() && kind == cibxml.Comment
	case "processing-instruction":
		return false
	}
	if n.isAttr() != (axis == "attribute") || !n.isAttr() && (kind != cibxml.Tag || n.isDocument()) {
		return false
	}
	return t.name == "*" || t.name == n.name() ||
		strings.HasSuffix(t.name, ":*") && strings.HasPrefix(n.name(), t.name[:len(t.name)-1])
}

// sorted puts a set into document order and removes what is in it twice. Most sets are in order already.
func sorted(set nodeSet) nodeSet {
	for i := 1; i < len(set); i++ {
		if compare(set[i-1], set[i]) >= 0 {
			slices.SortStableFunc(set, compare)
			return slices.CompactFunc(set, func(a, b node) bool { return compare(a, b) == 0 })
		}
	}
	return set
}

type binary struct {
	op          string
	left, right expr
}

func (b *binary) arithmetic() bool { return strings.Contains("+ - * div mod", b.op) }

func (b *binary) eval(c *context) any {
	switch b.op {
	case "or":
		return toBool(b.left.eval(c)) || toBool(b.right.eval(c))
	case "and":
		return toBool(b.left.eval(c)) && toBool(b.right.eval(c))
	}
	l, r := b.left.eval(c), b.right.eval(c)
	if !b.arithmetic() {
		return related(b.op, l, r)
	}
	x, y := toNumber(l), toNumber(r)
	switch b.op {
	case "+":
		return x + y
	case "-":
		return x - y
	case "*":
		return x * y
	case "div":
		return x / y
	}
	return math.Mod(x, y)
}
