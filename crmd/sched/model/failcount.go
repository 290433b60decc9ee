package model

import (
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/isotime"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

const (
	failCountPrefix   = "fail-count-"
	lastFailurePrefix = "last-failure-"
)

// NoteFailures remembers which of the node's attributes count failures. It is called whenever the attributes
// have changed.
func (n *Node) NoteFailures() {
	n.failures = n.failures[:0]
	for _, a := range n.Attrs {
		if strings.HasPrefix(a.Name, failCountPrefix) || strings.HasPrefix(a.Name, lastFailurePrefix) {
			n.failures = append(n.failures, a)
		}
	}
}

// HasFailures reports whether anything has ever failed on the node and not been forgotten.
func (n *Node) HasFailures() bool { return len(n.failures) > 0 }

// RawFailCount is how often operations of a resource failed on a node, and when the last one did, in seconds
// since the epoch. Expiry is not looked at.
func (m *Model) RawFailCount(r *Resource, n *Node) (count scalar.Score, last int64) {
	if len(n.failures) == 0 {
		return 0, 0
	}
	name := r.HistoryName
	if name == "" {
		name = r.ID
	}
	if !r.Unique {
		name = BaseName(name)
	}
	legacy := scalar.CompareVersions(m.FeatureSet, "3.0.13") < 0
	for _, a := range n.failures {
		if rest, ok := strings.CutPrefix(a.Name, failCountPrefix); ok {
			if matchesOperation(rest, name, r.Unique, legacy) {
				count = scalar.Add(count, m.World.Health.ParseScore(a.Value))
			}
		} else if rest := a.Name[len(lastFailurePrefix):]; matchesOperation(rest, name, r.Unique, legacy) {
			last = max(last, scalar.IntOr(a.Value, 0))
		}
	}
	return count, last
}

// matchesOperation reports whether s is name#operation_interval; instances of one name count together, and
// clusters from before Pacemaker 1.1.17 do not tell operations apart. As in Pacemaker a dot in the name
// stands for any character.
func matchesOperation(s, name string, unique, legacy bool) bool {
	if len(s) < len(name) {
		return false
	}
	for i := range len(name) {
		if s[i] != name[i] && name[i] != '.' {
			return false
		}
	}
	rest := s[len(name):]
	if !unique && strings.HasPrefix(rest, ":") {
		digits := len(rest[1:]) - len(strings.TrimLeft(rest[1:], "0123456789"))
		if digits > 0 {
			rest = rest[1+digits:]
		}
	}
	if legacy {
		return rest == ""
	}
	op, ok := strings.CutPrefix(rest, "#")
	at := strings.LastIndexByte(op, '_')
	return ok && at > 0 && at < len(op)-1 && strings.Trim(op[at+1:], "0123456789") == ""
}

// FailCount is the fail count with expired failures left out. op is the record because of which it is asked
// for, nil for none. A failure that blocks the resource never expires, which the state remembers.
func (m *Model) FailCount(s *State, r *Resource, n *Node, op *Op) (count scalar.Score, last int64) {
	count, last = m.RawFailCount(r, n)
	if count <= 0 || m.keepsBlocked(s, r, n, op) {
		return count, last
	}
	timeout := s.Rsc(r).FailureTimeout
	if last > 0 && timeout > 0 && m.NowUnix > last+timeout {
		return 0, last
	}
	return count, last
}

// keepsBlocked switches failure expiry off for a resource with a failure that blocks it.
func (m *Model) keepsBlocked(s *State, r *Resource, n *Node, op *Op) bool {
	st := s.Rsc(r)
	if st.FailureTimeout == 0 || !m.blockingFailure(r, n, op) {
		return false
	}
	s.Log.ConfigWarning("Ignoring failure timeout %d for %s because it conflicts with on-fail=block", st.FailureTimeout, r.ID)
	st.FailureTimeout = 0
	return true
}

// FailCountAny is the fail count with expired failures included.
func (m *Model) FailCountAny(s *State, r *Resource, n *Node, op *Op) scalar.Score {
	count, _ := m.RawFailCount(r, n)
	if count > 0 {
		m.keepsBlocked(s, r, n, op)
	}
	return count
}

// FailCountWithFillers adds the failures of what runs inside a container to its own.
func (m *Model) FailCountWithFillers(s *State, r *Resource, n *Node) scalar.Score {
	count, _ := m.FailCount(s, r, n, nil)
	if len(r.Fillers) > 0 && !r.Bundled() {
		for _, f := range r.Fillers {
			count += m.FailCountWithFillers(s, f, n)
		}
	}
	return count
}

// blockingFailure reports whether an operation whose failure blocks the resource has failed on the node, or,
// if op is given, whether it is that failure. Instances are looked for by the name that they share.
func (m *Model) blockingFailure(r *Resource, n *Node, op *Op) bool {
	base := BaseName(r.ID)
	found := false
	r.XML.Walk(func(e *cibxml.Element) bool {
		if found || !e.IsTag("primitive") || e.ID() != base {
			return !found
		}
		e.Walk(func(o *cibxml.Element) bool {
			if o.IsTag("op") && o.Get("on-fail") == "block" && failed(base, n, o, op) {
				found = true
			}
			return !found
		})
		return !found
	})
	return found
}

func failed(rsc string, n *Node, conf *cibxml.Element, op *Op) bool {
	interval, _ := isotime.ParseInterval(conf.Get("interval"))
	name := conf.Get("name")
	matches := func(o *Op) bool {
		if !strings.EqualFold(o.Task, name) || o.IntervalMs != interval {
			return false
		}
		switch {
		case strings.EqualFold(o.ID, rsc+"_last_failure_0"):
			return true
		case strings.EqualFold(o.ID, lrmKey(rsc, name, interval)):
			return o.RC != o.TargetRC
		}
		return false
	}
	if op != nil {
		return matches(op)
	}
	for _, h := range n.Records {
		if h.ID != rsc {
			continue
		}
		for _, o := range h.Ops {
			if matches(o) {
				return true
			}
		}
	}
	return false
}
