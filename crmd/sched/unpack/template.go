package unpack

import (
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

// fillTemplate returns the resource with what its template adds: all attributes but the id come from the
// template, and the resource's own blocks come after the template's, so that they win.
func (b *Builder) fillTemplate(e *cibxml.Element) (*cibxml.Element, bool) {
	ref, ok := e.Lookup("template")
	if !ok {
		return e, true
	}
	if ref == e.ID() {
		b.log.ConfigError("The resource object '%s' should not reference itself", ref)
		return nil, false
	}
	t := b.templates.Find("template", ref)
	if t == nil {
		b.log.ConfigError("No template named '%s'", ref)
		return nil, false
	}
	full := t.WithAttr("id", e.ID())
	full.Name = e.Name
	if number, ok := e.Lookup("clone"); ok {
		full.Set("clone", number)
	}
	theirs, ours := t.Child("operations"), e.Child("operations")
	children := make([]*cibxml.Element, 0, len(t.Children)+len(e.Children))
	for _, c := range t.Children {
		if c != theirs || ours == nil {
			children = append(children, c)
		}
	}
	for _, c := range e.Children {
		if c == ours && theirs != nil {
			c = mergeOperations(ours, theirs)
		}
		children = append(children, c)
	}
	full.Children = children
	return full, true
}

// mergeOperations adds the template's operations that the resource does not define itself, told apart by
// name and role alone.
func mergeOperations(ours, theirs *cibxml.Element) *cibxml.Element {
	key := func(op *cibxml.Element) string {
		role := op.Get("role")
		switch model.ParseRole(role) {
		case model.Started, model.Unpromoted:
			role = ""
		}
		if role == "" {
			role = "Unknown"
		}
		return op.Get("name") + "-" + role
	}
	have := map[string]bool{}
	for op := range ours.Tags() {
		have[key(op)] = true
	}
	out := *ours
	out.Children = append([]*cibxml.Element(nil), ours.Children...)
	for op := range theirs.Tags() {
		if !have[key(op)] {
			out.Children = append(out.Children, op)
		}
	}
	return &out
}
