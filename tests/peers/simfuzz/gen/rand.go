// Package gen makes inputs for schedulers: whole clusters from nothing, and mutations of given ones.
package gen

// Rand draws numbers that depend on nothing but the seed, on every machine and with every version of Go
// (SplitMix64).
type Rand struct{ state uint64 }

// NewRand returns a source for a seed.
func NewRand(seed uint64) *Rand {
	// Neighbours would otherwise be the same sequence, shifted by one.
	first := Rand{seed}
	return &Rand{first.next() ^ seed<<32}
}

func (r *Rand) next() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Intn returns a number from 0 to n-1.
func (r *Rand) Intn(n int) int { return int(r.next() % uint64(n)) }

// Chance is true in percent of 100 cases.
func (r *Rand) Chance(percent int) bool { return r.Intn(100) < percent }

// Between returns a number from lo to hi.
func (r *Rand) Between(lo, hi int) int { return lo + r.Intn(hi-lo+1) }

// One returns one of several.
func One[T any](r *Rand, of ...T) T { return of[r.Intn(len(of))] }
