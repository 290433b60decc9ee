package cib

import (
	"slices"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// DiffOptions select how two documents are compared.
type DiffOptions struct {
	// AttributeOrder counts another order of attributes as a change.
	AttributeOrder bool
	// NoVersions leaves the versions out of the patch; that applies then to any version.
	NoVersions bool
	// Digest puts the digest of the new document into the patch.
	Digest bool
}

// Diff finds what must be changed to get from one document to the other; nil when they are the same. Subtrees
// that the documents share are not looked at.
func Diff(old, new *cibxml.Element, o DiffOptions) *Patch {
	d := &differ{order: o.AttributeOrder}
	d.compare("/"+label(new), old, new)
	p := &Patch{Changes: append(d.deleted, d.changed...)}
	if len(p.Changes) == 0 {
		return nil
	}
	if !o.NoVersions {
		p.Versioned, p.Source, p.Target = true, patchVersion(old), patchVersion(new)
	}
	if o.Digest {
		p.Digest = VersionedDigest(new)
	}
	return p
}

// patchVersion is the version of a document as it stands in a patch: missing fields are 1 there.
func patchVersion(doc *cibxml.Element) Version {
	field := func(name string) int {
		if n := versionField(doc, name); n >= 0 {
			return n
		}
		return 1
	}
	return Version{field(versionFields[0]), field(versionFields[1]), field(versionFields[2])}
}

// differ collects changes: the deletions of the whole document, which come first in a patch, and the others in
// the order of the new document.
type differ struct {
	order            bool
	deleted, changed []Change
}

// equal reports whether there is nothing to tell between two elements.
func (d *differ) equal(old, new *cibxml.Element) bool {
	if d.order {
		return old.Equal(new)
	}
	return same(old, new)
}

func label(e *cibxml.Element) string { return cibxml.Location([]*cibxml.Element{e})[1:] }

// compare looks for changes of an element that is in both documents, and below it.
func (d *differ) compare(path string, old, new *cibxml.Element) {
	if old == new {
		return
	}
	if attrs := d.attrs(old, new); len(attrs) > 0 {
		d.changed = append(d.changed, Change{Op: ChangeModify, Path: path, Position: -1, Attrs: attrs,
			Result: new.WithChildren(nil)})
	}
	if slices.Equal(old.Children, new.Children) || hasText(old) || hasText(new) {
		return // what has text below and is still the same element has not changed, see staysOne
	}
	p := pairUp(old.Children, new.Children, d.equal)
	below := make([][]Change, len(new.Children))
	for i, c := range old.Children {
		j := p.toNew[i]
		if j >= 0 && c == new.Children[j] {
			continue
		}
		at := path + "/" + label(c)
		if j >= 0 {
			inner := differ{order: d.order, deleted: d.deleted}
			inner.compare(at, c, new.Children[j])
			d.deleted, below[j] = inner.deleted, inner.changed
			continue
		}
		pos := -1
		if c.Kind == cibxml.Comment {
			pos = p.placeWhenDeleted(i)
		}
		d.deleted = append(d.deleted, Change{Op: ChangeDelete, Path: at, Position: pos})
	}
	for j, c := range new.Children {
		if p.toOld[j] < 0 {
			d.changed = append(d.changed, Change{Op: ChangeCreate, Path: path, Position: j, Node: c})
			continue
		}
		d.changed = append(d.changed, below[j]...)
		if p.moved[j] {
			d.changed = append(d.changed, Change{Op: ChangeMove, Path: path + "/" + label(c), Position: j})
		}
	}
}

// attrs lists the attributes that differ, in the order of the new element and then those that are gone.
func (d *differ) attrs(old, new *cibxml.Element) []AttrChange {
	if slices.Equal(old.Attrs, new.Attrs) {
		return nil
	}
	var moved map[string]bool
	if d.order {
		moved = movedAttrs(old.Attrs, new.Attrs)
	}
	var changes []AttrChange
	for _, a := range new.Attrs {
		if v, had := old.Lookup(a.Name); !had || v != a.Value || moved[a.Name] {
			changes = append(changes, AttrChange{Name: a.Name, Value: a.Value})
		}
	}
	for _, a := range old.Attrs {
		if _, kept := new.Lookup(a.Name); !kept {
			changes = append(changes, AttrChange{Name: a.Name, Unset: true})
		}
	}
	return changes
}

// movedAttrs finds the attributes that keep their value at another place, in the way that pairing.findMoves
// finds moved children.
func movedAttrs(old, new []cibxml.Attr) map[string]bool {
	moved := map[string]bool{}
	skipOld, skipNew := make([]bool, len(old)), make([]bool, len(new))
	place := func(skip []bool, i int) (n int) {
		for _, s := range skip[:i] {
			if !s {
				n++
			}
		}
		return n
	}
	for i, a := range old {
		j := slices.Index(new, a)
		if j < 0 {
			continue
		}
		before, after := place(skipOld, i), place(skipNew, j)
		if before != after {
			moved[a.Name] = true
			if before > after {
				skipOld[i] = true
			} else {
				skipNew[j] = true
			}
		}
	}
	return moved
}
