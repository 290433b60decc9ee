package edit

import (
	"slices"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
)

// Position is where in a group a resource goes: before or after another member, else at the end.
type Position struct{ Before, After string }

// Place inserts a primitive into a group, which is made when it does not exist.
func Place(conf *cibxml.Element, group string, e *cibxml.Element, at Position) (*cibxml.Element, error) {
	g := Find(conf, group)
	if g == nil {
		if at.Before != "" || at.After != "" {
			return nil, missing("group", group, nil)
		}
		if err := FreeID(conf, group); err != nil {
			return nil, err
		}
		return Append(conf, "resources", build.Group(group, "", nil, e)), nil
	}
	if g.Name != "group" {
		return nil, fail(api.CodeUsage, "%s is a %s, not a group", group, g.Name)
	}
	index, err := position(g, at)
	if err != nil {
		return nil, err
	}
	return Replace(conf, g, g.WithChildren(slices.Insert(slices.Clone(g.Children), index, e))), nil
}

// position is the index among the children of a group at which a member is inserted.
func position(g *cibxml.Element, at Position) (int, error) {
	want := at.Before + at.After
	last := 0
	for i, c := range g.Children {
		if !c.IsTag("primitive") {
			continue
		}
		last = i + 1
		if c.ID() == want {
			if at.Before != "" {
				return i, nil
			}
			return i + 1, nil
		}
	}
	if want != "" {
		return 0, fail(api.CodeNoSuchObject, "%s is not in group %s", want, g.ID())
	}
	return last, nil
}

// TakeOut removes a primitive from where it is, without what refers to it. A group that is empty then goes with
// everything that refers to it, which is returned.
func TakeOut(conf *cibxml.Element, id string) (rest, e *cibxml.Element, removed []string, err error) {
	if e, err = Primitive(conf, id); err != nil {
		return nil, nil, nil, err
	}
	p := Parent(conf, id)
	if p != nil && p.Name != "group" {
		return nil, nil, nil, fail(api.CodeUsage, "%s is inside of %s %s; take it out of that first (hcs resource unclone %s)", id, p.Name, p.ID(), p.ID())
	}
	if p != nil && onlyChild(p) {
		rest, removed = drop(conf, p, id)
		return rest, e, removed, nil
	}
	return Replace(conf, e, nil), e, nil, nil
}

// Clone puts a clone around a primitive or a group.
func Clone(conf *cibxml.Element, id, clone string, meta []build.Pair) (*cibxml.Element, error) {
	e, err := Resource(conf, id)
	if err != nil {
		return nil, err
	}
	if e.Name != "primitive" && e.Name != "group" {
		return nil, fail(api.CodeUsage, "%s is a %s; only a resource or a group can be cloned", id, e.Name)
	}
	if p := Parent(conf, id); p != nil {
		if p.Name == "group" {
			return nil, fail(api.CodeUsage, "%s is in group %s; clone the group, or take it out first (hcs resource ungroup %s %s)", id, p.ID(), p.ID(), id)
		}
		return nil, fail(api.CodeExists, "%s is in %s %s already", id, p.Name, p.ID())
	}
	if clone == "" {
		clone = id + "-clone"
	}
	if err := FreeID(conf, clone); err != nil {
		return nil, err
	}
	conf = Replace(conf, e, build.Clone(clone, meta, e))
	return rename(conf, id, clone), nil
}

// Unclone takes a resource out of its clone; either of the two may be named.
func Unclone(conf *cibxml.Element, id string) (*cibxml.Element, error) {
	c, err := Resource(conf, id)
	if err != nil {
		return nil, err
	}
	if c.Name != "clone" && c.Name != "master" {
		p := Parent(conf, id)
		if p == nil || p.Name != "clone" && p.Name != "master" {
			return nil, fail(api.CodeUsage, "%s is not cloned", id)
		}
		c = p
	}
	for inner := range c.Tags("primitive", "group") {
		return rename(Replace(conf, c, inner), c.ID(), inner.ID()), nil
	}
	return nil, fail(api.CodeBadData, "clone %s is empty", c.ID())
}

// rename makes constraints and tags refer to another resource.
func rename(conf *cibxml.Element, from, to string) *cibxml.Element {
	for _, name := range []string{"constraints", "tags"} {
		s := conf.Child(name)
		if s == nil {
			continue
		}
		c := s.Clone()
		c.Walk(func(e *cibxml.Element) bool {
			for _, a := range references {
				if e.Get(a) == from {
					e.Set(a, to)
				}
			}
			if (e.Name == "resource_ref" || e.Name == "obj_ref") && e.ID() == from {
				e.Set("id", to)
			}
			return true
		})
		if !c.Equal(s) {
			conf = conf.WithChild(s, c)
		}
	}
	return conf
}
