package engine

import (
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/corosyncd/frame"
	"github.com/holdfast-ha/holdfast/corosyncd/quorum"
)

// beats is the schedule of heartbeats.
type beats struct {
	next   time.Time // of the regular one
	last   time.Time // any heartbeat to all
	prompt time.Time // an extra one, zero when none is wanted
}

// Boxed once, so that heartbeats do not allocate.
var (
	beatAll    Output = Beat{Peer: All}
	beatAround Output = Beat{Peer: Around}
)

// gap is the least time between heartbeats to all, so that many changes at once, as when a large cluster
// starts, do not make a storm.
func (e *Engine) gap() time.Duration {
	return min(5*time.Millisecond+time.Duration(len(e.peers))*250*time.Microsecond, e.cfg.Timing.Interval)
}

// promptly wants the others to know at once.
func (e *Engine) promptly(now time.Time) {
	at := e.beats.last.Add(e.gap())
	if at.Before(now) {
		at = now
	}
	e.beats.prompt = earliest(e.beats.prompt, at)
}

// beat sends what is due. While the members have not settled on a view heartbeats are repeated quickly, so
// that a lost packet does not cost an interval.
func (e *Engine) beat(now time.Time) {
	b := &e.beats
	switch {
	case !b.next.After(now):
		b.next = b.next.Add(e.cfg.Timing.Interval)
		if !b.next.After(now) {
			b.next = now.Add(e.cfg.Timing.Interval)
		}
		e.out = append(e.out, beatAll)
		e.discover(now)
	case !b.prompt.IsZero() && !b.prompt.After(now):
		e.out = append(e.out, beatAround)
	default:
		return
	}
	b.last, b.prompt = now, time.Time{}
	if !e.member.Settled() {
		b.prompt = now.Add(e.cfg.Timing.Interval / 4)
	}
}

// answer sends a peer a heartbeat at once, but not again and again.
func (e *Engine) answer(now time.Time, p *peer) {
	if now.Sub(p.answered) >= minAnswer {
		p.answered = now
		e.out = append(e.out, p.beat)
	}
}

// minAnswer is the least time between two prompt answers to a peer.
const minAnswer = 5 * time.Millisecond

// Peers is the number of configured nodes; indexes are below it.
func (e *Engine) Peers() int { return len(e.peers) }

// Peer is the node with that index.
func (e *Engine) Peer(i int) *Node { return &e.cfg.Nodes[i] }

// Self is this node's index.
func (e *Engine) Self() int { return e.self }

// recentFor is for how many tokens after its last heartbeat a node is still told of changes at once.
const recentFor = 10

// Recent reports whether the peer is alive or was so lately. It may not know yet that it is not heard here.
func (e *Engine) Recent(now time.Time, i int) bool {
	heard := e.detector.LastHeard(e.cfg.Nodes[i].ID)
	return !heard.IsZero() && now.Sub(heard) < recentFor*e.cfg.Timing.Token
}

// Fill makes the heartbeat for a peer on a link. The names and the table in it are shared: they must not be
// changed, and are valid until the next Step.
func (e *Engine) Fill(now time.Time, to, on int, h *frame.Heartbeat) {
	if e.outdated {
		e.outdated = false
		e.fillTable()
	}
	p := &e.peers[to]
	l := &p.links[on]
	l.sent++
	own := e.quorum.Own()
	if !e.mayAct() {
		own.Flags &^= quorum.FlagQuorate
	}
	t := &e.cfg.Timing
	digest, seq := e.member.Proposal()
	*h = frame.Heartbeat{
		Incarnation: e.cfg.Incarnation, ToIncarnation: p.incarnation, Seq: l.sent,
		Sent: e.stamp(now), EchoSent: l.stamp,
		Token: uint32(t.Token.Milliseconds()), Interval: uint32(t.Interval.Milliseconds()), Stall: uint32(e.stall(now).Milliseconds()),
		Votes: uint16(own.Votes), QuorumFlags: uint16(own.Flags), Expected: uint32(own.Expected), Config: e.cfg.FileDigest, Keys: e.cfg.KeysDigest, Largest: uint16(l.mtu.largest),
		Ring: e.member.Ring(), ProposalSeq: seq, ProposalDigest: digest,
		Cluster: e.cluster, Name: e.name, Table: e.table,
	}
	if l.stamp != 0 {
		h.EchoHeld = uint32(min(now.Sub(l.received).Microseconds(), 1<<32-1))
	}
	for _, f := range [...]struct {
		on   bool
		flag frame.Flags
	}{
		{e.member.Leaving(), frame.Leaving}, {e.starving(now), frame.Starved}, {p.asking, frame.Answer},
		{own.Flags&quorum.FlagQuorate != 0, frame.Quorate},
	} {
		if f.on {
			h.Flags |= f.flag
		}
	}
}

// fillTable writes down what this node thinks of each node.
func (e *Engine) fillTable() {
	view, hears := e.member.View(), e.member.Hears()
	e.table = e.table[:0]
	for i, n := range e.cfg.Nodes {
		entry := frame.Entry{ID: n.ID}
		// A node that is left out for a while looks to the others as if it were not heard, so that they leave
		// it out too.
		switch {
		case i != e.self && (e.detector.Silent(n.ID) || e.member.Banned(i)):
			entry.Flags |= frame.Silent
		case hears.Has(i):
			entry.Flags |= frame.Hears
		}
		if view.Has(i) {
			entry.Flags |= frame.InView
		}
		var life api.Incarnation
		if i != e.self {
			entry.Mark, life = e.member.Mark(i)
			entry.Incarnation = life
		}
		e.table = append(e.table, entry)
	}
}
