// Package hashorder puts names into the order in which GLib's hash table goes through them, which shows in a
// few results of the scheduler: ties between equal nodes, and lists that are shown as they come.
package hashorder

// primes are the moduli for tables of 8, 16, 32, ... slots.
var primes = []uint32{7, 13, 31, 61, 127, 251, 509, 1021, 2039, 4093, 8191, 16381, 32749, 65521}

// slot holds an entry; a hash of 0 is a free slot.
type slot struct {
	name string
	hash uint32
}

// table is an open-addressing hash table that is only ever added to.
type table struct {
	slots []slot
	shift int // log2 of the number of slots
	nodes int
}

// Of returns distinct names in the order of a table into which they are put one after the other.
func Of(names []string) []string {
	t := &table{slots: make([]slot, 8), shift: 3}
	for _, n := range names {
		t.add(n)
	}
	out := make([]string, 0, len(names))
	for _, s := range t.slots {
		if s.hash != 0 {
			out = append(out, s.name)
		}
	}
	return out
}

// hash is g_str_hash of Pacemaker's tables: h = 31h + c over signed characters. 0 and 1 mean something else.
func hash(s string) uint32 {
	var h uint32
	for i := 0; i < len(s); i++ {
		h = h*31 + uint32(int32(int8(s[i])))
	}
	if h < 2 {
		return 2
	}
	return h
}

func (t *table) home(h uint32) uint32 {
	return h * 11 % primes[min(t.shift-3, len(primes)-1)]
}

func (t *table) add(name string) {
	h := hash(name)
	at, step := t.home(h), uint32(0)
	for t.slots[at].hash != 0 {
		if t.slots[at].hash == h && t.slots[at].name == name {
			return
		}
		step++
		at = (at + step) & uint32(len(t.slots)-1)
	}
	t.slots[at] = slot{name, h}
	t.nodes++
	size := len(t.slots)
	if size > 4*t.nodes && size > 8 || size <= t.nodes+t.nodes/16 {
		t.resize()
	}
}

// resize makes room and moves every entry within the table, in the order of the slots.
func (t *table) resize() {
	want, shift := int(1.333*float64(t.nodes)), 0
	for ; want > 0; want >>= 1 {
		shift++
	}
	old := len(t.slots)
	t.shift = max(3, shift)
	size := 1 << t.shift
	if size > old {
		t.slots = append(t.slots, make([]slot, size-old)...)
	}
	done := make([]bool, max(size, old))
	for i := range old {
		if t.slots[i].hash == 0 || done[i] {
			continue
		}
		entry := t.slots[i]
		t.slots[i] = slot{}
		for {
			at, step := t.home(entry.hash), uint32(0)
			for done[at] {
				step++
				at = (at + step) & uint32(size-1)
			}
			done[at] = true
			entry, t.slots[at] = t.slots[at], entry
			if entry.hash == 0 {
				break
			}
		}
	}
	t.slots = t.slots[:size]
}
