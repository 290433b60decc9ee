package member

import (
	"iter"
	"math/bits"
)

// MaxNodes is how many nodes a cluster may have.
const MaxNodes = 64 * len(Set{})

// Set is a set of nodes, by their index in the node list. Sets are compared with ==.
type Set [6]uint64

func (s *Set) Add(i int)     { s[i/64] |= 1 << (i % 64) }
func (s *Set) Remove(i int)  { s[i/64] &^= 1 << (i % 64) }
func (s Set) Has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

func (s Set) Empty() bool { return s == Set{} }

func (s Set) Len() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// First is the lowest index in the set, -1 when it is empty.
func (s Set) First() int {
	for i, w := range s {
		if w != 0 {
			return 64*i + bits.TrailingZeros64(w)
		}
	}
	return -1
}

// And is the intersection.
func (s Set) And(t Set) Set {
	for i := range s {
		s[i] &= t[i]
	}
	return s
}

// Without is s minus t.
func (s Set) Without(t Set) Set {
	for i := range s {
		s[i] &^= t[i]
	}
	return s
}

func (s Set) union(t Set) Set {
	for i := range s {
		s[i] |= t[i]
	}
	return s
}

// Contains reports whether t is a part of s.
func (s Set) Contains(t Set) bool { return t.Without(s).Empty() }

// All iterates by ascending index.
func (s Set) All() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, w := range s {
			for ; w != 0; w &= w - 1 {
				if !yield(64*i + bits.TrailingZeros64(w)) {
					return
				}
			}
		}
	}
}

// translate moves every index to the place that the table names; a negative place drops it.
func (s Set) translate(table []int) Set {
	var t Set
	for i := range s.All() {
		if i < len(table) && table[i] >= 0 {
			t.Add(table[i])
		}
	}
	return t
}
