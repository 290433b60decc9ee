package admission

import (
	"strings"
	"testing"

	"github.com/holdfast-ha/holdfast/api"
)

const twoNodes = `# my cluster
[cluster]
name = "shop"

[[node]]
name = "n1"
id = 1
links = ["10.0.0.1"]

[[node]]
name = "n2" # the second
id = 7
links = ["10.0.0.2"]
[node.attributes]
rack = "b"

# quorum comes here
[quorum]
expected_votes = 3
`

func TestPlace_PutsTheNodeBehindTheOthers(t *testing.T) {
	got, id, err := Place(twoNodes, "n3", []string{"10.0.0.3"})
	if err != nil || id != 8 {
		t.Fatalf("id %d, %v", id, err)
	}
	want := strings.Replace(twoNodes, "rack = \"b\"\n", "rack = \"b\"\n\n[[node]]\nname = \"n3\"\nid = 8\nlinks = [\"10.0.0.3\"]\n", 1)
	if got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestPlace_Cases(t *testing.T) {
	for _, c := range []struct {
		name, text, node string
		links            []string
		id               api.NodeID
		same             bool   // the text stays as it is
		want             string // in the error
	}{
		{name: "back again", text: twoNodes, node: "n2", links: []string{"10.0.0.2"}, id: 7, same: true},
		{name: "back with another address", text: twoNodes, node: "n2", links: []string{"10.0.0.9"}, want: "hcs node remove n2"},
		{name: "address is taken", text: twoNodes, node: "n3", links: []string{"10.0.0.1"}, want: "is an address of the node in line 5 too (n1)"},
		{name: "too few links", text: strings.ReplaceAll(strings.ReplaceAll(twoNodes, `"10.0.0.1"`, `"10.0.0.1", "10.1.0.1"`), `"10.0.0.2"`, `"10.0.0.2", "10.1.0.2"`),
			node: "n3", links: []string{"10.0.0.3"}, want: "every node must be on every link"},
		{name: "bad name", text: twoNodes, node: "n 3", links: []string{"10.0.0.3"}, want: "letters, digits"},
		{name: "not an address", text: twoNodes, node: "n3", links: []string{"db.example.com"}, want: "not the address of a host"},
		{name: "injection", text: twoNodes, node: "n3\"\nid = 1\n[evil]\nx = \"", links: []string{"10.0.0.3"}, want: "cannot join"},
		{name: "file has problems", text: "[cluster]\n", node: "n3", links: []string{"10.0.0.3"}, want: "problems, which come first"},
		{name: "no newline at the end", text: strings.TrimSpace(twoNodes[:strings.Index(twoNodes, "[node.attributes]")]),
			node: "n3", links: []string{"10.0.0.3"}, id: 8},
		{name: "nodes as an inline array", text: "[cluster]\nname = \"shop\"\n\n[[node]]\nname = \"n1\"\nid = 65535\nlinks = [\n  \"10.0.0.1\",\n]\n",
			node: "n3", links: []string{"10.0.0.3"}, id: 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, id, err := Place(c.text, c.node, c.links)
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %s", err, c.want)
				}
				return
			}
			if err != nil || id != c.id || (got == c.text) != c.same {
				t.Errorf("id %d, %v, text\n%s", id, err, got)
			}
		})
	}
}
