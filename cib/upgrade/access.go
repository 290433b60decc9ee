package upgrade

import (
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// separateRoles does what became of access control in schema 2.0: users have roles and nothing but roles, and
// what a role may do is said in one kind of element.
func separateRoles(doc *cibxml.Element) *cibxml.Element {
	doc = doc.Clone()
	doc.Walk(func(e *cibxml.Element) bool {
		if e.IsTag("acls") {
			var out []*cibxml.Element
			for _, c := range e.Children {
				out = append(out, accessEntry(c)...)
			}
			e.Children = out
		}
		return true
	})
	return doc
}

func accessEntry(e *cibxml.Element) []*cibxml.Element {
	for _, c := range e.Children {
		switch c.Name {
		case "role_ref":
			c.Name = "role"
		case "read", "write", "deny":
			permission(c)
		}
	}
	if !e.IsTag("acl_user") {
		return []*cibxml.Element{e}
	}
	e.Name = "acl_target"
	if e.Child("role") != nil {
		return []*cibxml.Element{e}
	}
	own := cibxml.New("acl_role", "id", "auto-"+e.ID()).Append(e.Children...)
	e.Children = []*cibxml.Element{cibxml.New("role", "id", own.ID())}
	return []*cibxml.Element{e, own}
}

// permission makes one kind of element of three. An attribute together with a reference loses its meaning, as it
// does in Pacemaker.
func permission(e *cibxml.Element) {
	old := *e
	e.Attrs = []cibxml.Attr{{Name: "id", Value: old.ID()}, {Name: "kind", Value: old.Name}}
	e.Name = "acl_permission"
	attr, narrowed := old.Lookup("attribute")
	if ref, ok := old.Lookup("ref"); ok {
		e.Set("reference", ref)
		return
	}
	if tag, ok := old.Lookup("tag"); ok {
		e.Set("object-type", tag)
		if narrowed {
			e.Set("attribute", attr)
		}
		return
	}
	path := strings.TrimSpace(old.Get("xpath"))
	if narrowed {
		path += "[@" + attr + "]"
	}
	e.Set("xpath", path)
}
