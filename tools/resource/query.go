package resource

import (
	"context"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/tools/output"
	"github.com/holdfast-ha/holdfast/tools/statusxml"
)

// queryXML shows the state and the configuration of a resource.
func (c *call) queryXML(context.Context) error {
	text := c.configured(c.rsc).Format(cibxml.Style{Indent: true, Entities: true})
	v := c.view()
	if c.out.IsXML() {
		e := cibxml.New("resource_config")
		e.Append((statusxml.View{View: v}).Resource(c.rsc)...)
		e.Append(output.CDataElement("xml", text))
		c.out.Add(e)
		return nil
	}
	v.Inactive = false
	v.Resource(c.rsc)
	c.out.Printf("Resource XML:\n%s", text)
	return nil
}

// configured is the configuration of a resource, with its template unless it is wanted as it is written.
func (c *call) configured(r *model.Resource) *cibxml.Element {
	if c.command == "query-xml-raw" {
		if e := rawElement(c.doc, r.XMLID); e != nil && e.Get("template") != "" {
			return e
		}
	}
	return r.XML
}

// rawElement finds a resource in the resources section.
func rawElement(doc *cibxml.Element, id string) *cibxml.Element {
	var found *cibxml.Element
	doc.Child("configuration").Child("resources").Walk(func(e *cibxml.Element) bool {
		switch e.Name {
		case "primitive", "group", "clone", "master", "bundle":
			if found == nil && e.ID() == id {
				found = e
			}
		}
		return found == nil
	})
	return found
}

// getProperty shows an attribute of a resource's element.
func (c *call) getProperty(context.Context) error {
	value, ok := c.rsc.XML.Lookup(c.argument)
	if !ok {
		return nil
	}
	if c.out.IsXML() {
		c.out.Add(cibxml.New("list", "name", "properties", "count", "1").Append(output.TextElement("item", value, "name", c.argument)))
		return nil
	}
	c.out.Printf("%s\n", value)
	return nil
}

// place is where a resource runs.
type place struct {
	node     string
	promoted bool
}

// places are where a resource runs; for the common name of a clone's instances where any of them does. The
// last that is found comes first, as in Pacemaker.
func (c *call) places() []place {
	r := c.rsc
	if top := r.Top(); top.Kind == model.Clone && !top.Unique && c.options.resource == r.HistoryName && r.HistoryName != r.ID {
		r = top
	}
	var found []place
	add := func(x *model.Resource) {
		for _, n := range c.m.State.Rsc(x).Running {
			found = append([]place{{n.Name, r.Kind == model.Clone && c.m.State.HighestRole(x, false) == model.Promoted}}, found...)
		}
	}
	switch r.Kind {
	case model.Clone:
		for _, x := range r.Children {
			add(x)
		}
	default:
		add(r)
		if c.m.State.HighestRole(r, false) == model.Promoted {
			for i := range found {
				found[i].promoted = true
			}
		}
	}
	return found
}

// locate shows where a resource runs.
func (c *call) locate(context.Context) error {
	found := c.places()
	name := c.options.resource
	if c.out.IsXML() {
		e := cibxml.New("nodes", "resource", name)
		for _, p := range found {
			x := output.TextElement("node", p.node)
			if p.promoted {
				x.Set("state", "promoted")
			}
			e.Append(x)
		}
		c.out.Add(e)
		return nil
	}
	for _, p := range found {
		switch {
		case c.quiet:
			c.out.Printf("%s\n", p.node)
		case p.promoted:
			c.out.Printf("resource %s is running on: %s Promoted\n", name, p.node)
		default:
			c.out.Printf("resource %s is running on: %s\n", name, p.node)
		}
	}
	if len(found) == 0 && !c.quiet {
		c.out.Errorf("resource %s is NOT running", name)
	}
	return nil
}
