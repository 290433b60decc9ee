package session

import "github.com/holdfast-ha/holdfast/cib/cibxml"

// Forecast is what the scheduler would do with a CIB.
type Forecast struct {
	Actions []Action `json:"actions"`
	// Notes are the reasons for its decisions.
	Notes []Reason `json:"notes,omitempty"`
}

// Action is something that the cluster would do.
type Action struct {
	Task     string `json:"task"` // start, stop, promote, demote, migrate_to, monitor, stonith, ...
	Resource string `json:"resource,omitempty"`
	Node     string `json:"node"`
	Interval int64  `json:"interval,omitempty"` // ms
}

// Reason is one reason for a decision.
type Reason struct {
	Subject string `json:"subject"`
	Why     string `json:"why"`
}

// Scheduler is the function that decides what a cluster does.
type Scheduler func(doc *cibxml.Element) (*Forecast, error)

// Foresee asks the scheduler what it would do with a document; nil when it cannot be asked.
func (s *Session) Foresee(doc *cibxml.Element) *Forecast {
	if s.Schedule == nil {
		return nil
	}
	f, err := s.Schedule(doc)
	if err != nil {
		s.Warn("the scheduler cannot say what would happen: %v", err)
		return nil
	}
	return f
}
