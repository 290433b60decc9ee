// Package scsitarget is a logical unit in memory that knows persistent reservations as SPC-4 has them, for tests
// of what uses them.
package scsitarget

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/holdfast-ha/holdfast/fenced/scsipr"
)

// Unit is a logical unit.
type Unit struct {
	mu         sync.Mutex
	generation uint32
	regs       []registration
	held       bool
	holder     *Nexus // nil where all registrants hold it
	typ        scsipr.Type
	aptpl      bool
	nexuses    []*Nexus
	writes     []string
	log        []string
	// NoAbort, NoReservations: the unit does not know PREEMPT AND ABORT, or nothing of this at all.
	NoAbort, NoReservations bool
	// Ghost makes the unit acknowledge preemptions without carrying them out.
	Ghost bool
	// OnCommand is called before each command of a nexus, without the unit's lock.
	OnCommand func(initiator string, cdb []byte)
}

type registration struct {
	nexus *Nexus
	key   scsipr.Key
}

// Nexus is an initiator's port as the unit knows it.
type Nexus struct {
	unit      *Unit
	initiator string
	port      uint16
	attention []scsipr.Sense
	// dead paths carry nothing, hung ones do not come back; busy counts commands that the unit puts off.
	dead, hung bool
	busy       int
}

// New makes a unit.
func New() *Unit { return &Unit{} }

// Connect makes the nexus of an initiator port, or finds it.
func (u *Unit) Connect(initiator string) *Nexus {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, n := range u.nexuses {
		if n.initiator == initiator {
			return n
		}
	}
	n := &Nexus{unit: u, initiator: initiator, port: 1, attention: []scsipr.Sense{scsipr.PowerOn}}
	u.nexuses = append(u.nexuses, n)
	return n
}

// Break makes the path to the unit fail, Hang makes it swallow commands, Repair undoes both. Delay puts off the
// next commands.
func (n *Nexus) Break()      { n.unit.mu.Lock(); n.dead = true; n.unit.mu.Unlock() }
func (n *Nexus) Hang()       { n.unit.mu.Lock(); n.hung = true; n.unit.mu.Unlock() }
func (n *Nexus) Repair()     { n.unit.mu.Lock(); n.dead, n.hung = false, false; n.unit.mu.Unlock() }
func (n *Nexus) Delay(k int) { n.unit.mu.Lock(); n.busy = k; n.unit.mu.Unlock() }

// ErrPath is what a broken path gives.
var ErrPath = errors.New("the path has failed")

// Write writes, unless a reservation forbids it.
func (n *Nexus) Write(data string) error {
	u := n.unit
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case n.dead:
		return ErrPath
	case u.held && !u.mayWrite(n):
		return &scsipr.Error{What: "WRITE", Status: scsipr.ReservationConflict}
	}
	u.writes = append(u.writes, n.initiator+":"+data)
	return nil
}

func (u *Unit) mayWrite(n *Nexus) bool {
	if u.typ.Registrants() {
		return u.keyOf(n) != 0
	}
	return u.holder == n
}

// Writes are all that was written, in order.
func (u *Unit) Writes() []string { u.mu.Lock(); defer u.mu.Unlock(); return slices.Clone(u.writes) }

// Log are the commands that were carried out, as initiator and service action.
func (u *Unit) Log() []string { u.mu.Lock(); defer u.mu.Unlock(); return slices.Clone(u.log) }

// Keys are the registrations as initiator and key.
func (u *Unit) Keys() map[string]scsipr.Key {
	u.mu.Lock()
	defer u.mu.Unlock()
	keys := map[string]scsipr.Key{}
	for _, r := range u.regs {
		keys[r.nexus.initiator] = r.key
	}
	return keys
}

// Reservation is the reservation as it stands.
func (u *Unit) Reservation() scsipr.Reservation {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.reservation()
}

func (u *Unit) reservation() scsipr.Reservation {
	r := scsipr.Reservation{Generation: u.generation, Held: u.held}
	if u.held {
		r.Type = u.typ
		if u.holder != nil {
			r.Holder = u.keyOf(u.holder)
		}
	}
	return r
}

// PowerLoss switches the unit off and on: what is not kept over that is gone.
func (u *Unit) PowerLoss() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.aptpl {
		u.regs, u.held, u.holder = nil, false, nil
	}
	u.generation = 0
	for _, n := range u.nexuses {
		n.attention = []scsipr.Sense{scsipr.PowerOn}
	}
}

// Forget drops the nexus of an initiator that has come back with another port; its registration stays.
func (u *Unit) Forget(initiator, newName string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, n := range u.nexuses {
		if n.initiator == initiator {
			n.initiator = newName
		}
	}
}

func (u *Unit) keyOf(n *Nexus) scsipr.Key {
	for _, r := range u.regs {
		if r.nexus == n {
			return r.key
		}
	}
	return 0
}

func (u *Unit) set(n *Nexus, key scsipr.Key) {
	u.regs = slices.DeleteFunc(u.regs, func(r registration) bool { return r.nexus == n })
	if key != 0 {
		u.regs = append(u.regs, registration{n, key})
	}
}

// tell gives nexuses something that their next command is answered with.
func (u *Unit) tell(s scsipr.Sense, whom func(n *Nexus) bool) {
	for _, n := range u.nexuses {
		if whom(n) && !slices.Contains(n.attention, s) {
			n.attention = append(n.attention, s)
		}
	}
}

// latency is what a command takes: enough to let others in between.
const latency = 50 * time.Microsecond
