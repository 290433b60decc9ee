package cibxml

import "strings"

// Location writes where the last of these elements is, which lead from the root of a document down:
// /cib/configuration/resources/primitive[@id='x']. Elements with an id are named by it, the others by their
// name alone, and a comment is called "comment", as in Pacemaker's patchsets.
func Location(path []*Element) string {
	var b strings.Builder
	for _, e := range path {
		b.WriteByte('/')
		e.writeLabel(&b)
	}
	return b.String()
}

// writeLabel writes one step of a Location.
func (e *Element) writeLabel(b *strings.Builder) {
	if e.Kind == Comment {
		b.WriteString("comment")
		return
	}
	b.WriteString(e.Name)
	if id, ok := e.Lookup("id"); ok {
		b.WriteString("[@id='")
		b.WriteString(id)
		b.WriteString("']")
	}
}
