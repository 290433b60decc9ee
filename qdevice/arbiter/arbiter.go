// Package arbiter decides for any number of clusters which part of each goes on, and speaks corosync-qnetd's
// protocol with their nodes.
package arbiter

import (
	"fmt"
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/qdevice/wire"
)

// Conn names a connection. Numbers are not used twice.
type Conn uint64

// Config is what a machine is made from.
type Config struct {
	TLS        wire.TLS
	ClientCert bool // clients must have a certificate for their cluster's name
}

// Limits of heartbeats, corosync-qnetd's.
const (
	minHeartbeat = time.Second
	maxHeartbeat = 2 * time.Minute
)

// patience is how long a client may be silent, in heartbeats, as numerator and denominator.
const patience, patienceOf = 3, 2

// Input is what the machine reacts to.
type Input interface{ input() }

// Opened is a new connection, Closed the end of one.
type (
	Opened struct {
		Conn Conn
		Addr string
	}
	Closed struct{ Conn Conn }
)

// Received is a message, Garbled one that could not be read, with the code to answer.
type (
	Received struct {
		Conn    Conn
		Message *wire.Message
	}
	Garbled struct {
		Conn   Conn
		Code   wire.ErrorCode
		HasSeq bool
		Seq    uint32
	}
)

// Secured says that TLS has begun. Name is that of the client's certificate, "" without one.
type Secured struct {
	Conn Conn
	Name string
}

// Wake says that the deadline has come.
type Wake struct{}

func (Opened) input()   {}
func (Closed) input()   {}
func (Received) input() {}
func (Garbled) input()  {}
func (Secured) input()  {}
func (Wake) input()     {}

// Output is what the machine wants done.
type Output interface{ output() }

// Send sends a message, Secure begins TLS, Close ends a connection; nothing must come from it any more.
type (
	Send struct {
		Conn    Conn
		Message *wire.Message
	}
	Secure struct{ Conn Conn }
	Close  struct{ Conn Conn }
)

// Note is something that an administrator wants to know.
type Note struct {
	Warn bool
	Text string
}

func (Send) output()   {}
func (Secure) output() {}
func (Close) output()  {}
func (Note) output()   {}

// phase is how far a client is.
type phase uint8

const (
	connected phase = iota
	greeted
	accepted
)

// client is one node of a cluster.
type client struct {
	conn     Conn
	addr     string
	phase    phase
	cluster  string
	secure   bool
	name     string // of its certificate
	deadline time.Time

	node          api.NodeID
	algorithm     wire.Algorithm
	tie           wire.TieBreaker
	heartbeat     time.Duration
	keepActive    bool
	configVersion uint64
	config        []api.NodeID // nil: not told yet
	members       []api.NodeID // nil: not told yet
	ring          api.RingID
	quorate       bool
	// The last results of its heuristics, altogether and by occasion.
	heuristics, atMembership, regular wire.Heuristics

	said  wire.Vote // last answer
	vote  wire.Vote // last ACK or NACK
	info  uint32    // number of the last vote info
	owing bool      // its answer to that is missing
	due   wire.Vote // what it is to be told once the losers know
}

// cluster is all connected nodes of one name, in the order in which they came.
type cluster struct {
	clients []*client
	// active is the partition that was chosen last.
	active []api.NodeID
}

// Machine is the state. It belongs to one goroutine.
type Machine struct {
	cfg      Config
	clients  map[Conn]*client
	clusters map[string]*cluster
	out      []Output
}

// New makes a machine without clients.
func New(cfg Config) *Machine {
	return &Machine{cfg: cfg, clients: make(map[Conn]*client), clusters: make(map[string]*cluster)}
}

// Step takes one input. The result is valid until the next call.
func (m *Machine) Step(now time.Time, in Input) []Output {
	clear(m.out)
	m.out = m.out[:0]
	switch in := in.(type) {
	case Opened:
		m.clients[in.Conn] = &client{conn: in.Conn, addr: in.Addr, heartbeat: maxHeartbeat, deadline: now.Add(maxHeartbeat * patience / patienceOf)}
	case Closed:
		if c := m.clients[in.Conn]; c != nil {
			m.gone(c, "it has closed the connection")
		}
	case Secured:
		if c := m.clients[in.Conn]; c != nil {
			c.secure, c.name = true, in.Name
		}
	case Garbled:
		if c := m.clients[in.Conn]; c != nil {
			c.alive(now)
			msg := &wire.Message{Type: wire.ServerError, Error: in.Code, Seq: in.Seq}
			if in.HasSeq {
				msg.With(wire.OptSeq)
			}
			m.send(c, msg.With(wire.OptError))
		}
	case Received:
		if c := m.clients[in.Conn]; c != nil {
			m.received(c, in.Message)
			c.alive(now) // with the heartbeat that it may just have told
		}
	case Wake:
	}
	m.silent(now)
	return m.out
}

// Deadline is when the machine wants to be woken; the zero time is never.
func (m *Machine) Deadline() time.Time {
	var first time.Time
	for _, c := range m.clients {
		if first.IsZero() || c.deadline.Before(first) {
			first = c.deadline
		}
	}
	return first
}

func (c *client) alive(now time.Time) {
	c.deadline = now.Add(c.heartbeat * patience / patienceOf)
}

// silent gives up clients that have said nothing for too long.
func (m *Machine) silent(now time.Time) {
	var dead []*client
	for _, c := range m.clients {
		if !c.deadline.After(now) {
			dead = append(dead, c)
		}
	}
	slices.SortFunc(dead, func(a, b *client) int { return int(a.conn) - int(b.conn) })
	for _, c := range dead {
		m.drop(c, "it has been silent for too long")
	}
}

// drop ends a connection.
func (m *Machine) drop(c *client, why string) {
	m.out = append(m.out, Close{c.conn})
	m.gone(c, why)
}

// gone forgets a client. Those who are left may win or lose by that.
func (m *Machine) gone(c *client, why string) {
	delete(m.clients, c.conn)
	if c.phase != accepted {
		return
	}
	m.note(false, "cluster %s: node %d (%s) is gone: %s", c.cluster, c.node, c.addr, why)
	k := m.clusters[c.cluster]
	k.clients = slices.DeleteFunc(k.clients, func(o *client) bool { return o == c })
	if len(k.clients) == 0 {
		delete(m.clusters, c.cluster)
		return
	}
	m.decide(k, c.algorithm)
}

func (m *Machine) send(c *client, msg *wire.Message) {
	m.out = append(m.out, Send{c.conn, msg})
}

func (m *Machine) note(warn bool, format string, args ...any) {
	m.out = append(m.out, Note{Warn: warn, Text: fmt.Sprintf(format, args...)})
}
