package constraint

import (
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

func (r *reader) colocation(e *cibxml.Element) {
	score := r.world.Health.ParseScore(e.Get("score"))
	expanded, ok := r.colocationTags(e)
	if !ok {
		return
	}
	var last *cibxml.Element
	for set := range r.sets(expanded) {
		if set == nil {
			return
		}
		r.withinSet(e, set, score)
		if last != nil {
			r.betweenSets(e, last, set, score)
		}
		last = set
	}
	if last == nil {
		r.simpleColocation(e, score)
	}
}

func (r *reader) simpleColocation(e *cibxml.Element, score scalar.Score) {
	id := e.ID()
	var ends [2]*model.Resource
	for i, attr := range []string{"rsc", "with-rsc"} {
		name := e.Get(attr)
		if ends[i] = r.find(name); ends[i] == nil {
			r.log.ConfigError("Ignoring constraint '%s' because resource '%s' does not exist", id, name)
			return
		}
	}
	for i, attr := range []string{"rsc-instance", "with-rsc-instance"} {
		x, ok := r.instance(e, ends[i], attr)
		if !ok {
			return
		}
		ends[i] = x
	}
	if scalar.IsTrue(e.Get("symmetrical")) {
		r.log.ConfigWarning("The colocation constraint 'symmetrical' attribute has been removed")
	}
	r.colocate(&Colocation{ID: id, Attribute: e.Get("node-attribute"), Score: score, Dependent: ends[0], Primary: ends[1],
		Influence: r.influence(e, ends[0])}, e.Get("rsc-role"), e.Get("with-rsc-role"))
}

// instance picks the instance of a clone that a constraint asks for, if it does.
func (r *reader) instance(e *cibxml.Element, x *model.Resource, attr string) (*model.Resource, bool) {
	number, ok := e.Lookup(attr)
	if !ok {
		return x, true
	}
	if x.Kind != model.Clone {
		r.log.ConfigError("Ignoring constraint '%s' because resource '%s' is not a clone but instance '%s' was requested",
			e.ID(), x.ID, number)
		return nil, false
	}
	for _, c := range x.Children {
		if c.ID == x.ID+":"+number {
			return c, true
		}
	}
	r.log.ConfigWarning("Ignoring constraint '%s' because resource '%s' does not have an instance '%s'", e.ID(), x.ID, number)
	return nil, false
}

// influence reports whether a dependent's preferences weigh on its primary.
func (r *reader) influence(e *cibxml.Element, dependent *model.Resource) bool {
	text, given := e.Lookup("influence")
	if v, ok := scalar.ParseBool(text); ok {
		return v
	}
	if given {
		r.log.ConfigError("Constraint '%s' has invalid value for influence (using default)", e.ID())
	}
	return dependent.Critical
}

// colocate adds a colocation, with the orderings that keep resources apart which avoid each other.
func (r *reader) colocate(c *Colocation, dependentRole, primaryRole string) {
	if c.Score == 0 {
		return
	}
	c.DependentRole, c.PrimaryRole = anyRole(dependentRole), anyRole(primaryRole)
	r.Add(r.s, c)
	if c.Score <= -scalar.Inf {
		r.antiOrder(c.Dependent, c.DependentRole, c.Primary, c.PrimaryRole)
		r.antiOrder(c.Primary, c.PrimaryRole, c.Dependent, c.DependentRole)
	}
}

func anyRole(text string) model.Role {
	if role := model.ParseRole(text); role != model.Started {
		return role
	}
	return model.RoleUnknown
}

// antiOrder orders what takes first out of its role before what brings then into its.
func (r *reader) antiOrder(first *model.Resource, firstRole model.Role, then *model.Resource, thenRole model.Role) {
	leave := map[model.Role][]string{model.Promoted: {"demote"}, model.Unpromoted: {"stop", "promote"}}[firstRole]
	if leave == nil {
		leave = []string{"stop"}
	}
	enter := map[model.Role][]string{model.Promoted: {"promote"}, model.Unpromoted: {"start", "demote"}}[thenRole]
	if enter == nil {
		enter = []string{"start"}
	}
	for _, l := range leave {
		for _, n := range enter {
			r.b.OrderOps(first, l, then, n, action.AntiColocated)
		}
	}
}

// withinSet colocates the members of a set with each other.
func (r *reader) withinSet(e, set *cibxml.Element, score scalar.Score) {
	if text, ok := set.Lookup("score"); ok {
		score = r.world.Health.ParseScore(text)
	}
	if score == 0 || scalar.IsFalse(set.Get("sequential")) {
		return
	}
	if score < 0 {
		r.apart(e, set, score)
		return
	}
	list, _ := r.members(set, set.ID())
	role := set.Get("role")
	add := func(dependent, primary *model.Resource) {
		r.colocate(&Colocation{ID: set.ID(), Score: score, Dependent: dependent, Primary: primary,
			Influence: r.influence(e, dependent)}, role, role)
	}
	ordering, set2 := set.Lookup("ordering")
	forward := !set2 || strings.EqualFold(ordering, "group")
	for i, x := range list {
		switch {
		case i == 0:
		case forward:
			add(x, list[i-1])
		default:
			add(list[i-1], x)
		}
	}
}

// apart lets each member of a set avoid all before it: only then does each avoid all others. A reference to an
// instance stands for the clone, which Pacemaker does not recognize as itself then, so that it avoids all.
func (r *reader) apart(e, set *cibxml.Element, score scalar.Score) {
	role := set.Get("role")
	for ref := range set.Tags("resource_ref") {
		x := r.find(ref.ID())
		if x == nil {
			r.log.ConfigError("%s: No resource found for %s", set.ID(), ref.ID())
			return
		}
		for other := range set.Tags("resource_ref") {
			if other.ID() == x.ID {
				break
			}
			y := r.find(other.ID())
			if y == nil {
				r.log.ConfigError("%s: No resource found for %s", set.ID(), other.ID())
				return
			}
			r.colocate(&Colocation{ID: set.ID(), Score: score, Dependent: x, Primary: y, Influence: r.influence(e, x)}, role, role)
		}
	}
}

// betweenSets colocates the first set with the second.
func (r *reader) betweenSets(e, first, second *cibxml.Element, score scalar.Score) {
	if score == 0 {
		return
	}
	dependents, ok1 := r.side(e, first, true)
	if !ok1 && len(dependents) == 0 {
		return
	}
	primaries, ok2 := r.side(e, second, false)
	if !ok2 && (sequential(second) || len(primaries) == 0) {
		return
	}
	for _, d := range dependents {
		for _, p := range primaries {
			r.colocate(&Colocation{ID: e.ID(), Score: score, Dependent: d, Primary: p, Influence: r.influence(e, d)},
				first.Get("role"), second.Get("role"))
		}
		if !ok2 {
			return
		}
	}
}

func sequential(set *cibxml.Element) bool { return !scalar.IsFalse(set.Get("sequential")) }

// side returns the members of a set that stand for it: the first dependent or the last primary of a
// sequential one, whether the others exist or not.
func (r *reader) side(e, set *cibxml.Element, first bool) (list []*model.Resource, ok bool) {
	if !sequential(set) {
		return r.members(set, e.ID())
	}
	var chosen *cibxml.Element
	for ref := range set.Tags("resource_ref") {
		if chosen = ref; first {
			break
		}
	}
	if chosen == nil {
		return r.members(set, e.ID())
	}
	return r.members(set.WithChildren([]*cibxml.Element{chosen}), e.ID())
}
