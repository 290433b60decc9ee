package action

import (
	"slices"

	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

// All returns the actions of a one-shot operation, from old to new. With a node it is those on the node, and
// those without one, which are given it.
func (b *Book) All(r *model.Resource, name string, n *model.Node) []*Action {
	return b.AllOf(r, Op{Name: name}, n)
}

// AllOf is All for any operation.
func (b *Book) AllOf(r *model.Resource, op Op, n *model.Node) []*Action {
	acts := b.group(r, op)
	if n == nil {
		return acts
	}
	var out []*Action
	for _, a := range acts {
		if b.matches(a, n) {
			out = append(out, a)
		}
	}
	return out
}

// Exactly returns the actions of an operation that are on the node already, from old to new.
func (b *Book) Exactly(r *model.Resource, op Op, n *model.Node) []*Action {
	var out []*Action
	for _, a := range b.group(r, op) {
		if n != nil && a.Node == n {
			out = append(out, a)
		}
	}
	return out
}

// Newest returns the newest action of a one-shot operation, on the node if one is given; nil for none.
func (b *Book) Newest(r *model.Resource, name string, n *model.Node) *Action {
	acts := b.group(r, Op{Name: name})
	for i := len(acts) - 1; i >= 0; i-- {
		if n == nil || acts[i].Node == n {
			return acts[i]
		}
	}
	return nil
}

// NewestTask returns the newest action with a task, whatever its interval, on the node if one is given; nil
// for none.
func (b *Book) NewestTask(r *model.Resource, task string, n *model.Node) *Action {
	var best *Action
	ra := &b.byRsc[r.Index]
	for i := range ra.groups {
		g := &ra.groups[i]
		if g.op.Name != task && task != "cancel" && task != "notify" && task != "notified" {
			continue
		}
		for j := len(g.acts) - 1; j >= 0; j-- {
			a := g.acts[j]
			if a.Task == task && (n == nil || a.Node == n) {
				if best == nil || a.ID > best.ID {
					best = a
				}
				break
			}
		}
	}
	return best
}

// Oldest returns the oldest action of a one-shot operation on a node, or on any for nil; actions without a
// node are given it. nil for none.
func (b *Book) Oldest(r *model.Resource, name string, n *model.Node) *Action {
	return b.existing(r, Op{Name: name}, n)
}

// Order adds an ordering between two ends, with what follows from it for live migrations.
func (b *Book) Order(first, then End, flags Order) {
	if n := len(b.Orderings); n == cap(b.Orderings) {
		b.Orderings = slices.Grow(b.Orderings, max(n, 64)) // append's steps leave large clusters with five times the memory
	}
	b.Orderings = append(b.Orderings, Ordering{first, then, flags})
	if first.Rsc == nil || then.Rsc == nil || first.Rsc == then.Rsc {
		return
	}
	x, y := b.migratable(first.Rsc), b.migratable(then.Rsc)
	if (x || y) && !first.Rsc.Within(then.Rsc) && !then.Rsc.Within(first.Rsc) {
		b.orderMigrations(first, then, x, y)
	}
}

// OrderOps orders a one-shot operation of one resource before that of another.
func (b *Book) OrderOps(first *model.Resource, firstOp string, then *model.Resource, thenOp string, flags Order) {
	b.Order(OpEnd(first, firstOp), OpEnd(then, thenOp), flags)
}

func (b *Book) migratable(r *model.Resource) bool { return r.AllowMigrate && !b.S.Rsc(r).NoMigration }

// task is the one-shot operation that an end stands for, "" for others.
func (e End) task() string {
	if e.Action != nil {
		return e.Action.Task
	}
	if e.Op.IntervalMs != 0 {
		return ""
	}
	return e.Op.Name
}

// orderMigrations says of resources that may migrate instead of restarting what an ordering of their starts
// and stops says.
func (b *Book) orderMigrations(first, then End, firstMoves, thenMoves bool) {
	flags := Then
	if firstMoves {
		flags |= NotMigrating
	}
	add := func(firstOp, thenOp string, flags Order) { b.OrderOps(first.Rsc, firstOp, then.Rsc, thenOp, flags) }
	partial := b.S.Rsc(then.Rsc).PartialTarget != nil
	switch pair := [2]string{first.task(), then.task()}; pair {
	case [2]string{"start", "start"}:
		if firstMoves && thenMoves {
			add("migrate_from", "migrate_to", Then)
		}
		if thenMoves {
			add("start", "migrate_to", flags)
		}
	case [2]string{"stop", "stop"}:
		if thenMoves {
			add("stop", "migrate_to", flags)
			if partial {
				add("stop", "migrate_from", flags)
			}
		}
	case [2]string{"promote", "start"}:
		if thenMoves {
			add("promote", "migrate_to", Then)
		}
	case [2]string{"demote", "stop"}:
		if thenMoves {
			add("demote", "migrate_to", Then)
			if partial {
				add("demote", "migrate_from", Then)
			}
		}
	}
}

// NowhereToRun adapts the actions that a resource has already to its not being placed: it has to stop, and
// cannot start or be monitored as active.
func (b *Book) NowhereToRun(r *model.Resource) {
	for _, a := range b.byRsc[r.Index].all {
		switch a.Task {
		case "stop":
			a.Clear(Optional)
		case "start":
			a.Clear(Runnable)
		default:
			interval, ok := a.MetaValue("interval")
			if rc, _ := a.MetaValue("op_target_rc"); ok && interval != "0" && rc != "7" {
				a.Clear(Runnable)
			}
		}
	}
}
