package merge

import (
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// setTags are the elements that hold pairs.
var setTags = []string{"instance_attributes", "meta_attributes", "utilization", "cluster_property_set"}

// adoptSets returns a copy of file with the attributes that only the live element has for the cluster's sake, and
// with the ids of the live sets. A set with a rule is compared as a whole.
func adoptSets(live, file *cibxml.Element) *cibxml.Element {
	out := *file
	out.Children = make([]*cibxml.Element, len(file.Children))
	copy(out.Children, file.Children)
	if file.Name == "node" {
		if t, ok := live.Lookup("type"); ok && file.Get("type") == "" {
			out.Attrs = append([]cibxml.Attr{}, file.Attrs...)
			out.Set("type", t)
		}
	}
	used := map[*cibxml.Element]bool{}
	partner := pairSets(live, file, used)
	for i, c := range out.Children {
		if l := partner[c]; l != nil {
			out.Children[i] = adoptPairs(l, c)
		}
	}
	// An empty set says nothing, but taking it away would be a change that nobody asked for.
	for l := range live.Tags(setTags...) {
		if !used[l] && len(l.Children) == 0 && l.Get("id-ref") == "" && !hasSet(&out, l.Name) {
			out.Children = append(out.Children, l)
		}
	}
	if file.Name == "node" { // the file has no notation for attributes that depend on a rule
		for l := range live.Tags("instance_attributes", "utilization") {
			if l.Child("rule") != nil && file.Find(l.Name, l.ID()) == nil {
				out.Children = append(out.Children, l)
			}
		}
	}
	return &out
}

// pairSets finds for each set of the file the live one that it stands for: that of the same id, else the first
// of its kind. Sets with rules only stand for themselves.
func pairSets(live, file *cibxml.Element, used map[*cibxml.Element]bool) map[*cibxml.Element]*cibxml.Element {
	partner := map[*cibxml.Element]*cibxml.Element{}
	for c := range file.Tags(setTags...) {
		if l := live.Find(c.Name, c.ID()); l != nil && c.ID() != "" {
			partner[c], used[l] = l, true
		}
	}
	for c := range file.Tags(setTags...) {
		if partner[c] != nil || c.Child("rule") != nil {
			continue
		}
		for l := range live.Tags(c.Name) {
			if l.Child("rule") == nil && l.Get("id-ref") == "" && !used[l] {
				partner[c], used[l] = l, true
				break
			}
		}
	}
	return partner
}

func hasSet(e *cibxml.Element, tag string) bool { return e.Child(tag) != nil }

// adoptPairs makes the set with the live one's ids and order.
func adoptPairs(live, file *cibxml.Element) *cibxml.Element {
	if sameContent(live, file) {
		return live
	}
	if file.Child("rule") != nil {
		return file
	}
	out := cibxml.New(file.Name)
	out.Attrs = live.Attrs
	for l := range live.Tags("nvpair") {
		for f := range file.Tags("nvpair") {
			if f.Get("name") == l.Get("name") {
				out.Append(l.WithAttr("value", f.Get("value")))
			}
		}
	}
	for f := range file.Tags("nvpair") {
		if named(live, f.Get("name")) == nil {
			id := live.ID() + "-" + strings.TrimPrefix(f.ID(), file.ID()+"-")
			out.Append(f.WithAttr("id", id))
		}
	}
	return out
}

func named(set *cibxml.Element, name string) *cibxml.Element {
	for nv := range set.Tags("nvpair") {
		if nv.Get("name") == name {
			return nv
		}
	}
	return nil
}

// adoptOperations gives operations the ids that they have already; they are the same when name and interval are.
func adoptOperations(live, file *cibxml.Element) *cibxml.Element {
	if live == nil {
		return file
	}
	out := cibxml.New("operations")
	out.Attrs = live.Attrs
	used := map[*cibxml.Element]bool{}
	for l := range live.Tags("op") {
		f := sameOperation(file, l, used)
		if f == nil {
			continue
		}
		used[f] = true
		op := adoptSets(l, f).WithAttr("id", l.ID())
		if sameContent(l, op) {
			op = l
		}
		out.Append(op)
	}
	for f := range file.Tags("op") {
		if !used[f] {
			out.Append(f)
		}
	}
	return out
}

// sameOperation finds the operation of the list that is the same: by id, else by name and interval, where one of
// the same role is preferred.
func sameOperation(list, op *cibxml.Element, used map[*cibxml.Element]bool) *cibxml.Element {
	if o := list.Find("op", op.ID()); o != nil && !used[o] && o.Get("name") == op.Get("name") && interval(o) == interval(op) {
		return o
	}
	var found *cibxml.Element
	for o := range list.Tags("op") {
		if used[o] || o.Get("name") != op.Get("name") || interval(o) != interval(op) {
			continue
		}
		if o.Get("role") == op.Get("role") {
			return o
		}
		if found == nil {
			found = o
		}
	}
	return found
}

// interval writes the ways to say "not repeated" in one way.
func interval(op *cibxml.Element) string {
	i := op.Get("interval")
	if i == "" || i == "0" {
		return "0s"
	}
	return i
}

// pair is the first pair of that name in the sets of an element, nil when there is none.
func pair(e *cibxml.Element, tag, name string) *cibxml.Element {
	for nv := range allPairs(e, tag) {
		if nv.Get("name") == name {
			return nv
		}
	}
	return nil
}

// allPairs are the pairs of the sets without rules.
func allPairs(e *cibxml.Element, tag string) func(yield func(*cibxml.Element) bool) {
	return func(yield func(*cibxml.Element) bool) {
		for set := range e.Tags(tag) {
			if set.Child("rule") != nil {
				continue
			}
			for nv := range set.Tags("nvpair") {
				if !yield(nv) {
					return
				}
			}
		}
	}
}

// setID is the id of the first set without a rule.
func setID(e *cibxml.Element, tag string) string {
	for set := range e.Tags(tag) {
		if set.Child("rule") == nil {
			return set.ID()
		}
	}
	return ""
}

// withPair adds a pair to the first set, which is made when there is none.
func withPair(e *cibxml.Element, tag, id string, nv *cibxml.Element) *cibxml.Element {
	for set := range e.Tags(tag) {
		if set.Child("rule") == nil {
			return e.WithChild(set, set.WithChild(nil, nv))
		}
	}
	return e.WithChild(nil, cibxml.New(tag, "id", id).Append(nv))
}

// meaning is a constraint without its ids.
func meaning(e *cibxml.Element) string {
	c := e.Clone()
	c.Walk(func(x *cibxml.Element) bool {
		if x.Name != "resource_ref" {
			x.Unset("id")
		}
		return true
	})
	sortAttrs(c)
	return c.Compact()
}

// sameContent reports whether two elements differ at most in the order of attributes.
func sameContent(a, b *cibxml.Element) bool {
	if a.Equal(b) {
		return true
	}
	x, y := a.Clone(), b.Clone()
	sortAttrs(x)
	sortAttrs(y)
	return x.Equal(y)
}
