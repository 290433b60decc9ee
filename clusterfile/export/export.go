// Package export writes a configuration as the sections of a cluster file.
package export

import (
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile/crm"
	"github.com/holdfast-ha/holdfast/clusterfile/merge"
	"github.com/holdfast-ha/holdfast/clusterfile/option"
)

// Input is what is written.
type Input struct {
	Configuration *cibxml.Element
	// Nodes are the names of the cluster file's nodes.
	Nodes []string
	// Secret names the file that holds the value of a parameter, "" when the value itself is to be written.
	Secret func(resource, param, value string) (file string)
}

// Sections writes everything but the nodes. What has no notation of its own becomes [[xml]], so nothing is lost.
func Sections(in Input) string {
	conf := in.Configuration
	x := &exporter{in: in, nodes: append(crm.RemoteNodes(conf), in.Nodes...), cloned: map[string]bool{}}
	for c := range conf.Child("resources").Tags("clone") {
		c.Walk(func(e *cibxml.Element) bool {
			if e.Name == "primitive" || e.Name == "group" {
				x.cloned[e.ID()] = true
			}
			return true
		})
	}
	x.options("properties", conf.Child("crm_config"), "cluster_property_set", option.Cluster)
	x.options("resource_defaults", conf.Child("rsc_defaults"), "meta_attributes", option.Clone)
	x.options("op_defaults", conf.Child("op_defaults"), "meta_attributes", option.Operation)
	for e := range conf.Child("resources").Tags() {
		if e.IsTag("primitive") && e.Get("class") == "stonith" {
			x.try("resources", e, x.stonith)
		}
	}
	for e := range conf.Child("fencing-topology").Tags() {
		x.try("fencing-topology", e, x.fencingLevel)
	}
	for e := range conf.Child("resources").Tags() {
		if !e.IsTag("primitive") || e.Get("class") != "stonith" {
			x.try("resources", e, x.resource)
		}
	}
	for e := range conf.Child("constraints").Tags() {
		if !merge.Temporary(e) { // applying the file keeps these anyway, and nobody wants them for ever
			x.try("constraints", e, x.constraint)
		}
	}
	for e := range conf.Child("tags").Tags() {
		x.try("tags", e, x.tag)
	}
	for e := range conf.Child("alerts").Tags() {
		x.try("alerts", e, x.alert)
	}
	for e := range conf.Child("acls").Tags() {
		x.try("acls", e, x.acl)
	}
	for e := range conf.Child("nodes").Tags("node") {
		if e.Get("type") == "remote" {
			x.xml("nodes", e)
		}
	}
	return strings.TrimPrefix(x.text.String(), "\n")
}

// exporter collects the text. ok is about the object that is being written.
type exporter struct {
	in    Input
	nodes []string
	// cloned are the ids of what is inside of clones, to which constraints of the file cannot refer.
	cloned map[string]bool
	text   strings.Builder
	ok     bool
}

// try writes an object with its notation, or as XML when that cannot hold everything.
func (x *exporter) try(section string, e *cibxml.Element, write func(*table, *cibxml.Element)) {
	x.ok = true
	t := &table{x: x}
	write(t, e)
	if !x.ok {
		x.xml(section, e)
		return
	}
	x.text.WriteString(t.String())
}

func (x *exporter) xml(section string, e *cibxml.Element) {
	src := strings.TrimRight(e.String(), "\n")
	quote := "'''"
	if strings.Contains(src, quote) {
		src, quote = strings.NewReplacer(`\`, `\\`, `"""`, `\"\"\"`).Replace(src), `"""`
	}
	x.text.WriteString("\n[[xml]]\nsection = " + strconv.Quote(section) + "\ntext = " + quote + "\n" + src + "\n" + quote + "\n")
}

// options writes a section of options from the set that the section stands for; other sets become XML.
func (x *exporter) options(header string, section *cibxml.Element, tag string, known option.Table) {
	own := ownSet(section, tag)
	var rest []*cibxml.Element
	for set := range section.Tags() {
		x.ok = set == own
		var list []cibxml.Attr
		for _, p := range x.pairs(set) {
			o := known.Find(p.Name)
			switch {
			case o != nil && o.Own || header == "properties" && p.Name == "cluster-name": // the cluster's own
			case o == nil || o.Check(p.Value) != nil:
				x.ok = false
			default:
				list = append(list, p)
			}
		}
		if !x.ok {
			rest = append(rest, set)
			continue
		}
		if len(list) > 0 {
			t := &table{x: x}
			t.header("[" + header + "]")
			for _, p := range list {
				t.scalar(p.Name, p.Value)
			}
			x.text.WriteString(t.String())
		}
	}
	for _, set := range rest {
		x.xml(section.Name, set)
	}
}

// ownSet is the set whose id a section of the file gets; when there is none, the first without a rule, because
// the id does not matter then.
func ownSet(section *cibxml.Element, tag string) *cibxml.Element {
	if section == nil {
		return nil
	}
	for _, id := range []string{crm.BootstrapOptions, section.Name + "-meta_attributes"} {
		if set := section.Find(tag, id); set != nil {
			return set
		}
	}
	for set := range section.Tags(tag) {
		if set.Child("rule") == nil {
			return set
		}
	}
	return nil
}

// pairs reads a set that holds nothing but pairs.
func (x *exporter) pairs(set *cibxml.Element) []cibxml.Attr {
	x.only(set, "id")
	var list []cibxml.Attr
	seen := map[string]bool{}
	for c := range set.Tags() {
		if c.Name != "nvpair" || c.Get("name") == "" || seen[c.Get("name")] {
			x.ok = false
			continue
		}
		x.only(c, "id", "name", "value")
		if _, there := c.Lookup("value"); !there {
			x.ok = false
		}
		seen[c.Get("name")] = true
		list = append(list, cibxml.Attr{Name: c.Get("name"), Value: c.Get("value")})
	}
	return list
}

// only notes attributes that the notation has no place for.
func (x *exporter) only(e *cibxml.Element, names ...string) {
	for _, a := range e.Attrs {
		known := false
		for _, n := range names {
			known = known || a.Name == n
		}
		x.ok = x.ok && known
	}
}

// children notes children that the notation has no place for.
func (x *exporter) children(e *cibxml.Element, names ...string) {
	for c := range e.Tags() {
		known := false
		for _, n := range names {
			known = known || c.Name == n
		}
		x.ok = x.ok && known
	}
}
