package simulate

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
	"github.com/holdfast-ha/holdfast/crmd/sched/unpack"
)

// origin is what records say they were made by.
const origin = "crm_simulate"

// fake is a CIB that is changed as a cluster would change it. The document is its own.
type fake struct {
	doc    *cibxml.Element
	states map[string]*state // by node name
	// configure adds nodes to the configuration when something happens to them.
	configure bool
}

// state is a node's part of the status section.
type state struct {
	xml  *cibxml.Element
	rscs map[string]*cibxml.Element // lrm_resource by id
	// ambiguous are the ids that several records have. Pacemaker finds none of them then, begins anew and merges
	// that into the first.
	ambiguous map[string]bool
}

func newFake(doc *cibxml.Element) *fake {
	f := &fake{doc: doc.Clone(), states: map[string]*state{}}
	for e := range f.status().Tags("node_state") {
		if name := e.Get("uname"); f.states[name] == nil {
			f.states[name] = newState(e)
		}
	}
	return f
}

func newState(e *cibxml.Element) *state {
	s := &state{xml: e, rscs: map[string]*cibxml.Element{}, ambiguous: map[string]bool{}}
	for r := range e.Child("lrm").Child("lrm_resources").Tags("lrm_resource") {
		if s.rscs[r.ID()] == nil {
			s.rscs[r.ID()] = r
		} else {
			s.ambiguous[r.ID()] = true
		}
	}
	return s
}

// section returns a section of the document, which is made if there is none.
func (f *fake) section(name string) *cibxml.Element {
	if e := unpack.Section(f.doc, name); e != nil {
		return e
	}
	parent := f.doc
	if name != "status" && name != "configuration" {
		parent = f.section("configuration")
	}
	e := cibxml.New(name)
	parent.Append(e)
	return e
}

func (f *fake) status() *cibxml.Element { return f.section("status") }

// node returns a node's state, which is made if there is none; id is its id then, "" for what the
// configuration says.
func (f *fake) node(name, id string) *state {
	if f.configure {
		f.configureNode(name)
	}
	if s := f.states[name]; s != nil {
		return s
	}
	if id == "" {
		id = f.nodeID(name)
	}
	e := cibxml.New("node_state")
	if id != "" {
		e.Set("id", id)
	}
	e.Set("uname", name)
	f.status().Append(e)
	s := newState(e)
	f.states[name] = s
	return s
}

// nodeID is a node's id in the configuration, "" for a node that is not there. Remote and guest nodes are
// their own ids.
func (f *fake) nodeID(name string) string {
	for e := range f.section("nodes").Tags("node") {
		if strings.EqualFold(e.Get("uname"), name) {
			return e.ID()
		}
	}
	id := ""
	f.section("resources").Walk(func(e *cibxml.Element) bool {
		if e.Name == "primitive" && e.Get("type") == "remote" && e.Get("provider") == "pacemaker" && strings.EqualFold(e.ID(), name) ||
			e.Name == "nvpair" && e.Get("name") == "remote-node" && strings.EqualFold(e.Get("value"), name) {
			id = name
		}
		return id == ""
	})
	return id
}

func (f *fake) configureNode(name string) {
	nodes := f.section("nodes")
	for e := range nodes.Tags("node") {
		if e.Get("uname") == name {
			return
		}
	}
	nodes.Append(cibxml.New("node", "id", name, "uname", name))
	f.changed()
}

// join lets a node become a member, or leave.
func (f *fake) join(name string, up bool) *cibxml.Element {
	e := f.node(name, "").xml
	values := [4]string{"true", "online", "member", "member"}
	if !up {
		values = [4]string{"false", "offline", "down", "down"}
	}
	for i, attr := range [4]string{"in_ccm", "crmd", "join", "expected"} {
		e.Set(attr, values[i])
	}
	e.Set("crm-debug-origin", origin)
	return e
}

// forget drops what was known of what runs on a node.
func (f *fake) forget(name string) {
	s := f.node(name, "")
	s.xml.Children = slices.DeleteFunc(s.xml.Children, func(c *cibxml.Element) bool {
		return c.IsTag("lrm") || c.IsTag("transient_attributes")
	})
	clear(s.rscs)
}

// child returns the first child of that name, which is made if there is none.
func child(e *cibxml.Element, name, id string) *cibxml.Element {
	if c := e.Child(name); c != nil {
		return c
	}
	c := cibxml.New(name)
	if id != "" {
		c.Set("id", id)
	}
	e.Append(c)
	return c
}

// agent is a resource agent.
type agent struct{ class, provider, kind string }

// history returns a node's record of a resource: one under the name it is known by, else one under its
// configured name, which is made if there is none.
func (s *state) history(name, configured string, a agent) *cibxml.Element {
	for _, id := range []string{name, configured} {
		if r := s.rscs[id]; r != nil {
			return r
		}
	}
	list := child(child(s.xml, "lrm", s.xml.ID()), "lrm_resources", "")
	r := cibxml.New("lrm_resource", "id", configured, "class", a.class)
	if a.provider != "" {
		r.Set("provider", a.provider)
	}
	r.Set("type", a.kind)
	list.Append(r)
	s.rscs[configured] = r
	return r
}

// idSafe replaces what the id of a name-value pair may not have in it.
var idSafe = strings.NewReplacer("#", ".", ":", ".")

// setAttribute gives a node a transient attribute; value++ adds one to what there is. It is known by its id: one
// of the same name that somebody else gave another id stays as it is.
func (s *state) setAttribute(name, value string) {
	id := s.xml.ID()
	set := child(child(s.xml, "transient_attributes", id), "instance_attributes", id)
	pairID := idSafe.Replace(cmp.Or(set.ID(), "nvpair") + "-" + name)
	pair := set.Find("nvpair", pairID)
	if pair == nil {
		pair = cibxml.New("nvpair", "id", pairID)
		set.Append(pair)
	}
	pair.Set("name", name)
	if value == "value++" {
		value = increment(pair.Get("value"))
	}
	pair.Set("value", value)
}

// ticket sets an attribute of a ticket, which becomes known if it was not.
func (f *fake) ticket(id, attr, value string) {
	list := child(f.status(), "tickets", "")
	t := list.Find("ticket_state", id)
	if t == nil {
		t = cibxml.New("ticket_state", "id", id)
		list.Append(t)
	}
	t.Set(attr, value)
}

// property sets a cluster property.
func (f *fake) property(name, value string) {
	config := f.section("crm_config")
	for set := range config.Tags("cluster_property_set") {
		for p := range set.Tags("nvpair") {
			if p.Get("name") == name {
				if p.Get("value") != value {
					p.Set("value", value)
					f.changed()
				}
				return
			}
		}
	}
	const id = "cib-bootstrap-options"
	set := config.Find("cluster_property_set", id)
	if set == nil {
		set = cibxml.New("cluster_property_set", "id", id)
		config.Append(set)
	}
	set.Append(cibxml.New("nvpair", "id", id+"-"+name, "name", name, "value", value))
	f.changed()
}

// changed counts a change of the configuration.
func (f *fake) changed() {
	f.doc.Set("epoch", strconv.FormatInt(scalar.IntOr(f.doc.Get("epoch"), 0)+1, 10))
}
