package controller

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/incident"
	"github.com/holdfast-ha/holdfast/crmd/status"
	"github.com/holdfast-ha/holdfast/crmd/throttle"
)

// memberState is how far the DC's hold on a member's crmd goes.
type memberState uint8

const (
	// enlisting: asked, no answer yet; the node may be starting or its crmd restarting.
	enlisting memberState = iota
	// ready: takes orders and reports.
	ready
	// failed: its crmd has been away for longer than the grace; the node is unclean.
	failedCRM
)

// member is a node of the view as the DC knows it.
type member struct {
	api.Member
	state   memberState
	session string
	seq     uint64 // last update that the status contains
	// since is when the state was entered, nextTry when the node is asked again.
	since, nextTry time.Time
	asked          bool // an Enlist is under way
	seen           bool // was ready before in this office
	fresh          bool // votes, but has no configuration log (any more): its vote is worth nothing
	mode           throttle.Mode
	cores, jobs    int
	why            string // why it is not ready
}

func (m *Machine) newMember(now time.Time, x api.Member) {
	m.members[x.Name] = &member{Member: x, since: now, nextTry: now, mode: throttle.Low}
	node := status.NodeOf(x.ID, x.Name)
	if n := status.Find(m.status, node); n.Get("in_ccm") != "true" || n.Get("crmd") != "online" {
		st := status.State{InCCM: "true", CRMD: "offline", Join: "down", Origin: "member_seen"}
		m.status = status.SetState(m.status, node, st)
	}
}

// memberNames in a stable order.
func (m *Machine) memberNames() []string { return slices.Sorted(maps.Keys(m.members)) }

// tendMembers asks members that are not ready, and gives up those that stay silent.
func (m *Machine) tendMembers(now time.Time) {
	for _, name := range m.memberNames() {
		x := m.members[name]
		if m.ended(x.Member) {
			m.expel(now, name)
			continue
		}
		if x.state == ready {
			continue
		}
		if !x.asked && !now.Before(x.nextTry) {
			x.asked = true
			m.emit(Enlist{Node: name, Generation: m.role.gen})
		}
		if x.state == enlisting && m.hasHistory(name) && !now.Before(x.since.Add(m.cfg.Times.CRMGrace)) {
			x.state = failedCRM
			m.warn("crm-lost", name, fmt.Sprintf("crmd on %s has not answered for %s (%s): the node counts as failed", name, m.cfg.Times.CRMGrace, x.why))
			m.status = status.SetState(m.status, m.statusNode(name), status.State{CRMD: "offline", Join: "down", Expected: "member", Origin: "crm_gone"})
			m.happened(incident.Lost{Node: name, Reason: "its crmd does not answer: " + x.why, Resources: m.activeOn(name)})
			m.nodeLost(now, name)
			m.want("Node failure: " + name)
		}
	}
}

// hasHistory reports whether the node was ever online for the cluster, so that it may run something.
func (m *Machine) hasHistory(name string) bool {
	n := status.Find(m.status, m.statusNode(name))
	return n.Get("crmd") == "online" || n.Get("join") == "member"
}

func (m *Machine) membersDeadline() time.Time {
	var next time.Time
	if !m.role.leads {
		return next
	}
	for _, x := range m.members {
		if x.state == ready || m.ended(x.Member) {
			continue
		}
		if !x.asked {
			next = earlier(next, x.nextTry)
		}
		if x.state == enlisting && m.hasHistory(x.Name) {
			next = earlier(next, x.since.Add(m.cfg.Times.CRMGrace))
		}
	}
	return next
}

// enlistResult takes a node's answer: from here on the status shows what the node itself knows.
func (m *Machine) enlistResult(now time.Time, in EnlistResult) {
	x := m.members[in.Node]
	if x == nil || !m.role.leads || !x.asked {
		return
	}
	x.asked = false
	if m.ended(x.Member) {
		return
	}
	if in.Err != nil {
		x.why = in.Err.Error()
		x.nextTry = now.Add(m.cfg.Times.Retry)
		return
	}
	a := in.Answer
	same := x.seen && x.session == a.Session
	if x.seen && !same {
		m.note("crm-restarted", in.Node, fmt.Sprintf("crmd on %s restarted; its resources are probed again", in.Node))
		m.nodeLost(now, in.Node)
	}
	x.state, x.session, x.seq, x.since, x.why = ready, a.Session, a.Seq, now, ""
	x.mode, x.cores, x.jobs = throttle.ParseMode(a.Mode), a.Cores, a.Jobs
	x.seen, x.fresh = true, a.Fresh && slices.Contains(m.raft.Voters, in.Node)
	node := m.statusNode(in.Node)
	var resources []*cibxml.Element
	for _, text := range a.History {
		e, err := cibxml.Parse(text)
		if err != nil {
			m.warn("protocol", in.Node, fmt.Sprintf("history from %s is not readable: %v", in.Node, err))
			continue
		}
		resources = append(resources, e)
	}
	delete(m.voteAsked, in.Node) // it may have lost its log since
	st := status.Online
	st.Origin = "enlisted"
	m.status = status.SetState(m.status, node, st)
	m.status = status.SetHistory(m.status, node, resources)
	m.setAttr(now, api.AttrUpdate{Op: "update", Name: "#feature-set", Node: in.Node, Value: a.FeatureSet, Dampen: -1})
	m.adoptRunning(in.Node, a.Running)
	for _, ev := range a.Unsent {
		m.event(now, in.Node, ev)
	}
	if same {
		m.sendAgain(in.Node, a.Running)
	}
	if in.Node != m.cfg.Node {
		m.emit(ShareWith{in.Node, m.attrs.All()})
	}
	m.note("joined", in.Node, in.Node+" takes orders from "+m.cfg.Node)
	m.want("Node join: " + in.Node)
}

// nodeReported merges updates of a node into the status.
func (m *Machine) nodeReported(now time.Time, up api.Updates) {
	x := m.members[up.Node]
	if x == nil || x.state != ready || x.session != up.Session {
		return
	}
	if mode := throttle.ParseMode(up.Mode); mode != x.mode {
		m.note("throttle", up.Node, fmt.Sprintf("throttle mode of %s: %s (was %s)", up.Node, mode, x.mode))
		x.mode = mode
	}
	x.jobs = up.Jobs
	if up.Lost {
		m.crmGone(now, CRMGone{Node: up.Node, Session: up.Session, Reason: "it had to drop reports that nobody took"})
		return
	}
	node := m.statusNode(up.Node)
	for _, u := range up.Updates {
		if u.Seq <= x.seq {
			continue
		}
		x.seq = u.Seq
		var history *cibxml.Element
		if u.XML != "" {
			e, err := cibxml.Parse(u.XML)
			if err != nil {
				m.warn("protocol", up.Node, fmt.Sprintf("history of %s from %s is not readable: %v", u.Rsc, up.Node, err))
				continue
			}
			history = e
		}
		if u.Rsc != "" {
			if history == nil && status.Resource(m.status, node, u.Rsc) != nil && (u.Event == nil || m.flights[u.Event.Key] == nil) {
				// A report that crossed the order to delete had brought the history back: what is planned rests on it.
				m.want("Resource state removal")
			}
			m.status = status.SetResource(m.status, node, u.Rsc, history)
		}
		if u.Event != nil {
			m.event(now, up.Node, *u.Event)
		}
	}
}

// crmGone: the node itself is a member, so its crmd is given time to come back.
func (m *Machine) crmGone(now time.Time, in CRMGone) {
	x := m.members[in.Node]
	if x == nil || x.state != ready || in.Session != "" && x.session != in.Session {
		return
	}
	x.state, x.since, x.nextTry, x.why = enlisting, now, now, in.Reason
	m.note("crm-away", in.Node, fmt.Sprintf("crmd on %s does not answer: %s", in.Node, in.Reason))
}

// settled reports whether a plan can be made: every member has told what it runs or has had the time to, and
// on a cold start every configured node is here or has had the time to boot. Later that is waited for of members that
// are back after a loss: until they have told what they run they look as if they had to be fenced.
func (m *Machine) settled(now time.Time) (ok bool, until time.Time) {
	for _, x := range m.members {
		if m.ended(x.Member) {
			continue
		}
		wait := x.since.Add(m.cfg.Times.EnlistWait)
		if x.state == enlisting && now.Before(wait) && (!m.settledOnce || m.back(x.Name)) {
			return false, wait
		}
	}
	if m.settledOnce {
		return true, time.Time{}
	}
	boot := m.role.since.Add(m.optionDuration("dc-deadtime", 20*time.Second))
	for _, n := range m.view.Nodes {
		if !m.view.Has(n.ID) && status.Find(m.status, status.NodeOf(n.ID, n.Name)) == nil && now.Before(boot) {
			return false, boot
		}
	}
	m.settledOnce = true
	return true, time.Time{}
}

// back reports whether a member was lost before and has not told anything since.
func (m *Machine) back(name string) bool {
	n := status.Find(m.status, m.statusNode(name))
	return n.Get("expected") == "member" && n.Get("crmd") != "online"
}

// mirrored takes the status section of the DC.
func (m *Machine) mirrored(in Mirrored) {
	if m.role.leads || in.DC == m.cfg.Node {
		return
	}
	m.role.wasLed = true
	m.status, m.numUpdates = in.Status, in.NumUpdates
}
