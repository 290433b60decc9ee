package cib

import (
	"fmt"
	"strconv"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// ChangeOp is the kind of one change of a patch.
type ChangeOp string

const (
	ChangeDelete ChangeOp = "delete"
	ChangeModify ChangeOp = "modify"
	ChangeCreate ChangeOp = "create"
	ChangeMove   ChangeOp = "move"
)

// AttrChange is a changed attribute of a modified element.
type AttrChange struct {
	Name  string
	Value string
	Unset bool
}

// Change is one difference between two documents.
type Change struct {
	Op ChangeOp
	// Path is the element, for a create that of its parent, as cibxml.Location writes it.
	Path string
	// Position is where a created or moved element ends among its siblings, and where a deleted comment was;
	// -1 for other changes.
	Position int
	Attrs    []AttrChange    // of a modify
	Result   *cibxml.Element // of a modify: the element with all its new attributes, without children
	Node     *cibxml.Element // of a create: what is new
}

// Patch is the difference between two documents, in the form of Pacemaker's patchset format 2.
type Patch struct {
	// Source and Target are the versions before and after; Versioned tells whether they are known.
	Source, Target Version
	Versioned      bool
	// Digest of the target, "" when the result is not to be checked.
	Digest  string
	Changes []Change
}

// XML writes the patch as <diff format="2">.
func (p *Patch) XML() *cibxml.Element {
	diff := cibxml.New("diff", "format", "2")
	if p.Digest != "" {
		diff.Set("digest", p.Digest)
	}
	if p.Versioned {
		diff.Append(cibxml.New("version").Append(p.Source.element("source"), p.Target.element("target")))
	}
	for _, c := range p.Changes {
		diff.Append(c.xml())
	}
	return diff
}

func (v Version) element(name string) *cibxml.Element {
	return cibxml.New(name, versionFields[0], strconv.Itoa(v.AdminEpoch), versionFields[1], strconv.Itoa(v.Epoch),
		versionFields[2], strconv.Itoa(v.NumUpdates))
}

func (c Change) xml() *cibxml.Element {
	e := cibxml.New("change", "operation", string(c.Op), "path", c.Path)
	if c.Position >= 0 {
		e.Set("position", strconv.Itoa(c.Position))
	}
	switch c.Op {
	case ChangeCreate:
		e.Append(c.Node)
	case ChangeModify:
		list := cibxml.New("change-list")
		for _, a := range c.Attrs {
			if a.Unset {
				list.Append(cibxml.New("change-attr", "name", a.Name, "operation", "unset"))
			} else {
				list.Append(cibxml.New("change-attr", "name", a.Name, "operation", "set", "value", a.Value))
			}
		}
		e.Append(list, cibxml.New("change-result").Append(c.Result))
	}
	return e
}

// ParsePatch reads a patch of format 2.
func ParsePatch(diff *cibxml.Element) (*Patch, error) {
	if format := diff.Get("format"); format != "2" {
		return nil, fmt.Errorf("patch of format %q, only 2 can be read", format)
	}
	p := &Patch{Digest: diff.Get("digest")}
	for e := range diff.Tags() {
		if e.Name == "version" {
			p.readVersions(e)
			continue
		}
		c, err := parseChange(e)
		if err != nil {
			return nil, err
		}
		p.Changes = append(p.Changes, c)
	}
	return p, nil
}

func (p *Patch) readVersions(e *cibxml.Element) {
	source, target := e.Child("source"), e.Child("target")
	if source == nil || target == nil {
		return
	}
	p.Versioned = true
	p.Source, p.Target = VersionOf(source), VersionOf(target)
}

func parseChange(e *cibxml.Element) (Change, error) {
	c := Change{Op: ChangeOp(e.Get("operation")), Path: e.Get("path"), Position: -1}
	if pos, ok := e.Lookup("position"); ok {
		n, err := strconv.Atoi(pos)
		if err != nil {
			return c, fmt.Errorf("change %s of %s: position %q is not a number", c.Op, c.Path, pos)
		}
		c.Position = n
	}
	switch c.Op {
	case ChangeDelete, ChangeMove:
	case ChangeModify:
		for r := range e.Child("change-result").Tags() {
			c.Result = r
			break
		}
		if c.Result == nil {
			return c, fmt.Errorf("modification of %s has no change-result", c.Path)
		}
		for a := range e.Child("change-list").Tags("change-attr") {
			c.Attrs = append(c.Attrs, AttrChange{a.Get("name"), a.Get("value"), a.Get("operation") == "unset"})
		}
	case ChangeCreate:
		if len(e.Children) == 0 {
			return c, fmt.Errorf("nothing is created below %s", c.Path)
		}
		c.Node = e.Children[0]
	default:
		return c, fmt.Errorf("%q is not a change (delete, modify, create or move)", string(c.Op))
	}
	return c, nil
}
