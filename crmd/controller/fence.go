package controller

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/incident"
	"github.com/holdfast-ha/holdfast/crmd/sched/graph"
	"github.com/holdfast-ha/holdfast/crmd/status"
)

// fencing is what the DC knows of its fencing requests.
type fencing struct {
	byID map[string]*shot
	// failures counts failed attempts by target, and when the next one may be made.
	failures map[string]*failure
	// proven are the lives of nodes that ended for certain: node -> incarnation.
	proven map[string]api.Incarnation
	serial int
	// recovery is when raft may be started anew (again).
	recovery time.Time
}

// shot is a request to fenced that has not been answered.
type shot struct {
	key    string // of its flight
	target string
	action string
	life   api.Incarnation // that is to end, or to be let at the resources again
	// all and secure are the digests of the devices with which an on unfences the node.
	all, secure string
}

type failure struct {
	count int
	next  time.Time
	why   string
}

func newFencing() fencing {
	return fencing{byID: make(map[string]*shot), failures: make(map[string]*failure), proven: make(map[string]api.Incarnation)}
}

// retryAt is when a failed fencing is tried again.
func (f *fencing) retryAt() time.Time {
	var next time.Time
	for _, x := range f.failures {
		next = earlier(next, x.next)
	}
	return next
}

func (f *fencing) due(now time.Time) bool {
	at := f.retryAt()
	return !at.IsZero() && !now.Before(at)
}

// waiting reports whether a failed fencing waits for its next try.
func (f *fencing) waiting() bool { return len(f.failures) > 0 }

// forgetCleared drops failures of targets that the new plan does not want to fence any more.
func (f *fencing) forgetCleared(g *graph.Graph) {
	for target := range f.failures {
		if !slices.ContainsFunc(g.Synapses, func(s *graph.Synapse) bool { return s.Action.Task == graph.TaskFence && s.Action.Node == target }) {
			delete(f.failures, target)
		}
	}
}

func (f *fencing) abandon(target string) {
	for id, s := range f.byID {
		if s.target == target {
			delete(f.byID, id)
		}
	}
}

// startFence asks fenced. A target whose last attempt failed is not shot again before its time: the action
// fails at once, and nothing that waits for it starts.
func (m *Machine) startFence(now time.Time, a *graph.Action) {
	f := &m.fencing
	if x := f.failures[a.Node]; x != nil && now.Before(x.next) {
		m.done(now, a.ID, false)
		return
	}
	f.serial++
	action := a.Meta("stonith_action")
	if action == "" {
		action = "reboot"
	}
	if why := m.withheld(a.Node); action == "on" && why != "" {
		m.fenceFailed(now, &shot{target: a.Node, action: action}, api.FenceResult{Status: int(lrm.Error), Reason: why})
		m.done(now, a.ID, false)
		return
	}
	req := api.FenceRequest{
		ID: fmt.Sprintf("%s-%d-%d", m.cfg.UUID, m.plan.number, f.serial), Target: a.Node, Action: action,
		Timeout: m.plan.graph.StonithTimeoutMs, Client: "pacemaker-controld." + strconv.Itoa(int(m.cfg.ID)), Origin: m.cfg.Node,
		AllowSelf: len(m.members) <= 1, Reason: m.fenceReason(a.Node, action),
	}
	_, req.Incarnation = m.life(a.Node)
	req.Delay = m.fenceDelay(a)
	key := m.transitionKey(a).String()
	f.byID[req.ID] = &shot{key: key, target: a.Node, action: action, life: req.Incarnation, all: a.Meta("digests_all"), secure: a.Meta("digests_secure")}
	m.flights[key] = &flight{node: a.Node, key: a.Key, task: a.Task, action: a.ID, number: m.plan.number}
	text := fmt.Sprintf("%s of %s is asked for: %s", action, a.Node, req.Reason)
	if req.Delay > 0 {
		text += fmt.Sprintf(" (after %d ms, so that the other side goes first if it is alive)", req.Delay)
	}
	m.warn("fence-asked", a.Node, text)
	m.happened(incident.FenceAsked{Target: a.Node, Action: action, Reason: req.Reason, Delay: time.Duration(req.Delay) * time.Millisecond})
	m.emit(Fence{req})
}

// withheld says why a node may not be given access to what resources use, "" if it may. Access is what a fence has taken:
// whoever takes it back writes beside the one that relies on the fence.
func (m *Machine) withheld(node string) string {
	if x := m.memberNamed(node); x != nil && m.ended(*x) {
		return node + " has been fenced in this life: it is given access when its stack has been started anew"
	}
	if !m.view.TwoNode {
		return ""
	}
	// A cut leaves both of two nodes with quorum, and the other one may have fenced this one.
	for _, d := range m.view.Departed {
		if d.How == api.DepartureLost && !m.endings.lives[nodeLife{d.Name, d.Incarnation}] && m.memberNamed(d.Name) == nil {
			return d.Name + " was lost before " + node + " had access, and may have fenced it: access is given when " + d.Name + " is fenced or back"
		}
	}
	return ""
}

func (m *Machine) fenceReason(node, action string) string {
	if action == "on" {
		return node + " needs access to what its resources use"
	}
	for _, d := range m.view.Departed {
		if d.Name == node {
			return fmt.Sprintf("%s %s: %s", node, d.How, d.Reason)
		}
	}
	if x := m.members[node]; x != nil && x.why != "" {
		return "crmd on " + node + " does not answer: " + x.why
	}
	return "the scheduler wants " + node + " fenced"
}

// fenceDelay is how long the shot waits. When the nodes that are gone may have as many votes as we (a cut
// two-node cluster, an even split), both sides shoot; the side that runs less waits for a heartbeat interval
// and a margin, so that the other, if it is alive, has shot first. priority-fencing-delay replaces the rule.
func (m *Machine) fenceDelay(a *graph.Action) int64 {
	if s := a.Meta("priority_fencing_delay"); s != "" {
		if ms, err := strconv.ParseInt(s, 10, 64); err == nil {
			return ms * 1000
		}
	}
	ours, theirs, oursLoad, theirsLoad := 0, 0, 0, 0
	lowestOurs, lowestTheirs := api.NodeID(1<<16), api.NodeID(1<<16)
	for _, n := range m.view.Nodes {
		if m.view.Has(n.ID) {
			ours, oursLoad, lowestOurs = ours+n.Votes, oursLoad+m.plan.load[n.Name], min(lowestOurs, n.ID)
		} else if m.fencing.proven[n.Name] == 0 && m.departedLost(n.Name) {
			theirs, theirsLoad, lowestTheirs = theirs+n.Votes, theirsLoad+m.plan.load[n.Name], min(lowestTheirs, n.ID)
		}
	}
	if theirs < ours || oursLoad > theirsLoad || oursLoad == theirsLoad && lowestOurs < lowestTheirs {
		return 0
	}
	return m.view.TokenInterval + m.cfg.Times.TieMargin.Milliseconds()
}

func (m *Machine) departedLost(name string) bool {
	return slices.ContainsFunc(m.view.Departed, func(d api.Departed) bool { return d.Name == name && d.How == api.DepartureLost })
}

// fenceDone takes fenced's answer.
func (m *Machine) fenceDone(now time.Time, in FenceDone) {
	f := &m.fencing
	s := f.byID[in.ID]
	if s == nil {
		return
	}
	delete(f.byID, in.ID)
	r := in.Result
	ok := r.Status == int(lrm.Done) && r.RC == 0
	fl := m.flights[s.key]
	delete(m.flights, s.key)
	if ok {
		m.happened(incident.FenceEnded{Target: s.target, Action: s.action, By: r.Delegate, OK: true, Took: time.Duration(r.Done-r.Started) * time.Millisecond})
		m.learnEndings(api.FenceEvent{Target: s.target, Action: s.action, State: api.FenceDone, Incarnation: s.life, Result: r})
		m.note("fence-done", s.target, fmt.Sprintf("%s of %s is confirmed by %s after %d ms", s.action, s.target, r.Delegate, r.Done-r.Started))
		m.fenced(now, s.target, s.action, s.life)
	} else {
		m.fenceFailed(now, s, r)
	}
	if fl != nil && fl.action != 0 && fl.number == m.plan.number {
		m.done(now, fl.action, ok)
	} else {
		m.want("Fencing of " + s.target + " ended")
	}
	if ok && s.action == "on" {
		m.unfenced(now, s)
	}
}

// unfenced remembers with what a node was unfenced, so that the scheduler asks for it again only when a device has
// changed. That is true of this life of the node alone: the values go with its other transient attributes.
func (m *Machine) unfenced(now time.Time, s *shot) {
	if _, life := m.life(s.target); life != s.life || m.memberNamed(s.target) == nil {
		return
	}
	for _, a := range []struct{ name, value string }{
		{"#node-unfenced", strconv.FormatInt(now.Unix(), 10)}, {"#digests-all", s.all}, {"#digests-secure", s.secure},
	} {
		m.setAttr(now, api.AttrUpdate{Op: "update", Name: a.name, Node: s.target, Value: a.value, Dampen: -1})
	}
}

func (m *Machine) fenceFailed(now time.Time, s *shot, r api.FenceResult) {
	x := m.fencing.failures[s.target]
	if x == nil {
		x = &failure{}
		m.fencing.failures[s.target] = x
	}
	x.count++
	x.why = r.Reason
	if x.why == "" {
		x.why = lrm.Status(r.Status).String()
	}
	pause := min(m.cfg.Times.FenceRetry, 250*time.Millisecond<<min(x.count-1, 10))
	if x.count >= m.optionInt("stonith-max-attempts", 10) {
		pause = m.cfg.Times.FenceRetry
	}
	x.next = now.Add(pause)
	m.happened(incident.FenceEnded{Target: s.target, Action: s.action, By: r.Delegate, Reason: x.why, Attempt: x.count, Next: pause})
	m.warn("fence-failed", s.target, fmt.Sprintf("%s of %s failed (attempt %d): %s; next try in %s, nothing that the node may run is started elsewhere until then",
		s.action, s.target, x.count, x.why, pause))
}

// FenceFailures says which nodes could not be fenced, and why.
func (m *Machine) FenceFailures() map[string]string {
	out := make(map[string]string)
	for target, x := range m.fencing.failures {
		out[target] = fmt.Sprintf("%s (%d attempts)", x.why, x.count)
	}
	return out
}

// fenced records a proven fence of a life. A node may be back before the proof: a message on a disk counts as obeyed
// after msgwait only. Then its new life is alive, and nothing that is known of it may be forgotten.
func (m *Machine) fenced(now time.Time, target, action string, life api.Incarnation) {
	delete(m.fencing.failures, target)
	if action == "on" {
		return
	}
	if _, seen := m.life(target); seen != life {
		m.note("fence-late", target, target+" has started anew since; what it runs now is not touched by the fence of its life before")
		return
	}
	m.status = status.Fenced(m.status, m.statusNode(target))
	m.attrs.Forget(target)
	m.nodeLost(now, target)
	m.expel(now, target)
	if id, life := m.life(target); id != 0 {
		m.fencing.proven[target] = life
		m.emit(Proven{ID: id, Incarnation: life})
	}
}

// life is the id of a node and the incarnation in which it was last seen.
func (m *Machine) life(name string) (api.NodeID, api.Incarnation) {
	if x := m.memberNamed(name); x != nil {
		return x.ID, x.Incarnation
	}
	for _, d := range m.view.Departed {
		if d.Name == name {
			return d.ID, d.Incarnation
		}
	}
	return 0, 0
}

// fenceHappened is a fencing that another client asked for.
func (m *Machine) fenceHappened(now time.Time, ev api.FenceEvent) {
	// Our own requests are answered by FenceDone, whether or not that has come already.
	if ours := strings.HasPrefix(ev.ID, m.cfg.UUID+"-"); ours || ev.State != "done" || ev.Result.RC != 0 || ev.Result.Status != int(lrm.Done) || ev.Action == "on" {
		return
	}
	if !m.role.leads || m.memberNamed(ev.Target) != nil && m.view.At > ev.Result.Done {
		return // the node is back already: the event is older than its life
	}
	m.note("fence-done", ev.Target, fmt.Sprintf("%s was fenced by %s for %s", ev.Target, ev.Result.Delegate, ev.Client))
	m.happened(incident.FenceEnded{Target: ev.Target, Action: ev.Action, By: ev.Result.Delegate, OK: true, Asker: ev.Client,
		Took: time.Duration(ev.Result.Done-ev.Result.Started) * time.Millisecond})
	life := ev.Incarnation
	if life == 0 { // fenced did not know it
		_, life = m.life(ev.Target)
	}
	m.fenced(now, ev.Target, ev.Action, life)
	m.want("External Fencing Operation: " + ev.Target)
}
