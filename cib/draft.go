package cib

import (
	"slices"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// draft is a document that a command is working on. It copies an element when it is changed for the first
// time, and shares all others with the document it began with. Paths (from the root down) stay valid while
// the draft is edited, until an element on them is removed.
type draft struct {
	root *cibxml.Element
	// own holds the elements that were made here and may be changed in place.
	own map[*cibxml.Element]bool
	// copied leads from an element of the first document to what stands in its place.
	copied map[*cibxml.Element]*cibxml.Element
}

func newDraft(doc *cibxml.Element) *draft {
	return &draft{root: doc, own: map[*cibxml.Element]bool{}, copied: map[*cibxml.Element]*cibxml.Element{}}
}

// current is what stands in the place of e now.
func (d *draft) current(e *cibxml.Element) *cibxml.Element {
	if c, ok := d.copied[e]; ok {
		return c
	}
	return e
}

// edit makes the elements of a path changeable and returns them, the root first; nil when one of them has been
// removed.
func (d *draft) edit(path []*cibxml.Element) []*cibxml.Element {
	edited := make([]*cibxml.Element, len(path))
	for i, e := range path {
		e = d.current(e)
		at := 0
		if i > 0 {
			at = slices.Index(edited[i-1].Children, e)
		} else if e != d.root {
			at = -1
		}
		if at < 0 {
			return nil
		}
		if !d.own[e] {
			c := *e
			c.Attrs, c.Children = slices.Clone(e.Attrs), slices.Clone(e.Children)
			d.own[&c], d.copied[e] = true, &c
			if i == 0 {
				d.root = &c
			} else {
				edited[i-1].Children[at] = &c
			}
			e = &c
		}
		edited[i] = e
	}
	return edited
}

// append puts a node behind the last child and returns the path to it.
func (d *draft) append(parent []*cibxml.Element, child *cibxml.Element) []*cibxml.Element {
	edited := d.edit(parent)
	if edited == nil {
		return nil
	}
	up := edited[len(edited)-1]
	up.Children = append(up.Children, child)
	return append(edited, child)
}

// add appends a new empty element, which may be changed in place.
func (d *draft) add(parent []*cibxml.Element, name string) []*cibxml.Element {
	e := &cibxml.Element{Name: name}
	d.own[e] = true
	return d.append(parent, e)
}

// swap puts another element in the place of the last one of the path; nil removes it. The root can be neither
// swapped nor removed. It reports whether the path was still there.
func (d *draft) swap(path []*cibxml.Element, repl *cibxml.Element) bool {
	last := len(path) - 1
	edited := d.edit(path[:last])
	if edited == nil {
		return false
	}
	up := edited[last-1]
	at := slices.Index(up.Children, d.current(path[last]))
	if at < 0 {
		return false
	}
	if repl == nil {
		up.Children = slices.Delete(up.Children, at, at+1)
	} else {
		up.Children[at] = repl
	}
	return true
}
