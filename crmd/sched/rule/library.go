package rule

import "github.com/holdfast-ha/holdfast/cib/cibxml"

// Library finds the elements of a document that id-ref points to. It is built when it is first needed.
type Library struct {
	root  *cibxml.Element
	index map[key]*cibxml.Element
}

type key struct{ name, id string }

// NewLibrary makes the library of a document.
func NewLibrary(root *cibxml.Element) *Library { return &Library{root: root} }

// Find returns the only element with that name and id, nil when there is none or more than one.
func (l *Library) Find(name, id string) *cibxml.Element {
	if l == nil {
		return nil
	}
	if l.index == nil {
		l.index = map[key]*cibxml.Element{}
		l.root.Walk(func(e *cibxml.Element) bool {
			if v, ok := e.Lookup("id"); ok && e.Kind == cibxml.Tag {
				k := key{e.Name, v}
				if _, twice := l.index[k]; twice {
					l.index[k] = nil
				} else {
					l.index[k] = e
				}
			}
			return true
		})
	}
	return l.index[key{name, id}]
}

// Resolve returns the element that e stands for: itself, or what its id-ref points to, nil when that is
// not there.
func (l *Library) Resolve(e *cibxml.Element) *cibxml.Element {
	ref, ok := e.Lookup("id-ref")
	if !ok {
		return e
	}
	return l.Find(e.Name, ref)
}
