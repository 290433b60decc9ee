// Package member settles with the other nodes who is in the cluster: heartbeats in, views out.
//
// Every node tells the others whom it hears and which view it proposes. A node proposes the largest set of
// nodes that all hear each other; a view is adopted when all of its members propose it. What a node says is
// its whole state, repeated with every heartbeat, so that lost packets only cost time.
package member

import (
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/corosyncd/frame"
)

// Node is a configured node.
type Node struct {
	ID    api.NodeID
	Name  string
	Votes int
}

// Config is what a machine is made from.
type Config struct {
	Self        api.NodeID
	Incarnation api.Incarnation
	Nodes       []Node // by ascending id, at most MaxNodes, Self among them
	Timing      Timing
	// RingSeq is the highest ring sequence known from before this start, so that rings keep rising.
	RingSeq uint64
}

// Timing is how long the machine waits for what.
type Timing struct {
	// Token is how long a starting node looks for others before it forms a view of its own.
	Token time.Duration
	// Interval is the time between heartbeats.
	Interval time.Duration
	// Join is how long others that come up at the same time are waited for.
	Join time.Duration
	// Consensus is how long the members of a proposed view may disagree.
	Consensus time.Duration
}

// doubt is how long another node's accusation of a node that is heard here must stand before it counts. A
// node whose receiver broke accuses its peers one after the other within an interval; acting on the first
// accusation would throw out a healthy one.
func (t *Timing) doubt() time.Duration { return 2 * t.Interval }

// Input is what the machine reacts to.
type Input interface{ input() }

// Report is what a node that is alive says. It is a pointer so that it can be reused.
type Report struct {
	From        int // index
	Incarnation api.Incarnation
	Leaving     bool
	Quorate     bool
	Ring        api.RingID
	View        Set
	ProposalSeq uint64
	Proposal    uint64 // digest
	Hears       Set
	Silent      Set
	Marks       []MarkedNode // by ascending index
}

// MarkedNode is what a report says about the end of one life of a node.
type MarkedNode struct {
	Node        int
	Mark        frame.Mark
	Incarnation api.Incarnation
}

// Suspect is a node that has missed heartbeats, but is not silent yet.
type Suspect struct{ Node int }

// Silent is a node that is not alive any more. Why is for a person.
type Silent struct {
	Node      int
	LastHeard time.Time
	Why       string
}

// Fenced says that a node is dead for certain; incarnation 0 is the last one known.
type Fenced struct {
	Node        int
	Incarnation api.Incarnation
}

// Quorate is the verdict on the present view.
type Quorate struct{ Yes bool }

// Leave says goodbye.
type Leave struct{}

// Wake says that the deadline has come.
type Wake struct{}

func (*Report) input() {}
func (Suspect) input() {}
func (Silent) input()  {}
func (Fenced) input()  {}
func (Quorate) input() {}
func (Leave) input()   {}
func (Wake) input()    {}

// Output is what the machine decided.
type Output interface{ output() }

// Adopted is a new view; View, Departed and Ring have it.
type Adopted struct{}

// Amended is a change of Departed without a new view.
type Amended struct{}

// Changed says that heartbeats should go out at once, because they say something new.
type Changed struct{}

// Gone says that the others have let this node go, so that it may stop.
type Gone struct{}

// Note is something that an administrator wants to know.
type Note struct {
	Warn bool
	Text string
}

func (Adopted) output() {}
func (Amended) output() {}
func (Changed) output() {}
func (Gone) output()    {}
func (Note) output()    {}

// Machine is the state. It belongs to one goroutine.
type Machine struct {
	cfg   Config
	self  int
	start time.Time
	peers []peer // by index; the own entry keeps departures of nobody

	view    Set
	lives   []api.Incarnation // of the view's members, by index
	digest  uint64            // of the view
	ring    api.RingID
	quorate bool
	leaving bool
	gone    bool
	leaveBy time.Time

	proposal  Set
	proposed  uint64 // digest of the proposal
	seq       uint64 // of the proposal
	highest   uint64 // sequence seen anywhere
	candidate Set
	// since is when the candidate became what it is, unsettled when the machine began to want another view.
	since     time.Time
	unsettled time.Time
	expelled  bool
	// banning tells that somebody is left out for now. Nobody is taken in meanwhile: the others would not
	// agree to a view without those who are left out.
	banning bool
	told    map[[2]int]time.Time // when a pair that does not hear each other was noted

	next time.Time
	out  []Output

	adjacent []Set // scratch of the search
	weights  []weight
}

// New makes a machine that is in no view yet.
func New(cfg Config, now time.Time) *Machine {
	m := &Machine{cfg: cfg, start: now, highest: cfg.RingSeq, told: make(map[[2]int]time.Time)}
	m.resize(cfg.Nodes)
	m.candidate.Add(m.self)
	m.since = now
	m.next = now
	return m
}

func (m *Machine) resize(nodes []Node) {
	m.cfg.Nodes = nodes
	m.self = m.Index(m.cfg.Self)
	m.peers = make([]peer, len(nodes))
	m.lives = make([]api.Incarnation, len(nodes))
	m.adjacent = make([]Set, len(nodes))
	m.weights = make([]weight, len(nodes))
}

// Index is a node's place in the node list, -1 for an unknown node.
func (m *Machine) Index(id api.NodeID) int {
	i, ok := slices.BinarySearchFunc(m.cfg.Nodes, id, func(n Node, id api.NodeID) int { return int(n.ID) - int(id) })
	if !ok {
		return -1
	}
	return i
}

// Rebirth raises the own incarnation, before the first view.
func (m *Machine) Rebirth(life api.Incarnation) { m.cfg.Incarnation = life }

// Deadline is when the machine wants to be woken.
func (m *Machine) Deadline() time.Time { return m.next }

// Step takes one input. The result is valid until the next call.
func (m *Machine) Step(now time.Time, in Input) []Output {
	clear(m.out)
	m.out = m.out[:0]
	switch in := in.(type) {
	case *Report:
		if !m.report(now, in) {
			return m.out
		}
	case Suspect:
		m.peers[in.Node].suspect = true
	case Silent:
		m.silent(now, in)
	case Fenced:
		m.fenced(in)
	case Quorate:
		if m.quorate == in.Yes {
			return m.out
		}
		m.quorate = in.Yes
		m.changed()
	case Leave:
		if !m.leaving {
			m.leaving = true
			m.leaveBy = now.Add(m.cfg.Timing.Token)
			m.changed()
		}
	case Wake:
	}
	m.decide(now)
	return m.out
}

func (m *Machine) changed() {
	if !slices.Contains(m.out, Output(Changed{})) {
		m.out = append(m.out, Changed{})
	}
}

func (m *Machine) note(warn bool, text string) { m.out = append(m.out, Note{Warn: warn, Text: text}) }

func (m *Machine) name(i int) string { return m.cfg.Nodes[i].Name }

func (m *Machine) wakeAt(t time.Time) {
	if t.Before(m.next) {
		m.next = t
	}
}

// Ring names the present view; its Seq is 0 before the first.
func (m *Machine) Ring() api.RingID { return m.ring }

// View is the present view; it is empty before the first.
func (m *Machine) View() Set { return m.view }

// Life is the incarnation in which a node is in the present view.
func (m *Machine) Life(i int) api.Incarnation { return m.lives[i] }

// Settled reports whether the machine is content with its view.
func (m *Machine) Settled() bool { return m.unsettled.IsZero() }

// Expelled reports whether another node, which this one hears, has declared it lost.
func (m *Machine) Expelled() bool { return m.expelled }
