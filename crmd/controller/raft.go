package controller

import (
	"fmt"
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// maxVoters is how many nodes vote in raft; the others follow the log.
const maxVoters = 7

// raftRetry is the pause before a change of raft's voters that had no effect is asked for again.
const raftRetry = 5 * time.Second

// tendRaft keeps raft's voters in step with the cluster: survivors of a proven loss start it anew, and nodes
// that are here come to vote.
func (m *Machine) tendRaft(now time.Time) {
	if m.role.acting {
		m.voteRetry = time.Time{}
		m.recoverRaft(now)
		if m.fencing.recovery.After(now) {
			m.voteRetry = m.fencing.recovery
		}
		return
	}
	if m.raft.Leader != m.cfg.Node {
		return
	}
	m.voteRetry = time.Time{}
	ask := func(node string, o Output) {
		if again := m.voteAsked[node].Add(raftRetry); now.Before(again) {
			m.voteRetry = earlier(m.voteRetry, again)
			return
		}
		m.voteAsked[node] = now
		m.voteRetry = earlier(m.voteRetry, now.Add(raftRetry))
		m.emit(o)
	}
	voters := len(m.raft.Voters)
	for _, name := range m.memberNames() {
		x := m.members[name]
		switch votes := slices.Contains(m.raft.Voters, name); {
		case x.state != ready:
		case votes && x.fresh: // it lost its disk: it comes back as a learner
			x.fresh = false
			m.emit(RemoveVoter{name})
		case !votes && voters < maxVoters:
			ask(name, AddVoter{name})
		}
	}
	for _, v := range m.raft.Voters {
		if !m.configured(v) && m.memberNamed(v) == nil {
			ask(v, RemoveVoter{v})
		}
	}
}

func (m *Machine) configured(name string) bool {
	return slices.ContainsFunc(m.view.Nodes, func(n api.ConfiguredNode) bool { return n.Name == name })
}

// recoverRaft starts raft anew when every voter that is missing is proven dead or left in order. Without that
// proof the missing voters could still hold a majority and accept changes that we do not know.
func (m *Machine) recoverRaft(now time.Time) {
	f := &m.fencing
	if !m.view.Quorum.Quorate || m.raftMajority() || now.Before(f.recovery) {
		return
	}
	unfenced := !m.optionBool("stonith-enabled", true)
	for _, v := range m.raft.Voters {
		if m.memberNamed(v) != nil || !m.configured(v) {
			continue
		}
		at := slices.IndexFunc(m.view.Departed, func(d api.Departed) bool { return d.Name == v })
		if at < 0 {
			return // never seen by this life of corosyncd: nothing is known about it
		}
		d := m.view.Departed[at]
		proven := f.proven[v] != 0 && f.proven[v] == d.Incarnation
		if !m.inOrder(d) && !proven && !unfenced {
			return
		}
	}
	f.recovery = now.Add(raftRetry)
	reason := fmt.Sprintf("every missing voter of %v is fenced or left", m.raft.Voters)
	if unfenced {
		reason = fmt.Sprintf("fencing is disabled, so the missing voters of %v COUNT AS FENCED although nothing proves it", m.raft.Voters)
		m.warn("raft", m.cfg.Node, reason)
	}
	m.emit(Recover{reason})
}
