// Package edit changes configurations as commands ask for it. Every function takes an element <configuration>
// and returns another one; they share what did not change.
package edit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/clusterfile/option"
	"github.com/holdfast-ha/holdfast/internal/ipc"
)

// fail makes an error with an exit code.
func fail(code int, format string, args ...any) error { return ipc.Errorf(code, format, args...) }

// Replace puts repl in the place of old anywhere below root; nil removes it. Elements are compared by identity.
func Replace(root, old, repl *cibxml.Element) *cibxml.Element {
	if root == old {
		return repl
	}
	for _, c := range root.Children {
		if c == old {
			return root.WithChild(old, repl)
		}
		if n := Replace(c, old, repl); n != c {
			return root.WithChild(c, n)
		}
	}
	return root
}

// Section returns the section of that name and a configuration in which it exists.
func Section(conf *cibxml.Element, name string) (*cibxml.Element, *cibxml.Element) {
	if s := conf.Child(name); s != nil {
		return conf, s
	}
	s := cibxml.New(name)
	return conf.WithChild(nil, s), s
}

// Append adds an element to a section.
func Append(conf *cibxml.Element, section string, e *cibxml.Element) *cibxml.Element {
	conf, s := Section(conf, section)
	return Replace(conf, s, s.WithChild(nil, e))
}

// ResourceTags are the elements that are resources.
var ResourceTags = []string{"primitive", "group", "clone", "master", "bundle", "template"}

// Find returns the resource of that id, nil when there is none.
func Find(conf *cibxml.Element, id string) *cibxml.Element {
	var found *cibxml.Element
	conf.Child("resources").Walk(func(e *cibxml.Element) bool {
		if found == nil && slices.Contains(ResourceTags, e.Name) && e.ID() == id {
			found = e
		}
		return found == nil
	})
	return found
}

// Parent returns the group, clone or bundle around a resource, nil for one at the top.
func Parent(conf *cibxml.Element, id string) *cibxml.Element {
	var found *cibxml.Element
	conf.Child("resources").Walk(func(e *cibxml.Element) bool {
		for c := range e.Tags(ResourceTags...) {
			if c.ID() == id && e.Name != "resources" {
				found = e
			}
		}
		return true
	})
	return found
}

// Resource returns the resource of that id; that there is none is an error with a suggestion.
func Resource(conf *cibxml.Element, id string) (*cibxml.Element, error) {
	if e := Find(conf, id); e != nil {
		return e, nil
	}
	return nil, missing("resource", id, Resources(conf))
}

// Primitive returns the primitive of that id.
func Primitive(conf *cibxml.Element, id string) (*cibxml.Element, error) {
	e, err := Resource(conf, id)
	if err == nil && e.Name != "primitive" {
		err = fail(api.CodeNoSuchObject, "%s is a %s; this works on a single resource", id, e.Name)
	}
	return e, err
}

// Resources lists the ids of all resources in the order of the document.
func Resources(conf *cibxml.Element) []string {
	var ids []string
	conf.Child("resources").Walk(func(e *cibxml.Element) bool {
		if slices.Contains(ResourceTags, e.Name) {
			ids = append(ids, e.ID())
		}
		return true
	})
	return ids
}

// missing says that something does not exist, with the nearest that does.
func missing(kind, id string, names []string) error {
	msg := fmt.Sprintf("there is no %s %q", kind, id)
	if near := option.Nearest(id, names); near != "" {
		msg += fmt.Sprintf("; did you mean %q?", near)
	} else if len(names) > 0 && len(names) <= 12 {
		msg += ", only " + strings.Join(names, ", ")
	}
	return fail(api.CodeNoSuchObject, "%s", msg)
}

// FreeID wants an id that nothing has and that can be one.
func FreeID(conf *cibxml.Element, id string) error {
	switch {
	case !build.ValidID(id):
		return fail(api.CodeUsage, "%q cannot be an id: it must begin with a letter or _ and hold only letters, digits, dots, dashes and underscores", id)
	case build.NewIDs(conf).Used(id):
		return fail(api.CodeExists, "the id %q is taken; choose another one", id)
	}
	return nil
}

// Nodes lists the names of the nodes.
func Nodes(conf *cibxml.Element) []string {
	var names []string
	for n := range conf.Child("nodes").Tags("node") {
		names = append(names, n.Get("uname"))
	}
	return names
}

// Node returns the entry of a node.
func Node(conf *cibxml.Element, name string) (*cibxml.Element, error) {
	for n := range conf.Child("nodes").Tags("node") {
		if strings.EqualFold(n.Get("uname"), name) {
			return n, nil
		}
	}
	return nil, missing("node", name, Nodes(conf))
}

// Members are the ids of the primitives in a group.
func Members(group *cibxml.Element) []string {
	var ids []string
	for p := range group.Tags("primitive") {
		ids = append(ids, p.ID())
	}
	return ids
}
