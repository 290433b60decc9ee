// Package build makes the elements of a configuration with the ids that pcs gives them.
package build

import (
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// Pair is a name with its value.
type Pair struct{ Name, Value string }

// Pairs makes a sorted list of a map.
func Pairs(m map[string]string) []Pair {
	list := make([]Pair, 0, len(m))
	for n, v := range m {
		list = append(list, Pair{n, v})
	}
	sortPairs(list)
	return list
}

// Get is the value of a name, "" when it is not there.
func Get(list []Pair, name string) string {
	for _, p := range list {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

func sortPairs(list []Pair) {
	slices.SortStableFunc(list, func(a, b Pair) int { return strings.Compare(a.Name, b.Name) })
}

// SafeID makes an XML id of a text: what may not be in one is left out.
func SafeID(text string) string {
	var b strings.Builder
	for _, c := range text {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
		if letter || b.Len() > 0 && (c >= '0' && c <= '9' || c == '-' || c == '.') {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// ValidID reports whether a text can be an XML id.
func ValidID(text string) bool { return text != "" && SafeID(text) == text }

// IDs hands out ids that nothing else in a configuration has.
type IDs struct{ used map[string]bool }

// NewIDs starts with the ids of a document; nil is an empty one.
func NewIDs(doc *cibxml.Element) *IDs {
	ids := &IDs{used: make(map[string]bool)}
	ids.Add(doc)
	return ids
}

// Identified reports whether the attribute id of an element is an id of the document. It is not in references,
// and nodes, users and groups are known by names that something else may have too.
func Identified(e *cibxml.Element) bool {
	switch e.Name {
	case "resource_ref", "obj_ref", "role", "node", "acl_target", "acl_group":
		return false
	}
	return true
}

// Add marks the ids of an element and of what is below it as used.
func (ids *IDs) Add(e *cibxml.Element) {
	e.Walk(func(x *cibxml.Element) bool {
		if x.ID() != "" && Identified(x) {
			ids.used[x.ID()] = true
		}
		return x.Name != "status"
	})
}

// Used reports whether something has the id.
func (ids *IDs) Used(id string) bool { return ids.used[id] }

// New makes the id safe and, when it is taken, different from all others by a number at its end.
func (ids *IDs) New(want string) string {
	id := SafeID(want)
	for n := 1; ids.used[id]; n++ {
		id = SafeID(want) + "-" + strconv.Itoa(n)
	}
	ids.used[id] = true
	return id
}

// Set makes a set of name-value pairs, such as instance_attributes, sorted by name.
func Set(tag, id string, list []Pair) *cibxml.Element {
	set := cibxml.New(tag, "id", id)
	list = slices.Clone(list)
	sortPairs(list)
	for _, p := range list {
		set.Append(NVPair(id, p.Name, p.Value))
	}
	return set
}

// NVPair makes one pair of a set.
func NVPair(set, name, value string) *cibxml.Element {
	return cibxml.New("nvpair", "id", set+"-"+SafeID("x" + name)[1:], "name", name, "value", value)
}

// appendSet adds a set unless it is empty.
func appendSet(e *cibxml.Element, tag, id string, list []Pair) {
	if len(list) > 0 {
		e.Append(Set(tag, id, list))
	}
}
