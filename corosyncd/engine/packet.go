package engine

import (
	"fmt"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/corosyncd/detector"
	"github.com/holdfast-ha/holdfast/corosyncd/frame"
	"github.com/holdfast-ha/holdfast/corosyncd/member"
	"github.com/holdfast-ha/holdfast/corosyncd/quorum"
)

// packet takes in a heartbeat.
func (e *Engine) packet(now time.Time, in *Packet) {
	b := in.Beat
	if why := e.stranger(in); why != "" {
		e.refuse(now, in, why)
		return
	}
	i := e.member.Index(in.Sender)
	p := &e.peers[i]
	if in.Link < 0 || in.Link >= len(p.links) || b.Incarnation < p.incarnation {
		return // a link that is not configured here, or the last packets of an earlier life
	}
	l := &p.links[in.Link]
	if b.Incarnation > p.incarnation {
		p.incarnation = b.Incarnation
		for k := range p.links {
			p.links[k].seq, p.links[k].stamp = 0, 0
		}
		e.answer(now, p)
	}
	l.mtu.noteSize(now, in.Size, largestFor*e.cfg.Timing.Interval)
	if b.Seq <= l.seq {
		return // overtaken by a later one, or a probe
	}
	l.seq, l.stamp, l.received = b.Seq, b.Sent, now
	l.mtu.arrived(int(b.Largest))
	if b.ToIncarnation != e.cfg.Incarnation {
		e.unaware(now, p, b)
		return
	}
	if b.Flags&frame.Answer != 0 {
		e.answer(now, p)
	}
	e.hear(now, i, p, in)
}

// unaware handles a heartbeat of a node that has not heard this life of this node yet: it is answered, so
// that it hears, and counts for nothing, because it may have been recorded before this node started.
func (e *Engine) unaware(now time.Time, p *peer, b *frame.Heartbeat) {
	if b.ToIncarnation > e.cfg.Incarnation {
		e.reborn(now, b)
	}
	e.answer(now, p)
}

// reborn makes this life younger than what the others know: the host's clock went back, and what corosyncd
// had written down about its last life is lost. A node that is in a view with others cannot change its life.
func (e *Engine) reborn(now time.Time, b *frame.Heartbeat) {
	if !e.shared {
		e.cfg.Incarnation = b.ToIncarnation + 1
		e.member.Rebirth(e.cfg.Incarnation)
		e.note(true, "the clock of this host is behind the one it had when corosyncd ran last")
		return
	}
	if now.Sub(e.behind) >= noteEvery {
		e.behind = now
		e.note(true, fmt.Sprintf("%s knows a later life of this node and does not hear it: restart corosyncd here", b.Name))
	}
}

func (e *Engine) hear(now time.Time, i int, p *peer, in *Packet) {
	b := in.Beat
	p.asking, p.keys = false, b.Keys
	rtt := time.Duration(0)
	if b.EchoSent != 0 && b.EchoSent <= e.stamp(now) {
		rtt = max(time.Duration(e.stamp(now)-b.EchoSent-uint64(b.EchoHeld))*time.Microsecond, 0)
		if rtt > time.Hour { // an impossible echo
			rtt = 0
		}
	}
	e.heard = detector.Heard{
		Peer: in.Sender, Link: in.Link, Incarnation: b.Incarnation, Seq: b.Seq, RTT: rtt,
		Token: time.Duration(min(b.Token, maxToken)) * time.Millisecond, Starved: b.Flags&frame.Starved != 0,
	}
	e.detectorSaid(now, e.detector.Step(now, &e.heard))
	info := quorum.Info{Node: in.Sender, Votes: int(b.Votes), Expected: int(b.Expected), Flags: quorum.Flags(b.QuorumFlags)}
	if b.Ring != e.member.Ring() {
		info.Flags &^= quorum.FlagCast // the device has said that about another view
	}
	if info != p.info {
		e.dirty = e.dirty || (info.Flags^p.info.Flags)&quorum.DeviceFlags != 0
		p.info = info
		e.quorumSaid(now, e.quorum.Step(now, info))
	}
	e.read(i, b)
	e.membership(now, &e.report)
	if !e.late.paused.IsZero() {
		if b.Ring == e.member.Ring() && b.EchoSent >= e.stamp(e.late.paused) {
			p.confirmed = true
		}
		e.confirm(now)
	}
	e.compare(now, i, p, b)
}

// maxToken bounds the token timeout that a peer may claim, in ms.
const maxToken = 3_600_000

// read turns the table of a heartbeat into a report.
func (e *Engine) read(from int, b *frame.Heartbeat) {
	r := &e.report
	marks := r.Marks[:0]
	*r = member.Report{
		From: from, Incarnation: b.Incarnation, Leaving: b.Flags&frame.Leaving != 0, Quorate: b.Flags&frame.Quorate != 0,
		Ring: b.Ring, ProposalSeq: b.ProposalSeq, Proposal: b.ProposalDigest,
	}
	at := 0
	for k := range b.Table {
		entry := &b.Table[k]
		for at < len(e.cfg.Nodes) && e.cfg.Nodes[at].ID < entry.ID {
			at++
		}
		if at == len(e.cfg.Nodes) {
			break
		}
		if e.cfg.Nodes[at].ID != entry.ID {
			continue // configured there, not here
		}
		if entry.Flags&frame.Hears != 0 {
			r.Hears.Add(at)
		}
		if entry.Flags&frame.Silent != 0 {
			r.Silent.Add(at)
		}
		if entry.Flags&frame.InView != 0 {
			r.View.Add(at)
		}
		if entry.Mark != frame.NoMark {
			marks = append(marks, member.MarkedNode{Node: at, Mark: entry.Mark, Incarnation: entry.Incarnation})
		}
	}
	r.Marks = marks
}

// detectorSaid acts on what the detector found. The detector is not stepped in here, so outs stays valid.
func (e *Engine) detectorSaid(now time.Time, outs []detector.Output) {
	for _, o := range outs {
		switch o := o.(type) {
		case detector.Up:
			e.outdated = true
		case detector.Silent:
			e.outdated = true
			e.silent(now, o)
		case detector.Ask:
			if i := e.member.Index(o.Peer); !e.peers[i].asking {
				e.peers[i].asking = true
				e.membership(now, member.Suspect{Node: i})
			}
			e.out = append(e.out, e.peers[e.member.Index(o.Peer)].beat)
		case detector.Slow:
			e.note(true, fmt.Sprintf("no heartbeat from %s for %d ms", e.nodeName(o.Peer), o.For.Milliseconds()))
		case detector.Link:
			state := "down"
			if o.Up {
				state = "up"
			}
			e.out = append(e.out, Routes{})
			e.note(!o.Up, fmt.Sprintf("link %d to %s is %s", o.Link, e.nodeName(o.Peer), state))
		}
	}
}

func (e *Engine) silent(now time.Time, o detector.Silent) {
	if o.Incarnation == 0 {
		e.promptly(now) // never heard: the others should know, nothing else changes
		return
	}
	links := len(e.detector.Links(o.Peer))
	why := fmt.Sprintf("silent for %d ms on %d of %d links", o.For.Milliseconds(), links, links)
	if o.Graced {
		why += ", after it had admitted to be starved"
	}
	e.membership(now, member.Silent{Node: e.member.Index(o.Peer), LastHeard: o.LastHeard, Why: why})
}

func (e *Engine) nodeName(id api.NodeID) string {
	if i := e.member.Index(id); i >= 0 {
		return e.cfg.Nodes[i].Name
	}
	return "node " + id.String()
}
