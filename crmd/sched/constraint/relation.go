package constraint

import (
	"strings"

	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

// Add adds a colocation to the lists of both its ends. The priorities of the moment decide about its place.
func (set *Set) Add(s *model.State, c *Colocation) {
	set.AddThis(s, c.Dependent, c)
	set.AddWith(s, c.Primary, c)
}

// AddThis adds a colocation to those in which a resource is the dependent.
func (set *Set) AddThis(s *model.State, r *model.Resource, c *Colocation) {
	of := &set.By[r.Index]
	of.This = insert(of.This, c, func(c *Colocation) *model.Resource { return c.Primary }, s)
}

// AddWith adds a colocation to those in which a resource is the primary.
func (set *Set) AddWith(s *model.State, r *model.Resource, c *Colocation) {
	of := &set.By[r.Index]
	of.With = insert(of.With, c, func(c *Colocation) *model.Resource { return c.Dependent }, s)
}

// insert puts a colocation before the first whose other end does not come before its own.
func insert(list []*Colocation, c *Colocation, end func(*Colocation) *model.Resource, s *model.State) []*Colocation {
	at := 0
	for at < len(list) && rank(s, end(c), end(list[at])) > 0 {
		at++
	}
	out := make([]*Colocation, 0, len(list)+1)
	out = append(append(out, list[:at]...), c)
	return append(out, list[at:]...)
}

// rank orders resources by how early their colocations count: by priority, then the more complex kinds, then
// by name.
func rank(s *model.State, a, b *model.Resource) int {
	if p, q := s.Rsc(a).Priority, s.Rsc(b).Priority; p != q {
		return q - p
	}
	if a.Kind != b.Kind {
		return int(b.Kind) - int(a.Kind)
	}
	if a.Kind == model.Clone && a.Promotable != b.Promotable {
		if a.Promotable {
			return -1
		}
		return 1
	}
	return strings.Compare(a.ID, b.ID)
}
