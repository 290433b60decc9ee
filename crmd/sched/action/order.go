package action

import "github.com/holdfast-ha/holdfast/crmd/sched/model"

// Order says what follows from an ordering of two actions, first and then.
type Order uint32

const (
	// Then is the order alone; nothing is implied.
	Then Order = 1 << iota
	// NotMigrating drops the ordering from the graph when first gives way to a migration.
	NotMigrating
	// ThenNeedsFirst: if then is required, first is.
	ThenNeedsFirst
	// FirstNeedsThen: if first is required, then is.
	FirstNeedsThen
	// PromotedNeedsFirst is ThenNeedsFirst for resources that are promoted.
	PromotedNeedsFirst
	// WhileMigrating: first only runs if then is migratable and runnable.
	WhileMigrating
	// OnlyIfRunnable: if first cannot run, then cannot.
	OnlyIfRunnable
	// PseudoIfRunnable: if first cannot run, then is no pseudo action.
	PseudoIfRunnable
	// ThenOnNode is FirstNeedsThen on first's node only.
	ThenOnNode
	// AfterProbe is OnlyIfRunnable, but not when the resource is active anyway.
	AfterProbe
	// Restarting keeps the halves of a restart together.
	Restarting
	// Serialized actions never overlap.
	Serialized
	// SameNode orderings hold on one node only.
	SameNode
	// PrintFirst and PrintThen keep the other end in the graph.
	PrintFirst
	PrintThen
	// Asymmetric: if first cannot run, then is required and cannot either.
	Asymmetric
	// Load orders by the use of a node's capacity.
	Load
	// AnyOf counts towards what an AnyRequired action needs.
	AnyOf
	// AntiColocated orders resources that avoid each other.
	AntiColocated
	// Preserved orderings hold even from the inside of a container to the container.
	Preserved
	// ThenCancels: if then is required, first need not be.
	ThenCancels
)

// Op identifies an action of a resource.
type Op struct {
	Name       string
	IntervalMs int64
}

// End is one end of an ordering: an action, or all actions of a resource for an operation.
type End struct {
	Rsc    *model.Resource
	Op     Op
	Action *Action
}

// Ordering says how two ends depend on each other.
type Ordering struct {
	First, Then End
	Flags       Order
}

// OpEnd is the end for a resource's one-shot operation.
func OpEnd(r *model.Resource, name string) End { return End{Rsc: r, Op: Op{Name: name}} }

// ActionEnd is the end for an action.
func ActionEnd(a *Action) End { return End{Rsc: a.Rsc, Action: a} }

// Linked adds an ordering between two actions. It reports false for one that adds nothing to those that are
// there.
func Linked(first, then *Action, flags Order) bool {
	if flags == 0 || first == then {
		return false // two nodes of one name in a broken CIB share an action
	}
	if len(first.After) <= len(then.Before) {
		for i := range first.After {
			if l := &first.After[i]; l.Action == then && l.Flags&flags != 0 {
				return false
			}
		}
	} else {
		for i := range then.Before {
			if l := &then.Before[i]; l.Action == first && l.Flags&flags != 0 {
				return false
			}
		}
	}
	first.After = append(first.After, Link{Action: then, Flags: flags})
	then.Before = append(then.Before, Link{Action: first, Flags: flags})
	return true
}
