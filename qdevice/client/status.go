package client

import (
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/qdevice/wire"
)

// Status is what an administrator may want to know.
type Status struct {
	// State is Connected, Connecting, or Disconnected.
	State string
	// Problem is why the last connection ended, "" while there is one.
	Problem     string
	TLS         bool
	Since, Echo time.Time // connected; last answer to an echo request
	Decided     time.Time // last ACK or NACK, also by this node itself
	Vote        wire.Vote
	Ring        api.RingID
	Members     []api.NodeID
	Quorate     bool
	KeepActive  bool // that the server supports it
	// Results of the checks: the last one, and by occasion.
	Heuristics, Regular, Membership, Connect wire.Heuristics
}

// Status is the present state.
func (m *Machine) Status() Status {
	s := m.status
	switch m.phase {
	case idle:
		s.State = "Disconnected"
	case running:
		s.State = "Connected"
	default:
		s.State = "Connecting"
	}
	s.Vote, s.Ring, s.Members, s.Quorate = m.vote, m.view.Ring, m.view.Members, m.view.Quorate
	s.KeepActive = m.server.keepActive
	c := &m.checks
	s.Heuristics, s.Regular, s.Membership, s.Connect = c.last, c.regular, c.membership, c.connect
	return s
}
