package cib

import (
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/xpath"
)

// query answers a query. What it returns may be a part of the document.
func query(doc *cibxml.Element, cmd Command) (*cibxml.Element, error) {
	if cmd.XPath != "" {
		return queryXPath(doc, cmd)
	}
	e := Section(doc, cmd.Section)
	if e == nil {
		return nil, refuse(CodeNoObject, "there is no section %s", cmd.Section)
	}
	if cmd.NoChildren {
		e = e.WithChildren(nil)
	}
	return e, nil
}

func queryXPath(doc *cibxml.Element, cmd Command) (*cibxml.Element, error) {
	hits, err := hits(doc, cmd.XPath)
	if err != nil {
		return nil, err
	}
	if len(hits) == 0 {
		return nil, refuse(CodeNoObject, "nothing matches the XPath %s", cmd.XPath)
	}
	answer := cibxml.New("xpath-query")
	for _, h := range hits {
		switch {
		case cmd.NoChildren:
			answer.Append(h.Element.WithChildren(nil))
		case cmd.PathsOnly:
			answer.Append(cibxml.New("xpath-query-path", "id", h.Location()))
		default:
			answer.Append(h.Element)
		}
	}
	if len(hits) == 1 && (cmd.NoChildren || !cmd.PathsOnly) {
		return answer.Children[0], nil
	}
	return answer, nil
}

// hits are the matches of an XPath. An expression that makes no sense matches nothing, but says why.
func hits(doc *cibxml.Element, expression string) ([]xpath.Match, error) {
	found, err := xpath.Find(doc, expression)
	if err != nil {
		return nil, refuse(CodeNoObject, "%v", err)
	}
	return found, nil
}

// byXPath changes what an XPath finds.
func (d *draft) byXPath(cmd Command, input *cibxml.Element) error {
	found, err := hits(d.root, cmd.XPath)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		if cmd.Op == OpDelete {
			return nil
		}
		return refuse(CodeNoObject, "nothing matches the XPath %s", cmd.XPath)
	}
	if input == nil && cmd.Op != OpDelete {
		return refuse(CodeInvalid, "%s needs XML to work with", cmd.Op)
	}
	if !cmd.All || cmd.Op == OpCreate {
		found = found[:1]
	}
	for _, h := range found {
		switch {
		case len(h.Path) < 2 && cmd.Op != OpModify && cmd.Op != OpCreate:
			return refuse(CodeInvalid, "the XPath %s means the whole CIB, which cannot be %sd", cmd.XPath, cmd.Op)
		case cmd.Op == OpDelete:
			d.swap(h.Path, nil)
		case cmd.Op == OpReplace:
			if d.swap(h.Path, nil) {
				d.append(h.Path[:len(h.Path)-1], settled(input.Clone()))
			}
		case cmd.Op == OpCreate:
			d.append(h.Path, settled(input))
		default:
			target := d.find(h.Path, sameObject(input))
			if target == nil {
				return refuse(CodeNoObject, "there is no %s in %s", describe(input), h.Location())
			}
			d.merge(target, input)
		}
	}
	return nil
}

// describe names an element for a message.
func describe(e *cibxml.Element) string {
	if id := e.ID(); id != "" {
		return "<" + e.Name + " id=\"" + id + "\">"
	}
	return "<" + e.Name + ">"
}

// modify merges the input into the element that it names. An absent section is made first.
func (d *draft) modify(cmd Command, input *cibxml.Element) error {
	scope := sectionPath(d.root, cmd.Section)
	if scope == nil {
		scope = d.makeSection(cmd.Section)
	}
	switch target := d.find(scope, sameObject(input)); {
	case target != nil:
		d.merge(target, input)
	case cmd.AllowCreate:
		d.append(scope, settled(input))
	default:
		return refuse(CodeNoObject, "there is no %s to modify", describe(input))
	}
	if cmd.Mixed {
		return d.removeMarked()
	}
	return nil
}

// makeSection adds what is missing on the way to a known section.
func (d *draft) makeSection(scope string) []*cibxml.Element {
	path := []*cibxml.Element{d.root}
	for _, name := range sections[scope] {
		if next := d.current(path[len(path)-1]).Child(name); next != nil {
			path = append(path, next)
		} else {
			path = d.add(path, name)
		}
	}
	return path
}

// removeMarked removes every element that carries the attribute __delete__.
func (d *draft) removeMarked() error {
	marked, err := hits(d.root, "//@__delete__")
	if err != nil {
		return err
	}
	for _, h := range marked {
		if len(h.Path) > 1 {
			d.swap(h.Path, nil)
		}
	}
	return nil
}

// create adds the input to a section, or each child of it when it is named like the section. Without a section
// it is a modify.
func (d *draft) create(cmd Command, input *cibxml.Element) error {
	scope := strings.ToLower(cmd.Section)
	if scope == "" || scope == "all" || scope == "cib" || input.Name == "cib" {
		cmd.Section = ""
		return d.modify(cmd, input)
	}
	objects := []*cibxml.Element{input}
	if strings.EqualFold(input.Name, cmd.Section) {
		objects = slices.Collect(input.Tags())
	}
	for _, o := range objects {
		section := sectionPath(d.root, cmd.Section)
		if section == nil {
			return notCreated(o, refuse(CodeInvalid, "there is no section %s", cmd.Section))
		}
		if slices.ContainsFunc(section[len(section)-1].Children, equalTo(o)) {
			return notCreated(o, refuse(CodeExists, "%s is there already", describe(o)))
		}
		d.append(section, settled(o.WithoutAttr("replace")))
	}
	return nil
}

// equalTo finds the element that keeps another from being created: the same name and id, or only the same name
// where the new one has no id.
func equalTo(o *cibxml.Element) func(*cibxml.Element) bool {
	fits := replaceable(o)
	return func(e *cibxml.Element) bool { return e.Kind == cibxml.Tag && fits(e) }
}

// notCreated adds the <failed> document.
func notCreated(o *cibxml.Element, e *Error) *Error {
	f := cibxml.New("failed_update")
	if id, ok := o.Lookup("id"); ok {
		f.Set("id", id)
	}
	f.Set("object_type", o.Name)
	f.Set("operation", OpCreate.PacemakerName())
	f.Set("reason", e.Msg)
	e.Failed = cibxml.New("failed").Append(f.Append(o))
	return e
}

// replace swaps the element that the input names for the input; a <cib> replaces the whole document and must
// not be older than it.
func (d *draft) replace(cmd Command, input *cibxml.Element) error {
	if input.Name == "cib" {
		for _, f := range versionFields {
			have, given := versionField(d.root, f), versionField(input, f)
			if given < have {
				return refuse(CodeOld, "%s of the replacement is %d, that of the CIB is %d", f, max(given, 0), have)
			}
			if given > have {
				break
			}
		}
		d.root = settled(input)
		return nil
	}
	scope := []*cibxml.Element{d.root}
	if !strings.EqualFold(input.Name, cmd.Section) {
		scope = sectionPath(d.root, cmd.Section)
	}
	if scope != nil {
		if target := d.findBelow(scope, replaceable(input)); target != nil {
			d.swap(target, settled(input))
			return nil
		}
	}
	return refuse(CodeNoObject, "there is no %s to replace", describe(input))
}

// delete removes the first element that the input describes, or for each child of an input that is named like
// the section. That there is none is no error.
func (d *draft) delete(cmd Command, input *cibxml.Element) {
	objects := []*cibxml.Element{input}
	if input.Name == cmd.Section {
		objects = slices.Collect(input.Tags())
	}
	for _, o := range objects {
		scope := sectionPath(d.root, cmd.Section)
		if scope == nil {
			return
		}
		if target := d.findBelow(scope, deletable(o)); target != nil {
			d.swap(target, nil)
		}
	}
}
