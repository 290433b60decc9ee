package model

import "github.com/holdfast-ha/holdfast/crmd/sched/scalar"

// Discovery says whether resources are probed for on a node. A higher mode replaces a lower one.
type Discovery uint8

const (
	DiscoverAlways Discovery = iota
	DiscoverNever
	DiscoverExclusive
)

// Entry is a resource's view of one node.
type Entry struct {
	Score scalar.Score
	Count int16 // instances assigned to the node, in the tables of clones and bundles
	Mode  Discovery
	In    bool // the resource knows the node at all
}

// Table is a resource's view of the nodes, selected by Node.Index. Nodes beyond its end are not in it.
type Table []Entry

// At returns the entry of a node, nil when the resource does not know it. The entry may be changed until the
// table grows.
func (t Table) At(n *Node) *Entry {
	if n == nil || n.Index >= len(t) || !t[n.Index].In {
		return nil
	}
	return &t[n.Index]
}

// Put adds or replaces the entry of a node.
func (t *Table) Put(n *Node, e Entry) *Entry {
	for len(*t) <= n.Index {
		*t = append(*t, Entry{})
	}
	e.In = true
	(*t)[n.Index] = e
	return &(*t)[n.Index]
}

// Clone copies the table. As in Pacemaker a copy starts without counts.
func (t Table) Clone() Table {
	out := make(Table, len(t))
	for i, e := range t {
		e.Count = 0
		out[i] = e
	}
	return out
}

// Score returns a node's score and whether the node is known.
func (t Table) Score(n *Node) (scalar.Score, bool) {
	if e := t.At(n); e != nil {
		return e.Score, true
	}
	return 0, false
}

// Set is a set of nodes.
type Set []uint64

// Has reports whether the node is in the set.
func (s Set) Has(n *Node) bool {
	w := n.Index / 64
	return w < len(s) && s[w]&(1<<(n.Index%64)) != 0
}

// Add puts a node into the set.
func (s *Set) Add(n *Node) {
	for len(*s) <= n.Index/64 {
		*s = append(*s, 0)
	}
	(*s)[n.Index/64] |= 1 << (n.Index % 64)
}

// Empty reports whether no node is in the set.
func (s Set) Empty() bool {
	for _, w := range s {
		if w != 0 {
			return false
		}
	}
	return true
}
