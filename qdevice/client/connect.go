package client

import (
	"fmt"
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/qdevice/wire"
)

// again says when a connection that ended is tried again.
type again uint8

const (
	atOnce again = iota
	soon         // what is wrong may be over in a moment
	later        // somebody has to change something first
)

// Times between two connections. The first repeats are quick, so that a restart of the server costs little; the
// nodes' own numbers spread them, so that not all come at once.
const (
	firstRetry = 500 * time.Millisecond
	maxRetry   = 5 * time.Second
	laterRetry = 30 * time.Second
	spread     = 97 * time.Millisecond
)

func (m *Machine) retryIn(when again) time.Duration {
	switch when {
	case atOnce:
		return 0
	case later:
		return laterRetry
	}
	return min(firstRetry<<min(m.attempt, 4), maxRetry) + time.Duration(m.cfg.Node%5)*spread
}

// connect starts a connection.
func (m *Machine) connect(now time.Time) {
	m.phase = dialing
	m.due.retry = time.Time{}
	m.due.handshake = now.Add(m.cfg.ConnectTimeout)
	m.seq, m.echo.seq, m.echo.waiting = 0, 0, false
	m.server = server{}
	m.told.ring.Seq = 0
	m.out = append(m.out, Connect{m.cfg.ConnectTimeout})
}

// disconnect ends a connection, and with it the server's yes where the algorithm wants that.
func (m *Machine) disconnect(now time.Time, why string, when again) {
	was := m.phase
	m.phase = idle
	m.out = append(m.out, Hangup{})
	m.due.handshake, m.due.echo, m.due.doubt = time.Time{}, time.Time{}, time.Time{}
	m.checks.stop()
	m.due.retry = now.Add(m.retryIn(when))
	m.attempt++
	m.status.TLS, m.status.Since = false, time.Time{}
	m.status.Problem = why
	if was == running {
		m.note(true, "lost the quorum device server %s: %s", m.cfg.Server, why)
	} else if why != m.problem {
		m.note(true, "quorum device server %s: %s", m.cfg.Server, why)
	}
	m.problem = why
	if !m.keepsVote() {
		m.decide(now, wire.NACK)
	}
}

// keepsVote reports whether the algorithm lets the vote stand without the server.
func (m *Machine) keepsVote() bool {
	switch m.cfg.Algorithm {
	case wire.TwoNodeLMS:
		return m.vote == wire.ACK
	case wire.LMS:
		return m.vote == wire.ACK && m.view.Quorate && m.cfg.WaitForAll
	}
	return false
}

func (m *Machine) dialed(now time.Time, in Dialed) {
	if m.phase != dialing {
		return
	}
	if in.Err != "" {
		m.disconnect(now, in.Err, soon)
		return
	}
	m.phase = greeting
	m.send((&wire.Message{Type: wire.Preinit, Cluster: m.cfg.Cluster}).With(wire.OptCluster))
}

// greeted decides on TLS.
func (m *Machine) greeted(now time.Time, msg *wire.Message) {
	switch {
	case m.phase != greeting || !msg.Has(wire.OptTLS) || msg.Seq != m.seq:
		m.disconnect(now, "the server greets at the wrong moment or without saying whether it supports TLS", soon)
	case m.cfg.TLS == TLSOff && msg.TLS == wire.TLSRequired:
		m.disconnect(now, "the server requires TLS, and quorum.device.net.tls is off", later)
	case m.cfg.TLS == TLSRequired && msg.TLS == wire.TLSUnsupported:
		m.disconnect(now, "the server does not support TLS, and quorum.device.net.tls is required", later)
	case m.cfg.TLS == TLSOff || msg.TLS == wire.TLSUnsupported:
		m.enter()
	default:
		m.phase = securing
		m.send(&wire.Message{Type: wire.StartTLS})
		m.out = append(m.out, Secure{})
	}
}

func (m *Machine) secured(now time.Time, in Secured) {
	if m.phase != securing {
		return
	}
	if in.Err != "" {
		m.disconnect(now, in.Err, soon)
		return
	}
	m.status.TLS = true
	m.enter()
}

// enter says who this node is.
func (m *Machine) enter() {
	m.phase = entering
	m.told.ring = m.view.Ring
	m.send((&wire.Message{Type: wire.Init, Messages: wire.AllTypes(), Options: wire.AllOptions(), Node: m.cfg.Node, Algorithm: m.cfg.Algorithm,
		Heartbeat: uint32(m.cfg.Heartbeat.Milliseconds()), TieBreaker: m.cfg.TieBreaker, Ring: m.view.Ring}).
		With(wire.OptMessages, wire.OptOptions, wire.OptNode, wire.OptAlgorithm, wire.OptHeartbeat, wire.OptTieBreaker, wire.OptRing))
}

// entered takes the server's answer to init.
func (m *Machine) entered(now time.Time, msg *wire.Message) {
	if m.phase != entering || msg.Seq != m.seq || !msg.Has(wire.OptError) {
		m.disconnect(now, "the server answers to something that was not asked", soon)
		return
	}
	m.server = server{
		keepActive: slices.Contains(msg.Options, wire.OptKeepActive), heuristics: slices.Contains(msg.Options, wire.OptHeuristics),
		maxRequest: int(msg.MaxRequest),
	}
	switch {
	case msg.Error == wire.ErrDuplicateNode || msg.Error == wire.ErrTieBreakerDiffers || msg.Error == wire.ErrAlgorithmDiffers:
		// An earlier connection of this node may not be over yet, or the others have not reloaded yet.
		m.disconnect(now, "the server refuses this node: "+msg.Error.String(), soon)
	case msg.Error != wire.NoError:
		m.disconnect(now, "the server refuses this node: "+msg.Error.String(), later)
	case !slices.Contains(msg.Algorithms, m.cfg.Algorithm):
		m.disconnect(now, fmt.Sprintf("the server does not support the algorithm %s", m.cfg.Algorithm), later)
	case m.cfg.Heuristics.Mode != HeuristicsOff && !m.server.heuristics:
		m.disconnect(now, "the server does not support heuristics", later)
	case m.server.maxRequest < wire.MaxMessage:
		m.disconnect(now, fmt.Sprintf("the server accepts messages of %d bytes only", m.server.maxRequest), later)
	default:
		m.phase = checking
		m.attempt, m.problem = 0, ""
		m.status.Problem, m.status.Since = "", now
		m.due.echo, m.due.handshake = now.Add(m.cfg.Heartbeat), time.Time{}
		if m.cfg.Heuristics.Mode != HeuristicsOff {
			m.check(connectCheck)
		} else {
			m.introduce()
		}
	}
}

// introduce tells the server everything about this node and its view.
func (m *Machine) introduce() {
	m.phase = running
	m.note(false, "connected to the quorum device server %s, algorithm %s", m.cfg.Server, m.cfg.Algorithm)
	if m.server.keepActive {
		m.send((&wire.Message{Type: wire.SetOption, KeepActive: m.cfg.KeepActive}).With(wire.OptKeepActive))
	}
	m.sendConfig(wire.InitialConfig)
	m.sendMembership()
	m.sendQuorum()
}
