package merge

import (
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// sortAttrs sorts the attributes of an element and of all below it, in place.
func sortAttrs(e *cibxml.Element) {
	e.Walk(func(x *cibxml.Element) bool {
		slices.SortFunc(x.Attrs, func(a, b cibxml.Attr) int { return strings.Compare(a.Name, b.Name) })
		return true
	})
}

func contains(list []string, s string) bool { return slices.Contains(list, s) }

// arranged puts the children of an element into the order of the live one, whose order says nothing except for
// members of groups and sets: those come in the order that they have in children.
func arranged(live *cibxml.Element, children []*cibxml.Element) []*cibxml.Element {
	placed := make([]bool, len(children))
	var out []*cibxml.Element
	take := func(fits func(c *cibxml.Element) bool) {
		for i, c := range children {
			if !placed[i] && fits(c) {
				placed[i] = true
				out = append(out, c)
				return
			}
		}
	}
	for l := range live.Tags() {
		if member(l) {
			take(member)
			continue
		}
		take(func(c *cibxml.Element) bool { return c.Name == l.Name && c.ID() == l.ID() })
	}
	for i, c := range children {
		if !placed[i] {
			out = append(out, c)
		}
	}
	return out
}

// member reports whether an element's place among its siblings matters.
func member(e *cibxml.Element) bool {
	switch e.Name {
	case "primitive", "group", "resource_set", "rule", "recipient", "obj_ref", "acl_permission":
		return true
	}
	return false
}
