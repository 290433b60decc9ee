package action

import (
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/opconf"
	"github.com/holdfast-ha/holdfast/crmd/sched/report"
)

// Book holds the actions of a run and the orderings that are to be applied to them.
type Book struct {
	M    *model.Model
	S    *model.State
	Conf *opconf.Resolver
	Log  *report.Log
	// Actions are from old to new; ids follow from the order.
	Actions []*Action
	// Orderings are from old to new.
	Orderings []Ordering
	// Fail counts that are to be cleared, by resource and node.
	clearing map[rscNode]bool

	byRsc  []rscActions // by Resource.Index
	byKey  map[string][]*Action
	spare  []Action
	nextID int
}

type rscNode struct{ rsc, node int }

// rscActions are the actions of one resource.
type rscActions struct {
	all    []*Action
	groups []group
}

// group holds the actions for one operation, from old to new.
type group struct {
	op   Op
	acts []*Action
}

// NewBook makes the book of a run. The state is the run's own.
func NewBook(m *model.Model, s *model.State, conf *opconf.Resolver, log *report.Log) *Book {
	return &Book{M: m, S: s, Conf: conf, Log: log, byRsc: make([]rscActions, len(m.All)),
		byKey: map[string][]*Action{}, clearing: map[rscNode]bool{}, nextID: 1}
}

func (b *Book) alloc() *Action {
	if len(b.spare) == 0 {
		b.spare = make([]Action, min(4096, max(32, len(b.Actions))))
	}
	a := &b.spare[0]
	b.spare = b.spare[1:]
	return a
}

func (b *Book) record(a *Action) {
	a.ID = b.nextID
	b.nextID++
	b.Actions = append(b.Actions, a)
	if a.Rsc == nil {
		b.byKey[a.Name] = append(b.byKey[a.Name], a)
		return
	}
	ra := &b.byRsc[a.Rsc.Index]
	ra.all = append(ra.all, a)
	op := Op{a.Name, a.IntervalMs}
	for i := range ra.groups {
		if ra.groups[i].op == op {
			ra.groups[i].acts = append(ra.groups[i].acts, a)
			return
		}
	}
	ra.groups = append(ra.groups, group{op, []*Action{a}})
}

// Of returns the actions of a resource, from old to new.
func (b *Book) Of(r *model.Resource) []*Action { return b.byRsc[r.Index].all }

func (b *Book) group(r *model.Resource, op Op) []*Action {
	for i := range b.byRsc[r.Index].groups {
		if g := &b.byRsc[r.Index].groups[i]; g.op == op {
			return g.acts
		}
	}
	return nil
}

// Ask is a request for an action of a resource.
type Ask struct {
	Rsc  *model.Resource
	Op   Op
	Task string // "" is the operation's name
	Node *model.Node
	// Optional tells that the action need not be done because of this request.
	Optional bool
}

// Get returns the action that is asked for, which is made if there is none. Each request decides anew
// whether the action can run, and a required one makes it required.
func (b *Book) Get(q Ask) *Action {
	a := b.existing(q.Rsc, q.Op, q.Node)
	if a == nil {
		a = b.make(q)
	}
	return b.update(a, q.Optional, nil)
}

// existing is the oldest action of that operation on the node. One without a node is adopted.
func (b *Book) existing(r *model.Resource, op Op, n *model.Node) *Action {
	var found *Action
	for _, a := range b.group(r, op) {
		if b.matches(a, n) && found == nil {
			found = a
		}
	}
	return found
}

// matches reports whether an action is on a node; an action without a node is given it.
func (b *Book) matches(a *Action, n *model.Node) bool {
	switch {
	case n == nil:
		return true
	case a.Node == nil:
		a.Node = n
		return true
	}
	return a.Node == n
}

func (b *Book) make(q Ask) *Action {
	a := b.alloc()
	*a = Action{Rsc: q.Rsc, Node: q.Node, Name: q.Op.Name, IntervalMs: q.Op.IntervalMs, Task: q.Task, Flags: Runnable}
	if a.Task == "" {
		a.Task = a.Name
	}
	if q.Optional {
		a.Set(Optional)
	}
	if a.Task == "lrm_delete" {
		a.Set(OnDC)
	}
	a.Conf = b.Conf.Op(q.Rsc, q.Op.Name, q.Op.IntervalMs, q.Node)
	a.Needs = a.Conf.Needs
	b.record(a)
	return a
}

// update applies a request to an action. A verdict that was reached earlier replaces the present one.
func (b *Book) update(a *Action, optional bool, earlier *model.Verdict) *Action {
	if a.Is(Pseudo) {
		if !optional {
			a.Clear(Optional)
		}
		return a
	}
	_, recurring := a.MetaValue("interval")
	var v model.Verdict
	if earlier != nil {
		v = *earlier
	} else {
		v = b.M.Judge(b.S, a.Rsc, a.Task, a.Node, recurring, a.Needs, true)
	}
	switch {
	case v.Forced:
		a.Set(Optional)
	case !optional:
		a.Clear(Optional)
	}
	if a.Node != nil && !a.extra {
		a.extra = true
		a.Extra = b.Conf.Extra(a.Conf, a.Node)
	}
	if v.Demotable {
		st := b.S.Rsc(a.Rsc)
		st.NextRole = min(st.NextRole, model.Unpromoted)
	}
	switch {
	case v.Block != "":
		a.Reason = v.Block
	case !v.KeepReason:
		a.Reason = ""
	}
	switch {
	case v.Runnable:
		a.Set(Runnable)
	case !v.Unchanged:
		a.Clear(Runnable)
	}
	if v.Fence && earlier == nil {
		b.Fence(a.Node, "stop is unrunnable", false)
	}
	return a
}

// Pseudo returns the pseudo action of that name between constraints, which is made if there is none.
func (b *Book) Pseudo(name string) *Action {
	if found := b.byKey[name]; len(found) > 0 {
		return found[0]
	}
	a := b.alloc()
	*a = Action{Name: name, Task: name, Flags: Pseudo | Runnable | Optional}
	b.record(a)
	return a
}

// PseudoOf returns a pseudo action of a resource. Without a node it is not runnable unless that is asked for.
func (b *Book) PseudoOf(r *model.Resource, name, task string, optional, runnable bool) *Action {
	a := b.Get(Ask{Rsc: r, Op: Op{Name: name}, Task: task, Optional: optional})
	a.Set(Pseudo)
	if runnable {
		a.Set(Runnable)
	}
	return a
}

// OnNode returns the action of a task on a node that belongs to no resource, which is made if there is none.
func (b *Book) OnNode(task, key string, n *model.Node) *Action {
	for _, a := range b.byKey[key] {
		if b.matches(a, n) {
			a.Clear(Optional)
			return a
		}
	}
	a := b.alloc()
	*a = Action{Name: key, Task: task, Node: n, Flags: Runnable}
	b.record(a)
	return a
}
