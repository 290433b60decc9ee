// Package engine is the heartbeat daemon without its sockets: the detector, the member and the quorum machine
// joined into one, which takes heartbeats and says what to send and which views there are.
//
// The daemon runs it on a clock and a network, the simulation on neither.
package engine

import (
	"net/netip"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/corosyncd/detector"
	"github.com/holdfast-ha/holdfast/corosyncd/frame"
	"github.com/holdfast-ha/holdfast/corosyncd/member"
	"github.com/holdfast-ha/holdfast/corosyncd/quorum"
)

// Node is a configured node.
type Node struct {
	ID    api.NodeID
	Name  string
	Votes int
	Addrs []netip.Addr // by link
}

// Timing is section [totem].
type Timing struct {
	Token, Interval, Join, Consensus, StallGrace time.Duration
	// Warning is the silence that is worth a warning, 0 for none.
	Warning time.Duration
}

// Link is how a link is treated.
type Link struct {
	// Timeout is after how long without a heartbeat it is down, Pongs how many bring it up again.
	Timeout time.Duration
	Pongs   int
	// Priority orders the links for what is not a heartbeat; the highest comes first.
	Priority int
	// MaxPacket is the largest UDP payload that leaves this host on the link unfragmented, 0 when that is not known:
	// then the path's is not looked for.
	MaxPacket int
}

// Config is what an engine is made from.
type Config struct {
	Cluster     string
	Self        api.NodeID
	Incarnation api.Incarnation
	Nodes       []Node // by ascending id, Self among them, all with the same number of addresses
	Timing      Timing
	// Links are the links by number; those that are missing here have knet's defaults.
	Links  []Link
	Quorum quorum.Config
	// RingSeq is the highest ring sequence known from before this start.
	RingSeq uint64
	// FileDigest identifies the cluster file, so that nodes notice when theirs differ.
	FileDigest uint32
	// KeysDigest identifies the cluster keys that this node can open.
	KeysDigest uint32
}

// Engine is the state. It belongs to one goroutine.
type Engine struct {
	cfg      Config
	cluster  []byte // the names as heartbeats carry them
	name     []byte
	start    time.Time
	self     int
	peers    []peer // by index; the own entry is unused
	detector *detector.Detector
	member   *member.Machine
	quorum   *quorum.Machine
	beats    beats
	late     lateness
	refused  []refused
	blocked  blocked
	// shared tells that this life has been in a view with others.
	shared bool
	behind time.Time // last note about a life that others take for over
	// dirty tells that something in the view has changed since it was published.
	dirty   bool
	adopted time.Time
	table   []frame.Entry // of heartbeats
	// outdated tells that the table must be made again.
	outdated bool
	held     string // why the quorum is held back
	next     time.Time
	out      []Output
	report   member.Report // scratch
	heard    detector.Heard
}

// peer is what the engine itself keeps of another node.
type peer struct {
	incarnation api.Incarnation // highest heard
	info        quorum.Info
	asking      bool      // wants an answer at once
	confirmed   bool      // has answered since this node's pause
	answered    time.Time // last prompt answer
	links       []link
	beat        Output // boxed once, so that heartbeats do not allocate
	differs     differs
	keys        uint32 // digest of the cluster keys that it can open
}

// link is the numbering of heartbeats to and from a peer on one link.
type link struct {
	sent     uint64 // heartbeats sent
	seq      uint64 // last received
	stamp    uint64 // the peer's Sent in it
	received time.Time
	mtu      pathMTU
}

// New makes an engine that is in no view. The first Step should come at once.
func New(cfg Config, now time.Time) *Engine {
	e := &Engine{start: now, next: now}
	e.detector = detector.New(e.detectorConfig(cfg), now, nil)
	e.quorum = quorum.New(cfg.Quorum)
	e.member = member.New(member.Config{
		Self: cfg.Self, Incarnation: cfg.Incarnation, Nodes: members(cfg.Nodes), Timing: memberTiming(cfg.Timing), RingSeq: cfg.RingSeq,
	}, now)
	e.apply(now, cfg)
	e.dirty = true
	return e
}

// defaultPongs is knet's, and so is the timeout that follows from it.
const defaultPongs = 2

func (c *Config) link(i int) Link {
	if i < len(c.Links) {
		return c.Links[i]
	}
	return Link{Timeout: c.Timing.Token / defaultPongs, Pongs: defaultPongs}
}

func members(nodes []Node) []member.Node {
	list := make([]member.Node, len(nodes))
	for i, n := range nodes {
		list[i] = member.Node{ID: n.ID, Name: n.Name, Votes: n.Votes}
	}
	return list
}

func memberTiming(t Timing) member.Timing {
	return member.Timing{Token: t.Token, Interval: t.Interval, Join: t.Join, Consensus: t.Consensus}
}

func (e *Engine) detectorConfig(cfg Config) detector.Config {
	t := cfg.Timing
	count := 1
	for _, n := range cfg.Nodes {
		count = max(count, len(n.Addrs))
	}
	links := make([]detector.LinkConfig, count)
	for i := range links {
		l := cfg.link(i)
		links[i] = detector.LinkConfig{Timeout: l.Timeout, Pongs: l.Pongs}
	}
	return detector.Config{Token: t.Token, Interval: t.Interval, StallGrace: t.StallGrace, Warning: t.Warning, Links: links}
}

// apply takes over a configuration, keeping what is known of the nodes that stay.
func (e *Engine) apply(now time.Time, cfg Config) {
	old, oldNodes := e.peers, e.cfg.Nodes
	e.cfg = cfg
	e.self = e.member.Index(cfg.Self)
	e.cluster, e.name = []byte(cfg.Cluster), []byte(cfg.Nodes[e.self].Name)
	dc := e.detectorConfig(cfg)
	e.peers = make([]peer, len(cfg.Nodes))
	var others []api.NodeID
	for i, n := range cfg.Nodes {
		for j := range oldNodes {
			if oldNodes[j].ID == n.ID {
				e.peers[i] = old[j]
			}
		}
		p := &e.peers[i]
		for len(p.links) < len(dc.Links) {
			p.links = append(p.links, link{})
		}
		p.beat = Beat{Peer: i}
		if i != e.self {
			others = append(others, n.ID)
		}
	}
	e.detector.Reconfigure(now, dc, others)
	e.outdated = true
}

// Reconfigure takes over a changed cluster file. Cluster, Self and Incarnation must stay as they are.
func (e *Engine) Reconfigure(now time.Time, cfg Config) []Output {
	e.begin(now)
	cfg.Incarnation, cfg.KeysDigest = e.cfg.Incarnation, e.cfg.KeysDigest
	outs := e.member.Reconfigure(now, members(cfg.Nodes), memberTiming(cfg.Timing))
	e.apply(now, cfg)
	e.memberSaid(now, outs)
	e.quorumSaid(now, e.quorum.Step(now, quorum.Reload{Config: cfg.Quorum}))
	e.dirty = true
	e.finish(now)
	return e.out
}

// Deadline is when the engine wants to be woken.
func (e *Engine) Deadline() time.Time { return e.next }

// Step takes one input. The result is valid until the next call.
func (e *Engine) Step(now time.Time, in Input) []Output {
	e.begin(now)
	switch in := in.(type) {
	case *Packet:
		e.packet(now, in)
	case Refusal:
		e.refusedBy(now, in)
	case Foreign:
		e.foreign(now, in)
	case Starved:
		e.late.starved = in.Yes
	case Fenced:
		if i := e.member.Index(in.ID); i >= 0 && i != e.self {
			e.membership(now, member.Fenced{Node: i, Incarnation: in.Incarnation})
			e.dirty = true
		}
	case SetExpected:
		e.quorumSaid(now, e.quorum.Step(now, quorum.SetExpected{Votes: in.Votes}))
	case SetVotes:
		e.quorumSaid(now, e.quorum.Step(now, quorum.SetVotes{Node: in.ID, Votes: in.Votes}))
	case CancelWait:
		e.quorumSaid(now, e.quorum.Step(now, quorum.CancelWait{}))
	case DeviceVote:
		v := in.DeviceVote
		v.Answered = v.Answered && in.Ring == e.member.Ring()
		e.quorumSaid(now, e.quorum.Step(now, v))
	case SetKeys:
		e.cfg.KeysDigest = in.Digest
		e.promptly(now)
	case Slept:
		e.lateBy(now, in.By)
	case Leave:
		e.membership(now, member.Leave{})
	case Wake:
	}
	e.finish(now)
	return e.out
}

// begin notices how late this step is.
func (e *Engine) begin(now time.Time) {
	clear(e.out)
	e.out = e.out[:0]
	e.noteLateness(now)
}

// finish does what is due and works out when the next thing is.
func (e *Engine) finish(now time.Time) {
	if !e.detector.Deadline().After(now) {
		e.detectorSaid(now, e.detector.Step(now, detector.Wake{}))
	}
	for range maxRounds {
		if e.member.Deadline().After(now) {
			break
		}
		e.membership(now, member.Wake{})
	}
	if d := e.quorum.Deadline(); !d.IsZero() && !d.After(now) {
		e.quorumSaid(now, e.quorum.Step(now, quorum.Wake{}))
	}
	e.hold(now)
	if e.dirty {
		e.publish(now)
	}
	e.beat(now)
	e.next = earliest(e.detector.Deadline(), e.member.Deadline(), e.quorum.Deadline(), e.beats.next, e.beats.prompt, e.blocked.until)
}

// maxRounds bounds how often one step lets the member machine think again.
const maxRounds = 4

// earliest is the first of the times that are not zero.
func earliest(times ...time.Time) time.Time {
	var first time.Time
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

func (e *Engine) note(warn bool, text string) { e.out = append(e.out, Note{Warn: warn, Text: text}) }
