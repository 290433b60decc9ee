// Package schema checks a CIB against the rules of its schema version: which elements and attributes may be
// where, with which values, that ids are unique and that references lead somewhere.
//
// The rules are tables (rules_*.go) in which an entry names the versions it belongs to, so that what changed
// from one version to the next can be read there. The facts in them were learned from Pacemaker's documentation
// and from its schemas as they are installed; xmllint with these is the judge of the tests, for all versions
// from 1.0 to 3.9.
package schema

import (
	"slices"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// version numbers the schemas from the oldest that can be checked.
type version int

const (
	v10 version = iota
	v12
	v13
	v20
	v21
	v22
	v23
	v24
	v25
	v26
	v27
	v28
	v29
	v210
	v30
	v31
	v32
	v33
	v34
	v35
	v36
	v37
	v38
	v39
)

var names = []string{
	"pacemaker-1.0", "pacemaker-1.2", "pacemaker-1.3",
	"pacemaker-2.0", "pacemaker-2.1", "pacemaker-2.2", "pacemaker-2.3", "pacemaker-2.4", "pacemaker-2.5",
	"pacemaker-2.6", "pacemaker-2.7", "pacemaker-2.8", "pacemaker-2.9", "pacemaker-2.10",
	"pacemaker-3.0", "pacemaker-3.1", "pacemaker-3.2", "pacemaker-3.3", "pacemaker-3.4", "pacemaker-3.5",
	"pacemaker-3.6", "pacemaker-3.7", "pacemaker-3.8", "pacemaker-3.9",
}

// ancient are names of schemas that are recognised, so that they can be upgraded, but not checked.
var ancient = []string{"pacemaker-0.6", "transitional-0.6", "pacemaker-0.7", "pacemaker-1.1"}

// Newest is the newest schema.
const Newest = "pacemaker-3.9"

// None is the value of validate-with that turns checking off.
const None = "none"

// development is Pacemaker's schema for what was never released; it is checked as the newest.
const development = "pacemaker-next"

// Names are the schemas that can be checked, the oldest first.
func Names() []string { return slices.Clone(names) }

// Known reports whether a value of validate-with is one, ancient ones and "none" included.
func Known(name string) bool {
	return name == None || name == development || slices.Contains(names, name) || slices.Contains(ancient, name)
}

// AtLeast reports whether a schema is not older than another one. What is no schema is older than all.
func AtLeast(name, other string) bool { return rank(name) >= rank(other) }

// rank orders all values of validate-with.
func rank(name string) int {
	if name == None || name == development {
		return len(names)
	}
	if i := slices.Index(names, name); i >= 0 {
		return i
	}
	return slices.Index(ancient, name) - len(ancient) - 1
}

// versionOf is the version to check a document against.
func versionOf(name string) (v version, ok bool) {
	if name == development {
		name = Newest
	}
	i := slices.Index(names, name)
	return version(i), i >= 0
}

// Detect finds the newest schema that a document without validate-with satisfies, "none" when there is none.
func Detect(doc *cibxml.Element) string {
	for _, name := range slices.Backward(names) {
		if len(Check(nil, doc.WithAttr("validate-with", name))) == 0 {
			return name
		}
	}
	return None
}

// span is the versions that a rule holds for, both ends included.
type span struct{ first, last version }

// always is all versions.
var always = span{v10, v39}

func (s span) has(v version) bool { return s.first <= v && v <= s.last }

// and is where both hold; it has no version when they exclude each other.
func (s span) and(o span) span { return span{max(s.first, o.first), min(s.last, o.last)} }
