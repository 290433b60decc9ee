// Package series keeps what a node measured of itself lately, and the short form of it that its peers keep.
package series

import (
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// Length is how far a ring reaches back.
const Length = 15 * time.Minute

// Ring holds the samples of the last 15 minutes, oldest first. Samples are immutable once they are in it.
// The zero value is empty.
type Ring struct {
	samples []*api.Vitals
}

// Add appends a sample, which must not be older than the last one, and drops what is older than Length. A
// clock that was set back empties the ring: its times no longer compare.
func (r *Ring) Add(v *api.Vitals) {
	if n := len(r.samples); n > 0 && v.At < r.samples[n-1].At {
		r.samples = nil
	}
	r.samples = append(r.samples, v)
	first := 0
	for r.samples[first].At < v.At-Length.Milliseconds() {
		first++
	}
	if first > len(r.samples)/4 {
		r.samples = append([]*api.Vitals(nil), r.samples[first:]...)
		return
	}
	for i := range first {
		r.samples[i] = nil
	}
	r.samples = r.samples[first:]
}

// Last is the newest sample, nil when there is none.
func (r *Ring) Last() *api.Vitals {
	if len(r.samples) == 0 {
		return nil
	}
	return r.samples[len(r.samples)-1]
}

// Len is the number of samples.
func (r *Ring) Len() int { return len(r.samples) }

// Since are the samples of the last d, oldest first, seen from the newest one.
func (r *Ring) Since(d time.Duration) []*api.Vitals {
	last := r.Last()
	if last == nil {
		return nil
	}
	return r.From(last.At - d.Milliseconds())
}

// From are the samples taken at that time (Unix ms) or later, oldest first.
func (r *Ring) From(at int64) []*api.Vitals {
	i := len(r.samples)
	for i > 0 && r.samples[i-1].At >= at {
		i--
	}
	return r.samples[i:]
}

// slopeWindow is how far the trend of memory looks back: as short as lets three samples outvote one.
const slopeWindow = 5 * time.Second

// Trend sets the slope and the time to exhaustion of a sample's memory from the samples before it: the line of
// least squares through the last five seconds.
func (r *Ring) Trend(v *api.Vitals) {
	v.Memory.Slope, v.Memory.Exhausted = 0, -1
	from := v.At - slopeWindow.Milliseconds()
	n, sx, sy, sxx, sxy := 0.0, 0.0, 0.0, 0.0, 0.0
	add := func(s *api.Vitals) {
		x, y := float64(s.At-v.At)/1000, float64(s.Memory.Available)
		n, sx, sy, sxx, sxy = n+1, sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	for _, s := range r.From(from) {
		// A node that moves between cgroups, or whose limit is changed, has no trend across the change.
		if s.Memory.Limit == v.Memory.Limit && s.Memory.Total == v.Memory.Total && s.Memory.Total > 0 {
			add(s)
		}
	}
	add(v)
	if d := n*sxx - sx*sx; n >= 3 && d > 0 {
		slope := (n*sxy - sx*sy) / d
		v.Memory.Slope = int64(slope)
		if slope < 0 {
			v.Memory.Exhausted = float64(v.Memory.Available) / -slope
		}
	}
}
