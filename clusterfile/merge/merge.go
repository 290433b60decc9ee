// Package merge fits the configuration that a file describes into the one that is in effect.
package merge

import (
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile/option"
)

// Inputs are the configurations (elements <configuration>) to be merged.
type Inputs struct {
	Live *cibxml.Element // in effect
	File *cibxml.Element // what the file says
	// Base is what the file said when it was last applied, nil when that is not known. What an operator has set
	// since, and neither version of the file speaks of, is kept.
	Base *cibxml.Element
}

// Result is the merged configuration.
type Result struct {
	Configuration *cibxml.Element
	// Kept are things that the file does not say and that stay all the same, for a person.
	Kept []string
}

// operational are settings that operators make with commands while the cluster runs, by the element that has
// them. A file that is silent about them does not take them back.
var operational = map[string][]string{
	"primitive": {"target-role", "is-managed", "maintenance"},
	"group":     {"target-role", "is-managed", "maintenance"},
	"clone":     {"target-role", "is-managed", "maintenance"},
	"bundle":    {"target-role", "is-managed", "maintenance"},
	"node":      {"standby", "maintenance"},
}

// operationalProperties are the cluster properties of that kind.
var operationalProperties = []string{"maintenance-mode", "stop-all-resources"}

// Merge makes the configuration that applying the file leads to: what the file says, with the ids and the order
// that the same things have already, and with what only operators and the cluster itself decide.
func Merge(in Inputs) Result {
	m := &merger{in: in}
	conf := cibxml.New("configuration")
	conf.Attrs = in.Live.Attrs
	for _, name := range sectionNames(in) {
		live, file := in.Live.Child(name), in.File.Child(name)
		if file == nil {
			file = cibxml.New(name)
		}
		if live == nil {
			live = cibxml.New(name)
		}
		section := m.section(name, live, file)
		if len(section.Children) > 0 || mandatory(name) {
			conf.Append(section)
		}
	}
	return Result{conf, m.kept}
}

func mandatory(section string) bool {
	return section == "crm_config" || section == "nodes" || section == "resources" || section == "constraints"
}

// sectionNames are those of the live configuration and then those that only the file has.
func sectionNames(in Inputs) []string {
	var names []string
	seen := map[string]bool{}
	for _, conf := range []*cibxml.Element{in.Live, in.File} {
		for e := range conf.Tags() {
			if !seen[e.Name] {
				seen[e.Name] = true
				names = append(names, e.Name)
			}
		}
	}
	return names
}

type merger struct {
	in   Inputs
	kept []string
}

func (m *merger) keep(what string) { m.kept = append(m.kept, what) }

func (m *merger) section(name string, live, file *cibxml.Element) *cibxml.Element {
	switch name {
	case "crm_config":
		return m.properties(live, file)
	case "rsc_defaults", "op_defaults":
		return adoptSets(live, file)
	case "constraints":
		file = m.withTemporary(live, sameIDs(live, file))
	case "fencing-topology":
		file = sameIDs(live, file)
	case "nodes":
		file = m.otherNodes(live, file)
	}
	out := cibxml.New(name)
	out.Attrs = live.Attrs
	for _, e := range inOrderOf(live, file) {
		if was := counterpart(live, e); was != nil {
			e = m.object(was, e, counterpart(m.in.Base.Child(name), e))
		}
		out.Append(e)
	}
	return out
}

// counterpart is the element with the same name and id, or for nodes the same name of the node.
func counterpart(section, e *cibxml.Element) *cibxml.Element {
	if found := section.Find(e.Name, e.ID()); found != nil {
		return found
	}
	if e.Name == "node" {
		for n := range section.Tags("node") {
			if strings.EqualFold(n.Get("uname"), e.Get("uname")) {
				return n
			}
		}
	}
	return nil
}

// inOrderOf sorts the children of file as those of live are; what is new comes last.
func inOrderOf(live, file *cibxml.Element) []*cibxml.Element {
	var list []*cibxml.Element
	for l := range live.Tags() {
		if e := counterpart(file, l); e != nil {
			list = append(list, e)
		}
	}
	for e := range file.Tags() {
		if counterpart(live, e) == nil {
			list = append(list, e)
		}
	}
	return list
}

// object fits one object in: ids of its sets and operations, and what operators have set.
func (m *merger) object(live, file, base *cibxml.Element) *cibxml.Element {
	if len(operational[file.Name]) > 0 {
		file = m.keepOperational(live, file, base)
	}
	out := adoptSets(live, file)
	for i, c := range out.Children {
		switch c.Name {
		case "operations":
			out.Children[i] = adoptOperations(live.Child("operations"), c)
		case "primitive", "group":
			if was := live.Find(c.Name, c.ID()); was != nil {
				out.Children[i] = m.object(was, c, base.Find(c.Name, c.ID()))
			}
		}
	}
	out.Children = arranged(live, out.Children)
	if sameContent(live, out) {
		return live
	}
	return out
}

// keepOperational adds the settings of operators that neither version of the file speaks of.
func (m *merger) keepOperational(live, file, base *cibxml.Element) *cibxml.Element {
	tag, what := "meta_attributes", file.ID()
	if file.Name == "node" {
		tag, what = "instance_attributes", "node "+file.Get("uname")
	}
	for _, name := range operational[file.Name] {
		was := pair(live, tag, name)
		if was == nil || pair(file, tag, name) != nil || pair(base, tag, name) != nil {
			continue
		}
		m.keep(name + "=" + was.Get("value") + " of " + what)
		file = withPair(file, tag, setID(live, tag), was)
	}
	return file
}

// properties keeps what the cluster sets by itself.
func (m *merger) properties(live, file *cibxml.Element) *cibxml.Element {
	const tag = "cluster_property_set"
	base := m.in.Base.Child("crm_config")
	for nv := range allPairs(live, tag) {
		name := nv.Get("name")
		o := option.Cluster.Find(name)
		own := o != nil && o.Own || name == "cluster-name"
		byOperator := contains(operationalProperties, name) && pair(base, tag, name) == nil
		if pair(file, tag, name) != nil || !own && !byOperator {
			continue
		}
		if byOperator {
			m.keep(name + "=" + nv.Get("value"))
		}
		file = withPair(file, tag, setID(live, tag), nv)
	}
	return adoptSets(live, file)
}

// sameIDs gives elements that say the same as live ones the ids of those.
func sameIDs(live, file *cibxml.Element) *cibxml.Element {
	out := cibxml.New(file.Name)
	taken := map[string]bool{}
	for e := range file.Tags() {
		for l := range live.Tags(e.Name) {
			if !taken[l.ID()] && live.Find(e.Name, e.ID()) == nil && file.Find(l.Name, l.ID()) == nil && meaning(l) == meaning(e) {
				e = l
				break
			}
		}
		taken[e.ID()] = true
		out.Append(e)
	}
	return out
}

// withTemporary keeps the constraints that moving and banning resources left.
func (m *merger) withTemporary(live, file *cibxml.Element) *cibxml.Element {
	out := file.WithChildren(append([]*cibxml.Element{}, file.Children...))
	for l := range live.Tags("rsc_location") {
		if !Temporary(l) || file.Find(l.Name, l.ID()) != nil || !exists(m.in.File.Child("resources"), l.Get("rsc")) {
			continue
		}
		m.keep("constraint " + l.ID() + ", made by moving or banning " + l.Get("rsc"))
		out.Append(l)
	}
	return out
}

// Temporary reports whether a constraint was made by a command that moves or bans a resource.
func Temporary(e *cibxml.Element) bool {
	return strings.HasPrefix(e.ID(), "cli-prefer-") || strings.HasPrefix(e.ID(), "cli-ban-")
}

func exists(resources *cibxml.Element, id string) bool {
	found := false
	resources.Walk(func(e *cibxml.Element) bool {
		found = found || e.ID() == id
		return !found
	})
	return found
}

// otherNodes keeps entries of remote and guest nodes, which no file lists.
func (m *merger) otherNodes(live, file *cibxml.Element) *cibxml.Element {
	out := file.Clone()
	for l := range live.Tags("node") {
		if l.Get("type") == "remote" && counterpart(file, l) == nil {
			out.Append(l)
		}
	}
	return out
}
