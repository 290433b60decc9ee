// Package detector decides from the arrival of heartbeats which nodes are alive.
//
// A node is silent when none of its links has delivered a heartbeat for its token timeout. A node that
// admitted to be starved gets a grace, and time in which this node itself did not run does not count.
package detector

import (
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
)

// Config is how patient the detector is.
type Config struct {
	// Token is how long a node may be silent. A node that says it has a longer one gets that.
	Token time.Duration
	// Interval is the time between two heartbeats of a node.
	Interval time.Duration
	// StallGrace is added to the token of a node whose last heartbeat admitted starvation.
	StallGrace time.Duration
	// Warning is the silence that is worth a warning, 0 for none.
	Warning time.Duration
	// Links are the links of every node.
	Links []LinkConfig
}

// LinkConfig is how patient the detector is with a link. It only says what is shown, and which link carries what is
// not a heartbeat: a node is alive as long as any of its links is.
type LinkConfig struct {
	// Timeout is after how long without a heartbeat the link is down.
	Timeout time.Duration
	// Pongs is how many heartbeats bring it up again.
	Pongs int
}

// missed is the silence, in intervals, after which a node is asked to answer at once, and asking how many
// times in an interval that is repeated. A few lost packets in a row are then no lost node.
const (
	missedNumerator, missedDenominator = 5, 2
	asksPerInterval                    = 4
)

// Input is what the detector reacts to.
type Input interface{ input() }

// Heard is a heartbeat that shows that its sender hears this node. It is a pointer so that it can be reused.
type Heard struct {
	Peer        api.NodeID
	Link        int
	Incarnation api.Incarnation
	Seq         uint64
	Token       time.Duration // the sender's
	RTT         time.Duration // 0 when the heartbeat echoes nothing
	Starved     bool
}

// Late says that this node did not run for a while.
type Late struct{ By time.Duration }

// Wake says that the deadline has come.
type Wake struct{}

func (*Heard) input() {}
func (Late) input()   {}
func (Wake) input()   {}

// Output is what the detector found.
type Output interface{ output() }

// Up is a node that is alive: heard for the first time, again, or in a new life.
type Up struct {
	Peer        api.NodeID
	Incarnation api.Incarnation
}

// Silent is a node that has been silent for its timeout.
type Silent struct {
	Peer api.NodeID
	// Incarnation is 0 when the node has not been heard since the detector started.
	Incarnation api.Incarnation
	LastHeard   time.Time
	For         time.Duration
	// Graced tells that the stall grace was used up too.
	Graced bool
}

// Ask wants a heartbeat from a node now.
type Ask struct{ Peer api.NodeID }

// Slow is a node that has been silent for the configured warning time.
type Slow struct {
	Peer api.NodeID
	For  time.Duration
}

// Link is a link to a node that went up or down.
type Link struct {
	Peer api.NodeID
	Link int
	Up   bool
}

func (Up) output()     {}
func (Silent) output() {}
func (Ask) output()    {}
func (Slow) output()   {}
func (Link) output()   {}

// Detector watches the other nodes. It belongs to one goroutine.
type Detector struct {
	cfg   Config
	peers []peer // by ascending id
	next  time.Time
	out   []Output
}

// New makes a detector that has heard nobody. A node that is not heard within the token is silent.
func New(cfg Config, now time.Time, peers []api.NodeID) *Detector {
	d := &Detector{cfg: cfg}
	d.Reconfigure(now, cfg, peers)
	return d
}

// Reconfigure changes the timeouts and the watched nodes, keeping what is known of those that stay.
func (d *Detector) Reconfigure(now time.Time, cfg Config, peers []api.NodeID) {
	d.cfg = cfg
	old := d.peers
	d.peers = make([]peer, 0, len(peers))
	for _, id := range slices.Sorted(slices.Values(peers)) {
		p := peer{id: id, heard: now, token: cfg.Token}
		if i := slices.IndexFunc(old, func(p peer) bool { return p.id == id }); i >= 0 {
			p = old[i]
			p.token = cfg.Token
		}
		for len(p.links) < len(cfg.Links) {
			p.links = append(p.links, LinkState{})
		}
		p.links = p.links[:len(cfg.Links)]
		d.peers = append(d.peers, p)
	}
	d.next = now
}

// Deadline is when the detector wants to be woken. It may be too early, never too late.
func (d *Detector) Deadline() time.Time { return d.next }

// Step takes one input. The result is valid until the next call.
func (d *Detector) Step(now time.Time, in Input) []Output {
	clear(d.out)
	d.out = d.out[:0]
	switch in := in.(type) {
	case *Heard:
		if p := d.peer(in.Peer); p != nil && in.Link >= 0 && in.Link < len(p.links) {
			d.hear(now, p, in)
		}
	case Late:
		for i := range d.peers {
			d.peers[i].forgive(now, in.By)
		}
	case Wake:
		d.check(now)
	}
	return d.out
}

func (d *Detector) peer(id api.NodeID) *peer {
	i, ok := slices.BinarySearchFunc(d.peers, id, func(p peer, id api.NodeID) int { return int(p.id) - int(id) })
	if !ok {
		return nil
	}
	return &d.peers[i]
}

// hear notes a heartbeat. It only moves deadlines back, so that d.next stays a lower bound, except for a node
// that comes up.
func (d *Detector) hear(now time.Time, p *peer, h *Heard) {
	d.hearLink(now, p, h)
	p.heard, p.asked, p.warned = now, time.Time{}, false
	p.forgiven, p.paused = 0, 0
	p.starved = h.Starved
	p.token = max(d.cfg.Token, h.Token)
	if p.state != up || p.incarnation != h.Incarnation {
		p.state, p.incarnation = up, h.Incarnation
		d.out = append(d.out, Up{Peer: p.id, Incarnation: h.Incarnation})
		d.soonest(p.due(&d.cfg))
	}
}

func (d *Detector) hearLink(now time.Time, p *peer, h *Heard) {
	l := &p.links[h.Link]
	if h.Incarnation == p.incarnation && h.Seq > l.seq+1 && l.seq != 0 {
		l.Lost += h.Seq - l.seq - 1
	}
	l.seq = h.Seq
	l.Received++
	l.Heard = now
	l.streak++
	if h.RTT > 0 {
		if l.RTT == 0 {
			l.RTT = h.RTT
		}
		l.RTT += (h.RTT - l.RTT) / 8 // TCP's smoothing
		l.RTTMax = max(l.RTTMax, h.RTT)
		if l.RTTMin == 0 || h.RTT < l.RTTMin {
			l.RTTMin = h.RTT
		}
	}
	cfg := &d.cfg.Links[h.Link]
	if pongs := uint64(cfg.Pongs); !l.Up && (l.streak >= pongs || l.Received <= pongs) {
		l.Up, l.Since = true, now
		d.out = append(d.out, Link{Peer: p.id, Link: h.Link, Up: true})
		d.soonest(now.Add(cfg.Timeout))
	}
}

func (d *Detector) soonest(t time.Time) {
	if t.Before(d.next) {
		d.next = t
	}
}

// check finds what became due and when the next thing will.
func (d *Detector) check(now time.Time) {
	d.next = now.Add(time.Hour)
	for i := range d.peers {
		p := &d.peers[i]
		for link := range p.links {
			l := &p.links[link]
			if !l.Up {
				continue
			}
			if due := l.Heard.Add(d.cfg.Links[link].Timeout); due.After(now) {
				d.soonest(due)
				continue
			}
			l.Up, l.Since, l.streak = false, now, 0
			l.Flaps++
			d.out = append(d.out, Link{Peer: p.id, Link: link})
		}
		if p.state != silent {
			d.checkPeer(now, p)
			d.soonest(p.due(&d.cfg))
		}
	}
}

func (d *Detector) checkPeer(now time.Time, p *peer) {
	quiet := now.Sub(p.since())
	if quiet >= p.limit(&d.cfg) {
		p.state = silent
		d.out = append(d.out, Silent{Peer: p.id, Incarnation: p.incarnation, LastHeard: p.heard, For: quiet, Graced: p.starved})
		return
	}
	if p.state != up {
		return
	}
	if d.cfg.Warning > 0 && quiet >= d.cfg.Warning && !p.warned {
		p.warned = true
		d.out = append(d.out, Slow{Peer: p.id, For: quiet})
	}
	if quiet >= d.cfg.missed() && now.Sub(p.asked) >= d.cfg.Interval/asksPerInterval {
		p.asked = now
		d.out = append(d.out, Ask{Peer: p.id})
	}
}
