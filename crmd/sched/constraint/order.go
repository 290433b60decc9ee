package constraint

import (
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// kind says how binding an ordering is.
type kind uint8

const (
	mandatory kind = iota
	optional
	serialize
)

// symmetry says whether an ordering holds for the opposite operations in the opposite order.
type symmetry uint8

const (
	symmetric symmetry = iota
	asymmetric
	inverse // the opposite half of a symmetric ordering
)

func (r *reader) kindOf(e *cibxml.Element) kind {
	word, ok := e.Lookup("kind")
	if !ok {
		if score, ok := e.Lookup("score"); ok {
			r.log.ConfigWarningOnce("Support for 'score' in rsc_order is deprecated and will be removed in a future release (use 'kind' instead)")
			if r.world.Health.ParseScore(score) == 0 {
				return optional
			}
		}
		return mandatory
	}
	switch strings.ToLower(word) {
	case "mandatory":
	case "optional":
		return optional
	case "serialize":
		return serialize
	default:
		r.log.ConfigError("Resetting 'kind' for constraint '%s' to 'Mandatory' because '%s' is not valid", e.ID(), word)
	}
	return mandatory
}

// symmetryOf reads the symmetry of a constraint, or of a set of the constraint parent.
func (r *reader) symmetryOf(e *cibxml.Element, k kind, parent *cibxml.Element) symmetry {
	_, hasKind := e.Lookup("kind")
	if _, hasScore := e.Lookup("score"); hasKind || hasScore {
		k = r.kindOf(e)
	}
	value, explicit := scalar.ParseBool(e.Get("symmetrical"))
	if !explicit && parent != nil {
		var text string
		if text, explicit = parent.Lookup("symmetrical"); explicit {
			value = scalar.IsTrue(text)
		}
	}
	switch {
	case explicit && value && k == serialize:
		r.log.ConfigWarning("Ignoring symmetrical for '%s' because not valid with kind of 'Serialize'", e.ID())
		return asymmetric
	case explicit && !value, !explicit && k == serialize:
		return asymmetric
	}
	return symmetric
}

func flags(k kind, firstOp string, s symmetry) action.Order {
	f := action.Then
	switch {
	case k == serialize:
		f |= action.Serialized
	case k == optional:
	case s == asymmetric:
		f |= action.Asymmetric
	case s == inverse:
		f |= action.ThenNeedsFirst
	default:
		f |= action.FirstNeedsThen
		if strings.EqualFold(firstOp, "start") || strings.EqualFold(firstOp, "promote") {
			f |= action.OnlyIfRunnable
		}
	}
	return f
}

var opposites = map[string]string{"start": "stop", "stop": "start", "promote": "demote", "demote": "promote",
	"promoted": "demoted", "demoted": "promoted", "running": "stopped", "stopped": "running"}

func (r *reader) order(e *cibxml.Element) {
	k := r.kindOf(e)
	s := r.symmetryOf(e, k, nil)
	expanded, ok := r.orderTags(e)
	if !ok {
		return
	}
	var last *cibxml.Element
	for set := range r.sets(expanded) {
		if set == nil || !r.orderWithin(e, set, k) {
			return
		}
		if last != nil {
			if !r.orderSets(e, last, set, k, s) || s == symmetric && !r.orderSets(e, set, last, k, inverse) {
				return
			}
		}
		last = set
	}
	if last == nil {
		r.simpleOrder(e, k, s)
	}
}

func (r *reader) simpleOrder(e *cibxml.Element, k kind, s symmetry) {
	first, then := r.orderEnd(e, "first"), (*model.Resource)(nil)
	if first == nil {
		return
	}
	if then = r.orderEnd(e, "then"); then == nil {
		return
	}
	firstOp, ok := e.Lookup("first-action")
	if !ok {
		firstOp = "start"
	}
	thenOp, ok := e.Lookup("then-action")
	if !ok {
		thenOp = firstOp
	}
	f := flags(k, firstOp, s)
	if k == optional && then.RestartType {
		f |= action.FirstNeedsThen
	}
	if least := r.leastInstances(first, e); least > 0 {
		r.orderSome(e, first, firstOp, then, thenOp, f, least)
	} else {
		r.b.OrderOps(first, firstOp, then, thenOp, f)
	}
	if s != symmetric {
		return
	}
	undoFirst, undoThen := opposites[firstOp], opposites[thenOp]
	if undoFirst == "" || undoThen == "" {
		r.log.ConfigWarning("Cannot invert constraint '%s' (please specify inverse manually)", e.ID())
		return
	}
	f = flags(k, undoFirst, inverse)
	if k == optional && then.RestartType {
		f |= action.ThenNeedsFirst
	}
	r.b.OrderOps(then, undoThen, first, undoFirst, f)
}

func (r *reader) orderEnd(e *cibxml.Element, attr string) *model.Resource {
	id, ok := e.Lookup(attr)
	if !ok {
		r.log.ConfigError("Ignoring constraint '%s' without %s", e.ID(), attr)
		return nil
	}
	x := r.find(id)
	if x == nil {
		r.log.ConfigError("Ignoring constraint '%s' because resource '%s' does not exist", e.ID(), id)
		return nil
	}
	x, _ = r.instance(e, x, attr+"-instance")
	return x
}

// leastInstances is how many instances of a clone have to be there for what comes after it, 0 for the usual
// rules.
func (r *reader) leastInstances(first *model.Resource, e *cibxml.Element) int {
	if first.Kind != model.Clone {
		return 0
	}
	if v, ok := first.Meta.Lookup("clone-min"); ok {
		return scalar.MinInt(v, 0)
	}
	if all, ok := scalar.ParseBool(e.Get("require-all")); ok {
		r.log.ConfigWarningOnce("Support for require-all in ordering constraints is deprecated and will be removed in a future release (use clone-min clone meta-attribute instead)")
		if !all {
			return 1
		}
	}
	return 0
}

// orderSome lets what comes after a clone run once enough instances can.
func (r *reader) orderSome(e *cibxml.Element, first *model.Resource, firstOp string, then *model.Resource, thenOp string, f action.Order, least int) {
	enough := r.b.Pseudo("clone-one-or-more:" + e.ID())
	enough.Required = least
	enough.Set(action.AnyRequired)
	for _, inst := range first.Children {
		r.b.Order(action.OpEnd(inst, firstOp), action.ActionEnd(enough), action.AnyOf|action.PrintThen)
	}
	r.b.Order(action.ActionEnd(enough), action.OpEnd(then, thenOp), f|action.OnlyIfRunnable)
}

// orderWithin orders the members of a set.
func (r *reader) orderWithin(e, set *cibxml.Element, k kind) bool {
	op := operation(set)
	if _, ok := set.Lookup("kind"); ok {
		k = r.kindOf(set)
	}
	s := r.symmetryOf(set, r.kindOf(e), e)
	list, ok := r.members(set, set.ID())
	if !ok || len(list) == 1 {
		return ok
	}
	inOrder := set.Get("sequential") == "" || scalar.IsTrue(set.Get("sequential"))
	f := flags(k, op, s)
	for i, x := range list {
		switch {
		case k == serialize:
			for _, y := range list[i+1:] {
				r.b.OrderOps(x, op, y, op, f)
			}
		case inOrder && i > 0:
			r.b.OrderOps(list[i-1], op, x, op, f)
		}
	}
	if s == asymmetric || !inOrder {
		return true
	}
	undo := opposites[op]
	f = flags(k, undo, inverse)
	for i := 1; i < len(list); i++ {
		r.b.OrderOps(list[i], undo, list[i-1], undo, f)
	}
	return true
}

func operation(set *cibxml.Element) string {
	if op, ok := set.Lookup("action"); ok {
		return op
	}
	return "start"
}

// orderSets orders one set before another.
func (r *reader) orderSets(e, first, then *cibxml.Element, k kind, s symmetry) bool {
	op1, op2 := operation(first), operation(then)
	if s == inverse {
		op1, op2 = opposites[op1], opposites[op2]
	}
	all, ok := scalar.ParseBool(first.Get("require-all"))
	if !ok || op1 == "stop" || op1 == "demote" {
		all = true // one may do to start something, but not to stop what others depend on
	}
	f := flags(k, op2, s)
	if !all {
		return r.orderAnyOf(e, first, then, op1, op2, f)
	}
	list1, ok1 := r.end(e, first, s != inverse)
	if len(list1) == 0 && !ok1 {
		return false
	}
	list2, ok2 := r.end(e, then, s == inverse)
	for _, x := range list1 {
		for _, y := range list2 {
			r.b.OrderOps(x, op1, y, op2, f)
		}
		if !ok2 {
			return false
		}
	}
	return ok1
}

// end returns the members by which a set is ordered: its last or first one if it says that it is sequential,
// else all.
func (r *reader) end(e, set *cibxml.Element, last bool) ([]*model.Resource, bool) {
	if !scalar.IsTrue(set.Get("sequential")) {
		return r.members(set, e.ID())
	}
	var refs []*cibxml.Element
	for ref := range set.Tags("resource_ref") {
		refs = append(refs, ref)
	}
	if len(refs) == 0 {
		return nil, true
	}
	ref := refs[0]
	if last {
		ref = refs[len(refs)-1]
	}
	return r.members(cibxml.New("resource_set").Append(ref), e.ID())
}

// orderAnyOf lets a set run once any member of another can.
func (r *reader) orderAnyOf(e, first, then *cibxml.Element, op1, op2 string, f action.Order) bool {
	enough := r.b.Pseudo("one-or-more:" + first.ID())
	enough.Set(action.AnyRequired)
	list, ok := r.members(first, e.ID())
	for _, x := range list {
		r.b.Order(action.OpEnd(x, op1), action.ActionEnd(enough), action.AnyOf|action.PrintThen)
	}
	if !ok {
		return false
	}
	list, ok = r.members(then, e.ID())
	for _, x := range list {
		r.b.Order(action.ActionEnd(enough), action.OpEnd(x, op2), f|action.OnlyIfRunnable)
	}
	return ok
}
