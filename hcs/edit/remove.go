package edit

import (
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// Remove takes a resource out of the configuration with everything that refers to it: constraints, tags, fencing
// levels and access rules. A group or clone that has nothing left in it goes too. It returns what was removed, for
// a person.
func Remove(conf *cibxml.Element, id string) (*cibxml.Element, []string, error) {
	e, err := Resource(conf, id)
	if err != nil {
		return nil, nil, err
	}
	// A clone or group that would be empty goes with its last member.
	for p := Parent(conf, e.ID()); p != nil && onlyChild(p); p = Parent(conf, e.ID()) {
		e = p
	}
	conf, removed := drop(conf, e, "")
	return conf, removed, nil
}

// drop removes an element and what refers to it and to the resources in it, except references to keep.
func drop(conf, e *cibxml.Element, keep string) (*cibxml.Element, []string) {
	removed := []string{}
	gone := map[string]bool{}
	e.Walk(func(x *cibxml.Element) bool {
		if slices.Contains(ResourceTags, x.Name) && x.ID() != keep {
			gone[x.ID()] = true
			removed = append(removed, x.Name+" "+x.ID())
		}
		return true
	})
	conf = Replace(conf, e, nil)
	for _, section := range []string{"constraints", "tags", "fencing-topology", "acls"} {
		if s := conf.Child(section); s != nil {
			next, more := sweep(s, gone)
			removed = append(removed, more...)
			conf = conf.WithChild(s, next)
		}
	}
	return conf, removed
}

func onlyChild(p *cibxml.Element) bool {
	n := 0
	for range p.Tags(ResourceTags...) {
		n++
	}
	return n == 1 && (p.Name == "clone" || p.Name == "master" || p.Name == "group")
}

// references are the attributes by which an element of a section names a resource.
var references = []string{"rsc", "with-rsc", "first", "then", "reference"}

// sweep removes what refers to resources that are gone.
func sweep(section *cibxml.Element, gone map[string]bool) (*cibxml.Element, []string) {
	var removed []string
	out := section
	for e := range section.Tags() {
		next := e
		for _, a := range references {
			if gone[e.Get(a)] {
				next = nil
			}
		}
		if next != nil {
			next = sweepInside(e, gone)
		}
		if next == nil {
			removed = append(removed, strings.TrimPrefix(e.Name, "rsc_")+" "+e.ID())
		}
		if next != e {
			out = out.WithChild(e, next)
		}
	}
	return out, removed
}

// sweepInside removes references from an element that may go on without them; nil when nothing is left of it.
func sweepInside(e *cibxml.Element, gone map[string]bool) *cibxml.Element {
	if e.Name == "fencing-level" {
		return sweepLevel(e, gone)
	}
	out := e
	for c := range e.Tags() {
		switch {
		case (c.Name == "resource_ref" || c.Name == "obj_ref") && gone[c.ID()], c.Name == "acl_permission" && gone[c.Get("reference")]:
			out = out.WithChild(c, nil)
		case c.Name == "resource_set":
			if n := sweepInside(c, gone); n != c {
				out = out.WithChild(c, n)
			}
		}
	}
	if out != e && len(out.Children) == 0 && e.Name != "acl_role" {
		return nil
	}
	return out
}

func sweepLevel(e *cibxml.Element, gone map[string]bool) *cibxml.Element {
	devices := strings.Split(e.Get("devices"), ",")
	left := slices.DeleteFunc(slices.Clone(devices), func(d string) bool { return gone[strings.TrimSpace(d)] })
	switch {
	case len(left) == 0:
		return nil
	case len(left) == len(devices):
		return e
	}
	return e.WithAttr("devices", strings.Join(left, ","))
}

// RemoveByID removes an element with that id from a section.
func RemoveByID(conf *cibxml.Element, section, id string) (*cibxml.Element, error) {
	s := conf.Child(section)
	var names []string
	for e := range s.Tags() {
		if e.ID() == id {
			return Replace(conf, e, nil), nil
		}
		names = append(names, e.ID())
	}
	return nil, missing(kindOf[section], id, names)
}

var kindOf = map[string]string{"constraints": "constraint", "tags": "tag", "fencing-topology": "fencing level", "alerts": "alert", "acls": "access rule"}
