package plan

import (
	"slices"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
)

// IOFence says what reservations are for where a target has other devices too.
type IOFence uint8

const (
	// IOAsConfigured leaves the order to the topology.
	IOAsConfigured IOFence = iota
	// IOFirst takes write access away before the power is switched; the answer is the power's.
	IOFirst
	// IOSufficient answers as soon as write access is gone; the power follows.
	IOSufficient
)

// followSuffix makes the id of an operation that follows another.
const followSuffix = "/power"

// fabric reports whether a device takes access away instead of power: those are the devices that unfence.
func (op *operation) fabric(device string) bool {
	return slices.ContainsFunc(op.offers, func(o offer) bool { return o.Device == device && o.Required })
}

// ioFirst puts what takes access away before what switches power. It reports false while that cannot be said yet.
func (f *Fencer) ioFirst(op *operation) bool {
	if f.config.IOFence == IOAsConfigured || op.req.Action == actionOn {
		return true
	}
	levels := f.config.topology(op.req.Target)
	found := slices.ContainsFunc(op.offers, func(o offer) bool { return o.Required })
	// Without a topology every device that takes access away has to be known, because all of them are needed.
	if (!found || levels == nil) && f.answersOut(op, op.created.Add(verifiedWait)) {
		return false
	}
	if !found {
		return true
	}
	if levels == nil {
		levels = op.anyDevice()
	}
	isIO := func(l level) bool {
		return !slices.ContainsFunc(l.devices, func(d string) bool { return !op.fabric(d) })
	}
	slices.SortStableFunc(levels, func(a, b level) int {
		switch {
		case isIO(a) == isIO(b):
			return 0
		case isIO(a):
			return -1
		}
		return 1
	})
	op.levels, op.planned = levels, true
	op.io = len(levels) > 1 && isIO(levels[0]) && !isIO(levels[len(levels)-1])
	return true
}

// anyDevice makes levels for a target without a topology: all that take access away together, then each of the
// others by itself.
func (op *operation) anyDevice() []level {
	io := level{index: 1}
	var others []level
	for _, o := range op.offers {
		switch {
		case o.Required && !slices.Contains(io.devices, o.Device):
			io.devices = append(io.devices, o.Device)
		case !o.Required && !slices.ContainsFunc(others, func(l level) bool { return l.devices[0] == o.Device }):
			others = append(others, level{index: len(others) + 2, devices: []string{o.Device}})
		}
	}
	slices.Sort(io.devices)
	return append([]level{io}, others...)
}

// accessGone takes the success of a level that took access away, where power is to follow.
func (f *Fencer) accessGone(op *operation, l *level) {
	if f.config.IOFence == IOFirst {
		f.note(false, op, "%s cannot write any more; its power is next", op.req.Target)
		op.accessed = append(op.accessed, l.devices...)
		f.nextLevel(op)
		return
	}
	x := &operation{req: op.req, created: f.now, state: api.FenceQuerying, life: op.life, follows: op.req.ID, offers: op.offers, asked: op.asked,
		lost: op.lost, planned: true, levels: op.levels[1:], limit: f.now.Add(op.share(op.timeout())), wake: f.now}
	x.req.ID += followSuffix
	x.req.Delay = -1 // who lives has been decided
	x.req.Reason = "power, after access to the disks"
	f.note(false, op, "%s cannot write any more, which is sufficient; its power follows", op.req.Target)
	f.succeed(op, l)
	f.ops = append(f.ops, x)
	f.announce(x)
}

// pointless ends an operation that follows another when its target is back: it was allowed in again.
func (f *Fencer) pointless(op *operation) bool {
	if op.follows == "" || op.cur != nil || !f.isMember(op.req.Target) {
		return false
	}
	f.finish(op, failure(lrm.Cancelled, "Node '"+op.req.Target+"' is a member of the cluster again; its power is left alone"))
	return true
}
