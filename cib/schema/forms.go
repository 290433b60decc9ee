package schema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// own checks the attributes of an element and which children it has. When no form fits, what is wrong by the
// one that fits best is reported.
func (c *checker) own(s *shape, e *cibxml.Element) {
	var best []string
	for i := range s.forms {
		f := &s.forms[i]
		if !f.has(c.version) {
			continue
		}
		problems := slices.Concat(c.attributes(f, e), c.children(s, f, e))
		if len(problems) == 0 {
			return
		}
		if best == nil || len(problems) < len(best) {
			best = problems
		}
	}
	for _, p := range best {
		c.report("%s", p)
	}
}

// attributes checks the attributes of an element against one form.
func (c *checker) attributes(f *form, e *cibxml.Element) (problems []string) {
	for _, have := range e.Attrs {
		i := slices.IndexFunc(f.attrs, func(a attr) bool { return a.name == have.Name && a.has(c.version) })
		switch {
		case i < 0:
			problems = append(problems, fmt.Sprintf("attribute %s is not allowed (allowed: %s)", have.Name, c.attrNames(f)))
		case !f.attrs[i].accepts(have.Value, c.version):
			allowed := f.attrs[i].describe(c.version)
			if allowed == "" {
				allowed = "other values"
			}
			problems = append(problems, fmt.Sprintf("attribute %s is %q (allowed: %s)", have.Name, have.Value, allowed))
		}
	}
	for _, a := range f.attrs {
		if a.must && a.has(c.version) {
			if _, ok := e.Lookup(a.name); !ok {
				problems = append(problems, fmt.Sprintf("attribute %s is missing", a.name))
			}
		}
	}
	return problems
}

func (c *checker) attrNames(f *form) string {
	var list []string
	for _, a := range f.attrs {
		if a.has(c.version) {
			list = append(list, a.name)
		}
	}
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

// children checks which children an element has, how many and in which order, against one form.
func (c *checker) children(s *shape, f *form, e *cibxml.Element) (problems []string) {
	counts := make([]int, len(f.kids))
	place, last := 0, ""
	for _, k := range e.Children {
		switch k.Kind {
		case cibxml.Comment:
			continue
		case cibxml.Text, cibxml.CData:
			if strings.TrimSpace(k.Text) != "" {
				problems = append(problems, "text is not allowed here")
			}
			continue
		}
		i := slices.IndexFunc(f.kids, func(g kids) bool { return g.has(c.version) && g.knows(k.Name, c.version) })
		if i < 0 {
			problems = append(problems, fmt.Sprintf("<%s> is not allowed here (allowed: %s)", k.Name, c.kidNames(f)))
			continue
		}
		counts[i]++
		if at := f.kids[i].place; at < place && s.ordered.has(c.version) {
			problems = append(problems, fmt.Sprintf("<%s> must stand before <%s>", k.Name, last))
		} else {
			place, last = at, k.Name
		}
	}
	for i, g := range f.kids {
		switch {
		case !g.has(c.version):
		case counts[i] < g.min:
			problems = append(problems, fmt.Sprintf("%s is missing", g.names(c.version)))
		case counts[i] > g.max:
			problems = append(problems, fmt.Sprintf("there is more than one %s", g.names(c.version)))
		}
	}
	return problems
}

func (k kids) knows(name string, v version) bool {
	return slices.ContainsFunc(k.tags, func(t tag) bool { return t.name == name && t.has(v) })
}

// names writes the elements of a group: <a> or <b>.
func (k kids) names(v version) string {
	var list []string
	for _, t := range k.tags {
		if t.has(v) {
			list = append(list, "<"+t.name+">")
		}
	}
	return strings.Join(list, " or ")
}

func (c *checker) kidNames(f *form) string {
	var list []string
	for _, g := range f.kids {
		for _, t := range g.tags {
			if g.has(c.version) && t.has(c.version) {
				list = append(list, "<"+t.name+">")
			}
		}
	}
	if len(list) == 0 {
		return "no elements"
	}
	return strings.Join(list, ", ")
}
