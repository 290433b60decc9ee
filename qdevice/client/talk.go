package client

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/qdevice/wire"
)

// received takes a message of the server.
func (m *Machine) received(now time.Time, msg *wire.Message) {
	if m.phase == idle || m.phase == dialing || m.phase == securing {
		return // of a connection that is over
	}
	switch msg.Type {
	case wire.PreinitReply:
		m.greeted(now, msg)
	case wire.InitReply:
		m.entered(now, msg)
	case wire.ServerError:
		m.disconnect(now, "the server does not accept a message: "+msg.Error.String(), later)
	case wire.EchoReply:
		if msg.Seq != m.echo.seq {
			m.disconnect(now, "the server answers an echo request that was not sent", soon)
			return
		}
		m.echo.waiting = false
		m.status.Echo = now
	case wire.NodeListReply, wire.HeuristicsChangeReply, wire.AskForVoteReply:
		m.answered(now, msg)
	case wire.VoteInfo:
		// The order matters: whoever loses must know it before the server tells the others that they win.
		m.answered(now, msg)
		m.out = append(m.out, Send{(&wire.Message{Type: wire.VoteInfoReply, Seq: msg.Seq}).With(wire.OptSeq)})
	case wire.SetOptionReply:
	default:
		m.disconnect(now, fmt.Sprintf("the server sends a %s, which only clients may", msg.Type), later)
	}
}

// answered takes a vote. What is about an earlier ring does not count.
func (m *Machine) answered(now time.Time, msg *wire.Message) {
	if !msg.Has(wire.OptVote) || msg.Ring != m.told.ring || msg.Ring != m.view.Ring {
		return
	}
	switch msg.Vote {
	case wire.ACK, wire.NACK:
		m.decide(now, msg.Vote)
	case wire.AskLater, wire.WaitForReply:
		// An earlier yes for this very ring stands for a while, as votequorum lets a device be silent.
		if m.vote == wire.ACK && m.due.doubt.IsZero() {
			m.due.doubt = now.Add(m.cfg.Timeout)
		}
	}
}

// decide tells the quorum.
func (m *Machine) decide(now time.Time, v wire.Vote) {
	m.due.doubt = time.Time{}
	if m.view.Ring.Seq == 0 {
		return
	}
	m.vote, m.status.Decided = v, now
	m.out = append(m.out, Vote{Ring: m.view.Ring, Answered: true, Cast: v == wire.ACK})
}

// changed takes a view. In a new ring nothing that the server has said counts any more.
func (m *Machine) changed(now time.Time, in View) {
	old := m.view
	m.view = in
	m.view.Members = slices.Clone(in.Members)
	if old.Ring.Seq == 0 {
		m.due.retry = now
	}
	ring := old.Ring != in.Ring
	if ring {
		m.vote = wire.Undecided
		m.due.doubt = time.Time{}
	}
	switch {
	case m.phase == running && ring && m.cfg.Heuristics.Mode != HeuristicsOff:
		m.check(membershipCheck)
	case m.phase == running && ring:
		m.sendMembership()
		m.sendQuorum()
	case m.phase == running && m.checks.running != membershipCheck:
		if in.Quorate != m.told.quorate || !slices.Equal(in.Members, m.told.members) {
			m.sendQuorum()
		}
	case m.phase == running || m.phase == checking:
		// It is told when the checks have run.
	case ring && old.Ring.Seq != 0, !ring && m.vote == wire.ACK && old.Quorate != in.Quorate:
		m.decide(now, wire.NACK) // without the server nobody says that this side wins
	}
}

// reload takes over a configuration. Only the node list can change without a new connection.
func (m *Machine) reload(now time.Time, cfg Config) {
	old := m.cfg
	m.cfg = cfg
	nodes := old.Nodes
	old.Nodes = cfg.Nodes
	switch {
	case !reflect.DeepEqual(old, cfg):
		if m.phase != idle {
			m.disconnect(now, "the configuration has changed", atOnce)
		}
		m.due.retry = now
	case slices.Equal(nodes, cfg.Nodes):
	case m.phase == running:
		m.sendConfig(wire.ChangedConfig)
	case m.vote == wire.ACK:
		m.decide(now, wire.NACK)
	}
}

func (m *Machine) sendConfig(kind wire.ListType) {
	msg := (&wire.Message{Type: wire.NodeList, ListType: kind}).With(wire.OptListType, wire.OptNodeInfo)
	msg.Nodes = nodes(m.cfg.Nodes)
	m.send(msg)
}

// sendMembership tells the server the view. What it says then is about this ring.
func (m *Machine) sendMembership() {
	m.told.ring = m.view.Ring
	m.vote = wire.Undecided
	msg := (&wire.Message{Type: wire.NodeList, ListType: wire.Membership, Ring: m.view.Ring}).With(wire.OptListType, wire.OptRing, wire.OptNodeInfo)
	msg.Nodes = nodes(m.view.Members)
	if h := m.checks.last; h != wire.HeuristicsUndefined {
		msg.Heuristics = h
		msg.With(wire.OptHeuristics)
	}
	m.send(msg)
}

func (m *Machine) sendQuorum() {
	m.told.quorate, m.told.members = m.view.Quorate, slices.Clone(m.view.Members)
	msg := (&wire.Message{Type: wire.NodeList, ListType: wire.Quorum, Quorate: m.view.Quorate}).With(wire.OptListType, wire.OptQuorate, wire.OptNodeInfo)
	for _, id := range m.cfg.Nodes {
		state := wire.StateDead
		if slices.Contains(m.view.Members, id) {
			state = wire.StateMember
		}
		msg.Nodes = append(msg.Nodes, wire.Node{ID: id, State: state})
	}
	m.send(msg)
}

func nodes(ids []api.NodeID) []wire.Node {
	list := make([]wire.Node, len(ids))
	for i, id := range ids {
		list[i].ID = id
	}
	return list
}

func (m *Machine) note(warn bool, format string, args ...any) {
	m.out = append(m.out, Note{Warn: warn, Text: fmt.Sprintf(format, args...)})
}
