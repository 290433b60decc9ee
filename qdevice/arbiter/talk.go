package arbiter

import (
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/qdevice/wire"
)

// received takes a message.
func (m *Machine) received(c *client, msg *wire.Message) {
	if c.secure && m.cfg.ClientCert && !strings.EqualFold(c.name, c.cluster) {
		m.note(true, "%s speaks for cluster %s with the certificate of %q", c.addr, c.cluster, c.name)
		m.drop(c, "wrong certificate")
		return
	}
	switch msg.Type {
	case wire.Preinit:
		m.preinit(c, msg)
	case wire.StartTLS:
		switch {
		case c.phase == connected:
			m.fail(c, msg, wire.ErrPreinitRequired)
		case c.phase != greeted || c.secure || m.cfg.TLS == wire.TLSUnsupported:
			m.fail(c, msg, wire.ErrUnexpected)
		default:
			m.out = append(m.out, Secure{c.conn})
		}
	case wire.Init:
		m.init(c, msg)
	case wire.SetOption, wire.EchoRequest, wire.NodeList, wire.AskForVote, wire.VoteInfoReply, wire.HeuristicsChange:
		switch {
		case m.cfg.TLS == wire.TLSRequired && !c.secure:
			m.fail(c, msg, wire.ErrTLSRequired)
		case c.phase != accepted:
			m.fail(c, msg, wire.ErrInitRequired)
		case !msg.Has(wire.OptSeq):
			m.fail(c, msg, wire.ErrOptionMissing)
		default:
			m.steady(c, msg)
		}
	default: // what only servers send
		m.fail(c, msg, wire.ErrUnexpected)
	}
}

// fail answers with an error.
func (m *Machine) fail(c *client, msg *wire.Message, code wire.ErrorCode) {
	m.send(c, reply(wire.ServerError, msg, &wire.Message{Error: code}, wire.OptError))
}

// reply makes an answer with the number of the request.
func reply(t wire.Type, to, msg *wire.Message, opts ...wire.Option) *wire.Message {
	msg.Type = t
	if to.Has(wire.OptSeq) {
		msg.Seq = to.Seq
		msg.With(wire.OptSeq)
	}
	return msg.With(opts...)
}

func (m *Machine) preinit(c *client, msg *wire.Message) {
	switch {
	case c.phase != connected:
		m.fail(c, msg, wire.ErrUnexpected)
	case !msg.Has(wire.OptCluster) || msg.Cluster == "":
		m.fail(c, msg, wire.ErrOptionMissing)
	default:
		c.phase, c.cluster = greeted, msg.Cluster
		m.send(c, reply(wire.PreinitReply, msg, &wire.Message{TLS: m.cfg.TLS, ClientCert: m.cfg.ClientCert}, wire.OptTLS, wire.OptClientCert))
	}
}

// supported are the algorithms, in the order of their numbers.
var supported = []wire.Algorithm{wire.Test, wire.FFSplit, wire.TwoNodeLMS, wire.LMS}

func (m *Machine) init(c *client, msg *wire.Message) {
	answer := reply(wire.InitReply, msg, &wire.Message{
		Error: m.check(c, msg), MaxRequest: wire.MaxMessage, MaxReply: wire.MaxMessage, Algorithms: supported,
	}, wire.OptError, wire.OptMaxRequest, wire.OptMaxReply, wire.OptAlgorithms)
	if msg.Has(wire.OptMessages) {
		answer.Messages = wire.AllTypes()
		answer.With(wire.OptMessages)
	}
	if msg.Has(wire.OptOptions) {
		answer.Options = wire.AllOptions()
		answer.With(wire.OptOptions)
	}
	m.send(c, answer)
	if answer.Error != wire.NoError {
		m.note(true, "cluster %s: node %d (%s) is refused: %s", c.cluster, msg.Node, c.addr, answer.Error)
		return
	}
	c.phase = accepted
	c.node, c.algorithm, c.tie, c.ring = msg.Node, msg.Algorithm, msg.TieBreaker, msg.Ring
	c.heartbeat = time.Duration(msg.Heartbeat) * time.Millisecond
	k := m.clusters[c.cluster]
	if k == nil {
		k = &cluster{}
		m.clusters[c.cluster] = k
	}
	k.clients = append(k.clients, c)
	m.note(false, "cluster %s: node %d (%s) is here, algorithm %s", c.cluster, c.node, c.addr, c.algorithm)
}

// check says what is wrong with an init.
func (m *Machine) check(c *client, msg *wire.Message) wire.ErrorCode {
	heartbeat := time.Duration(msg.Heartbeat) * time.Millisecond
	switch {
	case m.cfg.TLS == wire.TLSRequired && !c.secure:
		return wire.ErrTLSRequired
	case c.phase == connected:
		return wire.ErrPreinitRequired
	case c.phase == accepted:
		return wire.ErrUnexpected
	case !msg.Has(wire.OptNode) || !msg.Has(wire.OptRing) || !msg.Has(wire.OptHeartbeat) || !msg.Has(wire.OptTieBreaker) || !msg.Has(wire.OptAlgorithm) || msg.Node == 0:
		return wire.ErrOptionMissing
	case !slices.Contains(supported, msg.Algorithm):
		return wire.ErrAlgorithm
	case heartbeat < minHeartbeat || heartbeat > maxHeartbeat:
		return wire.ErrHeartbeat
	}
	k := m.clusters[c.cluster]
	if k == nil {
		return wire.NoError
	}
	for _, o := range k.clients {
		switch {
		case o.tie != msg.TieBreaker:
			return wire.ErrTieBreakerDiffers
		case o.algorithm != msg.Algorithm:
			return wire.ErrAlgorithmDiffers
		case o.node == msg.Node:
			return wire.ErrDuplicateNode
		}
	}
	return wire.NoError
}

// steady takes a message of an accepted client.
func (m *Machine) steady(c *client, msg *wire.Message) {
	k := m.clusters[c.cluster]
	switch msg.Type {
	case wire.SetOption:
		m.setOption(c, msg)
	case wire.EchoRequest:
		echo := *msg
		echo.Type = wire.EchoReply
		m.send(c, &echo)
	case wire.NodeList:
		m.nodeList(k, c, msg)
	case wire.AskForVote:
		if c.algorithm == wire.FFSplit {
			m.fail(c, msg, wire.ErrUnsupportedByAlgorithm)
			return
		}
		v := c.vote
		switch {
		case c.algorithm == wire.Test:
			v = wire.ACK
		case v == wire.Undecided:
			v = wire.AskLater
		}
		m.send(c, reply(wire.AskForVoteReply, msg, &wire.Message{Vote: v, Ring: c.ring}, wire.OptVote, wire.OptRing))
	case wire.VoteInfoReply:
		if c.owing && msg.Seq == c.info {
			c.owing = false
			m.tellWinners(k)
		}
	case wire.HeuristicsChange:
		if !msg.Has(wire.OptHeuristics) {
			m.fail(c, msg, wire.ErrOptionMissing)
			return
		}
		c.heuristics, c.regular = msg.Heuristics, msg.Heuristics
		m.send(c, reply(wire.HeuristicsChangeReply, msg, &wire.Message{Vote: wire.NoChange, Ring: c.ring, Heuristics: msg.Heuristics},
			wire.OptVote, wire.OptRing, wire.OptHeuristics))
		m.decide(k, c.algorithm)
	}
}

func (m *Machine) setOption(c *client, msg *wire.Message) {
	answer := reply(wire.SetOptionReply, msg, &wire.Message{})
	if msg.Has(wire.OptHeartbeat) {
		d := time.Duration(msg.Heartbeat) * time.Millisecond
		if d < minHeartbeat || d > maxHeartbeat {
			m.fail(c, msg, wire.ErrHeartbeat)
			return
		}
		c.heartbeat = d
		answer.Heartbeat = msg.Heartbeat
		answer.With(wire.OptHeartbeat)
	}
	if msg.Has(wire.OptKeepActive) {
		c.keepActive = msg.KeepActive
		answer.KeepActive = msg.KeepActive
		answer.With(wire.OptKeepActive)
	}
	m.send(c, answer)
}

// nodeList takes a list of nodes.
func (m *Machine) nodeList(k *cluster, c *client, msg *wire.Message) {
	ids := make([]api.NodeID, len(msg.Nodes))
	for i, n := range msg.Nodes {
		ids[i] = n.ID
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	vote, decides := wire.NoChange, true
	switch {
	case !msg.Has(wire.OptListType), msg.ListType == wire.Membership && !msg.Has(wire.OptRing), msg.ListType == wire.Quorum && !msg.Has(wire.OptQuorate):
		m.fail(c, msg, wire.ErrOptionMissing)
		return
	case msg.ListType == wire.Quorum:
		c.quorate, decides = msg.Quorate, false
	case msg.ListType == wire.Membership:
		if !slices.Contains(ids, c.node) {
			m.fail(c, msg, wire.ErrMembershipList)
			return
		}
		c.members, c.ring = ids, msg.Ring
		if msg.Has(wire.OptHeuristics) {
			c.heuristics, c.atMembership = msg.Heuristics, msg.Heuristics
		}
	default:
		if code := checkConfig(c, ids); code != wire.NoError {
			m.fail(c, msg, code)
			return
		}
		c.config, c.configVersion = ids, msg.ConfigVersion
	}
	switch {
	case !decides:
	case c.algorithm == wire.Test:
		if msg.ListType == wire.Membership {
			vote = wire.ACK
		}
	case c.config == nil || c.members == nil:
		vote = wire.AskLater
	case !m.stable(k):
		vote = wire.WaitForReply
	}
	if vote == wire.ACK {
		c.vote = vote
	}
	c.said = vote
	m.send(c, reply(wire.NodeListReply, msg, &wire.Message{ListType: msg.ListType, Ring: c.ring, Vote: vote}, wire.OptListType, wire.OptRing, wire.OptVote))
	if decides {
		m.decide(k, c.algorithm)
	}
}

func checkConfig(c *client, ids []api.NodeID) wire.ErrorCode {
	switch {
	case !slices.Contains(ids, c.node):
		return wire.ErrConfigList
	case c.algorithm == wire.TwoNodeLMS && len(ids) != 2:
		return wire.ErrAlgorithm
	}
	return wire.NoError
}
