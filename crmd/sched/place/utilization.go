package place

import (
	"slices"

	"github.com/holdfast-ha/holdfast/crmd/sched/mergesort"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/pairs"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// amounts are what is free or needed, by name.
type amounts []amount

type amount struct {
	name  string
	value int64
}

func readAmounts(t pairs.Table) amounts {
	if len(t) == 0 {
		return nil
	}
	out := make(amounts, len(t))
	for i, p := range t {
		out[i] = amount{p.Name, scalar.IntOr(p.Value, 0)}
	}
	return out
}

func (x amounts) get(name string) (int64, bool) {
	for _, a := range x {
		if a.name == name {
			return a.value, true
		}
	}
	return 0, false
}

// minus takes amounts away. What was not there at all becomes nothing.
func (x amounts) minus(y amounts) amounts {
	return x.change(y, func(have int64, ok bool, want int64) int64 {
		if !ok {
			return 0
		}
		return have - want
	})
}

// plus adds amounts.
func (x amounts) plus(y amounts) amounts {
	return x.change(y, func(have int64, _ bool, more int64) int64 { return have + more })
}

func (x amounts) change(y amounts, f func(have int64, ok bool, other int64) int64) amounts {
	if len(y) == 0 {
		return x
	}
	out := slices.Clone(x)
	for _, b := range y {
		at := slices.IndexFunc(out, func(a amount) bool { return a.name == b.name })
		if at < 0 {
			out = append(out, amount{b.name, f(0, false, b.value)})
		} else {
			out[at].value = f(out[at].value, true, b.value)
		}
	}
	return out
}

// covers reports whether there is at least as much of everything that is needed.
func (x amounts) covers(need amounts) bool {
	for _, n := range need {
		if have, _ := x.get(n.name); have < n.value {
			return false
		}
	}
	return true
}

// compareFree is negative when the first node has more of more things free.
func compareFree(x, y amounts) int {
	result := 0
	for _, a := range x {
		b, _ := y.get(a.name)
		result += sign(b - a.value)
	}
	for _, b := range y {
		if _, ok := x.get(b.name); !ok {
			result += sign(b.value)
		}
	}
	return result
}

func sign(n int64) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

// banFull bans a resource from the nodes that have too little room for it and for what must be with it. It
// returns the node with most room, to be preferred, when none has enough for all of them.
func (a *Assignment) banFull(r *model.Resource) *model.Node {
	if a.M.Options.Placement == model.PlaceDefault {
		return nil
	}
	group := a.colocated(r, r, nil)
	if !slices.Contains(group, r) {
		group = append(group, r)
	}
	var need amounts
	for _, x := range group {
		need = a.addNeed(need, x, r, group)
	}
	var most *model.Node
	capable := false
	table := a.S.Rsc(r).Allowed
	for _, n := range a.tableOrder(table) {
		if !a.usable(n, table.At(n)) {
			continue
		}
		free := a.load[n.Index].free
		capable = capable || free.covers(need)
		if most == nil || compareFree(free, a.load[most.Index].free) < 0 {
			most = n
		}
	}
	if !capable {
		need = readAmounts(r.Utilization)
	} else {
		most = nil
	}
	for _, n := range a.M.Nodes {
		if e := table.At(n); e != nil && a.usable(n, e) && !a.load[n.Index].free.covers(need) {
			a.log.Scored(r.ID, n.Name, -scalar.Inf, "too little capacity")
			a.S.Ban(r, n)
			table = a.S.Rsc(r).Allowed
		}
	}
	return most
}

// addNeed adds what a resource that has not been placed yet will take.
func (a *Assignment) addNeed(need amounts, r, orig *model.Resource, group []*model.Resource) amounts {
	if a.rsc[r.Index].done {
		return need
	}
	in := func(x *model.Resource) bool { return slices.Contains(group, x) }
	switch r.Kind {
	case model.Primitive:
		return need.plus(readAmounts(r.Utilization))
	case model.Group:
		if !r.Group.Colocated && r.Top().Kind != model.Clone {
			if len(r.Children) > 0 && !in(r.Children[0]) {
				return a.addNeed(need, r.Children[0], orig, group)
			}
			return need
		}
		for _, m := range r.Children {
			if !in(m) {
				need = a.addNeed(need, m, orig, group)
			}
		}
	case model.Clone:
		return a.cloneNeed(need, r, orig, group)
	case model.Bundle:
		if len(r.Bundle.List) > 0 {
			return a.addNeed(need, r.Bundle.List[0].Container, orig, group)
		}
	}
	return need
}

func (a *Assignment) cloneNeed(need amounts, r, orig *model.Resource, group []*model.Resource) amounts {
	children := a.S.Children(r)
	existing := false
	for _, inst := range children {
		if slices.Contains(group, inst) {
			existing = true
			continue
		}
		for _, m := range inst.Children {
			if slices.Contains(group, m) {
				need = a.addNeed(need, inst, orig, group)
				existing = true
				break
			}
		}
	}
	if !existing && len(children) > 0 {
		need = a.addNeed(need, children[0], orig, group)
	}
	return need
}

// colocated adds to list a resource and everything that must be on its node.
func (a *Assignment) colocated(r, orig *model.Resource, list []*model.Resource) []*model.Resource {
	if slices.Contains(list, r) {
		return list
	}
	if r.Kind == model.Group {
		if r.Group.Colocated || r.Top().Kind == model.Clone {
			for _, m := range r.Children {
				list = a.colocated(m, orig, list)
			}
		} else if len(r.Children) > 0 {
			list = a.colocated(r.Children[0], orig, list)
		}
		if slices.Contains(list, r) {
			return list
		}
	}
	list = append(list, r)
	for _, c := range a.Set.By[r.Index].This {
		if c.Primary != orig && c.Score == scalar.Inf && a.effectOf(r, c.Primary, c, true) == onLocation {
			list = a.colocated(c.Primary, orig, list)
		}
	}
	for _, c := range a.Set.By[r.Index].With {
		if c.Dependent == orig || r.Kind == model.Clone && c.Dependent.Kind != model.Clone {
			continue
		}
		if c.Score == scalar.Inf && a.effectOf(c.Dependent, r, c, true) == onLocation {
			list = a.colocated(c.Dependent, orig, list)
		}
	}
	return list
}

// byUtilization sorts resources so that those with the strongest preferences are placed first.
func (a *Assignment) byUtilization(tops []*model.Resource) []*model.Resource {
	var all model.Table
	for _, n := range a.M.Nodes {
		all.Put(n, a.S.OwnEntry(n))
	}
	nodes := a.sorted(all, nil)
	tables := make(map[*model.Resource]model.Table, len(tops))
	for _, r := range tops {
		tables[r] = a.merge(r, nil, "", 1, followThis|fresh)
	}
	return mergesort.Sorted(tops, func(x, y *model.Resource) int {
		if p, q := a.S.Rsc(x).Priority, a.S.Rsc(y).Priority; p != q {
			return q - p
		}
		if len(nodes) == 0 {
			return 0
		}
		t, u := tables[x], tables[y]
		if c := compareAt(t, a.S.Current(x), u, a.S.Current(y)); c != 0 {
			return c
		}
		for _, n := range nodes {
			if c := compareAt(t, n.node, u, n.node); c != 0 {
				return c
			}
		}
		return 0
	})
}

func compareAt(t model.Table, n *model.Node, u model.Table, m *model.Node) int {
	s, w := -scalar.Inf, -scalar.Inf
	if e := t.At(n); e != nil {
		s = e.Score
	}
	if e := u.At(m); e != nil {
		w = e.Score
	}
	return int(w) - int(s)
}
