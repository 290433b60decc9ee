package xpath

import (
	"math"
	"strings"
	"unicode/utf8"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// function is one of XPath 1.0's core functions. Where the argument may be left out the context node is
// meant.
type function struct {
	min, max int
	number   bool // the result is a number
	fn       func(c *context, args []any) any
}

type call struct {
	name string
	fn   function
	args []expr
}

func (f *call) eval(c *context) any {
	args := make([]any, len(f.args))
	for i, a := range f.args {
		args[i] = a.eval(c)
	}
	return f.fn.fn(c, args)
}

// unlimited is the largest number of arguments of concat().
const unlimited = 1 << 20

var functions = map[string]function{
	"position": {0, 0, true, func(c *context, _ []any) any { return float64(c.pos) }},
	"last":     {0, 0, true, func(c *context, _ []any) any { return float64(c.size) }},
	"count":    {1, 1, true, func(_ *context, a []any) any { return float64(len(asSet(a[0]))) }},
	"sum": {1, 1, true, func(_ *context, a []any) any {
		total := 0.0
		for _, n := range asSet(a[0]) {
			total += toNumber(n.text())
		}
		return total
	}},
	"number":  {0, 1, true, func(c *context, a []any) any { return toNumber(orContext(c, a)) }},
	"floor":   {1, 1, true, func(_ *context, a []any) any { return math.Floor(toNumber(a[0])) }},
	"ceiling": {1, 1, true, func(_ *context, a []any) any { return math.Ceil(toNumber(a[0])) }},
	"round":   {1, 1, true, func(_ *context, a []any) any { return math.Floor(toNumber(a[0]) + 0.5) }},
	"string-length": {0, 1, true, func(c *context, a []any) any {
		return float64(utf8.RuneCountInString(toText(orContext(c, a))))
	}},

	"id":            {1, 1, false, byID},
	"name":          {0, 1, false, func(c *context, a []any) any { return nameOf(c, a) }},
	"local-name":    {0, 1, false, func(c *context, a []any) any { return localName(nameOf(c, a)) }},
	"namespace-uri": {0, 1, false, func(*context, []any) any { return "" }},

	"string": {0, 1, false, func(c *context, a []any) any { return toText(orContext(c, a)) }},
	"concat": {2, unlimited, false, func(_ *context, a []any) any {
		var b strings.Builder
		for _, v := range a {
			b.WriteString(toText(v))
		}
		return b.String()
	}},
	"starts-with": {2, 2, false, func(_ *context, a []any) any { return strings.HasPrefix(toText(a[0]), toText(a[1])) }},
	"contains":    {2, 2, false, func(_ *context, a []any) any { return strings.Contains(toText(a[0]), toText(a[1])) }},
	"substring-before": {2, 2, false, func(_ *context, a []any) any {
		before, _, found := strings.Cut(toText(a[0]), toText(a[1]))
		if !found {
			return ""
		}
		return before
	}},
	"substring-after": {2, 2, false, func(_ *context, a []any) any {
		_, after, _ := strings.Cut(toText(a[0]), toText(a[1]))
		return after
	}},
	"substring": {2, 3, false, substring},
	"normalize-space": {0, 1, false, func(c *context, a []any) any {
		return strings.Join(strings.FieldsFunc(toText(orContext(c, a)), isSpace), " ")
	}},
	"translate": {3, 3, false, translate},

	"boolean": {1, 1, false, func(_ *context, a []any) any { return toBool(a[0]) }},
	"not":     {1, 1, false, func(_ *context, a []any) any { return !toBool(a[0]) }},
	"true":    {0, 0, false, func(*context, []any) any { return true }},
	"false":   {0, 0, false, func(*context, []any) any { return false }},
	"lang":    {1, 1, false, lang},
}

func asSet(v any) nodeSet {
	s, _ := v.(nodeSet)
	return s
}

func orContext(c *context, args []any) any {
	if len(args) == 0 {
		return nodeSet{c.node}
	}
	return args[0]
}

func isSpace(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' }

func nameOf(c *context, args []any) string {
	set := asSet(orContext(c, args))
	if len(set) == 0 {
		return ""
	}
	return set[0].name()
}

func localName(name string) string { return name[strings.IndexByte(name, ':')+1:] }

// byID finds the elements with one of the ids that are listed, separated by white space.
func byID(c *context, args []any) any {
	wanted := map[string]bool{}
	add := func(list string) {
		for _, id := range strings.FieldsFunc(list, isSpace) {
			wanted[id] = true
		}
	}
	if set, ok := args[0].(nodeSet); ok {
		for _, n := range set {
			add(n.text())
		}
	} else {
		add(toText(args[0]))
	}
	at := c.node.at
	for at.up != nil {
		at = at.up
	}
	var found nodeSet
	c.below(node{at, -1}, func(n node) {
		if id, ok := n.at.elem.Lookup("id"); ok && wanted[id] {
			found = append(found, n)
		}
	})
	return found
}

// substring counts characters from 1 and rounds, as XPath 1.0 §4.2 says; NaN selects nothing.
func substring(_ *context, args []any) any {
	from := math.Floor(toNumber(args[1]) + 0.5)
	to := math.Inf(1)
	if len(args) == 3 {
		to = from + math.Floor(toNumber(args[2])+0.5)
	}
	var b strings.Builder
	at := 1.0
	for _, r := range toText(args[0]) {
		if at >= from && at < to {
			b.WriteRune(r)
		}
		at++
	}
	return b.String()
}

func translate(_ *context, args []any) any {
	from, to := []rune(toText(args[1])), []rune(toText(args[2]))
	return strings.Map(func(r rune) rune {
		for i, f := range from {
			if f == r {
				if i < len(to) {
					return to[i]
				}
				return -1
			}
		}
		return r
	}, toText(args[0]))
}

func lang(c *context, args []any) any {
	want := strings.ToLower(toText(args[0]))
	for at := c.node.at; at != nil; at = at.up {
		if at.elem.Kind != cibxml.Tag {
			continue
		}
		if have, ok := at.elem.Lookup("xml:lang"); ok {
			have = strings.ToLower(have)
			return have == want || strings.HasPrefix(have, want+"-")
		}
	}
	return false
}
