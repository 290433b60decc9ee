package controller

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/incident"
	"github.com/holdfast-ha/holdfast/crmd/status"
)

// role is whether this node leads, and what it waits for when nobody does.
type role struct {
	leads  bool
	acting bool // leads without a raft majority: the configuration cannot be changed
	since  time.Time
	gen    api.Generation
	// leaderless is since when a raft majority is here but no leader; zero when there is one.
	leaderless time.Time
	campaigned int // how often this node stood for election in this leaderless time
	// progress of the members, for choosing an acting DC; asked for once per view.
	progress map[string]Progress
	asked    api.RingID
	viewAt   time.Time // when the view was adopted
	// known is set once this node has heard of a leader in this life: then a leaderless time means that the
	// leader is gone. Before, there may well be one that has not spoken to us yet.
	known bool
	// wasLed is set once this node has been part of a cluster with a DC in this life.
	wasLed bool
	next   time.Time
}

// decideRole finds out who leads: the raft leader while raft has a majority among the members, else the member
// with the most of the log (the acting DC).
func (m *Machine) decideRole(now time.Time) {
	r := &m.role
	r.next = time.Time{}
	if m.endings.told {
		m.resign(now, "this node has been fenced")
		return
	}
	if m.view.Ring.Seq == 0 || !m.raft.Started {
		m.resign(now, "this node is not part of the cluster yet")
		return
	}
	if m.raftMajority() {
		m.decideByRaft(now)
		return
	}
	r.leaderless = time.Time{}
	m.act(now)
}

// act makes the best member of a partition that raft cannot lead its acting DC.
func (m *Machine) act(now time.Time) {
	if first, wait := m.actingDC(now); first == m.cfg.Node {
		m.lead(now, true)
	} else if !wait {
		m.resign(now, first+" leads this partition")
	}
}

// raftMajority reports whether most voters are members.
func (m *Machine) raftMajority() bool {
	here := 0
	for _, v := range m.raft.Voters {
		if m.memberNamed(v) != nil {
			here++
		}
	}
	return 2*here > len(m.raft.Voters)
}

func (m *Machine) memberNamed(name string) *api.Member {
	for i := range m.view.Members {
		if m.view.Members[i].Name == name {
			return &m.view.Members[i]
		}
	}
	return nil
}

func (m *Machine) decideByRaft(now time.Time) {
	r := &m.role
	switch leader := m.raft.Leader; {
	case leader == m.cfg.Node:
		r.leaderless, r.campaigned, r.known = time.Time{}, 0, true
		m.lead(now, false)
	case leader != "" && m.memberNamed(leader) != nil:
		r.leaderless, r.campaigned, r.wasLed, r.known = time.Time{}, 0, true, true
		m.resign(now, leader+" is the raft leader")
	default:
		// The leader is gone. An acting DC that gets its majority back keeps leading until raft has decided.
		if r.leaderless.IsZero() {
			r.leaderless = now
		}
		m.campaign(now)
		// A majority that cannot elect anybody (its disks are full) is led without raft: failover never waits
		// for it.
		if patience := r.leaderless.Add(m.cfg.Times.Patience); now.Before(patience) {
			r.next = earlier(r.next, patience)
		} else {
			next := r.next
			m.act(now)
			r.next = earlier(r.next, next)
		}
	}
}

// campaign lets the survivors stand for election one after the other, lowest id first: raft refuses those who
// miss entries, so the first is not always the one that can win.
func (m *Machine) campaign(now time.Time) {
	r := &m.role
	voters := slices.DeleteFunc(slices.Clone(m.view.Members), func(x api.Member) bool { return !slices.Contains(m.raft.Voters, x.Name) })
	at := slices.IndexFunc(voters, func(x api.Member) bool { return x.Name == m.cfg.Node })
	if at < 0 {
		return
	}
	turn := func() time.Time {
		// Rounds come at 0, 1, 3, 7, 15, 31, 47, ... turns of everybody: what fails once is likely to fail again.
		rounds := 1<<min(r.campaigned, 4) - 1 + 16*max(0, r.campaigned-4)
		wait := time.Duration(at+rounds*len(voters)) * m.cfg.Times.Stagger
		if !r.known {
			wait += m.cfg.Times.Listen
		}
		return r.leaderless.Add(wait)
	}
	if !now.Before(turn()) {
		r.campaigned++
		m.emit(Campaign{})
	}
	r.next = turn()
}

// actingDC chooses the leader of a partition without a raft majority. wait is true while the choice cannot be
// made yet.
func (m *Machine) actingDC(now time.Time) (first string, wait bool) {
	r := &m.role
	if !r.leads && !r.wasLed && !m.complete() {
		// A cold start: nodes that are still booting are waited for, as long as Pacemaker waits for a DC.
		if due := r.viewAt.Add(m.optionDuration("dc-deadtime", 20*time.Second)); now.Before(due) {
			r.next = due
			return "", true
		}
	}
	var candidates []string
	for _, x := range m.view.Members {
		if slices.Contains(m.raft.Voters, x.Name) {
			candidates = append(candidates, x.Name)
		}
	}
	if len(candidates) == 0 {
		return "", true // learners alone lead nobody
	}
	if len(candidates) > 1 && r.asked != m.view.Ring {
		r.asked, r.progress = m.view.Ring, make(map[string]Progress)
		m.emit(AskProgress{slices.DeleteFunc(slices.Clone(candidates), func(n string) bool { return n == m.cfg.Node })})
	}
	if len(candidates) > 1 {
		for _, c := range candidates {
			if _, known := r.progress[c]; !known && c != m.cfg.Node && now.Before(r.viewAt.Add(m.cfg.Times.EnlistWait)) {
				r.next = r.viewAt.Add(m.cfg.Times.EnlistWait)
				return "", true
			}
		}
	}
	return slices.MaxFunc(candidates, func(a, b string) int {
		pa, pb := m.progressOf(a), m.progressOf(b)
		// Equal logs: the lower id leads, so it has to compare as larger.
		return cmp.Or(cmp.Compare(pa.Epoch, pb.Epoch), cmp.Compare(pa.Term, pb.Term), cmp.Compare(pa.Index, pb.Index),
			cmp.Compare(m.nodeID(b), m.nodeID(a)))
	}), false
}

func (m *Machine) progressOf(node string) Progress {
	if node == m.cfg.Node {
		return m.raft.Last
	}
	return m.role.progress[node]
}

// complete reports whether every configured node is a member.
func (m *Machine) complete() bool {
	for _, n := range m.view.Nodes {
		if !m.view.Has(n.ID) {
			return false
		}
	}
	return true
}

// lead makes this node the DC. A DC that only changes between acting and real goes on with what it does.
func (m *Machine) lead(now time.Time, acting bool) {
	r := &m.role
	if r.leads {
		if r.acting != acting || r.gen.Epoch != m.raft.Epoch {
			m.changeOffice(now, acting)
		}
		return
	}
	r.leads, r.acting, r.since, r.wasLed = true, acting, now, true
	r.gen = api.Generation{Epoch: m.raft.Epoch, Ring: m.view.Ring.Seq, Term: m.raft.Term}
	m.settledOnce, m.head = false, m.config
	m.plan = planning{number: m.plan.number, run: m.plan.run}
	m.flights, m.written = make(map[string]*flight), make(map[string]bool)
	m.members = make(map[string]*member)
	m.note("dc", m.cfg.Node, m.officeText())
	m.happened(incident.Office{Leads: true})
	m.markDeparted(now)
	for _, x := range m.view.Members {
		m.newMember(now, x)
	}
	m.attrOutputs(m.attrs.SetWriter(now, true))
	m.want("DC takeover")
}

func (m *Machine) officeText() string {
	switch {
	case !m.role.acting:
		return m.cfg.Node + " is the DC"
	case m.raftMajority():
		return m.cfg.Node + " leads as acting DC: raft elects no leader, the configuration is read-only"
	default:
		return m.cfg.Node + " leads as acting DC: raft has no majority in this partition, the configuration is read-only"
	}
}

// changeOffice keeps leading under a new raft state. A new cluster epoch is told to every member, because
// those with an older one discard their log and fetch it again.
func (m *Machine) changeOffice(now time.Time, acting bool) {
	m.role.acting = acting
	m.head = m.config
	m.written = make(map[string]bool)
	if m.role.gen.Epoch != m.raft.Epoch {
		m.role.gen = api.Generation{Epoch: m.raft.Epoch, Ring: m.view.Ring.Seq, Term: m.raft.Term}
		for _, x := range m.members {
			x.state, x.since, x.nextTry = enlisting, now, now
		}
	}
	m.note("dc", m.cfg.Node, m.officeText())
}

// resign ends this node's lead. What it has in flight goes on; the next DC finds the results in the history.
func (m *Machine) resign(now time.Time, why string) {
	r := &m.role
	if !r.leads {
		return
	}
	r.leads, r.acting = false, false
	m.note("dc", m.cfg.Node, m.cfg.Node+" is not the DC any more: "+why)
	m.happened(incident.Office{Leads: false})
	m.attrOutputs(m.attrs.SetWriter(now, false))
	m.plan = planning{number: m.plan.number, run: m.plan.run}
	m.flights = make(map[string]*flight)
	m.fencing.failures = make(map[string]*failure)
	m.members = make(map[string]*member)
	m.head = m.config
	m.unlearn()
}

// unlearn forgets what an office of this node has left in the status about members: another DC tells them what to do.
// Otherwise a node that was fenced, came back under that DC and is lost again would pass for dead, whatever it runs.
func (m *Machine) unlearn() {
	for _, x := range m.view.Members {
		node := status.NodeOf(x.ID, x.Name)
		if n := status.Find(m.status, node); n != nil && n.Get("expected") != "member" {
			m.status = status.Remove(m.status, node)
		}
	}
}

// viewChanged takes a new view.
func (m *Machine) viewChanged(now time.Time, v api.View) {
	old := m.view
	m.view = v
	m.role.viewAt = now
	m.role.progress = make(map[string]Progress)
	m.noteView(old)
	m.learnOwnLife()
	for _, d := range v.Departed {
		if old.Has(d.ID) {
			m.attrs.Forget(d.Name)
		}
	}
	if !m.role.leads {
		m.unlearn()
		return
	}
	m.markDeparted(now)
	for _, x := range v.Members {
		if !old.Has(x.ID) {
			m.happened(incident.Joined{Node: x.Name, Reborn: sameLife(old, x)})
		}
		if k := m.members[x.Name]; k == nil || k.Incarnation != x.Incarnation && !old.Has(x.ID) {
			m.newMember(now, x)
		} else {
			k.Member = x // a corosyncd that restarted within token is the same member
		}
	}
	if old.Quorum.Quorate != v.Quorum.Quorate {
		m.want(map[bool]string{true: "Quorum gained", false: "Quorum lost"}[v.Quorum.Quorate])
		m.happened(incident.Quorum{Quorate: v.Quorum.Quorate, Reason: v.Quorum.Reason})
	}
}

// noteView tells what changed between two views.
func (m *Machine) noteView(old api.View) {
	for _, x := range m.view.Members {
		if !old.Has(x.ID) {
			m.note("view", x.Name, fmt.Sprintf("%s is a member of view %s", x.Name, m.view.Ring))
		}
	}
	for _, d := range m.view.Departed {
		if old.Has(d.ID) {
			kind := map[api.Departure]string{api.DepartureLost: "lost", api.DepartureLeft: "left"}[d.How]
			m.note(kind, d.Name, fmt.Sprintf("%s %s: %s", d.Name, d.How, d.Reason))
		}
	}
	if old.Ring.Seq == 0 || old.Quorum.Quorate != m.view.Quorum.Quorate {
		m.note("quorum", m.cfg.Node, m.view.Quorum.Reason)
	}
}

// markDeparted records in the status section how nodes went.
func (m *Machine) markDeparted(now time.Time) {
	for _, d := range m.view.Departed {
		node, inOrder := status.NodeOf(d.ID, d.Name), m.inOrder(d)
		n := status.Find(m.status, node)
		gone := n.Get("in_ccm") == "false"
		delete(m.members, d.Name)
		delete(m.written, "node "+d.Name) // it may be removed from the configuration and join again
		if gone {
			continue
		}
		st := status.Lost
		st.Origin = "node_lost"
		if n.Get("expected") == "" {
			st.Expected = "member" // nothing says that it was to go
		}
		if inOrder {
			st = status.Down
			st.Origin = "node_left"
		}
		if inOrder {
			m.happened(incident.Left{Node: d.Name})
		} else {
			m.happened(incident.Lost{Node: d.Name, Reason: d.Reason, LastHeard: d.LastHeard, Resources: m.activeOn(d.Name)})
		}
		m.status = status.SetState(m.status, node, st)
		m.status = status.DropAttrs(m.status, node)
		m.nodeLost(now, d.Name)
		if !m.optionBool("stonith-enabled", true) {
			m.warn("unfenced", d.Name, d.Name+" counts as down although fencing is disabled and nothing proves it")
			m.emit(Proven{ID: d.ID, Incarnation: d.Incarnation})
		}
		m.want(map[bool]string{true: "Node left: ", false: "Node failure: "}[inOrder] + d.Name)
	}
}

// inOrder reports whether a node went after the cluster had stopped its resources. A corosyncd that only said
// goodbye proves nothing: what the node runs may still be running.
func (m *Machine) inOrder(d api.Departed) bool {
	n := status.Find(m.status, status.NodeOf(d.ID, d.Name))
	return d.How == api.DepartureLeft && (n.Get("expected") == "down" || n.Get("crmd") != "online" && n.Get("expected") != "member")
}
