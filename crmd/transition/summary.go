package transition

import "fmt"

// Summary counts the synapses of a graph by their state.
type Summary struct {
	Complete, Pending, Fired, Skipped, Incomplete int
	// AbortPriority is above 0 when the graph was aborted, Reason says why.
	AbortPriority int
	Reason        string
}

// Text is Pacemaker's word for how a transition ended.
func (s Summary) Text() string {
	switch {
	case s.Incomplete > 0 && s.AbortPriority == 0:
		return "Terminated"
	case s.Skipped > 0 || s.Incomplete > 0:
		return "Stopped"
	default:
		return "Complete"
	}
}

// over reports whether nothing is in flight and nothing more can start.
func (e *Engine) over() (Summary, bool) {
	s := Summary{AbortPriority: e.abort.Priority, Reason: e.abort.Reason}
	idle := true
	for _, x := range e.synapses {
		switch {
		case x.state == confirmed || x.state == failed:
			s.Complete++
		case x.state == fired:
			s.Pending++
			idle = false
		case x.missing == 0 && x.Priority >= e.abort.Priority:
			s.Fired++ // held back by a limit
			idle = false
		case x.Priority < e.abort.Priority:
			s.Skipped++
		default:
			s.Incomplete++
		}
	}
	return s, idle
}

// Counts is the state of the graph now.
func (e *Engine) Counts() Summary {
	s, _ := e.over()
	return s
}

// Log is the line that ends a transition in the log, in Pacemaker's form because scripts look for it.
func (s Summary) Log(number int, source string) string {
	return fmt.Sprintf("Transition %d (Complete=%d, Pending=%d, Fired=%d, Skipped=%d, Incomplete=%d, Source=%s): %s",
		number, s.Complete, s.Pending, s.Fired, s.Skipped, s.Incomplete, source, s.Text())
}
