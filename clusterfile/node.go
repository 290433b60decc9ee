package clusterfile

import (
	"net/netip"
	"slices"

	"github.com/holdfast-ha/holdfast/api"
)

// Node is one [[node]].
type Node struct {
	Name string
	ID   api.NodeID
	// Links are the node's addresses, link 0 first. Every node has the same number.
	Links []netip.Addr
	Votes int
	// Rest is the node's section, for the keys that are the CRM's.
	Rest *Section
}

// Limits of the node list, Corosync's except for the votes.
const (
	maxNodes = 384
	maxLinks = 8
	maxVotes = 1000
)

func readNodes(root *Section) []Node {
	sections := root.Tables("node")
	if len(sections) == 0 {
		root.Problem("node", "there is no node; write a section [[node]] with name, id and links for each")
	}
	if len(sections) > maxNodes {
		root.Problem("node", "there are %d nodes, at most %d are possible", len(sections), maxNodes)
	}
	nodes := make([]Node, len(sections))
	for i, s := range sections {
		nodes[i] = readNode(s)
	}
	checkUnique(sections, nodes)
	checkLinks(sections, nodes)
	slices.SortStableFunc(nodes, func(a, b Node) int { return int(a.ID) - int(b.ID) })
	return nodes
}

func readNode(s *Section) Node {
	n := Node{
		Name:  s.Str("name", ""),
		ID:    api.NodeID(s.Int("id", 0, 1, 65535)),
		Votes: s.Int("votes", 1, 0, maxVotes),
		Rest:  s,
	}
	switch {
	case !s.Has("name"):
		s.Problem("name", "is missing")
	case !PlainName(n.Name):
		s.Problem("name", "is %q, must be 1 to %d letters, digits, dots, dashes and underscores", n.Name, maxName)
	}
	if !s.Has("id") {
		s.Problem("id", "is missing; each node needs a number of its own, such as 1")
	}
	links := s.Strings("links")
	switch {
	case !s.Has("links"):
		s.Problem("links", "is missing; write the node's address on each network, such as [\"10.0.0.1\"]")
	case len(links) > maxLinks:
		s.Problem("links", "has %d addresses, at most %d links are possible", len(links), maxLinks)
	}
	for _, text := range links {
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" || a.IsUnspecified() || a.IsMulticast() {
			s.Problem("links", "%q is not the address of a host; names are not looked up, because DNS may fail when it matters", text)
			continue
		}
		n.Links = append(n.Links, a.Unmap())
	}
	for _, key := range []string{"attributes", "utilization", "standby", "maintenance", "throttle"} {
		s.use(key)
	}
	s.Done()
	return n
}

// checkUnique finds names, ids and addresses that two nodes have.
func checkUnique(sections []*Section, nodes []Node) {
	for i, n := range nodes {
		for j, m := range nodes[:i] {
			first := sections[j].Line("")
			if n.Name != "" && n.Name == m.Name {
				sections[i].Problem("name", "%q is the name of the node in line %d too", n.Name, first)
			}
			if n.ID != 0 && n.ID == m.ID {
				sections[i].Problem("id", "%d is the id of the node in line %d too (%s)", n.ID, first, m.Name)
			}
			for _, a := range n.Links {
				if slices.Contains(m.Links, a) {
					sections[i].Problem("links", "%s is an address of the node in line %d too (%s)", a, first, m.Name)
				}
			}
		}
		for at, a := range n.Links {
			if slices.Contains(n.Links[:at], a) {
				sections[i].Problem("links", "%s is there twice", a)
			}
		}
	}
}

// checkLinks wants every node on every link, and one address family on each.
func checkLinks(sections []*Section, nodes []Node) {
	for i := 1; i < len(nodes); i++ {
		n, first := nodes[i], nodes[0]
		if len(n.Links) == 0 || len(first.Links) == 0 {
			continue // reported already
		}
		if len(n.Links) != len(first.Links) {
			sections[i].Problem("links", "has %d addresses, node %s has %d; every node must be on every link", len(n.Links), first.Name, len(first.Links))
			continue
		}
		for at, a := range n.Links {
			if a.Is4() != first.Links[at].Is4() {
				sections[i].Problem("links", "link %d is %s here and %s on node %s; one link has one kind of address", at, a, first.Links[at], first.Name)
			}
		}
	}
}
