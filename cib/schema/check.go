package schema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// Problem is one thing that is not as the schema wants it.
type Problem struct {
	// Path is where the element is, as cibxml.Location writes it.
	Path string
	// Element names it: <nvpair id="x">.
	Element string
	// Msg says what is wrong and what would be right.
	Msg string
}

func (p Problem) String() string { return p.Element + ": " + p.Msg }

// maxProblems bounds how many problems are reported; the first ones are what a person reads.
const maxProblems = 50

// Check finds what is wrong with a document by the schema that its validate-with names; without that, or with
// "none", nothing is. old may be nil; otherwise it is a document that is known to be right, and what the new
// one shares with it is not looked at again. Status is free of rules.
func Check(old, doc *cibxml.Element) []Problem {
	name, given := doc.Lookup("validate-with")
	if !given || name == None {
		return nil
	}
	v, ok := versionOf(name)
	if !ok {
		c := &checker{}
		c.path = append(c.path, doc)
		if slices.Contains(ancient, name) {
			c.report("schema %s is too old to be checked: upgrade the CIB to %s (cibadmin --upgrade)", name, Newest)
		} else {
			c.report("validate-with is %q, which is no schema (allowed: %s)", name, strings.Join(Names(), ", "))
		}
		return c.problems
	}
	if old != nil && old.Get("validate-with") != name {
		old = nil
	}
	c := &checker{version: v}
	if doc.Name != "cib" {
		c.path = append(c.path, doc)
		c.report("the document must be a <cib>")
		return c.problems
	}
	if old != nil {
		c.balance = map[string]int{}
	}
	c.check(shapes["cib"], old, doc)
	if len(c.problems) == 0 && (old == nil || c.idsChanged()) {
		c.crossReferences(doc)
	}
	return c.problems
}

// checker goes through a document.
type checker struct {
	version  version
	path     []*cibxml.Element
	problems []Problem
	// balance counts the ids and references that came, less those that went; nil when there is no old document.
	balance map[string]int
}

func (c *checker) report(format string, args ...any) {
	if len(c.problems) >= maxProblems {
		return
	}
	e := c.path[len(c.path)-1]
	c.problems = append(c.problems, Problem{cibxml.Location(c.path), label(e), fmt.Sprintf(format, args...)})
}

func label(e *cibxml.Element) string {
	if id := e.ID(); id != "" {
		return fmt.Sprintf("<%s id=%q>", e.Name, id)
	}
	return "<" + e.Name + ">"
}

// check applies the rules to an element and to what it does not share with the old one, which may be nil.
func (c *checker) check(s *shape, old, e *cibxml.Element) {
	if s.free {
		return
	}
	c.path = append(c.path, e)
	c.own(s, e)
	c.count(s, e, 1)
	var before []*cibxml.Element
	if old != nil {
		c.count(s, old, -1)
		before = old.Children
	}
	first, counterparts, lost := align(before, e.Children)
	for i, o := range counterparts {
		k := e.Children[first+i]
		if t, ok := s.child(k, c.version); ok && o != k {
			c.check(shapes[t.shape], o, k)
		}
	}
	for _, o := range lost {
		c.countAll(s, o, -1)
	}
	c.path = c.path[:len(c.path)-1]
}

// child finds the rules for a child; there are none for what does not belong there.
func (s *shape) child(k *cibxml.Element, v version) (tag, bool) {
	if k.Kind != cibxml.Tag {
		return tag{}, false
	}
	for _, t := range s.children[k.Name] {
		if t.has(v) {
			return t, true
		}
	}
	return tag{}, false
}

// align finds for each new child, from the first that differs to the last, what was there before: the same
// element, the one with its name and id, or nil. Lost is what has no successor.
func align(old, new []*cibxml.Element) (first int, counterparts, lost []*cibxml.Element) {
	for first < len(old) && first < len(new) && old[first] == new[first] {
		first++
	}
	o, n := old[first:], new[first:]
	for len(o) > 0 && len(n) > 0 && o[len(o)-1] == n[len(n)-1] {
		o, n = o[:len(o)-1], n[:len(n)-1]
	}
	counterparts = make([]*cibxml.Element, len(n))
	if len(o) == 0 {
		return first, counterparts, nil
	}
	left := make(map[*cibxml.Element]bool, len(o))
	byName := make(map[string]*cibxml.Element, len(o))
	for _, e := range o {
		left[e] = true
		byName[e.Name+"\x00"+e.ID()] = e
	}
	for i, e := range n {
		if left[e] {
			counterparts[i] = e
			delete(left, e)
		}
	}
	for i, e := range n {
		if was := byName[e.Name+"\x00"+e.ID()]; counterparts[i] == nil && left[was] {
			counterparts[i] = was
			delete(left, was)
		}
	}
	for _, e := range o {
		if left[e] {
			lost = append(lost, e)
		}
	}
	return first, counterparts, lost
}
