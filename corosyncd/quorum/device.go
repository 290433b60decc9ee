package quorum

import (
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// device is what the quorum device says. The zero value is a device that is not there.
type device struct {
	alive    bool // it can be asked
	answered bool // about the present view
	cast     bool // its votes count
	// until is how long the present view may wait for its word, zero when none is awaited.
	until time.Time
	// undecided tells that its word will make the difference: this partition may neither act nor give up.
	undecided bool
}

// askDevice starts the wait for the device's word on a new view.
func (m *Machine) askDevice(now time.Time) {
	d := &m.device
	d.until = time.Time{}
	if m.cfg.Device.Votes > 0 && d.alive {
		d.until = now.Add(m.cfg.Device.SyncTimeout)
	}
}

// deviceVote takes the device's word.
func (m *Machine) deviceVote(in DeviceVote) {
	d := &m.device
	if m.cfg.Device.Votes == 0 {
		return
	}
	d.alive = in.Alive
	if in.Answered || !in.Alive {
		d.answered, d.cast = true, in.Answered && in.Cast
		d.until = time.Time{}
	}
	m.count(false)
}

// deviceTimeout goes on without a device that does not answer.
func (m *Machine) deviceTimeout(now time.Time) {
	d := &m.device
	if d.until.IsZero() || d.until.After(now) {
		return
	}
	d.until = time.Time{}
	d.answered = true
	m.note("the quorum device has not answered for %v: this view goes on without its votes", m.cfg.Device.SyncTimeout)
	m.count(false)
}

// mayYetWin reports whether the awaited word of the device can make this partition quorate.
func (m *Machine) mayYetWin() bool {
	return !m.quorate && !m.device.until.IsZero() && m.total+m.cfg.Device.Votes >= m.quorum
}

// masterWins reports whether a member whose configuration lets the device's yes decide has it.
func (m *Machine) masterWins() bool {
	if !m.cfg.Device.MasterWins || m.cfg.Device.Votes == 0 {
		return false
	}
	const both = FlagMasterWins | FlagCast
	for _, id := range m.members {
		if n := m.node(id); n != nil && id != m.cfg.Self && n.flags&both == both {
			return true
		}
	}
	return m.device.cast
}

// deviceFlags are what the others are told.
func (m *Machine) deviceFlags() Flags {
	if m.cfg.Device.Votes == 0 {
		return 0
	}
	f := FlagDevice
	for _, x := range []struct {
		on   bool
		flag Flags
	}{{m.device.alive, FlagAlive}, {m.device.cast, FlagCast}, {m.cfg.Device.MasterWins, FlagMasterWins}} {
		if x.on {
			f |= x.flag
		}
	}
	return f
}

// Device are the flags of a node about its quorum device.
func (m *Machine) Device(id api.NodeID) Flags {
	if id == m.cfg.Self {
		return m.deviceFlags()
	}
	if n := m.node(id); n != nil {
		return n.flags & DeviceFlags
	}
	return 0
}

// Undecided reports whether the device's word is awaited and decides.
func (m *Machine) Undecided() bool { return m.device.undecided }
