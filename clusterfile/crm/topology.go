package crm

import (
	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/clusterfile/option"
)

// topology reads [[fencing_level]].
func (r *reader) topology() *cibxml.Element {
	list := cibxml.New("fencing-topology")
	type key struct {
		target string
		index  int
	}
	seen := map[key]int{}
	for _, s := range r.root.Tables("fencing_level") {
		l := build.FencingLevel{ID: r.constraintID(s), Index: s.Int("level", 1, 1, 9), Target: s.Str("target", ""), Pattern: s.Str("pattern", ""),
			Attribute: s.Str("attribute", ""), Value: s.Str("value", ""), Devices: s.Strings("devices")}
		one(s, "target", "pattern", "attribute")
		if s.Has("attribute") != s.Has("value") {
			s.Problem("value", "attribute and value belong together")
		}
		if len(l.Devices) == 0 {
			s.Problem("devices", "is missing; a level needs at least one fence device")
		}
		for _, d := range l.Devices {
			r.refer(s, "devices", d, kindDevice)
		}
		r.refer(s, "target", l.Target, kindNode)
		k := key{l.Target + "\x00" + l.Pattern + "\x00" + l.Attribute + "\x00" + l.Value, l.Index}
		if line, dup := seen[k]; dup {
			s.Problem("level", "level %d for the same nodes is in line %d too", l.Index, line)
		}
		seen[k] = s.Line("")
		s.Done()
		list.Append(l.Element(r.ids))
	}
	return list
}

// tags reads [[tag]].
func (r *reader) tags() *cibxml.Element {
	list := cibxml.New("tags")
	for _, s := range r.root.Tables("tag") {
		id := s.Str("id", "")
		r.identify(s, id, kindTag)
		e := cibxml.New("tag", "id", id)
		ids := s.Strings("references")
		if len(ids) == 0 {
			s.Problem("references", "is missing; a tag names at least one resource")
		}
		for _, ref := range ids {
			r.refer(s, "references", ref, kindResource, kindDevice, kindTag, kindOther)
			e.Append(cibxml.New("obj_ref", "id", ref))
		}
		s.Done()
		list.Append(e)
	}
	return list
}

// selections are what an alert may be restricted to.
var selections = []string{"nodes", "fencing", "resources", "attributes"}

// alerts reads [[alert]].
func (r *reader) alerts() *cibxml.Element {
	list := cibxml.New("alerts")
	for _, s := range r.root.Tables("alert") {
		id := s.Str("id", "")
		r.identify(s, id, kindOther)
		e := cibxml.New("alert", "id", id, "path", s.Str("path", ""))
		if !s.Has("path") {
			s.Problem("path", "is missing; it is the program that is run for each event")
		}
		r.describeAlert(s, e)
		r.selection(s, e)
		for _, to := range s.Tables("recipients") {
			e.Append(r.recipient(to, id))
		}
		s.Done()
		list.Append(e)
	}
	return list
}

// describeAlert reads what alerts and recipients have in common.
func (r *reader) describeAlert(s *clusterfile.Section, e *cibxml.Element) {
	if d := s.Str("description", ""); d != "" {
		e.Set("description", d)
	}
	if meta := r.options(s, "meta", option.Alert); len(meta) > 0 {
		e.Append(build.Set("meta_attributes", e.ID()+"-meta_attributes", meta))
	}
	if params := r.free(s, "params"); len(params) > 0 {
		e.Append(build.Set("instance_attributes", e.ID()+"-instance_attributes", params))
	}
}

func (r *reader) selection(s *clusterfile.Section, e *cibxml.Element) {
	kinds, attrs := s.Strings("select"), s.Strings("select_attributes")
	if len(kinds) == 0 && len(attrs) == 0 {
		return
	}
	sel := cibxml.New("select")
	for _, k := range selections {
		if k == "attributes" && (len(attrs) > 0 || has(kinds, k)) {
			list := cibxml.New("select_attributes")
			for _, name := range attrs {
				list.Append(cibxml.New("attribute", "id", e.ID()+"-"+build.SafeID(name), "name", name))
			}
			sel.Append(list)
		} else if has(kinds, k) {
			sel.Append(cibxml.New("select_" + k))
		}
	}
	for _, k := range kinds {
		if !has(selections, k) {
			s.Problem("select", "holds %q, must hold only %q", k, selections)
		}
	}
	e.Append(sel)
}

func (r *reader) recipient(s *clusterfile.Section, alert string) *cibxml.Element {
	id := s.Str("id", "")
	if id == "" {
		id = alert + "-recipient"
	}
	e := cibxml.New("recipient", "id", r.ids.New(id), "value", s.Str("value", ""))
	if !s.Has("value") {
		s.Problem("value", "is missing; it is what the alert agent gets as recipient")
	}
	r.describeAlert(s, e)
	s.Done()
	return e
}

// acls reads [[acl.role]], [[acl.user]] and [[acl.group]].
func (r *reader) acls() *cibxml.Element {
	list := cibxml.New("acls")
	if !r.root.Has("acl") {
		return list
	}
	s := r.root.Table("acl")
	for _, role := range s.Tables("role") {
		list.Append(r.aclRole(role))
	}
	list.Append(r.aclSubjects(s, "user", "acl_target")...)
	list.Append(r.aclSubjects(s, "group", "acl_group")...)
	s.Done()
	return list
}

func (r *reader) aclRole(s *clusterfile.Section) *cibxml.Element {
	id := s.Str("id", "")
	r.identify(s, id, kindRole)
	e := cibxml.New("acl_role", "id", id)
	if d := s.Str("description", ""); d != "" {
		e.Set("description", d)
	}
	for _, p := range s.Tables("permissions") {
		kind := p.Word("kind", "", "read", "write", "deny")
		if !p.Has("kind") {
			p.Problem("kind", "is missing; it is read, write or deny")
		}
		perm := cibxml.New("acl_permission", "id", r.ids.New(id+"-"+kind), "kind", kind)
		for _, key := range []string{"xpath", "reference", "object-type", "attribute", "description"} {
			if v := p.Str(key, ""); v != "" {
				perm.Set(key, v)
			}
		}
		one(p, "xpath", "reference", "object-type")
		if p.Has("attribute") && !p.Has("object-type") {
			p.Problem("attribute", "belongs to object-type")
		}
		p.Done()
		e.Append(perm)
	}
	s.Done()
	return e
}

func (r *reader) aclSubjects(s *clusterfile.Section, key, tag string) []*cibxml.Element {
	var list []*cibxml.Element
	for _, sub := range s.Tables(key) {
		id := sub.Str("id", "")
		if id == "" {
			sub.Problem("id", "is missing; it is the name of the %s", key)
		}
		e := cibxml.New(tag, "id", id)
		for _, role := range sub.Strings("roles") {
			r.refer(sub, "roles", role, kindRole)
			e.Append(cibxml.New("role", "id", role))
		}
		sub.Done()
		list = append(list, e)
	}
	return list
}

// xmlSections are where [[xml]] may put elements.
var xmlSections = []string{"crm_config", "nodes", "resources", "constraints", "rsc_defaults", "op_defaults", "tags", "acls", "fencing-topology", "alerts"}

// xml adds the elements of [[xml]] sections: what has no notation of its own here.
func (r *reader) xml(conf *cibxml.Element) {
	for _, s := range r.root.Tables("xml") {
		name := s.Str("section", "")
		text := s.Str("text", "")
		if !has(xmlSections, name) {
			s.Problem("section", "is %q, must be one of %q", name, xmlSections)
			continue
		}
		e, err := cibxml.Parse(text)
		s.Done()
		if err != nil {
			s.Problem("text", "%v", err)
			continue
		}
		e.Walk(func(x *cibxml.Element) bool {
			if x.ID() != "" && build.Identified(x) && r.ids.Used(x.ID()) {
				s.Problem("text", "the id %q of <%s> is that of something else too", x.ID(), x.Name)
			}
			return true
		})
		r.ids.Add(e)
		section := cib.Section(cibxml.New("cib").Append(conf), name)
		if section == nil {
			section = cibxml.New(name)
			conf.Append(section)
		}
		section.Append(e)
	}
}

func has(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
