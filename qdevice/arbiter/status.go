package arbiter

import (
	"cmp"
	"slices"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/qdevice/wire"
)

// Cluster is a cluster with connected nodes, for an administrator.
type Cluster struct {
	Name       string `json:"name"`
	Algorithm  string `json:"algorithm"`
	KeepActive bool   `json:"keep_active"` // of all its nodes
	// TieBreaker is lowest, highest or the id of a node.
	TieBreaker string `json:"tie_breaker"`
	Nodes      []Node `json:"nodes"`
}

// Node is a connected node.
type Node struct {
	ID            api.NodeID   `json:"id"`
	Addr          string       `json:"addr"`
	Heartbeat     int64        `json:"heartbeat"` // ms
	ConfigVersion uint64       `json:"config_version,omitempty"`
	Configured    []api.NodeID `json:"configured"`
	Ring          api.RingID   `json:"ring"`
	Members       []api.NodeID `json:"members"`
	// Heuristics is the last result: Pass, Fail or Undefined; then that at the last change of the membership, and
	// the last regular one.
	Heuristics   string `json:"heuristics"`
	AtMembership string `json:"heuristics_membership"`
	Regular      string `json:"heuristics_regular"`
	TLS          bool   `json:"tls"`
	// Vote is the last ACK or NACK, Said the last answer of any kind.
	Vote string `json:"vote"`
	Said string `json:"said"`
}

// Status lists the clusters by name and their nodes by id.
func (m *Machine) Status() []Cluster {
	list := []Cluster{}
	for name, k := range m.clusters {
		first := k.clients[0]
		s := Cluster{Name: name, Algorithm: first.algorithm.String(), TieBreaker: "lowest",
			KeepActive: !slices.ContainsFunc(k.clients, func(c *client) bool { return !c.keepActive })}
		switch first.tie.Mode {
		case wire.TieHighest:
			s.TieBreaker = "highest"
		case wire.TieNode:
			s.TieBreaker = first.tie.Node.String()
		}
		for _, c := range k.clients {
			s.Nodes = append(s.Nodes, Node{
				ID: c.node, Addr: c.addr, Heartbeat: c.heartbeat.Milliseconds(), ConfigVersion: c.configVersion, Configured: c.config, Ring: c.ring,
				Members: c.members, Heuristics: c.heuristics.String(), AtMembership: c.atMembership.String(), Regular: c.regular.String(),
				TLS: c.secure, Vote: c.vote.String(), Said: c.said.String(),
			})
		}
		slices.SortFunc(s.Nodes, func(a, b Node) int { return cmp.Compare(a.ID, b.ID) })
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b Cluster) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// Clients is the number of connections.
func (m *Machine) Clients() int { return len(m.clients) }
