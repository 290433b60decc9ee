package build

import (
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// ResourceSet is a set in a constraint. Attrs are sequential, require-all, action, role, ...
type ResourceSet struct {
	Resources []string
	Attrs     []Pair
}

// Location is a rsc_location. Rsc or Pattern is set, and Node or Rule, or Sets instead of Rsc.
type Location struct {
	ID           string // "" is one made from the rest
	Rsc, Pattern string
	Sets         []ResourceSet
	Node, Score  string
	// Rule makes the rule from its id; it carries the score.
	Rule            func(id string) *cibxml.Element
	Role, Discovery string
}

// Element makes the constraint.
func (l Location) Element(ids *IDs) *cibxml.Element {
	who := l.Rsc + l.Pattern
	if len(l.Sets) > 0 {
		who = "set_" + abbreviate(l.Sets)
	}
	want := l.ID
	switch {
	case want != "":
	case l.Rule != nil:
		want = "location-" + who
	default:
		want = "location-" + who + "-" + l.Node + "-" + l.Score
	}
	e := cibxml.New("rsc_location", "id", ids.New(want))
	set(e, "rsc", l.Rsc)
	set(e, "rsc-pattern", l.Pattern)
	set(e, "role", l.Role)
	set(e, "node", l.Node)
	if l.Rule == nil {
		set(e, "score", l.Score)
	}
	set(e, "resource-discovery", l.Discovery)
	appendResourceSets(e, l.Sets, ids)
	if l.Rule != nil {
		rule := l.Rule(ids.New(e.ID() + "-rule"))
		ids.Add(rule)
		e.Append(rule)
	}
	return e
}

// Order is a rsc_order of two resources, or of sets.
type Order struct {
	ID                      string
	First, Then             string
	FirstAction, ThenAction string
	Kind, Score             string
	Symmetrical, RequireAll string
	Sets                    []ResourceSet
}

// Element makes the constraint.
func (o Order) Element(ids *IDs) *cibxml.Element {
	kind := o.Kind
	if kind == "" || kind == "Mandatory" {
		kind = "mandatory"
	}
	want := "order-" + o.First + "-" + o.Then + "-" + kind
	if len(o.Sets) > 0 {
		want = "order_set_" + abbreviate(o.Sets)
	}
	if o.ID != "" {
		want = o.ID
	}
	e := cibxml.New("rsc_order", "id", ids.New(want))
	set(e, "first", o.First)
	set(e, "then", o.Then)
	set(e, "first-action", o.FirstAction)
	set(e, "then-action", o.ThenAction)
	set(e, "kind", o.Kind)
	set(e, "score", o.Score)
	set(e, "symmetrical", o.Symmetrical)
	set(e, "require-all", o.RequireAll)
	appendResourceSets(e, o.Sets, ids)
	return e
}

// Colocation is a rsc_colocation of two resources, or of sets.
type Colocation struct {
	ID                       string
	Rsc, With                string
	Role, WithRole           string
	Score                    string
	NodeAttribute, Influence string
	Sets                     []ResourceSet
}

// Element makes the constraint.
func (c Colocation) Element(ids *IDs) *cibxml.Element {
	want := "colocation-" + c.Rsc + "-" + c.With + "-" + c.Score
	if len(c.Sets) > 0 {
		want = "colocation_set_" + abbreviate(c.Sets)
	}
	if c.ID != "" {
		want = c.ID
	}
	e := cibxml.New("rsc_colocation", "id", ids.New(want))
	set(e, "rsc", c.Rsc)
	set(e, "rsc-role", c.Role)
	set(e, "with-rsc", c.With)
	set(e, "with-rsc-role", c.WithRole)
	set(e, "node-attribute", c.NodeAttribute)
	set(e, "score", c.Score)
	set(e, "influence", c.Influence)
	appendResourceSets(e, c.Sets, ids)
	return e
}

// Ticket is a rsc_ticket.
type Ticket struct {
	ID                            string
	Ticket, Rsc, Role, LossPolicy string
	Sets                          []ResourceSet
}

// Element makes the constraint.
func (t Ticket) Element(ids *IDs) *cibxml.Element {
	want := "ticket-" + t.Ticket + "-" + t.Rsc
	if t.Role != "" {
		want += "-" + t.Role
	}
	if len(t.Sets) > 0 {
		want = "ticket_set_" + abbreviate(t.Sets)
	}
	if t.ID != "" {
		want = t.ID
	}
	e := cibxml.New("rsc_ticket", "id", ids.New(want), "ticket", t.Ticket)
	set(e, "rsc", t.Rsc)
	set(e, "rsc-role", t.Role)
	set(e, "loss-policy", t.LossPolicy)
	appendResourceSets(e, t.Sets, ids)
	return e
}

// FencingLevel is a level of the fencing topology. Target, Pattern, or Attribute and Value name the nodes.
type FencingLevel struct {
	ID                                string
	Index                             int
	Target, Pattern, Attribute, Value string
	Devices                           []string
}

// Element makes the level.
func (l FencingLevel) Element(ids *IDs) *cibxml.Element {
	want := l.ID
	if want == "" {
		want = "fl-" + l.Target + l.Pattern + l.Attribute + "-" + strconv.Itoa(l.Index)
	}
	e := cibxml.New("fencing-level", "id", ids.New(want), "index", strconv.Itoa(l.Index))
	set(e, "target", l.Target)
	set(e, "target-pattern", l.Pattern)
	set(e, "target-attribute", l.Attribute)
	set(e, "target-value", l.Value)
	set(e, "devices", strings.Join(l.Devices, ","))
	return e
}

func set(e *cibxml.Element, name, value string) {
	if value != "" {
		e.Set(name, value)
	}
}

func appendResourceSets(e *cibxml.Element, sets []ResourceSet, ids *IDs) {
	for _, s := range sets {
		rs := cibxml.New("resource_set", "id", ids.New(e.ID()+"_set"))
		for _, a := range s.Attrs {
			set(rs, a.Name, a.Value)
		}
		for _, r := range s.Resources {
			rs.Append(cibxml.New("resource_ref", "id", r))
		}
		e.Append(rs)
	}
}

// abbreviate makes a short name of sets, as pcs does: the first and the last letter of each resource.
func abbreviate(sets []ResourceSet) string {
	var b strings.Builder
	for _, s := range sets {
		for _, r := range s.Resources {
			if r != "" {
				b.WriteString(r[:1] + r[len(r)-1:])
			}
		}
	}
	return b.String()
}
