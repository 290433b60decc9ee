package place

import (
	"strings"

	"github.com/holdfast-ha/holdfast/crmd/sched/constraint"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// mode says how preferences are added up.
type mode uint8

const (
	// followThis goes on to what a resource depends on, not to what depends on it.
	followThis mode = 1 << iota
	// nonNegative keeps positive scores from becoming negative.
	nonNegative
	// onlyUsable drops a sum that leaves no usable node.
	onlyUsable
	// fresh starts from the resource's own table instead of a given one.
	fresh
)

// factor is the weight of a colocation's preferences: a mandatory one counts fully.
func factor(s scalar.Score) float32 { return float32(s) / float32(scalar.Inf) }

// merge folds into a table the preferences of r and of what is colocated with it. Only the sign of the factor
// is passed on to the latter, for which their own score counts.
func (a *Assignment) merge(r *model.Resource, t model.Table, attr string, f float32, m mode) model.Table {
	p := &a.rsc[r.Index]
	if p.merging {
		return t
	}
	p.merging = true
	defer func() { p.merging = false }()
	var work model.Table
	if r.Kind == model.Group {
		if len(r.Children) == 0 {
			return t
		}
		member := r.Children[0]
		if m&fresh != 0 {
			member = r.Children[len(r.Children)-1]
		}
		work = a.merge(member, t.Clone(), attr, f, m)
	} else if m&fresh != 0 {
		work = a.S.Rsc(r).Allowed.Clone()
	} else {
		work = t.Clone()
		a.addMatching(work, r, attr, f, m&nonNegative != 0)
	}
	if a.anyUsable(work) {
		for _, c := range a.relations(r, m) {
			other := c.Dependent
			if m&followThis != 0 {
				other = c.Primary
			} else if !a.influences(c, nil) {
				continue
			}
			g := factor(c.Score)
			if f < 0 {
				g = -g
			}
			work = a.merge(other, work, c.Attribute, g, m&^fresh|onlyUsable)
		}
	} else if m&onlyUsable != 0 {
		return t
	}
	if m&nonNegative != 0 {
		for i := range work {
			if work[i].In && work[i].Score == scalar.Mark {
				work[i].Score = 1
			}
		}
	}
	return work
}

// relations are the colocations whose other ends have a say, too.
func (a *Assignment) relations(r *model.Resource, m mode) []*constraint.Colocation {
	switch {
	case m&followThis != 0:
		return a.Set.By[r.Index].This
	case r.Kind == model.Group:
		return a.Set.By[r.Children[len(r.Children)-1].Index].With
	}
	return a.Set.By[r.Index].With
}

// addMatching adds to each entry the resource's best score among the nodes that share an attribute with it.
func (a *Assignment) addMatching(t model.Table, r *model.Resource, attr string, f float32, onlyPositive bool) {
	class := a.class(attr, "#uname")
	best := a.bestByClass(a.S.Rsc(r).Allowed, class)
	for i := range t {
		e := &t[i]
		if !e.In {
			continue
		}
		s := best[class.of[i]]
		if f < 0 && s < 0 || e.Score == scalar.Mark {
			continue // double negatives do not make a preference
		}
		sum := scalar.Add(scalar.Scale(f, s), e.Score)
		if onlyPositive && sum < 0 && e.Score > 0 {
			e.Score = scalar.Mark
			continue
		}
		if onlyPositive && sum < 0 && e.Score == 0 {
			continue
		}
		e.Score = sum
	}
}

func (a *Assignment) bestByClass(t model.Table, c *classes) []scalar.Score {
	best := make([]scalar.Score, c.count)
	for i := range best {
		best[i] = -scalar.Inf
	}
	for i := range t {
		if k := c.of[i]; t[i].In && t[i].Score > best[k] && a.S.Usable(a.M.ByIndex[i]) {
			best[k] = t[i].Score
		}
	}
	return best
}

// classes divides the nodes by the value of an attribute; nodes without it are one class.
type classes struct {
	attr  string
	of    []int // by Node.Index
	count int
}

// class returns the division by an attribute, by the fallback if it is "".
func (a *Assignment) class(attr, fallback string) *classes {
	if attr == "" {
		attr = fallback
	}
	for i := range a.classes {
		if a.classes[i].attr == attr {
			return a.classes[i]
		}
	}
	c := &classes{attr: attr, of: make([]int, len(a.M.ByIndex))}
	seen := map[string]int{}
	for i, n := range a.M.ByIndex {
		key := ""
		if v, ok := n.Attrs.Lookup(attr); ok {
			key = "=" + strings.ToLower(v)
		}
		k, ok := seen[key]
		if !ok {
			k = c.count
			seen[key] = k
			c.count++
		}
		c.of[i] = k
	}
	a.classes = append(a.classes, c)
	return c
}
