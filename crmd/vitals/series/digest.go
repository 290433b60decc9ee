package series

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"

	"github.com/holdfast-ha/holdfast/api"
)

// digestVersion is the first byte of a digest. Later versions append values; a reader takes those it knows.
const digestVersion = 1

// Modes of the throttle in the order of their numbers in a digest.
var modes = []string{"negligible", "low", "medium", "high", "extreme"}

// Condense makes the digest of a sample. hung counts the watched processes that hang.
func Condense(node string, h *api.Host, v *api.Vitals, hung int, alarms []string) api.Digest {
	d := api.Digest{
		Node: node, At: v.At, Load: v.CPU.Load[0], Cores: h.Cores, Running: v.CPU.Running, Blocked: v.CPU.Blocked,
		CPU: v.Pressure.CPU.Some10, Memory: v.Pressure.Memory.Some10, MemFull: v.Pressure.Memory.Full10,
		IO: v.Pressure.IO.Some10, IOFull: v.Pressure.IO.Full10, Steal: v.CPU.Steal,
		Total: v.Memory.Total >> 10, Available: v.Memory.Available >> 10, Slope: v.Memory.Slope / 1024, SwapFree: v.Memory.SwapFree >> 10,
		Slab: v.Memory.SUnreclaim >> 10, Dying: v.Cgroups.Dying, Stalls: v.VM.AllocStall, OOMKills: v.VM.OOMKill, Faults: v.VM.MajorFaults,
		Late: v.Late, Heartbeat: v.Heartbeat.Late, Hung: hung, Mode: v.Throttle.Mode, Alarms: alarms,
	}
	for i := range v.Disks {
		d.Disk = max(d.Disk, v.Disks[i].Took)
		d.DiskUsed = max(d.DiskUsed, int(v.Disks[i].Used))
	}
	return d
}

// percent is a share in half percents, which fits into a byte.
func percent(p float64) uint64 { return uint64(math.Round(min(max(p, 0), 127) * 2)) }

// Encode writes a digest without the node's name, which the connection tells. known are the names of all
// detectors, at most 64, whose order never changes: new ones come last.
func Encode(d *api.Digest, known []string) []byte {
	b := []byte{digestVersion}
	u := func(values ...uint64) {
		for _, v := range values {
			b = binary.AppendUvarint(b, v)
		}
	}
	i := func(n int) uint64 { return uint64(max(n, 0)) }
	l := func(n int64) uint64 { return uint64(max(n, 0)) }
	var mask uint64
	for _, a := range d.Alarms {
		if at := slices.Index(known, a); at >= 0 && at < 64 {
			mask |= 1 << at
		}
	}
	u(l(d.At), uint64(math.Round(max(d.Load, 0)*100)), i(d.Cores), i(d.Running), i(d.Blocked),
		percent(d.CPU), percent(d.Memory), percent(d.MemFull), percent(d.IO), percent(d.IOFull), percent(d.Steal),
		l(d.Total), l(d.Available))
	b = binary.AppendVarint(b, d.Slope)
	u(l(d.SwapFree), l(d.Slab), i(d.Dying), l(d.Stalls), l(d.OOMKills), l(d.Faults), l(d.Late), l(d.Heartbeat),
		l(d.Disk), i(d.DiskUsed), i(d.Hung), i(slices.Index(modes, d.Mode)), mask)
	return b
}

var errDigest = errors.New("a vitals digest is not readable")

// Decode reads a digest of a node. An alarm that this version does not know is left out.
func Decode(node string, b []byte, known []string) (api.Digest, error) {
	d := api.Digest{Node: node}
	if len(b) == 0 || b[0] < digestVersion {
		return d, errDigest
	}
	b = b[1:]
	bad := false
	u := func() uint64 {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			bad = true
			return 0
		}
		b = b[n:]
		return v
	}
	l := func() int64 { return int64(min(u(), math.MaxInt64)) }
	i := func() int { return int(min(u(), math.MaxInt32)) }
	p := func() float64 { return float64(u()) / 2 }
	d.At, d.Load, d.Cores, d.Running, d.Blocked = l(), float64(u())/100, i(), i(), i()
	d.CPU, d.Memory, d.MemFull, d.IO, d.IOFull, d.Steal = p(), p(), p(), p(), p(), p()
	d.Total, d.Available = l(), l()
	slope, n := binary.Varint(b)
	if n <= 0 {
		return d, errDigest
	}
	b, d.Slope = b[n:], slope
	d.SwapFree, d.Slab, d.Dying, d.Stalls, d.OOMKills, d.Faults, d.Late, d.Heartbeat = l(), l(), i(), l(), l(), l(), l(), l()
	d.Disk, d.DiskUsed, d.Hung = l(), i(), i()
	d.Mode = modes[min(i(), len(modes)-1)]
	mask := u()
	if bad {
		return d, errDigest
	}
	for at, name := range known {
		if at < 64 && mask&(1<<at) != 0 {
			d.Alarms = append(d.Alarms, name)
		}
	}
	return d, nil
}

// Digests are the last digests of one node, oldest first; they reach back as far as a Ring. The zero value
// is empty.
type Digests struct{ list []api.Digest }

// Add appends a digest. One that is not newer than the last is dropped, unless the node's clock was set back.
func (s *Digests) Add(d api.Digest) {
	if n := len(s.list); n > 0 && d.At <= s.list[n-1].At {
		if d.At > s.list[n-1].At-Length.Milliseconds() {
			return
		}
		s.list = nil
	}
	s.list = append(s.list, d)
	first := 0
	for s.list[first].At < d.At-Length.Milliseconds() {
		first++
	}
	if first > len(s.list)/4 {
		s.list = append([]api.Digest(nil), s.list[first:]...)
	} else {
		s.list = s.list[first:]
	}
}

// Last are the last n digests, oldest first.
func (s *Digests) Last(n int) []api.Digest { return slices.Clone(s.list[max(0, len(s.list)-n):]) }
