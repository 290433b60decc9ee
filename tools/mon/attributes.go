package mon

import (
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

// hiddenAttributes are no news to anybody: the cluster's own.
var hiddenAttributes = []string{"shutdown", "terminate", "standby"}

// attribute is an attribute of a node that is shown.
type attribute struct {
	name, value string
	// expected is what a ping resource would set if everything answered, -1 when it is none.
	expected int
}

// shownAttributes are the attributes of a node for people, by name.
func (r *report) shownAttributes(n *model.Node) []attribute {
	var shown []attribute
	for _, a := range n.Attrs {
		if strings.HasPrefix(a.Name, "#") || strings.HasPrefix(a.Name, "fail-count-") || strings.HasPrefix(a.Name, "last-failure-") ||
			slices.Contains(hiddenAttributes, a.Name) {
			continue
		}
		shown = append(shown, attribute{a.Name, a.Value, r.expected(n, a.Name)})
	}
	slices.SortStableFunc(shown, func(a, b attribute) int { return strings.Compare(a.name, b.name) })
	return shown
}

// expected is the value of an attribute that counts reachable hosts when all are, -1 for other attributes.
func (r *report) expected(n *model.Node, name string) int {
	for _, x := range r.view.S.Node(n).Running {
		if x.Agent.Type != "ping" && x.Agent.Type != "pingd" {
			continue
		}
		params := parameters(x.XML)
		attr := params["name"]
		if attr == "" {
			attr = "pingd"
		}
		if attr != name {
			continue
		}
		multiplier, err := strconv.Atoi(params["multiplier"])
		if err != nil {
			multiplier = 1
		}
		return len(strings.Fields(params["host_list"])) * multiplier
	}
	return -1
}

// parameters are the instance attributes of a resource that do not depend on rules.
func parameters(x *cibxml.Element) map[string]string {
	params := map[string]string{}
	for set := range x.Tags("instance_attributes") {
		for nv := range set.Tags("nvpair") {
			if _, ok := params[nv.Get("name")]; !ok {
				params[nv.Get("name")] = nv.Get("value")
			}
		}
	}
	return params
}

func (r *report) attributes() {
	l := &list{r: r, title: "Node Attributes"}
	for _, n := range r.m.Nodes {
		shown := r.shownAttributes(n)
		if !r.view.S.Node(n).Online || !r.view.Only.Node(n) || len(shown) == 0 {
			continue
		}
		l.begin()
		r.out.Lines.Begin("Node: %s", r.view.NodeName(n))
		for _, a := range shown {
			r.out.Lines.Item("%-32s\t: %-10s%s", a.name, a.value, a.connectivity())
		}
		r.out.Lines.End()
	}
	l.end()
}

// connectivity judges the value of a ping resource.
func (a attribute) connectivity() string {
	v, err := strconv.Atoi(a.value)
	switch {
	case a.expected < 0:
		return ""
	case err != nil || v <= 0:
		return "\t: Connectivity is lost"
	case v < a.expected:
		return "\t: Connectivity is degraded (Expected=" + strconv.Itoa(a.expected) + ")"
	}
	return ""
}

func (r *report) attributesXML() {
	list := cibxml.New("node_attributes")
	for _, n := range r.m.Nodes {
		shown := r.shownAttributes(n)
		if !r.view.S.Node(n).Online || !r.view.Only.Node(n) || len(shown) == 0 {
			continue
		}
		e := cibxml.New("node", "name", n.Name)
		for _, a := range shown {
			x := cibxml.New("attribute", "name", a.name, "value", a.value)
			if a.expected >= 0 {
				x.Set("expected", strconv.Itoa(a.expected))
			}
			e.Append(x)
		}
		list.Append(e)
	}
	r.addSome(list)
}

// addSome adds a list to the document unless it is empty.
func (r *report) addSome(list *cibxml.Element) {
	if len(list.Children) > 0 {
		r.out.Add(list)
	}
}
