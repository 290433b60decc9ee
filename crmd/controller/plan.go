package controller

import (
	"fmt"
	"time"

	"github.com/holdfast-ha/holdfast/crmd/incident"
	"github.com/holdfast-ha/holdfast/crmd/sched/graph"
	"github.com/holdfast-ha/holdfast/crmd/throttle"
	"github.com/holdfast-ha/holdfast/crmd/transition"
)

// planning is the DC's cycle: something changes, the scheduler runs, its graph is carried out.
type planning struct {
	// reason is why a new plan is needed, "" when none is.
	reason string
	run    int  // number of the scheduler run that is under way or was last
	busy   bool // a run is under way
	stale  int  // runs in a row whose result was out of date when it came

	number  int // of the transition; counts over the crmd's life
	engine  *transition.Engine
	graph   *graph.Graph
	source  string
	aborted time.Time // since when the running transition is aborted; zero when it is not
	reasons string    // the reason that the running transition was made for
	recheck time.Time // when to plan although nothing happened
	load    map[string]int
	ended   bool // a transition has ended, and idleness has not been told since
}

// maxStale: after this many plans that were overtaken by events, one is carried out all the same. It is
// aborted at once, but what it orders first (fencing) is begun, so that a storm of events cannot starve it.
const maxStale = 3

// want asks for a new plan. The first reason is the one that is shown.
func (m *Machine) want(reason string) {
	if m.role.leads && m.plan.reason == "" {
		m.plan.reason = reason
	}
}

// tendPlan starts the scheduler when a plan is needed and can be made.
func (m *Machine) tendPlan(now time.Time) {
	p := &m.plan
	if p.engine == nil && !p.recheck.IsZero() && !now.Before(p.recheck) {
		p.recheck = time.Time{}
		m.want("PEngine Recheck Timer")
	}
	if p.engine == nil && !p.busy && p.reason == "" && m.fencing.due(now) {
		m.want("Stonith failed")
	}
	if p.reason == "" || p.busy || m.config == nil {
		return
	}
	ok, until := m.settled(now)
	m.waitUntil = until
	if !ok {
		return
	}
	m.tendConfiguration(now)
	if e := p.engine; e != nil {
		if p.aborted.IsZero() || len(e.Pending()) > 0 && now.Before(p.aborted.Add(m.cfg.Times.AbortWait)) {
			return
		}
		m.note("transition", m.cfg.Node, fmt.Sprintf("transition %d gives way to a new plan while %d of its actions still run", p.number, len(e.Pending())))
		p.engine, p.graph = nil, nil
	}
	p.busy = true
	p.run++
	p.reasons, p.reason = p.reason, ""
	m.version()
	m.emit(Plan{Run: p.run, Doc: m.Document()})
}

func (m *Machine) planDeadline() time.Time {
	p := &m.plan
	if !m.role.leads {
		return time.Time{}
	}
	var next time.Time
	if p.engine != nil {
		next = p.engine.Deadline()
		if !p.aborted.IsZero() {
			next = earlier(next, p.aborted.Add(m.cfg.Times.AbortWait))
		}
	} else if !p.busy {
		next = earlier(p.recheck, m.fencing.retryAt())
	}
	if p.reason != "" && !m.settledOnce {
		next = earlier(next, m.waitUntil)
	}
	return next
}

// planned takes the scheduler's graph and begins to carry it out.
func (m *Machine) planned(now time.Time, in Planned) {
	p := &m.plan
	if !m.role.leads || in.Run != p.run || !p.busy {
		return
	}
	p.busy = false
	if in.Err != nil {
		m.warn("plan", m.cfg.Node, "the scheduler refused the configuration: "+in.Err.Error())
		return
	}
	p.load = in.Load
	if p.reason != "" && p.stale < maxStale {
		p.stale++
		return
	}
	p.stale = 0
	p.number++
	p.graph, p.source, p.aborted = in.Graph, in.Source, time.Time{}
	p.recheck = m.recheckAt(now, in.Graph.RecheckBy)
	if n := len(in.Graph.Synapses); n > 0 {
		m.note("transition", m.cfg.Node, fmt.Sprintf("transition %d: %d actions, because of: %s", p.number, n, p.reasons))
		m.happened(incident.Planned{Transition: p.number, Reason: p.reasons, Input: in.Source, Changes: in.Changes})
	}
	m.fencing.forgetCleared(in.Graph)
	p.engine = transition.New(in.Graph, m.limits(), m.inFlight(), now)
	m.adopt(p.engine.Adopted())
	m.perform(now, p.engine.Step(now, transition.Wake{}))
}

// recheckAt is when time alone may change the plan: a rule or an expiry, at the latest the recheck interval.
func (m *Machine) recheckAt(now time.Time, by int64) time.Time {
	var next time.Time
	if every := m.optionDuration("cluster-recheck-interval", 15*time.Minute); every > 0 {
		next = now.Add(every)
	}
	if by > 0 {
		at := time.Unix(by, 0)
		if !at.After(now) {
			at = now.Add(500 * time.Millisecond)
		}
		next = earlier(next, at)
	}
	return next
}

// tendEngine aborts the running transition when a new plan is wanted, and lets time pass in it.
func (m *Machine) tendEngine(now time.Time) {
	p := &m.plan
	if p.engine == nil {
		return
	}
	if p.reason != "" && p.aborted.IsZero() {
		p.aborted = now
		m.perform(now, p.engine.Step(now, transition.Abort{Priority: graph.Infinity, Reason: p.reason}))
		return
	}
	m.perform(now, p.engine.Step(now, transition.SetLimits{Limits: m.limits()}))
}

// limits is what the throttle allows now.
func (m *Machine) limits() transition.Limits {
	c := m.ThrottleOf("")
	l := transition.Limits{Node: make(map[string]int), Maximum: make(map[string]int), Exempt: c.Exempt}
	var nodes []throttle.Node
	for name, x := range m.members {
		n := throttle.Node{Mode: x.mode, Maximum: m.maximum(x)}
		nodes = append(nodes, n)
		l.Node[name], l.Maximum[name] = m.ThrottleOf(name).Jobs(n.Mode, n.Maximum), n.Maximum
	}
	if m.plan.graph != nil {
		l.Batch = m.plan.graph.BatchLimitN
	}
	l.Total = c.Total(l.Batch, nodes)
	return l
}

// maximum is the most jobs that a node takes at once: what it says itself, or for a node that has said nothing
// yet what this one would take.
func (m *Machine) maximum(x *member) int {
	switch own := m.members[m.cfg.Node]; {
	case x.jobs > 0:
		return x.jobs
	case x.cores > 0:
		return m.ThrottleOf(x.Name).Maximum(x.cores)
	case own != nil && own.jobs > 0:
		return own.jobs
	}
	return m.ThrottleOf(x.Name).Maximum(1)
}

// perform carries out what the engine says.
func (m *Machine) perform(now time.Time, outputs []transition.Output) {
	for _, o := range outputs {
		switch o := o.(type) {
		case transition.Run:
			m.start(now, o.Action, o.Waited)
		case transition.Expired:
			m.expired(now, o.Action)
		case transition.Finished:
			m.finished(o.Summary)
		}
	}
}

// finished ends the transition.
func (m *Machine) finished(s transition.Summary) {
	p := &m.plan
	if len(p.graph.Synapses) > 0 {
		m.note("transition", m.cfg.Node, s.Log(p.number, p.source))
	}
	if s.Text() == "Terminated" {
		m.warn("transition", m.cfg.Node, fmt.Sprintf("transition %d cannot be completed: %d actions wait for something that will not happen", p.number, s.Incomplete))
	}
	again := s.AbortPriority > 0 && p.reason == "" && p.aborted.IsZero()
	p.engine, p.aborted = nil, time.Time{}
	if again && !m.fencing.waiting() {
		m.want(s.Reason)
	}
	p.ended = true
}

// tellIdle tells once that a transition has ended and that nothing else is to be done.
func (m *Machine) tellIdle() {
	if p := &m.plan; p.ended && p.engine == nil && !p.busy && p.reason == "" {
		p.ended = false
		m.happened(incident.Idle{})
	}
}

// State is Pacemaker's word for what the controller is doing.
func (m *Machine) State() string {
	switch {
	case !m.role.leads && m.DC() == "":
		return "S_PENDING"
	case !m.role.leads:
		return "S_NOT_DC"
	case !m.settledOnce:
		return "S_INTEGRATION"
	case m.plan.engine != nil:
		return "S_TRANSITION_ENGINE"
	case m.plan.busy || m.plan.reason != "":
		return "S_POLICY_ENGINE"
	default:
		return "S_IDLE"
	}
}
