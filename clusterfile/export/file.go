package export

import (
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/clusterfile/option"
)

// File writes a whole cluster file: the membership's sections as they stand in text, the nodes with the attributes
// that the CIB has for them, and everything else from the CIB. f is text, parsed.
func File(text string, f *clusterfile.File, in Input) string {
	for _, n := range f.Nodes {
		in.Nodes = append(in.Nodes, n.Name)
	}
	var b strings.Builder
	nodes := false
	for _, block := range clusterfile.Blocks(text) {
		switch {
		case block.Key == "" || slices.Contains(clusterfile.Own, block.Key):
			b.WriteString(strings.TrimRight(block.Text, "\n") + "\n\n")
		case block.Key == "node" && !nodes:
			nodes = true
			b.WriteString(Nodes(f, in.Configuration) + "\n")
		}
	}
	b.WriteString(Sections(in))
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// Nodes writes the [[node]] sections.
func Nodes(f *clusterfile.File, conf *cibxml.Element) string {
	x := &exporter{}
	for _, n := range f.Nodes {
		t := &table{x: x}
		t.header("[[node]]")
		t.text("name", n.Name)
		t.scalar("id", n.ID.String())
		var links []string
		for _, a := range n.Links {
			links = append(links, a.String())
		}
		t.list("links", links)
		if n.Votes != 1 {
			t.scalar("votes", Value(itoa(n.Votes)))
		}
		if raw, ok := n.Rest.Raw("throttle").(map[string]any); ok {
			t.line("throttle", literal(raw))
		}
		x.attributes(t, node(conf, n.ID.String()))
		x.text.WriteString(t.String())
	}
	return strings.TrimPrefix(x.text.String(), "\n")
}

func node(conf *cibxml.Element, id string) *cibxml.Element {
	return conf.Child("nodes").Find("node", id)
}

// attributes writes what the CIB says of a node. Sets with rules have no place in the file, and applying it leaves
// them alone.
func (x *exporter) attributes(t *table, e *cibxml.Element) {
	var list, use []cibxml.Attr
	for set := range e.Tags("instance_attributes", "utilization") {
		if set.Child("rule") != nil {
			continue
		}
		for _, a := range x.pairs(set) {
			o := option.Node.Find(a.Name)
			truth, err := truthOf(a.Value)
			switch {
			case set.Name == "utilization":
				use = append(use, a)
			case o != nil && a.Name != "terminate" && err == nil:
				t.line(a.Name, truth)
			case o == nil:
				list = append(list, a)
			}
		}
	}
	t.table("attributes", scalars(list))
	t.table("utilization", scalars(use))
}
