package cib

import (
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// infinity is the largest score.
const infinity = 1_000_000

// scoreWords are scores that are not written as numbers.
var scoreWords = map[string]int64{
	"INFINITY": infinity, "+INFINITY": infinity, "-INFINITY": -infinity, "red": -infinity, "yellow": 0, "green": 0,
}

// scoreOf reads a score; what is none is 0.
func scoreOf(s string) int64 {
	if n, ok := scoreWords[s]; ok {
		return n
	}
	return min(max(parseInt(s), -infinity), infinity)
}

// parseInt reads the number that a text begins with, as C's strtoll does; 0 when there is none or it is too
// large.
func parseInt(s string) int64 {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	n := 0
	if n < len(s) && (s[n] == '-' || s[n] == '+') {
		n++
	}
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	v, err := strconv.ParseInt(s[:n], 10, 64)
	if err != nil {
		return 0
	}
	return v
}

// increment reads a value that refers to the attribute itself: NAME++ is 1 and NAME+=N is N.
func increment(name, value string) (by int64, ok bool) {
	rest, ok := strings.CutPrefix(value, name)
	switch {
	case !ok:
		return 0, false
	case strings.HasPrefix(rest, "++"):
		return 1, true
	case strings.HasPrefix(rest, "+="):
		return scoreOf(rest[2:]), true
	}
	return 0, false
}

// expand gives the value that an attribute gets. Without an old value an increment counts from 0. There is an
// upper limit but no lower one, as in Pacemaker.
func expand(name, old, value string) string {
	by, ok := increment(name, value)
	if !ok {
		return value
	}
	return strconv.FormatInt(min(scoreOf(old)+by, infinity), 10)
}

// settled returns the tree without values that refer to themselves and without text, which a CIB does not
// keep. It is the tree itself when there are none.
func settled(e *cibxml.Element) *cibxml.Element {
	c := e
	change := func() {
		if c == e {
			k := *e
			k.Attrs, k.Children = slices.Clone(e.Attrs), slices.Clone(e.Children)
			c = &k
		}
	}
	for i, a := range e.Attrs {
		if v := expand(a.Name, "", a.Value); v != a.Value {
			change()
			c.Attrs[i].Value = v
		}
	}
	text := false
	for i, k := range e.Children {
		text = text || k.Kind == cibxml.Text
		if s := settled(k); s != k {
			change()
			c.Children[i] = s
		}
	}
	if text {
		change()
		c.Children = slices.DeleteFunc(c.Children, func(k *cibxml.Element) bool { return k.Kind == cibxml.Text })
	}
	return c
}

// withoutText is the tree without text nodes.
func withoutText(e *cibxml.Element) *cibxml.Element {
	has := false
	e.Walk(func(k *cibxml.Element) bool {
		has = has || k.Kind == cibxml.Text
		return !has
	})
	if !has {
		return e
	}
	var kept []*cibxml.Element
	for _, k := range e.Children {
		if k.Kind != cibxml.Text {
			kept = append(kept, withoutText(k))
		}
	}
	return e.WithChildren(kept)
}
