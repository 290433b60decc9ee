// Package quorum decides whether a partition may act, with votequorum's rules.
package quorum

import (
	"fmt"
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// Config is section [quorum], and the votes of section [[node]].
type Config struct {
	Self  api.NodeID
	Votes int // of this node
	// Expected is expected_votes: what the file says, or the sum of the nodes' votes.
	Expected   int
	TwoNode    bool
	WaitForAll bool
	// WaitOnce: losing quorum does not arm wait_for_all again.
	WaitOnce        bool
	AutoTieBreaker  bool
	TieBreaker      TieBreaker
	TieBreakerNodes []api.NodeID // for TieBreakerList, best first
	LastManStanding bool
	LastManWindow   time.Duration
	AllowDownscale  bool
	Device          Device
	// Tracking remembers the highest number of expected votes over restarts; Barrier is what was remembered.
	Tracking bool
	Barrier  int
}

// Device is section [quorum.device]: an arbiter outside of the cluster that has votes of its own.
type Device struct {
	Votes int // 0: there is none
	// MasterWins makes a partition quorate in which a member with this option has the device's yes.
	MasterWins bool
	// SyncTimeout bounds how long a new view waits for the device's word.
	SyncTimeout time.Duration
	// OneVoteEach says that the device's algorithm counts nodes, so that all of them must have one vote.
	OneVoteEach bool
}

// TieBreaker says which half of an even split goes on.
type TieBreaker uint8

const (
	TieBreakerLowest TieBreaker = iota
	TieBreakerHighest
	TieBreakerList
)

// Flags is what a node tells the others about its quorum.
type Flags uint16

const (
	// FlagQuorate: the sender's partition may act.
	FlagQuorate Flags = 1 << iota
	// FlagWaiting: the sender waits for all nodes (votequorum's wfa status).
	FlagWaiting
	// FlagDevice: the sender has a quorum device; FlagAlive: it is there; FlagCast: its votes count for the sender;
	// FlagMasterWins: the sender's configuration lets its yes decide.
	FlagDevice
	FlagAlive
	FlagCast
	FlagMasterWins

	// DeviceFlags are those about the quorum device.
	DeviceFlags = FlagDevice | FlagAlive | FlagCast | FlagMasterWins
)

// Input is what the machine reacts to.
type Input interface{ input() }

// Info is what a node tells about its votes.
type Info struct {
	Node     api.NodeID
	Votes    int
	Expected int
	Flags    Flags
}

// View is a new view. Left are the nodes that departed with a goodbye.
type View struct {
	Members []api.NodeID // by ascending id
	Left    []api.NodeID
}

// Hold keeps the partition from acting for a reason that is not about votes; "" ends that.
type Hold struct{ Why string }

// SetExpected changes the expected votes at run time, here and on all members.
type SetExpected struct{ Votes int }

// SetVotes changes a node's votes at run time.
type SetVotes struct {
	Node  api.NodeID
	Votes int
}

// DeviceVote is what the quorum device says about the present view. As long as it is not Answered nothing changes.
// Alive says whether the device can be asked at all.
type DeviceVote struct{ Alive, Answered, Cast bool }

// CancelWait ends the waiting for all nodes.
type CancelWait struct{}

// Reload is a changed configuration. Only two_node and votes can change at run time.
type Reload struct{ Config Config }

// Wake says that the deadline has come.
type Wake struct{}

func (Info) input()        {}
func (View) input()        {}
func (Hold) input()        {}
func (SetExpected) input() {}
func (SetVotes) input()    {}
func (DeviceVote) input()  {}
func (CancelWait) input()  {}
func (Reload) input()      {}
func (Wake) input()        {}

// Output is what the machine decided.
type Output interface{ output() }

// Verdict is a change of the verdict or its figures; Machine.Verdict has it.
type Verdict struct{}

// Track asks for the expected votes to be remembered.
type Track struct{ Expected int }

// Note is something that an administrator wants to know.
type Note struct{ Text string }

// Refused says why an administrator's change is not made.
type Refused struct{ Why string }

func (Verdict) output() {}
func (Track) output()   {}
func (Note) output()    {}
func (Refused) output() {}

// node is what is known of one node's votes.
type node struct {
	id       api.NodeID
	votes    int
	expected int
	flags    Flags
}

// Machine is the state. It belongs to one goroutine.
type Machine struct {
	cfg      Config
	nodes    []node // every node that was ever heard, and this one
	members  []api.NodeID
	previous []api.NodeID // members of the view before
	expected int
	quorum   int
	total    int
	quorate  bool
	waiting  bool // wait_for_all's status
	hold     string
	barrier  int // of expected_votes_tracking
	// lowest and highest are the ids of the partition that was quorate last.
	lowest, highest api.NodeID
	lastMan         time.Time // when last_man_standing's window ends
	device          device
	out             []Output
}

// New makes a machine that is in no view.
func New(cfg Config) *Machine {
	m := &Machine{cfg: cfg, expected: cfg.Expected, waiting: cfg.WaitForAll, barrier: cfg.Barrier}
	if cfg.Tracking && cfg.Barrier > 0 {
		m.expected = cfg.Barrier
	}
	m.nodes = []node{{id: cfg.Self, votes: cfg.Votes, expected: m.expected}}
	m.quorum = m.needed(false)
	return m
}

// Deadline is when the machine wants to be woken; the zero time is never.
func (m *Machine) Deadline() time.Time {
	if m.lastMan.IsZero() || !m.device.until.IsZero() && m.device.until.Before(m.lastMan) {
		return m.device.until
	}
	return m.lastMan
}

// Step takes one input. The result is valid until the next call.
func (m *Machine) Step(now time.Time, in Input) []Output {
	clear(m.out)
	m.out = m.out[:0]
	before := m.Verdict()
	switch in := in.(type) {
	case Info:
		m.info(in)
	case View:
		m.view(now, in)
	case Hold:
		if m.hold != in.Why {
			m.hold = in.Why
			m.count(m.joinAny())
		}
	case SetExpected:
		m.setExpected(in.Votes)
	case SetVotes:
		m.setVotes(in)
	case DeviceVote:
		m.deviceVote(in)
	case CancelWait:
		if m.waiting {
			m.note("waiting for all nodes was ended by the administrator")
			m.waiting = false
			m.count(false)
		}
	case Reload:
		m.reload(in.Config)
	case Wake:
		m.lastManStanding(now)
		m.deviceTimeout(now)
	}
	if !equal(before, m.Verdict()) {
		m.out = append(m.out, Verdict{})
	}
	return m.out
}

func equal(a, b api.Quorum) bool {
	return a.Quorate == b.Quorate && a.Reason == b.Reason && a.Votes == b.Votes && a.Expected == b.Expected &&
		a.Highest == b.Highest && a.Needed == b.Needed && a.Device == b.Device && a.Undecided == b.Undecided && slices.Equal(a.Flags, b.Flags)
}

func (m *Machine) note(format string, args ...any) {
	m.out = append(m.out, Note{Text: fmt.Sprintf(format, args...)})
}

func (m *Machine) refuse(format string, args ...any) {
	m.out = append(m.out, Refused{Why: fmt.Sprintf(format, args...)})
}

func (m *Machine) node(id api.NodeID) *node {
	for i := range m.nodes {
		if m.nodes[i].id == id {
			return &m.nodes[i]
		}
	}
	return nil
}

func (m *Machine) member(id api.NodeID) bool { return slices.Contains(m.members, id) }

// Own is what this node tells the others.
func (m *Machine) Own() Info {
	i := Info{Node: m.cfg.Self, Votes: m.cfg.Votes, Expected: m.expected}
	if m.Quorate() {
		i.Flags |= FlagQuorate
	}
	if m.waiting {
		i.Flags |= FlagWaiting
	}
	i.Flags |= m.deviceFlags()
	return i
}

// Votes are a node's votes as it says, 0 when it was never heard.
func (m *Machine) Votes(id api.NodeID) int {
	if n := m.node(id); n != nil {
		return n.votes
	}
	return 0
}

// Waiting reports whether the partition waits for all nodes.
func (m *Machine) Waiting() bool { return m.waiting }

// Quorate reports whether the partition may act.
func (m *Machine) Quorate() bool { return m.quorate && !m.device.undecided }

// Verdict is the present verdict with its figures.
func (m *Machine) Verdict() api.Quorum {
	q := api.Quorum{Quorate: m.quorate, Undecided: m.device.undecided, Votes: m.total, Expected: m.expected, Highest: m.highestExpected(), Needed: m.quorum}
	if m.cfg.Device.Votes > 0 {
		q.Device = api.QuorumDevice{Votes: m.cfg.Device.Votes, Alive: m.device.alive, Cast: m.device.cast}
	}
	switch {
	case m.hold != "":
		q.Reason = m.hold
	case m.device.undecided:
		q.Reason = fmt.Sprintf("waiting for the quorum device: %d of %d votes without it, %d needed", m.total, m.expected, m.quorum)
	case m.waiting && m.cfg.WaitForAll && len(m.members) > 0 && !m.complete():
		q.Reason = fmt.Sprintf("waiting for all nodes: %d of %d votes are here", m.nodeVotes(), m.expected-m.cfg.Device.Votes)
	default:
		q.Reason = fmt.Sprintf("%d of %d votes, %d needed", m.total, m.expected, m.quorum)
	}
	for _, f := range []struct {
		on   bool
		name string
	}{
		{m.cfg.TwoNode, "2Node"}, {m.quorate, "Quorate"}, {m.cfg.WaitForAll, "WaitForAll"}, {m.cfg.LastManStanding, "LastManStanding"},
		{m.cfg.AutoTieBreaker, "AutoTieBreaker"}, {m.cfg.AllowDownscale, "AllowDownscale"}, {m.cfg.Device.Votes > 0, "Qdevice"},
	} {
		if f.on {
			q.Flags = append(q.Flags, f.name)
		}
	}
	return q
}
