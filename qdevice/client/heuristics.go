package client

import (
	"time"

	"github.com/holdfast-ha/holdfast/qdevice/wire"
)

// checkKind is on which occasion the checks run.
type checkKind uint8

const (
	noCheck checkKind = iota
	connectCheck
	membershipCheck
	regularCheck
)

// checks is the state of this node's own checks.
type checks struct {
	id      int // of the last run
	running checkKind
	next    time.Time // of the regular one
	last    wire.Heuristics
	// By occasion, for the status.
	connect, membership, regular wire.Heuristics
}

// stop forgets a run; its result will not count.
func (c *checks) stop() {
	c.id++
	c.running, c.next = noCheck, time.Time{}
}

// check runs the checks. What ran is given up; before the server knows this node only one kind matters.
func (m *Machine) check(kind checkKind) {
	c := &m.checks
	c.stop()
	c.running = kind
	limit := m.cfg.Heuristics.SyncTimeout
	if kind == regularCheck {
		limit = m.cfg.Heuristics.Timeout
	}
	m.out = append(m.out, Run{c.id, limit})
}

// ran takes a result.
func (m *Machine) ran(now time.Time, in Ran) {
	c := &m.checks
	if in.ID != c.id || c.running == noCheck {
		return
	}
	kind := c.running
	c.running = noCheck
	result := wire.HeuristicsFail
	if in.Pass {
		result = wire.HeuristicsPass
	}
	before := c.last
	c.last = result
	if result == wire.HeuristicsFail && before != result {
		m.note(true, "the heuristics of this node fail")
	} else if before == wire.HeuristicsFail && before != result {
		m.note(false, "the heuristics of this node pass again")
	}
	if m.cfg.Heuristics.Mode == HeuristicsOn {
		c.next = now.Add(m.cfg.Heuristics.Interval)
	}
	switch kind {
	case connectCheck:
		c.connect = result
		m.introduce()
	case membershipCheck:
		c.membership = result
		m.sendMembership()
		m.sendQuorum()
	case regularCheck:
		c.regular = result
		if result != before {
			m.send((&wire.Message{Type: wire.HeuristicsChange, Heuristics: result}).With(wire.OptHeuristics))
		}
	}
}
