package crm

import (
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/clusterfile/option"
)

// group is a group with the members that have been read so far.
type group struct {
	id, description string
	section         *clusterfile.Section // nil when there is only the key group of its members
	meta            []build.Pair
	clone           string
	cloneMeta       []build.Pair
	members         []*cibxml.Element
	// place stands in the list of resources until the group is complete.
	place *cibxml.Element
}

// readGroups reads the [[group]] sections: what is to be said of a group besides its members.
func (r *reader) readGroups() {
	for _, s := range r.root.Tables("group") {
		g := &group{id: s.Str("id", ""), section: s, description: s.Str("description", "")}
		r.identify(s, g.id, kindResource)
		g.meta = r.options(s, "meta", option.Resource)
		g.cloneMeta, g.clone = r.clone(s, g.id)
		s.Done()
		r.groups = append(r.groups, g)
	}
}

// join puts a resource into its group, which begins to exist with its first member. The result takes the
// group's place in the list, nil when it has one.
func (r *reader) join(s *clusterfile.Section, id string, e *cibxml.Element) *cibxml.Element {
	var g *group
	for _, x := range r.groups {
		if x.id == id {
			g = x
		}
	}
	if g == nil {
		r.define(id, kindResource, s, "group")
		g = &group{id: id}
		r.groups = append(r.groups, g)
	}
	if g.clone != "" {
		o := r.objects[e.ID()]
		o.clone = g.clone
		r.objects[e.ID()] = o
	}
	g.members = append(g.members, e)
	if g.place != nil {
		return nil
	}
	g.place = cibxml.New("group")
	return g.place
}

// finishGroup puts the complete group into its place.
func (r *reader) finishGroup(g *group, list *cibxml.Element) {
	if g.place == nil {
		g.section.Problem("id", "group %q has no members; write group = %q in the resources that belong to it", g.id, g.id)
		return
	}
	e := build.Group(g.id, g.description, g.meta, g.members...)
	if g.clone != "" {
		e = build.Clone(g.clone, g.cloneMeta, e)
	}
	for i, c := range list.Children {
		if c == g.place {
			list.Children[i] = e
		}
	}
}

// clone reads the key clone: true, or a table with the clone's meta attributes and perhaps its id. The id is ""
// when there is no clone.
func (r *reader) clone(s *clusterfile.Section, of string) (meta []build.Pair, id string) {
	switch s.Raw("clone").(type) {
	case nil:
		return nil, ""
	case map[string]any:
		sub := s.Table("clone")
		meta = r.optionsIn(sub, option.Clone, "id")
		id = sub.Str("id", of+"-clone")
		r.define(id, kindResource, sub, "id")
	default:
		if !s.Bool("clone", false) {
			return nil, ""
		}
		id = of + "-clone"
		r.define(id, kindResource, s, "clone")
	}
	if o, ok := r.objects[of]; ok {
		o.clone = id
		r.objects[of] = o
	}
	return meta, id
}
