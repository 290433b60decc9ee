package resource

import (
	"context"
	"slices"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/crmd/sched/constraint"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

// ties shows what ties a resource to nodes and to other resources.
type ties struct {
	*call
	set       *constraint.Set
	recursive bool
	xml       *cibxml.Element
	// path are the resources above the one that is shown, which would make a loop.
	path []*model.Resource
}

// constraints shows the location and colocation constraints of a resource or of what it is a part of.
func (c *call) constraints(context.Context) error {
	set, _ := sched.Constraints(c.m)
	t := &ties{call: c, set: set, recursive: c.options.recursive || c.command == "stack", xml: cibxml.New("constraints")}
	r := c.rsc
	if !c.options.force {
		r = r.Top()
	}
	c.out.Lines.Plain = false
	t.locations(r)
	t.colocations(r, true)
	t.colocations(r, false)
	if c.out.IsXML() {
		c.out.Add(t.xml)
	}
	return nil
}

// locations shows the nodes that constraints name for a resource.
func (t *ties) locations(r *model.Resource) {
	began := false
	for _, l := range t.set.By[r.Index].Locations {
		e := t.locationElement(l.ID)
		if e == nil {
			continue
		}
		nodes := slices.Clone(l.Nodes)
		if e.Get("boolean-op") != "or" {
			slices.Reverse(nodes)
		}
		for _, n := range nodes {
			if !began {
				began = true
				t.out.Lines.Begin("Locations")
			}
			x := cibxml.New("rsc_location", "node", n.Node.Name, "rsc", r.ID, "id", l.ID, "score", n.Score.String())
			role := ""
			if l.Role > model.Started {
				role = ", role=" + l.Role.String()
				x.Set("role", l.Role.String())
			}
			t.xml.Append(x)
			t.out.Lines.Item("Node %s (score=%s, id=%s, rsc=%s%s)", n.Node.Name, n.Score, l.ID, r.ID, role)
		}
	}
	if began {
		t.out.Lines.End()
	}
}

// locationElement is the constraint or rule of that id; node health has none.
func (t *ties) locationElement(id string) *cibxml.Element {
	var found *cibxml.Element
	for e := range t.doc.Child("configuration").Child("constraints").Tags("rsc_location") {
		e.Walk(func(x *cibxml.Element) bool {
			if x.ID() == id {
				found = x
			}
			return found == nil
		})
	}
	return found
}

// colocations shows what is to run with r, or with dependents false what r is to run with.
func (t *ties) colocations(r *model.Resource, dependents bool) {
	list, title := t.set.By[r.Index].This, "Resources "+r.ID+" is colocated with"
	if dependents {
		list, title = t.set.By[r.Index].With, "Resources colocated with "+r.ID
	}
	if len(list) == 0 {
		return
	}
	t.out.Lines.Begin("%s", title)
	defer t.out.Lines.End()
	t.path = append(t.path, r)
	defer func() { t.path = t.path[:len(t.path)-1] }()
	for _, l := range list {
		t.colocation(l, dependents)
	}
}

func (t *ties) colocation(l *constraint.Colocation, dependents bool) {
	other := l.Primary
	if dependents {
		other = l.Dependent
	}
	t.xml.Append(colocationXML(l))
	w := t.out.Lines
	if slices.Contains(t.path, other) {
		w.Item("%s (id=%s - loop)", other.ID, l.ID)
		return
	}
	role := ""
	if l.PrimaryRole > model.Started {
		role = ", with role=" + l.PrimaryRole.String()
		if dependents {
			role = ", needs role=" + l.PrimaryRole.String()
		}
	}
	w.Item("%s (score=%s%s, id=%s)", other.ID, l.Score, role, l.ID)
	w.Nest()
	t.locations(other)
	if t.recursive {
		t.colocations(other, dependents)
	}
	w.End()
}

func colocationXML(l *constraint.Colocation) *cibxml.Element {
	e := cibxml.New("rsc_colocation", "id", l.ID, "rsc", l.Dependent.ID, "with-rsc", l.Primary.ID, "score", l.Score.String())
	if l.Attribute != "" {
		e.Set("node-attribute", l.Attribute)
	}
	if l.DependentRole > model.Started {
		e.Set("rsc-role", l.DependentRole.String())
	}
	if l.PrimaryRole > model.Started {
		e.Set("with-rsc-role", l.PrimaryRole.String())
	}
	return e
}
