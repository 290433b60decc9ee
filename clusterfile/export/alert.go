package export

import (
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile/option"
)

func (x *exporter) tag(t *table, e *cibxml.Element) {
	x.only(e, "id")
	x.children(e, "obj_ref")
	t.header("[[tag]]")
	t.text("id", e.ID())
	var ids []string
	for r := range e.Tags("obj_ref") {
		ids = append(ids, r.ID())
	}
	x.ok = x.ok && len(ids) > 0
	t.list("references", ids)
}

func (x *exporter) alert(t *table, e *cibxml.Element) {
	x.only(e, "id", "path", "description")
	x.children(e, "meta_attributes", "instance_attributes", "select", "recipient")
	t.header("[[alert]]")
	t.text("id", e.ID())
	t.text("path", e.Get("path"))
	t.optional("description", e, "description")
	t.table("meta", scalars(x.set(e, "meta_attributes", option.Alert)))
	t.table("params", scalars(x.set(e, "instance_attributes", nil)))
	if s := e.Child("select"); s != nil {
		x.selection(t, s)
	}
	var list []string
	for r := range e.Tags("recipient") {
		list = append(list, x.recipient(r, e.ID(), len(list)))
	}
	if len(list) > 0 {
		t.tables("recipients", list)
	}
}

func (x *exporter) selection(t *table, s *cibxml.Element) {
	x.children(s, "select_nodes", "select_fencing", "select_resources", "select_attributes")
	var kinds, attrs []string
	for c := range s.Tags() {
		kinds = append(kinds, strings.TrimPrefix(c.Name, "select_"))
		for a := range c.Tags("attribute") {
			attrs = append(attrs, a.Get("name"))
		}
	}
	x.ok = x.ok && len(kinds) > 0
	t.list("select", kinds)
	if len(attrs) > 0 {
		t.list("select_attributes", attrs)
	}
}

func (x *exporter) recipient(r *cibxml.Element, alert string, n int) string {
	x.only(r, "id", "value", "description")
	x.children(r, "meta_attributes", "instance_attributes")
	pairs := []pair{}
	want := newIDs()
	for range n {
		want.New(alert + "-recipient")
	}
	if want.New(alert+"-recipient") != r.ID() {
		pairs = append(pairs, pair{"id", Quote(r.ID())})
	}
	pairs = append(pairs, pair{"value", Quote(r.Get("value"))})
	if d := r.Get("description"); d != "" {
		pairs = append(pairs, pair{"description", Quote(d)})
	}
	if meta := x.set(r, "meta_attributes", option.Alert); len(meta) > 0 {
		pairs = append(pairs, pair{"meta", inline(scalars(meta))})
	}
	if params := x.set(r, "instance_attributes", nil); len(params) > 0 {
		pairs = append(pairs, pair{"params", inline(scalars(params))})
	}
	return inline(pairs)
}

func (x *exporter) acl(t *table, e *cibxml.Element) {
	switch e.Name {
	case "acl_role":
		x.aclRole(t, e)
	case "acl_target", "acl_group":
		x.only(e, "id")
		x.children(e, "role")
		t.header("[[acl." + map[string]string{"acl_target": "user", "acl_group": "group"}[e.Name] + "]]")
		t.text("id", e.ID())
		var roles []string
		for r := range e.Tags("role") {
			roles = append(roles, r.ID())
		}
		t.list("roles", roles)
	default:
		x.ok = false
	}
}

func (x *exporter) aclRole(t *table, e *cibxml.Element) {
	x.only(e, "id", "description")
	x.children(e, "acl_permission")
	t.header("[[acl.role]]")
	t.text("id", e.ID())
	t.optional("description", e, "description")
	var list []string
	for p := range e.Tags("acl_permission") {
		x.only(p, "id", "kind", "xpath", "reference", "object-type", "attribute", "description")
		pairs := []pair{}
		for _, a := range p.Attrs {
			if a.Name != "id" {
				pairs = append(pairs, pair{Key(a.Name), Quote(a.Value)})
			}
		}
		list = append(list, inline(pairs))
	}
	if len(list) > 0 {
		t.tables("permissions", list)
	}
}
