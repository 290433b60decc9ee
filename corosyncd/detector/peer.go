package detector

import (
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// state is what is known of a node.
type state uint8

const (
	unknown state = iota // not heard since the detector started, and not for so long that it is silent
	up
	silent
)

// peer is one other node.
type peer struct {
	id          api.NodeID
	state       state
	incarnation api.Incarnation
	heard       time.Time // last heartbeat, or when the detector started
	// forgiven is time since then in which this node was late, a little each time; paused is time in which it did
	// not run for longer than the token.
	forgiven, paused time.Duration
	asked            time.Time // last Ask in this silence
	token            time.Duration
	starved          bool
	warned           bool
	links            []LinkState
}

// LinkState is what is known of one link to a node.
type LinkState struct {
	Up    bool
	Heard time.Time
	// RTT is smoothed, RTTMin and RTTMax are the extremes; 0 when not measured.
	RTT, RTTMin, RTTMax time.Duration
	Since               time.Time // it is up or down
	Received            uint64
	Lost                uint64 // gaps in the numbering
	Flaps               uint64 // how often it went down
	seq                 uint64
	streak              uint64
}

func (c *Config) missed() time.Duration {
	return c.Interval * missedNumerator / missedDenominator
}

// since is when the silence began, pauses of this node left out.
func (p *peer) since() time.Time { return p.heard.Add(p.paused) }

// limit is how long the node may be silent. Whether it is starved or this node is: together they get the grace and no
// more, so that a node that is gone is noticed in a bounded time. A pause of this node is no time at all.
func (p *peer) limit(c *Config) time.Duration {
	grace := p.forgiven
	if p.starved {
		grace += c.StallGrace
	}
	return p.token + min(grace, max(c.StallGrace, leastForgiven*c.Interval))
}

// leastForgiven is for how many intervals this node forgives its own lateness even without a grace: what has arrived
// meanwhile lies in the socket and must be read first.
const leastForgiven = 2

// due is when checkPeer has something to do next.
func (p *peer) due(c *Config) time.Time {
	if p.state == silent {
		return p.heard.Add(time.Hour)
	}
	since := p.since()
	due := since.Add(p.limit(c))
	if p.state != up {
		return due
	}
	if c.Warning > 0 && !p.warned {
		due = earlier(due, since.Add(c.Warning))
	}
	if p.asked.IsZero() {
		return earlier(due, since.Add(c.missed()))
	}
	return earlier(due, p.asked.Add(c.Interval/asksPerInterval))
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// forgive takes the time in which this node did not run off the silence of the peer.
func (p *peer) forgive(now time.Time, by time.Duration) {
	if by >= p.token {
		p.paused += by
	} else {
		p.forgiven += by
	}
	for i := range p.links {
		if !p.links[i].Heard.IsZero() {
			p.links[i].Heard = earlier(now, p.links[i].Heard.Add(by))
		}
	}
}

// Silent reports whether the node has been silent for its timeout.
func (d *Detector) Silent(id api.NodeID) bool {
	p := d.peer(id)
	return p != nil && p.state == silent
}

// LastHeard is when the node was last heard, the zero time when it never was.
func (d *Detector) LastHeard(id api.NodeID) time.Time {
	p := d.peer(id)
	if p == nil || p.incarnation == 0 {
		return time.Time{}
	}
	return p.heard
}

// Links are the node's links, nil when it is not watched. They may be read until the next Step.
func (d *Detector) Links(id api.NodeID) []LinkState {
	if p := d.peer(id); p != nil {
		return p.links
	}
	return nil
}
