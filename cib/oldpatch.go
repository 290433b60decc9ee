package cib

import (
	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// marker says in a patch of format 1 that an element as a whole was removed or added.
const marker = "__crm_diff_marker__"

// applyFormat1 applies a patch of Pacemaker before 1.1.12: a tree of what is removed and a tree of what is
// added, both leading down from the root of the document. Such patches are read, never written.
func applyFormat1(doc, diff *cibxml.Element) (*cibxml.Element, error) {
	d := newDraft(doc)
	root := []*cibxml.Element{doc}
	for tree := range diff.Child("diff-removed").Tags() {
		if !sameObject(tree)(doc) || tree.Get(marker) != "" {
			return nil, refuse(CodeError, "the patch removes from %s, the document is %s", describe(tree), describe(doc))
		}
		d.subtract(root, tree)
		break
	}
	for tree := range diff.Child("diff-added").Tags() {
		if !sameObject(tree)(d.root) {
			return nil, refuse(CodeError, "the patch adds to %s, the document is %s", describe(tree), describe(doc))
		}
		if err := d.include(root, tree); err != nil {
			return nil, err
		}
		break
	}
	return d.root, nil
}

// subtract takes away the attributes of the tree, except ids, and what is marked below it.
func (d *draft) subtract(path []*cibxml.Element, tree *cibxml.Element) {
	for _, a := range tree.Attrs {
		if _, has := d.current(path[len(path)-1]).Lookup(a.Name); has && a.Name != "id" {
			path = d.edit(path)
			path[len(path)-1].Unset(a.Name)
		}
	}
	children := append([]*cibxml.Element(nil), d.current(path[len(path)-1]).Children...)
	for _, c := range children {
		t := childLike(tree, identityOnly(c))
		switch below := append(append([]*cibxml.Element(nil), path...), c); {
		case t == nil:
		case t.Kind != cibxml.Tag || t.Get(marker) == "removed:top":
			d.swap(below, nil)
		default:
			d.subtract(below, t)
		}
	}
}

// identityOnly is an element with nothing but what a merge looks for.
func identityOnly(e *cibxml.Element) *cibxml.Element {
	k := &cibxml.Element{Name: e.Name, Kind: e.Kind, Text: e.Text}
	if id, ok := e.Lookup("id"); ok {
		k.Set("id", id)
	}
	return k
}

// include sets the attributes of the tree and adds what is marked below it.
func (d *draft) include(path []*cibxml.Element, tree *cibxml.Element) error {
	for _, a := range tree.Attrs {
		if v, has := d.current(path[len(path)-1]).Lookup(a.Name); a.Name != marker && (!has || v != a.Value) {
			path = d.edit(path)
			path[len(path)-1].Set(a.Name, a.Value)
		}
	}
	for _, t := range tree.Children {
		c := childLike(d.current(path[len(path)-1]), identityOnly(t))
		switch {
		case c != nil && t.Kind == cibxml.Tag:
			if err := d.include(append(append([]*cibxml.Element(nil), path...), c), t); err != nil {
				return err
			}
		case c == nil && (t.Kind != cibxml.Tag || t.Get(marker) == "added:top"):
			d.append(path, unmarked(t))
		case c == nil:
			return refuse(CodeError, "there is no %s to add to", describe(t))
		}
	}
	return nil
}

// unmarked is the tree without markers.
func unmarked(e *cibxml.Element) *cibxml.Element {
	c := e.Clone()
	c.Walk(func(k *cibxml.Element) bool {
		k.Unset(marker)
		return true
	})
	return c
}
