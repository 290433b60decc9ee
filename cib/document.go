package cib

import (
	"slices"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/schema"
)

// sections are the scopes of commands and the way to them from <cib>.
var sections = map[string][]string{
	"all":              {},
	"status":           {"status"},
	"configuration":    {"configuration"},
	"crm_config":       {"configuration", "crm_config"},
	"nodes":            {"configuration", "nodes"},
	"resources":        {"configuration", "resources"},
	"constraints":      {"configuration", "constraints"},
	"rsc_defaults":     {"configuration", "rsc_defaults"},
	"op_defaults":      {"configuration", "op_defaults"},
	"acls":             {"configuration", "acls"},
	"fencing-topology": {"configuration", "fencing-topology"},
	"tags":             {"configuration", "tags"},
	"alerts":           {"configuration", "alerts"},
}

// KnownSection reports whether a scope is one. Commands take an unknown scope for the whole document, as
// Pacemaker does.
func KnownSection(scope string) bool {
	_, ok := sections[scope]
	return ok
}

// Section is the element of a scope, nil when it is absent. An empty or unknown scope is the whole document.
func Section(doc *cibxml.Element, scope string) *cibxml.Element {
	p := sectionPath(doc, scope)
	if p == nil {
		return nil
	}
	return p[len(p)-1]
}

// sectionPath leads from doc to the section, nil when it is absent.
func sectionPath(doc *cibxml.Element, scope string) []*cibxml.Element {
	path := []*cibxml.Element{doc}
	for _, name := range sections[scope] {
		next := path[len(path)-1].Child(name)
		if next == nil {
			return nil
		}
		path = append(path, next)
	}
	return path
}

// Empty is a CIB without content in version 0.1.0, as "cibadmin --empty" prints it. Without a schema it is the
// newest one's.
func Empty(schemaName string) *cibxml.Element {
	if schemaName == "" {
		schemaName = schema.Newest
	}
	return cibxml.New("cib", "crm_feature_set", FeatureSet, "validate-with", schemaName,
		"epoch", "1", "num_updates", "0", "admin_epoch", "0").Append(
		cibxml.New("configuration").Append(
			cibxml.New("crm_config"), cibxml.New("nodes"), cibxml.New("resources"), cibxml.New("constraints")),
		cibxml.New("status"))
}

// WithAttrs returns the document with attributes of <cib> set to these names and values.
func WithAttrs(doc *cibxml.Element, nameValues ...string) *cibxml.Element {
	c := *doc
	c.Attrs = slices.Clone(doc.Attrs)
	for i := 0; i+1 < len(nameValues); i += 2 {
		c.Set(nameValues[i], nameValues[i+1])
	}
	return &c
}

// WithStatus returns the document with another status section; nil leaves it without one.
func WithStatus(doc, status *cibxml.Element) *cibxml.Element {
	return withSection(doc, "status", status)
}

// WithConfiguration returns the document with another configuration section.
func WithConfiguration(doc, configuration *cibxml.Element) *cibxml.Element {
	return withSection(doc, "configuration", configuration)
}

func withSection(doc *cibxml.Element, name string, section *cibxml.Element) *cibxml.Element {
	old := doc.Child(name)
	if old == nil && section == nil {
		return doc
	}
	return doc.WithChild(old, section)
}

// Split separates a document into its configuration, as it is kept on disk and in the log (no status section,
// num_updates 0), and its status section, which may be nil.
func Split(doc *cibxml.Element) (configuration, status *cibxml.Element) {
	return WithAttrs(WithStatus(doc, nil), versionFields[2], "0"), doc.Child("status")
}

// Replace returns the document in which the last element of the path is another one, nil to remove it. The
// path begins with the document itself.
func Replace(path []*cibxml.Element, repl *cibxml.Element) *cibxml.Element {
	for i := len(path) - 2; i >= 0; i-- {
		repl = path[i].WithChild(path[i+1], repl)
	}
	return repl
}
