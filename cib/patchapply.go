package cib

import (
	"cmp"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// ApplyPatch applies a patch (<diff>) of format 2 or, as old files have it, 1. With checkVersion the version of
// the document must be the one that the patch begins with. The document is not changed; on an error, of type
// *Error, nothing of the patch is applied.
func ApplyPatch(doc, diff *cibxml.Element, checkVersion bool) (*cibxml.Element, error) {
	format := diff.Get("format")
	if diff.Name != "diff" || format != "" && format != "1" && format != "2" {
		return nil, refuse(CodeInvalid, "<%s> of format %q is not a patch, which is a <diff> of format 2 or 1", diff.Name, format)
	}
	old := format != "2"
	if checkVersion {
		if err := checkVersions(doc, diff, old); err != nil {
			return nil, err
		}
	}
	var changed *cibxml.Element
	var err error
	if old {
		changed, err = applyFormat1(doc, diff)
	} else {
		changed, err = applyFormat2(doc, diff)
	}
	if err != nil {
		return nil, err
	}
	if want := diff.Get("digest"); want != "" && !strings.EqualFold(want, VersionedDigest(changed)) {
		return nil, refuse(CodeError, "the result does not have the digest that the patch asks for")
	}
	return changed, nil
}

// checkVersions compares the version of the document with the one that a patch begins with. A patch without
// versions begins with any.
func checkVersions(doc, diff *cibxml.Element, old bool) error {
	have := VersionOf(doc)
	from, to := have, have
	to.NumUpdates++
	source, target := patchEnds(diff, old)
	if source != nil {
		from = rawVersion(source)
	}
	if target != nil {
		to = rawVersion(target)
	}
	switch c := have.Compare(from); {
	case c < 0:
		e := refuse(CodeError, "the CIB is at %v, the patch begins at %v", have, from)
		e.Msg += ", requesting full refresh"
		return e
	case c > 0:
		return refuse(CodeOld, "the CIB is at %v, the patch begins at %v", have, from)
	}
	if to.AdminEpoch <= from.AdminEpoch && to.Epoch <= from.Epoch && to.NumUpdates <= from.NumUpdates {
		return refuse(CodeOld, "the patch leads from %v to %v, which is not newer", from, to)
	}
	return nil
}

// rawVersion reads a version in which missing fields are -1.
func rawVersion(e *cibxml.Element) Version {
	return Version{versionField(e, versionFields[0]), versionField(e, versionFields[1]), versionField(e, versionFields[2])}
}

// patchEnds are the elements of a patch that carry the versions, nil when there are none.
func patchEnds(diff *cibxml.Element, old bool) (source, target *cibxml.Element) {
	if !old {
		v := diff.Child("version")
		return v.Child("source"), v.Child("target")
	}
	source, target = diff.Child("diff-removed"), diff.Child("diff-added")
	if source != nil && source.Child("cib") != nil {
		source = source.Child("cib")
	}
	if target != nil && target.Child("cib") != nil {
		target = target.Child("cib")
	}
	return source, target
}

// placement is a created or moved element that waits for its place.
type placement struct {
	at     []*cibxml.Element // the parent of what is created, or what is moved
	node   *cibxml.Element   // what is created, nil for a move
	index  int
	change Change
}

func applyFormat2(doc, diff *cibxml.Element) (*cibxml.Element, error) {
	patch, err := ParsePatch(diff)
	if err != nil {
		return nil, refuse(CodeError, "%v", err)
	}
	d := newDraft(doc)
	var waiting []placement
	for _, c := range patch.Changes {
		path := d.locate(c)
		if path == nil {
			if c.Op == ChangeDelete {
				continue
			}
			return nil, refuse(CodeError, "there is no %s to %s", c.Path, c.verb())
		}
		switch c.Op {
		case ChangeDelete:
			if len(path) < 2 {
				return nil, refuse(CodeError, "the whole document cannot be deleted")
			}
			d.swap(path, nil)
		case ChangeModify:
			path = d.edit(path)
			path[len(path)-1].Attrs = settled(c.Result).Attrs
		case ChangeCreate:
			waiting = append(waiting, placement{path, settled(c.Node), c.Position, c})
		case ChangeMove:
			if len(path) < 2 {
				return nil, refuse(CodeError, "the whole document cannot be moved")
			}
			path = d.edit(path)
			putLast(path[len(path)-2], path[len(path)-1])
			waiting = append(waiting, placement{path, nil, c.Position, c})
		}
	}
	slices.SortStableFunc(waiting, func(a, b placement) int { return cmp.Compare(a.index, b.index) })
	for _, w := range waiting {
		if err := d.place(w); err != nil {
			return nil, err
		}
	}
	return d.root, nil
}

func (c Change) verb() string {
	if c.Op == ChangeCreate {
		return "create something in"
	}
	return string(c.Op)
}

// putLast moves a child behind its siblings.
func putLast(parent, child *cibxml.Element) {
	at := slices.Index(parent.Children, child)
	parent.Children = append(slices.Delete(parent.Children, at, at+1), child)
}

// place puts what was created or moved at its position.
func (d *draft) place(w placement) error {
	path := d.edit(w.at)
	if path == nil {
		return refuse(CodeError, "%s was removed before something could be placed there", w.change.Path)
	}
	last := path[len(path)-1]
	if w.node != nil {
		at := len(last.Children)
		if w.index >= 0 && w.index < at {
			at = w.index
		}
		last.Children = slices.Insert(last.Children, at, w.node)
		return nil
	}
	up := path[len(path)-2]
	at := slices.Index(up.Children, last)
	up.Children = slices.Delete(up.Children, at, at+1)
	if w.index < 0 || w.index > len(up.Children) {
		return refuse(CodeError, "%s cannot be moved to position %d", w.change.Path, w.index)
	}
	up.Children = slices.Insert(up.Children, w.index, last)
	return nil
}

// locate finds the element that a change is about; nil when it is not there.
func (d *draft) locate(c Change) []*cibxml.Element {
	var path []*cibxml.Element
	for rest := c.Path; rest != ""; {
		step, ok := nextStep(rest)
		if !ok {
			return nil
		}
		candidates := []*cibxml.Element{d.root}
		if len(path) > 0 {
			candidates = path[len(path)-1].Children
		}
		at := slices.IndexFunc(candidates, func(e *cibxml.Element) bool {
			v, ok := e.Lookup("id")
			return e.IsTag(step.name) && (!step.hasID || ok && v == step.id)
		})
		if step.name == "comment" && step.rest == "" && c.Op == ChangeDelete {
			at = slices.IndexFunc(candidates, func(e *cibxml.Element) bool { return e.Kind == cibxml.Comment })
			if c.Position >= 0 && (c.Position >= len(candidates) || candidates[c.Position].Kind != cibxml.Comment) {
				return nil
			} else if c.Position >= 0 {
				at = c.Position
			}
		}
		if at < 0 {
			return nil
		}
		path, rest = append(path, candidates[at]), step.rest
	}
	return path
}

// pathStep is /NAME or /NAME[@id='ID'], and what follows it.
type pathStep struct {
	name, id string
	hasID    bool
	rest     string
}

// nextStep reads the first step of a path.
func nextStep(path string) (pathStep, bool) {
	path, ok := strings.CutPrefix(path, "/")
	end := strings.IndexAny(path, "/[")
	if !ok || end == 0 || path == "" {
		return pathStep{}, false
	}
	if end < 0 {
		return pathStep{name: path}, true
	}
	s := pathStep{name: path[:end], rest: path[end:]}
	if s.rest[0] == '/' {
		return s, true
	}
	quoted, ok := strings.CutPrefix(s.rest, "[@id='")
	for from := 0; ok; { // an id may contain anything, also what looks like the end of the step
		end := strings.Index(quoted[from:], "']")
		if end < 0 {
			break
		}
		end += from
		if after := quoted[end+2:]; after == "" || after[0] == '/' {
			s.id, s.hasID, s.rest = quoted[:end], true, after
			return s, true
		}
		from = end + 1
	}
	return pathStep{}, false
}
