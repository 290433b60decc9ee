// Package client decides what a node does with its quorum device server: when it connects, what it tells the
// server, and whether the device's votes count.
package client

import (
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/qdevice/wire"
)

// TLSMode says whether the connection is encrypted.
type TLSMode uint8

const (
	// TLSOn uses TLS when the server has it.
	TLSOn TLSMode = iota
	TLSOff
	TLSRequired
)

// HeuristicsMode says when a node's own checks run.
type HeuristicsMode uint8

const (
	HeuristicsOff HeuristicsMode = iota
	// HeuristicsOn: after connecting, at every change of the membership, and every Interval.
	HeuristicsOn
	// HeuristicsSync: without the last.
	HeuristicsSync
)

// Heuristics is how a node's own checks run.
type Heuristics struct {
	Mode                           HeuristicsMode
	Timeout, SyncTimeout, Interval time.Duration
}

// Config is what a machine is made from.
type Config struct {
	Node       api.NodeID
	Cluster    string
	Nodes      []api.NodeID // of the configuration
	Algorithm  wire.Algorithm
	TieBreaker wire.TieBreaker
	KeepActive bool // keep_active_partition_tie_breaker
	TLS        TLSMode
	// Server identifies where it is; a change of it makes the machine connect anew.
	Server string
	// Timeout is quorum.device.timeout: for how long an earlier yes of the server counts when it asks for time.
	Timeout time.Duration
	// Heartbeat is the time between two echo requests; ConnectTimeout bounds everything until the server has
	// accepted this node.
	Heartbeat, ConnectTimeout time.Duration
	// WaitForAll lets lms keep its vote without the server.
	WaitForAll bool
	Heuristics Heuristics
}

// Input is what the machine reacts to.
type Input interface{ input() }

// Dialed is the answer to Connect, Secured that to Secure; Err "" is success.
type (
	Dialed  struct{ Err string }
	Secured struct{ Err string }
)

// Received is a message of the server. Broken says that there will be none any more.
type (
	Received struct{ Message *wire.Message }
	Broken   struct{ Why string }
)

// View is the present view of the cluster. The first one makes the machine connect.
type View struct {
	Ring    api.RingID
	Members []api.NodeID
	Quorate bool
}

// Ran is the answer to Run.
type Ran struct {
	ID   int
	Pass bool
}

// Reload is a changed configuration.
type Reload struct{ Config Config }

// Reconnect wants a new connection, such as with a new certificate.
type Reconnect struct{}

// Wake says that the deadline has come.
type Wake struct{}

func (Dialed) input()    {}
func (Secured) input()   {}
func (Received) input()  {}
func (Broken) input()    {}
func (View) input()      {}
func (Ran) input()       {}
func (Reload) input()    {}
func (Reconnect) input() {}
func (Wake) input()      {}

// Output is what the machine wants done, in this order: what goes to the quorum must be there before the
// server hears that it is.
type Output interface{ output() }

// Connect opens a connection within the time, Secure starts TLS on it, Send sends a message, Hangup closes it.
type (
	Connect struct{ Timeout time.Duration }
	Secure  struct{}
	Send    struct{ Message *wire.Message }
	Hangup  struct{}
)

// Vote is what the server said for a ring: whether the device's votes count there. It is not Answered as long
// as the server thinks about it.
type Vote struct {
	Ring     api.RingID
	Answered bool
	Cast     bool
}

// Run runs the checks; what ran before is given up.
type Run struct {
	ID      int
	Timeout time.Duration
}

// Note is something that an administrator wants to know.
type Note struct {
	Warn bool
	Text string
}

func (Connect) output() {}
func (Secure) output()  {}
func (Send) output()    {}
func (Hangup) output()  {}
func (Vote) output()    {}
func (Run) output()     {}
func (Note) output()    {}

// phase is how far a connection is.
type phase uint8

const (
	idle phase = iota
	dialing
	greeting // preinit is sent
	securing
	entering // init is sent
	checking // accepted; the first heuristics run
	running
)

// Machine is the state. It belongs to one goroutine.
type Machine struct {
	cfg   Config
	phase phase
	seq   uint32 // last message
	due   struct {
		retry, handshake, echo, doubt time.Time // deadlines, zero for none
	}
	attempt int // failed connections in a row
	echo    struct {
		seq     uint32
		waiting bool
	}
	view View
	told struct { // what the server knows of this node
		ring    api.RingID
		quorate bool
		members []api.NodeID
	}
	vote    wire.Vote // ACK, NACK, or Undecided
	server  server
	checks  checks
	problem string // last one that was noted
	status  Status
	out     []Output
}

// server is what the server said about itself.
type server struct {
	keepActive, heuristics bool
	maxRequest             int
}

// New makes a machine that waits for its first view.
func New(cfg Config) *Machine { return &Machine{cfg: cfg} }

// Step takes one input. The result is valid until the next call.
func (m *Machine) Step(now time.Time, in Input) []Output {
	clear(m.out)
	m.out = m.out[:0]
	switch in := in.(type) {
	case Dialed:
		m.dialed(now, in)
	case Secured:
		m.secured(now, in)
	case Received:
		m.received(now, in.Message)
	case Broken:
		if m.phase != idle {
			m.disconnect(now, in.Why, soon)
		}
	case View:
		m.changed(now, in)
	case Ran:
		m.ran(now, in)
	case Reload:
		m.reload(now, in.Config)
	case Reconnect:
		if m.phase != idle {
			m.disconnect(now, "connecting anew", atOnce)
		}
		m.due.retry = now
	case Wake:
	}
	m.overdue(now)
	return m.out
}

// overdue does what time has made possible.
func (m *Machine) overdue(now time.Time) {
	passed := func(t time.Time) bool { return !t.IsZero() && !t.After(now) }
	switch {
	case m.phase == idle && passed(m.due.retry) && m.view.Ring.Seq != 0:
		m.connect(now)
	case passed(m.due.handshake):
		m.disconnect(now, "the server did not accept this node in time", soon)
	case passed(m.due.echo):
		m.sendEcho(now)
	}
	if passed(m.due.doubt) {
		m.due.doubt = time.Time{}
		m.note(true, "the quorum device has not decided for %v: its votes do not count", m.cfg.Timeout)
		m.decide(now, wire.NACK)
	}
	if m.phase == running && passed(m.checks.next) {
		m.check(regularCheck)
	}
}

// Deadline is when the machine wants to be woken; the zero time is never.
func (m *Machine) Deadline() time.Time {
	var first time.Time
	for _, t := range []time.Time{m.due.retry, m.due.handshake, m.due.echo, m.due.doubt, m.checks.next} {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// sendEcho asks for a sign of life, or gives the server up when it owes one.
func (m *Machine) sendEcho(now time.Time) {
	if m.echo.waiting {
		m.disconnect(now, "the server has stopped answering", atOnce)
		return
	}
	m.echo.seq++
	m.echo.waiting = true
	m.due.echo = now.Add(m.cfg.Heartbeat)
	m.out = append(m.out, Send{(&wire.Message{Type: wire.EchoRequest, Seq: m.echo.seq}).With(wire.OptSeq)})
}

// send numbers a message and sends it.
func (m *Machine) send(msg *wire.Message) {
	m.seq++
	msg.Seq = m.seq
	m.out = append(m.out, Send{msg.With(wire.OptSeq)})
}
