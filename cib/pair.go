package cib

import (
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// pairing is how the children of an element before and after belong together.
type pairing struct {
	old, new []*cibxml.Element
	toNew    []int // index of the same child after, -1 when it was deleted
	toOld    []int // index of the same child before, -1 when it is new
	moved    []bool
	equal    func(old, new *cibxml.Element) bool
	// lo to oldHi and newHi is the window outside of which nothing differs.
	lo, oldHi, newHi int
	// commentsAnew gives up on keeping comments, because one of them would have to be moved, which no path can say.
	commentsAnew bool
}

// pairUp finds which children are the same ones: tags by name and id, comments by text and position. equal tells
// whether two elements are the same with everything in them.
func pairUp(old, new []*cibxml.Element, equal func(old, new *cibxml.Element) bool) *pairing {
	p := &pairing{old: old, new: new, equal: equal, toNew: make([]int, len(old)), toOld: make([]int, len(new))}
	if p.narrow() {
		p.solve()
		if !slices.Contains(p.moved[:p.lo], true) && !slices.Contains(p.moved[p.newHi:], true) {
			return p
		}
	}
	p.lo, p.oldHi, p.newHi = 0, len(old), len(new)
	p.solve()
	return p
}

// fewChildren is up to how many children that differ it is worth to look at these alone.
const fewChildren = 16

// narrow finds the window in which the children differ. It reports false when all must be looked at: when the
// window is large, there are comments, or something outside has an identity like something inside.
func (p *pairing) narrow() bool {
	p.oldHi, p.newHi = len(p.old), len(p.new)
	for p.lo < min(p.oldHi, p.newHi) && p.old[p.lo] == p.new[p.lo] {
		p.lo++
	}
	for p.oldHi > p.lo && p.newHi > p.lo && p.old[p.oldHi-1] == p.new[p.newHi-1] {
		p.oldHi--
		p.newHi--
	}
	if p.oldHi-p.lo > fewChildren || p.newHi-p.lo > fewChildren {
		return false
	}
	inside := slices.Concat(p.old[p.lo:p.oldHi], p.new[p.lo:p.newHi])
	isComment := func(e *cibxml.Element) bool { return e.Kind == cibxml.Comment }
	if slices.ContainsFunc(p.old, isComment) || slices.ContainsFunc(p.new, isComment) {
		return false
	}
	for _, part := range [][]*cibxml.Element{p.new[:p.lo], p.new[p.newHi:]} {
		for _, out := range part {
			for _, in := range inside {
				if out.Kind == cibxml.Tag && in.Kind == cibxml.Tag && out.Name == in.Name {
					a, hasA := out.Lookup("id")
					b, hasB := in.Lookup("id")
					if !hasA || !hasB || a == b {
						return false
					}
				}
			}
		}
	}
	return true
}

// solve pairs the children in the window; those outside stay as they are.
func (p *pairing) solve() {
	for i := range p.lo {
		p.toNew[i], p.toOld[i] = i, i
	}
	for i := p.oldHi; i < len(p.old); i++ {
		j := i - p.oldHi + p.newHi
		p.toNew[i], p.toOld[j] = j, i
	}
	again := unclear(p.old[p.lo:p.oldHi], p.new[p.lo:p.newHi])
	for again != nil {
		p.pairTags(again)
		p.pairComments()
		p.findMoves()
		again = p.refused(again)
	}
}

// identity is what a path of a patch can tell of a child: its name and id.
func identity(e *cibxml.Element) string {
	if id, ok := e.Lookup("id"); ok {
		return e.Name + "\x00" + id
	}
	return e.Name
}

// group is a set of siblings that no path tells apart: of one identity, or of one name when one of them has no
// id. They can stay together as they are, or be deleted and made again together.
type group struct {
	members int  // in the side that has more
	anew    bool // delete and make again
}

// unclear sorts the children into groups.
func unclear(old, new []*cibxml.Element) map[string]*group {
	groups := make(map[string]*group, len(new))
	for _, side := range [][]*cibxml.Element{old, new} {
		counts, names := make(map[string]int, len(side)), map[string]int{}
		for _, c := range side {
			if c.Kind == cibxml.Tag {
				counts[identity(c)]++
				names[c.Name]++
			}
		}
		for k, n := range counts {
			if all, isName := names[k]; isName {
				n = all
			}
			if groups[k] == nil {
				groups[k] = &group{}
			}
			groups[k].members = max(groups[k].members, n)
		}
	}
	return groups
}

// groupOf is the group of a child: that of its name when siblings of that name have no id.
func groupOf(groups map[string]*group, e *cibxml.Element) *group {
	if g := groups[e.Name]; g != nil {
		return g
	}
	return groups[identity(e)]
}

// pairTags pairs the elements of each group in their order, unless the group is made anew.
func (p *pairing) pairTags(groups map[string]*group) {
	waiting := make(map[string][]int, p.newHi-p.lo)
	for j := p.lo; j < p.newHi; j++ {
		p.toOld[j] = -1
		if c := p.new[j]; c.Kind == cibxml.Tag {
			waiting[identity(c)] = append(waiting[identity(c)], j)
		}
	}
	for i := p.lo; i < p.oldHi; i++ {
		p.toNew[i] = -1
		c := p.old[i]
		if c.Kind != cibxml.Tag || groupOf(groups, c).anew {
			continue
		}
		if list := waiting[identity(c)]; len(list) > 0 && p.staysOne(c, p.new[list[0]]) {
			p.toNew[i], p.toOld[list[0]] = list[0], i
			waiting[identity(c)] = list[1:]
		}
	}
}

// staysOne reports whether the differences between two elements can be told: character data has no path.
func (p *pairing) staysOne(old, new *cibxml.Element) bool {
	return old == new || !hasText(old) && !hasText(new) || p.equal(old, new)
}

// hasText reports whether character data, which does not belong into a CIB, is directly below.
func hasText(e *cibxml.Element) bool {
	return slices.ContainsFunc(e.Children, func(c *cibxml.Element) bool { return c.Kind == cibxml.CData || c.Kind == cibxml.Text })
}

// pairComments pairs comments that stayed where they were.
func (p *pairing) pairComments() {
	if p.commentsAnew {
		return
	}
	at := p.lo     // how many of the old children so far stay
	steady := p.lo // how many of the new children so far are old ones, up to the first that is not
	for i := p.lo; i < p.oldHi; i++ {
		c := p.old[i]
		if p.toNew[i] >= 0 {
			at++
			continue
		}
		if c.Kind != cibxml.Comment || at >= p.newHi {
			continue
		}
		for steady < at && p.toOld[steady] >= 0 {
			steady++
		}
		if n := p.new[at]; steady == at && p.toOld[at] < 0 && n.Kind == c.Kind && strings.EqualFold(n.Text, c.Text) {
			p.toNew[i], p.toOld[at] = at, i
			at++
		}
	}
}

// findMoves marks the children that must be moved after the others were deleted and made. It moves more than
// is necessary, but it moves what Pacemaker moves.
func (p *pairing) findMoves() {
	p.moved = make([]bool, len(p.new))
	var skipped []int // old children that were moved forward and no longer count
	stay := make([]int, len(p.old)+1)
	for i, to := range p.toNew {
		stay[i+1] = stay[i]
		if to >= 0 {
			stay[i+1]++
		}
	}
	after := 0
	for j, i := range p.toOld {
		if i < 0 {
			continue
		}
		before := stay[i]
		for _, s := range skipped {
			if s < i {
				before--
			}
		}
		p.moved[j] = before != after
		switch {
		case before > after:
			skipped = append(skipped, i)
			after++
		case before == after:
			after++
		}
	}
}

// refused looks for groups that did not stay as they are. It returns the groups with these to be made anew, or
// nil when the pairing holds.
func (p *pairing) refused(groups map[string]*group) map[string]*group {
	var again map[string]*group
	for j := p.lo; j < p.newHi; j++ {
		c := p.new[j]
		if c.Kind != cibxml.Tag {
			if p.moved[j] {
				p.commentsAnew, again = true, groups
			}
			continue
		}
		g := groupOf(groups, c)
		if g.members < 2 || g.anew {
			continue
		}
		if i := p.toOld[j]; i < 0 || p.moved[j] || !p.equal(p.old[i], c) {
			g.anew, again = true, groups
		}
	}
	for i := p.lo; i < p.oldHi; i++ {
		c := p.old[i]
		if c.Kind != cibxml.Tag {
			continue
		}
		if g := groupOf(groups, c); g.members > 1 && !g.anew && p.toNew[i] < 0 {
			g.anew, again = true, groups
		}
	}
	return again
}

// placeWhenDeleted is the index of an old child once the deletions before it are done.
func (p *pairing) placeWhenDeleted(i int) int {
	return i - countIf(p.toNew[:i], -1)
}

func countIf(list []int, value int) (n int) {
	for _, v := range list {
		if v == value {
			n++
		}
	}
	return n
}
