package constraint

import (
	"slices"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

// tag returns the resources that a template or tag stands for; ok is false when there is no such thing, and for
// a template that no resource uses.
func (r *reader) tag(id string) (refs []string, ok bool) {
	if refs, ok = r.m.Templates[id]; ok {
		return refs, refs != nil
	}
	refs, ok = r.m.Tags[id]
	return refs, ok
}

// resolve returns the resource of that name or the members of the template or tag; it is not ok, and the
// constraint invalid, when there is none of these.
func (r *reader) resolve(constraint, id string) (x *model.Resource, refs []string, ok bool) {
	if x = r.find(id); x != nil {
		return x, nil, true
	}
	if refs, ok = r.tag(id); !ok {
		r.log.ConfigError("Ignoring constraint '%s' because '%s' is not a valid resource or tag", constraint, id)
	}
	return nil, refs, ok
}

// expandSets returns the constraint with the templates and tags in its sets replaced by their members, nil
// when there are none of these.
func (r *reader) expandSets(e *cibxml.Element) *cibxml.Element {
	any := false
	children := slices.Clone(e.Children)
	for i, set := range children {
		if !set.IsTag("resource_set") {
			continue
		}
		refs, expanded, ok := r.expandRefs(e.ID(), slices.Collect(set.Tags("resource_ref")))
		if !ok {
			return nil
		}
		any = any || expanded
		children[i] = set.WithChildren(refs)
	}
	if !any {
		return nil
	}
	return e.WithChildren(children)
}

// maxRefs bounds what a set may grow to, so that tags that hold each other are an error and no endless loop.
const maxRefs = 10000

// expandRefs replaces templates and tags by their members, which may be such themselves. It is not ok when one of
// them does not exist.
func (r *reader) expandRefs(constraint string, queue []*cibxml.Element) (refs []*cibxml.Element, any, ok bool) {
	for n := 0; len(queue) > 0; n++ {
		x, members, ok := r.resolve(constraint, queue[0].ID())
		switch {
		case !ok || n > maxRefs:
			return nil, false, false
		case x != nil:
			refs, queue = append(refs, queue[0]), queue[1:]
		default:
			any = true
			queue = slices.Concat(references(members), queue[1:])
		}
	}
	return refs, any, true
}

func references(ids []string) []*cibxml.Element {
	var out []*cibxml.Element
	for _, id := range ids {
		out = append(out, cibxml.New("resource_ref", "id", id))
	}
	return out
}

// asSet makes a set of what one side of a constraint names. The members of a template or tag stand side by
// side.
func asSet(id, role, operation string, x *model.Resource, refs []string) *cibxml.Element {
	set := cibxml.New("resource_set", "id", id)
	if x != nil {
		set.Append(references([]string{id})...)
	} else {
		set.Append(references(refs)...)
		set.Set("sequential", "false")
	}
	if role != "" {
		set.Set("role", role)
	}
	if operation != "" {
		set.Set("action", operation)
	}
	return set
}

// locationTags returns a location constraint with its templates and tags replaced.
func (r *reader) locationTags(e *cibxml.Element) (*cibxml.Element, bool) {
	if out := r.expandSets(e); out != nil {
		return out, true
	}
	id, ok := e.Lookup("rsc")
	if !ok {
		return e, true
	}
	x, refs, ok := r.resolve(e.ID(), id)
	if x != nil || !ok || refs == nil {
		return e, ok
	}
	out := e.WithoutAttr("rsc").WithoutAttr("role")
	return out.WithChild(nil, asSet(id, e.Get("role"), "", nil, refs)), true
}

// colocationTags returns a colocation with its templates and tags replaced.
func (r *reader) colocationTags(e *cibxml.Element) (*cibxml.Element, bool) {
	if out := r.expandSets(e); out != nil {
		return out, true
	}
	return r.pairTags(e, pair{"rsc", "with-rsc", "rsc-role", "with-rsc-role", "", ""}, func() bool {
		r.log.ConfigError("Ignoring constraint '%s' because two templates or tags cannot be colocated", e.ID())
		return false
	})
}

// orderTags returns an ordering with its templates and tags replaced.
func (r *reader) orderTags(e *cibxml.Element) (*cibxml.Element, bool) {
	if out := r.expandSets(e); out != nil {
		return out, true
	}
	return r.pairTags(e, pair{"first", "then", "", "", "first-action", "then-action"}, func() bool { return true })
}

// ticketTags returns a ticket constraint with its templates and tags replaced.
func (r *reader) ticketTags(e *cibxml.Element) (*cibxml.Element, bool) {
	if out := r.expandSets(e); out != nil {
		return out, true
	}
	id, ok := e.Lookup("rsc")
	if !ok {
		return e, true
	}
	x, refs, ok := r.resolve(e.ID(), id)
	if x != nil || !ok || refs == nil {
		return e, ok
	}
	out := e.WithoutAttr("rsc").WithoutAttr("rsc-role")
	return out.WithChild(nil, asSet(id, e.Get("rsc-role"), "", nil, refs)), true
}

// pair names the attributes of the two sides of a constraint.
type pair struct{ a, b, roleA, roleB, actionA, actionB string }

// pairTags turns both sides of a constraint into sets if one of them is a template or tag. Two of these are
// only allowed if both says so.
func (r *reader) pairTags(e *cibxml.Element, p pair, both func() bool) (*cibxml.Element, bool) {
	a, okA := e.Lookup(p.a)
	b, okB := e.Lookup(p.b)
	if !okA || !okB {
		return e, true
	}
	x, refsA, ok := r.resolve(e.ID(), a)
	if !ok {
		return nil, false
	}
	y, refsB, ok := r.resolve(e.ID(), b)
	if !ok {
		return nil, false
	}
	if x != nil && y != nil {
		return e, true
	}
	if x == nil && y == nil && !both() {
		return nil, false
	}
	attr := func(name string) string {
		if name == "" {
			return ""
		}
		return e.Get(name)
	}
	out := e.WithoutAttr(p.a).WithoutAttr(p.b)
	for _, name := range []string{p.roleA, p.roleB, p.actionA, p.actionB} {
		out.Unset(name)
	}
	children := append(slices.Clone(e.Children), asSet(a, attr(p.roleA), attr(p.actionA), x, refsA),
		asSet(b, attr(p.roleB), attr(p.actionB), y, refsB))
	return out.WithChildren(children), true
}
