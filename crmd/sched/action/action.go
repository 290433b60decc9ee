// Package action is the table of what a transition might do: actions, what each needs, and the orderings
// between them. Later stages decide which of it is done.
package action

import (
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/opconf"
	"github.com/holdfast-ha/holdfast/crmd/sched/pairs"
)

// Flags are the properties of an action.
type Flags uint16

const (
	// Pseudo actions only join orderings.
	Pseudo Flags = 1 << iota
	// Runnable actions could be done; Optional ones need not be.
	Runnable
	Optional
	// Printed keeps an optional action in the graph.
	Printed
	// Migratable actions give way to a live migration.
	Migratable
	// InGraph actions are part of the transition.
	InGraph
	// Dangling is the stop of what a migration left behind.
	Dangling
	// AnyRequired actions need only some of those before them.
	AnyRequired
	// Reschedule marks a recurring operation that has to be started again.
	Reschedule
	// Tracking guards recursions.
	Tracking
	// Deduped actions have their inputs sorted and merged.
	Deduped
	// OnDC actions are done by the controller whatever the state of their node.
	OnDC
	// ByFence tells that fencing the node does the action.
	ByFence
)

// Action is something that may have to be done. Actions are shared: whoever asks for the same thing gets the
// same action.
type Action struct {
	ID   int
	Rsc  *model.Resource // nil for actions on nodes and pseudo actions between constraints
	Node *model.Node
	// Name and IntervalMs identify a resource's action; for others Name is the whole key.
	Name       string
	IntervalMs int64
	// Task is what is done: Name, but cancel for a recurring operation that is cancelled and notify or
	// notified for notifications.
	Task  string
	Flags Flags
	Needs model.Needs
	// Conf is the operation's configuration, nil without a resource.
	Conf *opconf.Conf
	// Meta are meta attributes that the scheduler adds, and Extra the operation's own parameters.
	Meta  pairs.Table
	Extra pairs.Table
	extra bool // Extra has been evaluated
	// Reason is why the action is as it is.
	Reason   string
	Priority int
	// Required of the actions before an AnyRequired one must be runnable; Satisfied are.
	Required, Satisfied int
	// Before and After are the orderings, from old to new.
	Before, After []Link
}

// Link is one ordering as one of its ends sees it. Disabled links are kept only to be recognised.
type Link struct {
	Action   *Action
	Flags    Order
	Disabled bool
	// Kept is set when the graph has the link.
	Kept bool
}

// Is reports whether all these flags are set.
func (a *Action) Is(f Flags) bool { return a.Flags&f == f }

// Set sets flags.
func (a *Action) Set(f Flags) { a.Flags |= f }

// Clear clears flags.
func (a *Action) Clear(f Flags) { a.Flags &^= f }

// Key names the action as operation history does.
func (a *Action) Key() string {
	if a.Rsc == nil {
		return a.Name
	}
	return OpKey(a.Rsc.ID, a.Name, a.IntervalMs)
}

// OpKey names an operation of a resource.
func OpKey(rsc, name string, intervalMs int64) string {
	return rsc + "_" + name + "_" + strconv.FormatInt(intervalMs, 10)
}

// Because sets the reason unless there is one.
func (a *Action) Because(reason string) {
	if a.Reason == "" {
		a.Reason = reason
	}
}

// MetaValue returns a meta attribute, added or configured.
func (a *Action) MetaValue(name string) (string, bool) {
	if v, ok := a.Meta.Lookup(name); ok {
		return v, true
	}
	if a.Conf != nil {
		return a.Conf.Meta.Lookup(name)
	}
	return "", false
}

// AddMeta adds a meta attribute unless there is one.
func (a *Action) AddMeta(name, value string) {
	if strings.EqualFold(value, "#default") {
		return
	}
	if _, ok := a.MetaValue(name); !ok {
		a.Meta.Set(name, value)
	}
}

// IsProbe reports whether the action looks whether the resource is active.
func (a *Action) IsProbe() bool { return a.IntervalMs == 0 && a.Name == "monitor" }

// EndsIn reports whether the action is a one-shot operation of that name, or a notification about one.
func (a *Action) EndsIn(name string) bool {
	return a.Rsc != nil && a.IntervalMs == 0 && (a.Name == name || strings.HasSuffix(a.Name, "_"+name))
}
