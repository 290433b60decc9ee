// Package acl decides what a user may see and change of a CIB, by the access control lists in it.
//
// A permission names elements, by XPath or by element name, id and attribute, and a kind: read, write (which
// includes read) or deny. What holds for an element is decided by the nearest element, itself or above, that a
// permission names; where several name the same one, deny wins over write and write over read. A permission to
// read does not hide a permission to write that is further up.
package acl

import (
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/xpath"
)

// Mode is what a user may do with an element.
type Mode uint8

const (
	Denied Mode = iota
	Readable
	Writable
)

// permission is one line of a role.
type permission struct {
	xpath string
	kind  Mode
}

// Access is the permissions of one user. The zero value permits nothing.
type Access struct {
	user        string
	permissions []permission
}

// Exempt reports whether a user is above access control.
func Exempt(user string) bool { return user == "" || user == "root" || user == "hacluster" }

// Enabled reports whether a CIB asks for access control: the cluster option enable-acl is true.
func Enabled(doc *cibxml.Element) bool {
	for set := range cib.Section(doc, "crm_config").Tags("cluster_property_set") {
		for pair := range set.Tags("nvpair") {
			if pair.Get("name") == "enable-acl" {
				return truth(pair.Get("value"))
			}
		}
	}
	return false
}

func truth(s string) bool {
	return slices.Contains([]string{"true", "on", "yes", "y", "1"}, strings.ToLower(s))
}

// For collects the permissions of a user, who is in these groups of the operating system.
func For(doc *cibxml.Element, user string, groups []string) *Access {
	a := &Access{user: user}
	acls := cib.Section(doc, "acls")
	for entry := range acls.Tags("acl_target", "acl_user", "acl_group") {
		name, ok := entry.Lookup("name")
		if !ok {
			name = entry.ID()
		}
		if entry.Name == "acl_group" && slices.Contains(groups, name) || entry.Name != "acl_group" && name == user {
			a.collect(acls, entry)
		}
	}
	return a
}

// collect adds the permissions of a target or role. A target refers to roles; a role to nothing.
func (a *Access) collect(acls, entry *cibxml.Element) {
	for e := range entry.Tags() {
		kind := e.Name
		if kind == "acl_permission" {
			kind = e.Get("kind")
		}
		switch kind {
		case "role", "role_ref":
			if role := acls.Find("acl_role", e.ID()); role != nil && entry.Name != "acl_role" {
				a.collect(acls, role)
			}
		case "read":
			a.add(e, Readable)
		case "write":
			a.add(e, Writable)
		case "deny":
			a.add(e, Denied)
		}
	}
}

func (a *Access) add(e *cibxml.Element, kind Mode) {
	first := func(names ...string) string {
		for _, n := range names {
			if v, ok := e.Lookup(n); ok {
				return v
			}
		}
		return ""
	}
	path, tag, ref, attr := e.Get("xpath"), first("object-type", "tag"), first("reference", "ref"), e.Get("attribute")
	switch {
	case path != "":
	case tag == "" && ref == "":
		return // names nothing
	default:
		if tag == "" {
			tag = "*"
		}
		path = "//" + tag
		if ref != "" {
			path += "[@id='" + ref + "']"
		}
		if attr != "" {
			path += "[@" + attr + "]"
		}
	}
	a.permissions = append(a.permissions, permission{path, kind})
}

// marks are what the permissions say of the elements that they name: a set of 1<<Mode.
type marks map[*cibxml.Element]uint8

// mark finds the elements that the permissions name. A permission with an XPath that makes no sense names
// none; a deny of that sort denies everything, because nobody knows what it was meant to protect.
func (a *Access) mark(doc *cibxml.Element) marks {
	m := marks{}
	for _, p := range a.permissions {
		hits, err := xpath.Find(doc, p.xpath)
		if err != nil && p.kind == Denied {
			return marks{doc: 1 << Denied}
		}
		for _, h := range hits {
			m[h.Element] |= 1 << p.kind
		}
	}
	return m
}

// decide tells whether the last element of the path may be used in a way, which is Readable or Writable.
func (m marks) decide(path []*cibxml.Element, how Mode) bool {
	for i := len(path) - 1; i >= 0; i-- {
		switch set := m[path[i]]; {
		case set&(1<<Denied) != 0:
			return false
		case set&(1<<Writable) != 0, how == Readable && set&(1<<Readable) != 0:
			return true
		}
	}
	return false
}

// Modes tells for each element of a document what the user may do with it.
func (a *Access) Modes(doc *cibxml.Element) map[*cibxml.Element]Mode {
	m := a.mark(doc)
	modes := map[*cibxml.Element]Mode{}
	var walk func(path []*cibxml.Element)
	walk = func(path []*cibxml.Element) {
		e := path[len(path)-1]
		switch {
		case m.decide(path, Writable):
			modes[e] = Writable
		case m.decide(path, Readable):
			modes[e] = Readable
		default:
			modes[e] = Denied
		}
		for k := range e.Tags() {
			walk(append(path, k))
		}
	}
	walk([]*cibxml.Element{doc})
	return modes
}

// Guard is what access control makes of a command by a user: the document as he may see it, and the check of a
// change for cib.Command. Both are the whole document and nil for whoever is not restricted. A document of
// which the user may see nothing is an error.
func Guard(doc *cibxml.Element, user string, groups []string) (view *cibxml.Element, check func(old, new *cibxml.Element) error, err error) {
	if Exempt(user) || !Enabled(doc) {
		return doc, nil, nil
	}
	a := For(doc, user, groups)
	if view = a.Filter(doc); view == nil {
		return nil, nil, cib.Denied("user %s may see nothing of the CIB", user)
	}
	return view, a.Check, nil
}
