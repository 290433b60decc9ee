package acl

import (
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// Check refuses a change that the user may not make. The permissions are those of the old document: nobody
// gives himself a right and uses it at once. The error is a *cib.Error.
func (a *Access) Check(old, new *cibxml.Element) error {
	if old == new {
		return nil
	}
	c := &change{user: a.user, old: a.mark(old), new: a.mark(new)}
	return c.compare([]*cibxml.Element{old}, []*cibxml.Element{new})
}

type change struct {
	user     string
	old, new marks
}

func (c *change) refuse(what string, path []*cibxml.Element) error {
	return cib.Denied("user %s may not %s %s", c.user, what, cibxml.Location(path))
}

// compare checks what differs in an element that is in both documents, and below it. Attributes may be changed
// where the permission covers the element before and after: Pacemaker looks only at one of the two, so that who
// may write //nvpair[@name='target-role'] can there make any other option of it.
func (c *change) compare(oldPath, newPath []*cibxml.Element) error {
	old, new := oldPath[len(oldPath)-1], newPath[len(newPath)-1]
	if old == new {
		return nil
	}
	if differ(old.Attrs, new.Attrs) && !(c.new.decide(newPath, Writable) && c.old.decide(oldPath, Writable)) {
		return c.refuse("change", newPath)
	}
	left := map[string][]*cibxml.Element{}
	for _, k := range old.Children {
		left[identity(k)] = append(left[identity(k)], k)
	}
	order := make([]*cibxml.Element, 0, len(old.Children))
	for _, k := range new.Children {
		same := left[identity(k)]
		if len(same) == 0 {
			if err := c.create(append(slices.Clip(newPath), k)); err != nil {
				return err
			}
			continue
		}
		left[identity(k)] = same[1:]
		order = append(order, same[0])
		if err := c.compare(append(slices.Clip(oldPath), same[0]), append(slices.Clip(newPath), k)); err != nil {
			return err
		}
	}
	stay := 0
	for _, k := range old.Children {
		if slices.Contains(left[identity(k)], k) {
			if at := append(slices.Clip(oldPath), k); !c.old.decide(at, Writable) {
				return c.refuse("delete", at)
			}
			continue
		}
		if order[stay] != k && !c.new.decide(newPath, Writable) && !c.old.decide(append(slices.Clip(oldPath), k), Writable) {
			return c.refuse("change the order in", newPath)
		}
		stay++
	}
	return nil
}

// create checks a new element and what is in it. Elements that say nothing (they have at most an id) may be
// made by everybody who may make what is in them, but not among the access control lists themselves.
func (c *change) create(path []*cibxml.Element) error {
	e := path[len(path)-1]
	scaffold := e.Kind == cibxml.Tag && !slices.ContainsFunc(path[:len(path)-1], func(p *cibxml.Element) bool { return p.Name == "acls" }) &&
		!slices.ContainsFunc(e.Attrs, func(a cibxml.Attr) bool { return a.Name != "id" })
	if !scaffold && !c.new.decide(path, Writable) {
		return c.refuse("create", path)
	}
	for _, k := range e.Children {
		if err := c.create(append(slices.Clip(path), k)); err != nil {
			return err
		}
	}
	return nil
}

// identity is what makes two elements the same one: name and id, for comments the text.
func identity(e *cibxml.Element) string {
	if e.Kind != cibxml.Tag {
		return "\x00" + e.Text
	}
	return e.Name + "\x00" + e.ID()
}

// differ reports whether there are other attributes or values; their order does not matter.
func differ(a, b []cibxml.Attr) bool {
	if slices.Equal(a, b) {
		return false
	}
	byName := func(x, y cibxml.Attr) int { return strings.Compare(x.Name, y.Name) }
	return !slices.Equal(slices.SortedFunc(slices.Values(a), byName), slices.SortedFunc(slices.Values(b), byName))
}
