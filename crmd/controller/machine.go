package controller

import (
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/attrs"
	"github.com/holdfast-ha/holdfast/crmd/status"
)

// Config is what a controller is made with.
type Config struct {
	Node string
	ID   api.NodeID
	// UUID identifies the transitions of this crmd's life: 36 characters, as Pacemaker writes them.
	UUID    string
	Version string // of this stack, for the property dc-version
	// FeatureSet is recorded with operations and compared by tools: Pacemaker's.
	FeatureSet string
	Throttle   ThrottleChanged // the first one
	Times      Times
}

// Times are the controller's own waits.
type Times struct {
	// CRMGrace is how long a member's crmd may be away (restarting) before the node counts as failed.
	CRMGrace time.Duration
	// EnlistWait is how long a new DC waits for members that do not answer before it plans without them.
	EnlistWait time.Duration
	// Retry is the pause between two attempts to enlist a node.
	Retry time.Duration
	// AbortWait is how long an aborted transition waits for actions in flight before a new plan is made
	// beside them, so that a slow start does not delay an unrelated recovery.
	AbortWait time.Duration
	// Stagger separates the candidacies of several survivors, lowest id first.
	Stagger time.Duration
	// Listen is how long a node that has just started waits to hear of a leader before it stands for election.
	Listen time.Duration
	// Patience is how long a raft majority may take to elect a leader before an acting DC leads it.
	Patience time.Duration
	// FenceRetry bounds the pause between two attempts to fence a node: it doubles from a quarter second.
	FenceRetry time.Duration
	// TieMargin is added to the heartbeat interval as the head start of the preferred side of a cut cluster.
	TieMargin time.Duration
}

// DefaultTimes are the waits of a production cluster.
func DefaultTimes() Times {
	return Times{CRMGrace: 20 * time.Second, EnlistWait: 2 * time.Second, Retry: 200 * time.Millisecond, AbortWait: time.Second,
		Stagger: 150 * time.Millisecond, Listen: 500 * time.Millisecond, Patience: 2 * time.Second, FenceRetry: 30 * time.Second, TieMargin: 100 * time.Millisecond}
}

// Machine is the controller. One goroutine owns it.
type Machine struct {
	cfg  Config
	view api.View
	raft RaftState

	// config is the committed configuration, head what it will be when everything proposed is committed.
	config, head *cibxml.Element
	status       *cibxml.Element
	numUpdates   int
	epochSeen    string // admin_epoch.epoch for which numUpdates counts
	doc          docCache

	attrs   *attrs.Attrs
	role    role
	members map[string]*member
	// settledOnce is set once a plan could be made since this node leads.
	settledOnce bool
	waitUntil   time.Time // when the wait for the others ends

	throttles ThrottleChanged

	plan    planning
	flights map[string]*flight // by transition key
	ignore  map[string]bool    // "NODE OPKEY" of recurring operations whose failure is to be ignored

	fencing   fencing
	endings   endings
	pending   map[int]proposal
	proposals int
	written   map[string]bool // own changes that were proposed in this office, so that they are not repeated
	// voteAsked is when a change of a node's vote was last asked for.
	voteAsked map[string]time.Time
	voteRetry time.Time // when raft's members are to be looked at again; zero when they are as they should be
	out       []Output
}

// New makes a controller.
func New(cfg Config) *Machine {
	return &Machine{cfg: cfg, throttles: cfg.Throttle, attrs: attrs.New(cfg.Node), status: status.Empty(), members: make(map[string]*member),
		flights: make(map[string]*flight), ignore: make(map[string]bool), pending: make(map[int]proposal),
		fencing: newFencing(), endings: endings{lives: make(map[nodeLife]bool)}, written: make(map[string]bool), voteAsked: make(map[string]time.Time)}
}

// Step takes an input and returns what has to be done.
func (m *Machine) Step(now time.Time, in Input) []Output {
	m.out = nil
	switch in := in.(type) {
	case ViewChanged:
		m.viewChanged(now, in.View)
	case RaftChanged:
		m.raft = in.State
	case PeerProgress:
		m.role.progress[in.Node] = in.Progress
	case ConfigChanged:
		m.configChanged(in.Doc)
	case ThrottleChanged:
		m.throttles = in
	case Mirrored:
		m.mirrored(in)
	case EnlistResult:
		m.enlistResult(now, in)
	case NodeReported:
		m.nodeReported(now, in.Updates)
	case CRMGone:
		m.crmGone(now, in)
	case Planned:
		m.planned(now, in)
	case FenceDone:
		m.fenceDone(now, in)
	case FenceHappened:
		m.learnEndings(in.Event)
		m.fenceHappened(now, in.Event)
	case FenceHistory:
		m.learnEndings(in.Events...)
	case AttrRequest:
		m.attrRequest(now, in)
	case AttrReceived:
		m.attrOutputs(m.attrs.Merge(now, in.Entries))
	case CIBCommand:
		m.cibCommand(in)
	case Committed:
		m.committed(in)
	case Cleanup:
		m.cleanup(now, in)
	}
	m.advance(now)
	return m.out
}

// advance does what time or the input has made possible.
func (m *Machine) advance(now time.Time) {
	m.decideRole(now)
	m.attrOutputs(m.attrs.Wake(now))
	if m.role.leads && !m.view.Stale { // a node that stood still must not act on what it remembers
		m.tendMembers(now)
		m.tendConfiguration(now)
		m.tendEngine(now)
		m.tendPlan(now)
		m.tellIdle()
		m.tendRaft(now)
	}
	m.version()
}

// Deadline is when Step wants to be called with Wake, zero for never.
func (m *Machine) Deadline() time.Time {
	next := m.attrs.Deadline()
	if m.role.leads {
		next = earlier(next, m.voteRetry)
	}
	for _, t := range []time.Time{m.role.next, m.membersDeadline(), m.planDeadline()} {
		next = earlier(next, t)
	}
	return next
}

// earlier is the earlier of two times, of which zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func (m *Machine) emit(o Output) { m.out = append(m.out, o) }

func (m *Machine) note(kind, subject, text string) {
	m.emit(Note{Kind: kind, Subject: subject, Text: text})
}

func (m *Machine) warn(kind, subject, text string) {
	m.emit(Note{Kind: kind, Subject: subject, Text: text, Loud: true})
}

// nodeID is the id of a node known by name, 0 when it is not known.
func (m *Machine) nodeID(name string) api.NodeID {
	for _, n := range m.view.Nodes {
		if n.Name == name {
			return n.ID
		}
	}
	for _, n := range m.view.Members {
		if n.Name == name {
			return n.ID
		}
	}
	return 0
}

// statusNode is how the status section names a node.
func (m *Machine) statusNode(name string) status.Node {
	if id := m.nodeID(name); id != 0 {
		return status.NodeOf(id, name)
	}
	for n := range m.status.Tags("node_state") {
		if n.Get("uname") == name {
			return status.Node{ID: n.ID(), Name: name}
		}
	}
	return status.Node{ID: name, Name: name}
}
