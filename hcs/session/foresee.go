package session

import (
	"time"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// Forecast is what the scheduler would do with a CIB.
type Forecast struct {
	Effects []Effect `json:"effects"`
	// Monitors counts the monitors and probes that would be run.
	Monitors int `json:"monitors"`
}

// Effect is what becomes of a resource or a node.
type Effect struct {
	// Verb is Start, Stop, Move, Migrate, Recover, Restart, Reload, Promote, Demote or Re-promote for a resource,
	// Fence or Shut down for a node, which is From.
	Verb     string `json:"verb"`
	Resource string `json:"resource,omitempty"`
	From     string `json:"from,omitempty"`
	To       string `json:"to,omitempty"`
	// Role is the role that it will have, when that is more than started.
	Role   string `json:"role,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Blocked tells that it should happen but cannot.
	Blocked bool `json:"blocked,omitempty"`
}

// Scheduler is the function that decides what a cluster does.
type Scheduler func(doc *cibxml.Element, now time.Time) (*Forecast, error)

// Foresee asks the scheduler what it would do with a document; nil when it cannot be asked.
func (s *Session) Foresee(doc *cibxml.Element) *Forecast {
	if s.Schedule == nil {
		return nil
	}
	f, err := s.Schedule(doc, s.Now())
	if err != nil {
		s.Warn("what would happen cannot be foreseen: %v", err)
		return nil
	}
	return f
}
