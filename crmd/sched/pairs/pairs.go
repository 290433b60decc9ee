// Package pairs is the small table of names and values that meta attributes, parameters and node attributes
// are kept in.
package pairs

import (
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// Table holds pairs in the order in which their names were first set. A nil Table is empty.
type Table []cibxml.Attr

// Lookup returns a value and whether the name is there.
func (t Table) Lookup(name string) (string, bool) {
	for i := range t {
		if t[i].Name == name {
			return t[i].Value, true
		}
	}
	return "", false
}

// Get returns a value, "" when the name is not there.
func (t Table) Get(name string) string {
	v, _ := t.Lookup(name)
	return v
}

// Has reports whether the name is there.
func (t Table) Has(name string) bool {
	_, ok := t.Lookup(name)
	return ok
}

// Set gives a name a value, whether or not it had one.
func (t *Table) Set(name, value string) {
	for i := range *t {
		if (*t)[i].Name == name {
			(*t)[i].Value = value
			return
		}
	}
	*t = append(*t, cibxml.Attr{Name: name, Value: value})
}

// Add gives a name a value unless it has one.
func (t *Table) Add(name, value string) {
	if !t.Has(name) {
		*t = append(*t, cibxml.Attr{Name: name, Value: value})
	}
}

// AddAll adds every pair of another table whose name is not there yet.
func (t *Table) AddAll(more Table) {
	for _, p := range more {
		t.Add(p.Name, p.Value)
	}
}

// Remove takes a name out.
func (t *Table) Remove(name string) {
	*t = slices.DeleteFunc(*t, func(a cibxml.Attr) bool { return a.Name == name })
}

// Clone copies the table, so that either can be changed.
func (t Table) Clone() Table { return slices.Clone(t) }

// Sorted returns the pairs in byte order of their names.
func (t Table) Sorted() Table {
	out := slices.Clone(t)
	slices.SortFunc(out, func(a, b cibxml.Attr) int { return strings.Compare(a.Name, b.Name) })
	return out
}
