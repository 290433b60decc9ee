// Package constraint reads the constraints of a CIB: where resources may run, with whom, in which order, and
// with which tickets.
package constraint

import (
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/report"
	"github.com/holdfast-ha/holdfast/crmd/sched/rule"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// Set are the constraints of a cluster. Orderings are in the book.
type Set struct {
	// Locations are in the order in which they were read.
	Locations []*Location
	// By is what concerns one resource, selected by Resource.Index.
	By []Of
}

// Of are the constraints of one resource.
type Of struct {
	Locations []*Location // the last that was read is first
	// This are the colocations in which the resource depends on another, With those in which another depends
	// on it, in the order in which they are applied.
	This, With []*Colocation
	Tickets    []*Ticket
}

// Location is a preference of a resource for nodes.
type Location struct {
	ID  string
	Rsc *model.Resource
	// Role restricts the preference to a role; RoleUnknown is any.
	Role   model.Role
	Nodes  []NodeScore
	Mode   model.Discovery
	Reason string // where it comes from, for notes
}

// NodeScore is a score for a node.
type NodeScore struct {
	Node  *model.Node
	Score scalar.Score
}

// Colocation is a preference of one resource, the dependent, for the place of another.
type Colocation struct {
	ID                         string
	Dependent, Primary         *model.Resource
	DependentRole, PrimaryRole model.Role // RoleUnknown is any
	Score                      scalar.Score
	// Attribute of nodes that must be equal; "" is the node itself.
	Attribute string
	// Influence lets the dependent's preferences weigh on the primary.
	Influence bool
}

// Ticket says that a resource may only run while a ticket is granted.
type Ticket struct {
	ID     string
	Ticket *model.Ticket
	Role   model.Role
	Loss   LossPolicy
}

// LossPolicy is what happens to active resources when their ticket is lost.
type LossPolicy uint8

const (
	LossStop LossPolicy = iota
	LossDemote
	LossFence
	LossFreeze
)

// reader reads constraints.
type reader struct {
	*Set
	b     *action.Book
	m     *model.Model
	s     *model.State
	world *rule.World
	log   *report.Log
}

// Read reads node health and the constraints section into a set and the book. Tickets take effect at once.
func Read(b *action.Book, section *cibxml.Element) *Set {
	r := &reader{Set: &Set{By: make([]Of, len(b.M.All))}, b: b, m: b.M, s: b.S, world: b.Conf.World, log: b.Log}
	r.health()
	for e := range section.Tags() {
		if e.ID() == "" {
			r.log.ConfigError("Ignoring <%s> constraint without id", e.Name)
			continue
		}
		ctx := &rule.Context{World: r.world}
		if l := e.Child("lifetime"); l != nil && !ctx.Active(l) {
			continue
		}
		switch e.Name {
		case "rsc_order":
			r.order(e)
		case "rsc_colocation":
			r.colocation(e)
		case "rsc_location":
			r.location(e)
		case "rsc_ticket":
			r.ticket(e)
		default:
			r.log.Error("Unsupported constraint type: %s", e.Name)
		}
	}
	return r.Set
}

// find returns the resource that a constraint names; for an instance of a clone the clone.
func (r *reader) find(id string) *model.Resource {
	x := r.m.Resource(id)
	if x != nil && x.ID != id {
		return x.Top()
	}
	return x
}

// members returns the resources that a set refers to up to the first that does not exist, and whether all do.
func (r *reader) members(set *cibxml.Element, name string) (list []*model.Resource, ok bool) {
	for e := range set.Tags("resource_ref") {
		x := r.find(e.ID())
		if x == nil {
			r.log.ConfigError("%s: No resource found for %s", name, e.ID())
			return list, false
		}
		list = append(list, x)
	}
	return list, true
}

// sets iterates over the resource sets of a constraint with references resolved. A nil set could not be.
func (r *reader) sets(e *cibxml.Element) func(yield func(*cibxml.Element) bool) {
	return func(yield func(*cibxml.Element) bool) {
		for s := range e.Tags("resource_set") {
			if !yield(r.world.Lib.Resolve(s)) {
				return
			}
		}
	}
}

// health makes a location constraint for every resource out of each node's health.
func (r *reader) health() {
	o := &r.m.Options
	if o.HealthStrategy == "none" {
		return
	}
	for _, n := range r.m.Nodes {
		score := o.HealthBase
		for _, a := range n.Attrs {
			if strings.HasPrefix(a.Name, "#health") {
				score = scalar.Add(score, o.Health.ParseScore(a.Value))
			}
		}
		if score == 0 {
			continue
		}
		for _, x := range r.m.Resources {
			if score < 0 && scalar.IsTrue(x.Meta.Get("allow-unhealthy-nodes")) {
				continue
			}
			r.addLocation(&Location{ID: o.HealthStrategy, Rsc: x, Nodes: []NodeScore{{n, score}}, Reason: "node health"})
		}
	}
}
