// Package bmc gives tests management cards, with machines behind them, that misbehave on demand.
package bmc

import (
	"sync"
	"time"
)

// The credentials of every card.
const (
	User     = "admin"
	Password = "card-secret" // IPMI 1.5 knows 16 characters
)

// Faults are what is wrong with a card. The zero value is a good one.
type Faults struct {
	// Silent answers nothing. SilentAfter does so from the moment at which a change of power was asked for.
	Silent, SilentAfter bool
	// Delay precedes every answer.
	Delay time.Duration
	// Late is what lies between an order and its effect; Deaf acknowledges orders and does nothing.
	Late time.Duration
	Deaf bool
	// Early reports off for that long after the order, although the machine is on and stays on.
	Early time.Duration
	// Full has no session free. ReadOnly gives the user no right to switch.
	Full, ReadOnly bool
	// Garbage answers with nonsense.
	Garbage bool
	// Blind cannot tell the state.
	Blind bool
	// Refuses answers an order to switch with an error.
	Refuses bool
}

// Machine is a machine behind a card.
type Machine struct {
	mu      sync.Mutex
	faults  Faults
	on      bool
	orders  []bool
	ordered time.Time
	timer   *time.Timer
	// changed is told when the power really changes.
	changed func(on bool)
	// power, if set, changes it: the card reports the new state once this has returned.
	power func(on bool)
}

// NewMachine makes a machine that is on. changed may be nil.
func NewMachine(f Faults, changed func(on bool)) *Machine {
	return &Machine{faults: f, on: true, changed: changed}
}

// NewPowered makes a machine that is on and that power switches. The card answers nothing meanwhile.
func NewPowered(power func(on bool)) *Machine { return &Machine{on: true, power: power} }

// On reports whether the machine runs, whatever its card says.
func (m *Machine) On() bool { m.mu.Lock(); defer m.mu.Unlock(); return m.on }

// Set switches it by hand.
func (m *Machine) Set(on bool) { m.mu.Lock(); m.on = on; m.mu.Unlock() }

// Orders are what the card was asked for: true is on.
func (m *Machine) Orders() []bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]bool(nil), m.orders...)
}

// Faults are what is wrong now.
func (m *Machine) Faults() Faults { m.mu.Lock(); defer m.mu.Unlock(); return m.faults }

// Break changes what is wrong.
func (m *Machine) Break(f Faults) { m.mu.Lock(); m.faults = f; m.mu.Unlock() }

// reads is what the card says of the power.
func (m *Machine) reads() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.faults.Early > 0 && len(m.orders) > 0 && time.Since(m.ordered) < m.faults.Early {
		return m.orders[len(m.orders)-1]
	}
	return m.on
}

// order is what the card is asked for.
func (m *Machine) order(on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.orders = append(m.orders, on)
	m.ordered = time.Now()
	if m.faults.Deaf || m.faults.Early > 0 {
		return
	}
	if m.timer != nil {
		m.timer.Stop()
	}
	if m.faults.Late == 0 {
		m.become(on)
		return
	}
	m.timer = time.AfterFunc(m.faults.Late, func() { m.mu.Lock(); defer m.mu.Unlock(); m.become(on) })
}

func (m *Machine) become(on bool) {
	if m.on != on {
		if m.power != nil {
			m.power(on)
		}
		m.on = on
		if m.changed != nil {
			go m.changed(on)
		}
	}
}

// silent reports whether nothing is to be answered now.
func (m *Machine) silent() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.faults.Silent || m.faults.SilentAfter && len(m.orders) > 0
}
