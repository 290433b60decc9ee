package upgrade

import (
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// prefix starts the ids of blocks that the upgrade adds.
const prefix = "_2TO3_"

// settle does what changed in schema 3.0, where names that had several spellings got one, defaults moved out of
// the cluster's options, and what concerns an operation moved out of its parameters.
func settle(doc *cibxml.Element) *cibxml.Element {
	doc = doc.Clone()
	refs := expand(doc)
	settleProperties(doc)
	doc.Walk(func(e *cibxml.Element) bool {
		switch e.Name {
		case "node":
			if e.Get("type") == "normal" {
				e.Set("type", "member")
			}
		case "rsc_colocation":
			e.Unset("score-attribute")
			e.Unset("score-attribute-mangle")
		case "primitive", "template":
			settleResource(e)
		}
		return true
	})
	refs.fold()
	return doc
}

// references are blocks that stand for others, while each is a copy of its own.
type references []reference

type reference struct{ copy, original *cibxml.Element }

// expand makes copies of the blocks that elements refer to, because what becomes of a block depends on where it
// is used.
func expand(doc *cibxml.Element) references {
	blocks := map[string]*cibxml.Element{}
	var uses []*cibxml.Element
	doc.Walk(func(e *cibxml.Element) bool {
		switch e.Name {
		case "cluster_property_set", "instance_attributes", "meta_attributes":
			if _, ok := e.Lookup("id-ref"); ok {
				uses = append(uses, e)
			} else if id := e.ID(); id != "" {
				blocks[e.Name+" "+id] = e
			}
		}
		return true
	})
	var refs references
	for _, e := range uses {
		original := blocks[e.Name+" "+e.Get("id-ref")]
		if original == nil {
			continue // nothing that could change
		}
		c := original.Clone()
		c.Walk(func(x *cibxml.Element) bool {
			if id, ok := x.Lookup("id"); ok {
				x.Set("id", copied+original.ID()+"__"+id)
			}
			return true
		})
		*e = *c
		refs = append(refs, reference{e, original})
	}
	return refs
}

// copied starts the ids of copies.
const copied = "__cibtr-2_"

// fold makes references again of the copies that still are what they were copied from.
func (refs references) fold() {
	for _, r := range refs {
		same := len(r.copy.Children) == len(r.original.Children) && len(r.copy.Attrs) == len(r.original.Attrs)
		for i := 0; same && i < len(r.copy.Children); i++ {
			a, b := r.copy.Children[i], r.original.Children[i]
			same = a.Name == b.Name && a.Get("name") == b.Get("name") && a.Get("value") == b.Get("value")
		}
		if same {
			r.copy.Attrs = []cibxml.Attr{{Name: "id-ref", Value: r.original.ID()}}
			r.copy.Children = nil
		}
	}
}

// plain reports whether a block holds always.
func plain(block *cibxml.Element) bool { return block.Child("rule") == nil }

// defines reports whether a block that always holds has a value of that name.
func defines(parent *cibxml.Element, tag, name string) bool {
	for b := range parent.Tags(tag) {
		if plain(b) && pair(b, name) != nil {
			return true
		}
	}
	return false
}

func pair(block *cibxml.Element, name string) *cibxml.Element {
	for p := range block.Tags("nvpair") {
		if p.Get("name") == name {
			return p
		}
	}
	return nil
}

// convert rewrites the pairs of a block. keep tells what becomes of a pair: false drops it.
func convert(block *cibxml.Element, keep func(*cibxml.Element) bool) {
	block.Children = slices.DeleteFunc(block.Children, func(p *cibxml.Element) bool {
		return p.IsTag("nvpair") && !keep(p)
	})
}

// empty reports whether nothing is left of a block that had something.
func empty(block *cibxml.Element, before int) bool {
	return before > 0 && block.Child("nvpair") == nil && len(block.Children) < before
}

// dropEmptied converts blocks of a parent and removes those of which nothing is left.
func dropEmptied(parent *cibxml.Element, tag string, keep func(block, p *cibxml.Element) bool) {
	parent.Children = slices.DeleteFunc(parent.Children, func(b *cibxml.Element) bool {
		if !b.IsTag(tag) {
			return false
		}
		before := len(b.Children)
		convert(b, func(p *cibxml.Element) bool { return keep(b, p) })
		return empty(b, before)
	})
}

// dashes is a name as it is spelled since.
func dashes(name string) string { return strings.ReplaceAll(name, "_", "-") }
