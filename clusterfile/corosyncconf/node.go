package corosyncconf

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/clusterfile/export"
)

// node is one node of the list.
type node struct {
	section *Section
	name    string
	id      int
	votes   int
	links   []string
}

// nodes reads nodelist.
func (c *converter) nodes() []*node {
	list := c.all("nodelist")
	for _, k := range list.Keys {
		c.fate(list, k, Unknown, "")
	}
	var nodes []*node
	for _, s := range list.Sections {
		if s.Name != "node" {
			c.below(s, Unknown, "Corosync does not know this section")
			continue
		}
		c.dedupe(s)
		nodes = append(nodes, c.node(s))
	}
	if len(nodes) == 0 {
		c.problems = append(c.problems, clusterfile.Problem{File: c.src.Name, Line: list.Line, Key: "nodelist",
			Message: "has no node: a cluster whose nodes are found by multicast cannot be imported, write a nodelist first"})
	}
	c.sameLinks(nodes)
	return nodes
}

func (c *converter) node(s *Section) *node {
	n := &node{section: s, votes: 1}
	rings := map[int]*Key{}
	for _, k := range s.Keys {
		ring, isRing := strings.CutPrefix(k.Name, "ring")
		ring, isAddr := strings.CutSuffix(ring, "_addr")
		number, err := strconv.Atoi(ring)
		switch {
		case isRing && isAddr && err == nil && number >= 0 && number <= 7:
			rings[number] = k
		case k.Name == "nodeid":
			n.id = c.small(s, k, 1, 65535)
			c.fate(s, k, Mapped, "[[node]] id")
		case k.Name == "quorum_votes":
			n.votes = c.small(s, k, 0, 1000)
			c.fate(s, k, Mapped, "[[node]] votes")
		case k.Name == "name":
			n.name = k.Value
			c.fate(s, k, Used, "")
		default:
			c.fate(s, k, Unknown, "Corosync keeps it for other programs")
		}
	}
	for ring := range 8 {
		if k := rings[ring]; k != nil {
			c.fate(s, k, Mapped, fmt.Sprintf("[[node]] links, place %d", len(n.links)+1))
			n.links = append(n.links, c.address(s, k))
		}
	}
	if n.id == 0 && s.find("nodeid") == nil {
		c.problem(s, nil, "has no nodeid; write the one that corosync-cfgtool -s shows")
	}
	c.nameOf(n, rings[0])
	if len(n.links) == 0 {
		c.problem(s, nil, "has no ring0_addr")
	}
	return n
}

// nameOf finds the name of a node that the file does not name: the CIB knows it, or the address is a name.
func (c *converter) nameOf(n *node, ring0 *Key) {
	if n.name == "" {
		n.name = c.src.Names[strconv.Itoa(n.id)]
	}
	if n.name == "" && ring0 != nil {
		if _, err := netip.ParseAddr(ring0.Value); err != nil {
			n.name = ring0.Value
		}
	}
	switch {
	case n.name == "":
		c.problem(n.section, nil, "has no name; write name: with what uname -n prints there")
	case !clusterfile.PlainName(n.name):
		c.problem(n.section, n.section.find("name"), "%q cannot be the name of a node here: letters, digits, dots, dashes and underscores can", n.name)
	}
}

// small reads a number.
func (c *converter) small(s *Section, k *Key, lo, hi int) int {
	n, err := strconv.Atoi(k.Value)
	if err != nil || n < lo || n > hi {
		c.problem(s, k, "is %q, must be a whole number from %d to %d", k.Value, lo, hi)
		return lo
	}
	return n
}

// address is an address as it stands, or that of a name.
func (c *converter) address(s *Section, k *Key) string {
	if a, err := netip.ParseAddr(k.Value); err == nil {
		return a.Unmap().String()
	}
	if c.src.Lookup == nil {
		c.problem(s, k, "is the name %q; a cluster file has addresses, because DNS may fail when it matters", k.Value)
		return ""
	}
	list, err := c.src.Lookup(k.Value)
	if err != nil || len(list) == 0 {
		c.problem(s, k, "is the name %q, whose address cannot be found (%v); write the address", k.Value, err)
		return ""
	}
	a := list[0]
	// Corosync's default, ipv6-4, prefers IPv6; a loopback address of /etc/hosts reaches nobody.
	for _, x := range list {
		if !x.IsLoopback() && (a.IsLoopback() || x.Is6() && !a.Is6()) {
			a = x
		}
	}
	if a.IsLoopback() {
		c.problem(s, k, "is the name %q, which is %s here and reaches nobody; write the address", k.Value, a)
	}
	return a.Unmap().String()
}

func (c *converter) sameLinks(nodes []*node) {
	for _, n := range nodes {
		if len(n.links) != len(nodes[0].links) {
			c.problem(n.section, nil, "has %d addresses, the first node has %d; every node must be on every link", len(n.links), len(nodes[0].links))
		}
		for _, o := range nodes {
			if o == n {
				break
			}
			if o.id == n.id && n.id != 0 {
				c.problem(n.section, n.section.find("nodeid"), "%d is the id of the node in line %d too", n.id, o.section.Line)
			}
			if o.name == n.name && n.name != "" {
				c.problem(n.section, n.section.find("name"), "%q is the name of the node in line %d too", n.name, o.section.Line)
			}
		}
	}
}

// nodeText writes [[node]].
func nodeText(nodes []*node) string {
	var b strings.Builder
	sorted := slices.SortedFunc(slices.Values(nodes), func(x, y *node) int { return x.id - y.id })
	for _, n := range sorted {
		quoted := make([]string, len(n.links))
		for i, l := range n.links {
			quoted[i] = export.Quote(l)
		}
		fmt.Fprintf(&b, "\n[[node]]\nname = %s\nid = %d\nlinks = [%s]\n", export.Quote(n.name), n.id, strings.Join(quoted, ", "))
		if n.votes != 1 {
			fmt.Fprintf(&b, "votes = %d\n", n.votes)
		}
	}
	return b.String()
}
