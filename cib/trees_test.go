package cib

import (
	"strconv"
	"testing"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"pgregory.net/rapid"
)

func parsed(t testing.TB, src string) *cibxml.Element {
	t.Helper()
	e, err := cibxml.Parse(src)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// trees draws documents that resemble each other: the same few names, ids and attributes again and again.
// With twins, siblings may be alike and there may be several comments among them.
func trees(twins bool) *rapid.Generator[*cibxml.Element] {
	return rapid.Custom(func(t *rapid.T) *cibxml.Element {
		root := cibxml.New("cib", "crm_feature_set", FeatureSet, "epoch", strconv.Itoa(rapid.IntRange(0, 3).Draw(t, "epoch")))
		grow(t, root, 3, twins)
		return root
	})
}

func grow(t *rapid.T, e *cibxml.Element, depth int, twins bool) {
	names := []string{"a", "b", "c"}
	used := map[string]bool{}
	for range rapid.IntRange(0, 5).Draw(t, "children") {
		switch kind := rapid.IntRange(0, 9).Draw(t, "kind"); {
		case kind == 0:
			if used["comment"] && !twins {
				continue
			}
			used["comment"] = true
			e.Append(&cibxml.Element{Kind: cibxml.Comment, Text: rapid.SampledFrom([]string{"x", "y"}).Draw(t, "comment")})
			continue
		case kind == 1 && twins:
			e.Append(&cibxml.Element{Kind: cibxml.CData, Text: "t"})
			continue
		}
		c := cibxml.New(rapid.SampledFrom(names).Draw(t, "name"))
		if rapid.IntRange(0, 5).Draw(t, "named") > 0 {
			c.Set("id", rapid.SampledFrom([]string{"1", "2", "3", "4", "5"}).Draw(t, "id"))
		}
		_, hasID := c.Lookup("id")
		if !twins && (used[identity(c)] || used[c.Name] || !hasID && used[c.Name+" any"]) {
			continue
		}
		used[identity(c)], used[c.Name+" any"] = true, true
		for range rapid.IntRange(0, 3).Draw(t, "attrs") {
			c.Set(rapid.SampledFrom([]string{"p", "q", "r"}).Draw(t, "attr"), rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "value"))
		}
		if depth > 0 {
			grow(t, c, depth-1, twins)
		}
		e.Append(c)
	}
}

// variation draws a document that comes from another by a few edits, which is what two versions of a CIB are.
func variation(t *rapid.T, e *cibxml.Element) *cibxml.Element {
	c := *e
	c.Attrs = append([]cibxml.Attr(nil), e.Attrs...)
	c.Children = nil
	for _, k := range e.Children {
		switch rapid.IntRange(0, 9).Draw(t, "edit") {
		case 0: // gone
		case 1:
			c.Children = append([]*cibxml.Element{k}, c.Children...)
		case 2:
			n := k.Clone()
			if n.Kind == cibxml.Tag {
				n.Set("p", "9")
			}
			c.Append(n)
		case 3, 4:
			c.Append(variation(t, k))
		default:
			c.Append(k)
		}
	}
	return &c
}
