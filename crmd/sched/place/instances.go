package place

import (
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/crmd/sched/mergesort"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// sortInstances puts the instances of a clone into the order in which they are placed.
func (a *Assignment) sortInstances(r *model.Resource) {
	st := a.S.Rsc(r)
	st.Order = mergesort.Sorted(a.S.Children(r), a.compareInstances)
}

// compareInstances orders instances so that those which can stay where they are come first. It is not
// transitive, so the course of the sort counts.
func (a *Assignment) compareInstances(x, y *model.Resource) int {
	n1, n2 := a.S.Current(x), a.S.Current(y)
	k1, k2 := len(a.S.Rsc(x).Running), len(a.S.Rsc(y).Running)
	if k1 > 0 && k2 > 0 && k1 != k2 {
		return k1 - k2
	}
	n1, can1 := a.permitted(x, n1)
	n2, can2 := a.permitted(y, n2)
	if can1 != can2 {
		return before(can1)
	}
	if p, q := a.S.Rsc(x).Priority, a.S.Rsc(y).Priority; p != q {
		return q - p
	}
	switch {
	case n1 == nil && n2 == nil:
		return 0
	case n1 == nil || n2 == nil:
		return before(n1 != nil)
	}
	if u1, u2 := a.S.Usable(n1), a.S.Usable(n2); u1 != u2 {
		return before(u1)
	}
	e1 := a.S.Rsc(x.Parent).Allowed.At(n1)
	e2 := a.S.Rsc(y.Parent).Allowed.At(n2)
	switch {
	case e1 == nil && e2 == nil:
		return 0
	case e1 == nil || e2 == nil:
		return before(e1 != nil)
	}
	if e1.Count != e2.Count {
		return int(e1.Count) - int(e2.Count)
	}
	if f1, f2 := a.failed(x), a.failed(y); f1 != f2 {
		return before(!f1)
	}
	if s, t := a.colocatedScore(x, n1), a.colocatedScore(y, n2); s != t {
		return int(t) - int(s)
	}
	return instanceNumber(x) - instanceNumber(y)
}

func before(first bool) int {
	if first {
		return -1
	}
	return 1
}

// permitted reports whether an instance may be on the node that it is on; if not, that node does not count.
func (a *Assignment) permitted(r *model.Resource, n *model.Node) (*model.Node, bool) {
	if n == nil {
		return nil, true
	}
	if s, ok := a.S.Rsc(r).Allowed.Score(n); !ok || s < 0 {
		return nil, false
	}
	return n, true
}

// colocatedScore is how much the colocations of the clone like the node of an instance.
func (a *Assignment) colocatedScore(r *model.Resource, n *model.Node) scalar.Score {
	of := &a.Set.By[r.Parent.Index]
	if len(of.This) == 0 && len(of.With) == 0 {
		return a.S.Node(n).Score
	}
	var t model.Table
	t.Put(n, a.S.OwnEntry(n))
	for _, c := range of.This {
		t = a.merge(c.Primary, t, c.Attribute, factor(c.Score), 0)
	}
	for _, c := range of.With {
		if a.influences(c, r) {
			t = a.merge(c.Dependent, t, c.Attribute, factor(c.Score), nonNegative)
		}
	}
	s, _ := t.Score(n)
	return s
}

// instanceNumber is the number at the end of an instance's name, behind a colon or else a dash.
func instanceNumber(r *model.Resource) int {
	at := strings.LastIndexByte(r.ID, ':')
	if at < 0 {
		at = strings.LastIndexByte(r.ID, '-')
	}
	n, _ := strconv.Atoi(r.ID[at+1:])
	return n
}

// ByNumber puts the instances of a clone into the order of their numbers, and keeps them so.
func ByNumber(s *model.State, r *model.Resource) []*model.Resource {
	st := s.Rsc(r)
	st.Order = mergesort.Sorted(s.Children(r), func(x, y *model.Resource) int {
		return instanceNumber(x) - instanceNumber(y)
	})
	return st.Order
}
