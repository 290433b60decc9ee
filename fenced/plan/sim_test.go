package plan_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/fenced/plan"
	"github.com/holdfast-ha/holdfast/fenced/plan/device"
)

// latency is what a message between nodes takes in the simulation.
const latency = time.Millisecond

// sim is a cluster of machines with simulated agents, network and power.
type sim struct {
	start, now time.Time
	seq        int
	queue      []event
	nodes      []*node
	agents     map[string]*agent
	behaviours []*behaviour
	off        map[string]bool      // power by outlet
	cut        map[string]time.Time // when it was last cut
	config     plan.Config
	devices    map[string][]api.FenceDevice // by node
	names      []string                     // configured nodes
	quorate    bool
	requests   int
	out        strings.Builder
}

type event struct {
	at  time.Time
	seq int
	do  func()
}

type node struct {
	name    string
	fencer  *plan.Fencer
	exec    *device.Executor
	member  bool
	dead    bool // gone, but still in the view
	mute    bool // takes everything, answers nothing
	life    int
	calls   map[uint64]func(device.Result)
	replies map[string][]func(api.FenceResult)
	seen    bool
}

type agent struct {
	caps   device.Capabilities
	broken string
}

// behaviour says how a device's agent acts; each call takes the next of its answers, the last one stays.
type behaviour struct {
	device, action, target, node string
	answers                      []answer
}

type answer struct {
	kind, text string
	rc         int
	after      time.Duration
}

func newSim() *sim {
	start := time.Unix(1_000_000, 0)
	return &sim{start: start, now: start, agents: map[string]*agent{}, off: map[string]bool{}, cut: map[string]time.Time{}, devices: map[string][]api.FenceDevice{}, quorate: true}
}

func (s *sim) printf(format string, args ...any) {
	d := s.now.Sub(s.start)
	fmt.Fprintf(&s.out, "%d.%03d %s\n", d/time.Second, d%time.Second/time.Millisecond, fmt.Sprintf(format, args...))
}

func (s *sim) after(d time.Duration, do func()) {
	s.seq++
	s.queue = append(s.queue, event{s.now.Add(d), s.seq, do})
}

func (s *sim) node(name string) *node {
	for _, n := range s.nodes {
		if n.name == name {
			return n
		}
	}
	panic("no node " + name)
}

// to delivers to a node, after the latency if it is another one, unless it has another life by then.
func (s *sim) to(from, to *node, do func()) {
	d, life := time.Duration(0), to.life
	if from != to {
		d = latency
	}
	s.after(d, func() {
		if to.life == life && !to.dead {
			do()
		}
	})
}

// run processes what happens within d, and stops early when nothing is left to happen and settle is set.
func (s *sim) run(d time.Duration, settle bool) {
	end := s.now.Add(d)
	for rounds := 0; ; rounds++ {
		if rounds > 1_000_000 {
			panic("a deadline stays in the past: the machine would spin")
		}
		next := end
		at := -1
		for i, e := range s.queue {
			if !e.at.After(next) && (at < 0 || e.at.Before(next) || e.at.Equal(next) && e.seq < s.queue[at].seq) {
				next, at = e.at, i
			}
		}
		var waker *node
		for _, n := range s.nodes {
			for _, t := range []time.Time{n.fencer.Deadline(), n.exec.Deadline()} {
				if !t.IsZero() && t.Before(next) && !n.dead {
					next, waker = t, n
				}
			}
		}
		if waker == nil && at < 0 {
			if !settle {
				s.now = end
			}
			return
		}
		s.now = next
		if waker != nil {
			s.plan(waker, plan.Wake{})
			s.device(waker, device.Wake{})
			continue
		}
		e := s.queue[at]
		s.queue = slices.Delete(s.queue, at, at+1)
		e.do()
	}
}

// plan feeds a node's fencer and performs its outputs.
func (s *sim) plan(n *node, in plan.Input) {
	for _, o := range n.fencer.Step(s.now, in) {
		switch o := o.(type) {
		case plan.Query:
			s.query(n, o)
		case plan.Execute:
			s.printf("%s orders %s: %s", n.name, o.Peer, orderText(o.Order))
			s.execute(n, o)
		case plan.Abandon:
			for _, p := range s.nodes {
				s.to(n, p, func() { s.device(p, device.Cancel{ID: n.name + "|" + o.Step}) })
			}
		case plan.Forward:
			s.printf("%s forwards %s of %s to %s", n.name, o.Request.Action, o.Request.Target, o.Peer)
			p := s.node(o.Peer)
			s.unreachable(n, p, func() { s.plan(n, plan.ForwardDone{Op: o.Op, Unreachable: true}) })
			s.to(n, p, func() {
				p.replies[o.Op] = append(p.replies[o.Op], func(r api.FenceResult) {
					s.to(p, n, func() { s.plan(n, plan.ForwardDone{Op: o.Op, Result: r}) })
				})
				s.plan(p, plan.Request{Request: o.Request, Forwarded: true})
			})
		case plan.Reply:
			for _, f := range n.replies[o.ID] {
				f(o.Result)
			}
			delete(n.replies, o.ID)
		case plan.Announce:
			if o.Tell {
				s.tell(n, o.Event)
			}
		case plan.Note:
			if o.Warn {
				s.printf("%s ! %s", n.name, o.Text)
			}
		}
	}
}

func orderText(o api.FenceOrder) string {
	text := fmt.Sprintf("%s of %s with %s, timeout %v", o.Action, o.Target, o.Device, time.Duration(o.Timeout)*time.Millisecond)
	if o.Delay > 0 {
		text += fmt.Sprintf(", delay %v", time.Duration(o.Delay)*time.Millisecond)
	}
	return text
}

func (s *sim) unreachable(from, to *node, do func()) {
	if to.dead {
		s.to(from, from, func() { s.after(300*time.Millisecond, do) })
	}
}

func (s *sim) query(n *node, q plan.Query) {
	s.printf("%s asks %s who can do %s of %s", n.name, strings.Join(q.Peers, " "), q.Action, q.Target)
	for _, name := range q.Peers {
		p := s.node(name)
		s.unreachable(n, p, func() { s.plan(n, plan.Offered{Op: q.Op, Peer: name, Err: "connection refused"}) })
		in := device.Query{ID: n.name + "|" + q.Op, Target: q.Target, Action: q.Action, Self: q.Self}
		if p == n {
			s.device(p, in)
			continue
		}
		s.to(n, p, func() { s.device(p, in) })
	}
}

func (s *sim) execute(n *node, x plan.Execute) {
	p := s.node(x.Peer)
	s.unreachable(n, p, func() {
		s.plan(n, plan.Executed{Step: x.Step, Unreachable: true, Result: api.FenceResult{Status: int(lrm.NotConnected), RC: 1, Reason: p.name + " cannot be reached"}})
	})
	in := device.Order{ID: n.name + "|" + x.Step, Order: x.Order}
	if p == n {
		s.device(p, in)
		return
	}
	s.to(n, p, func() { s.device(p, in) })
}

func (s *sim) tell(n *node, e api.FenceEvent) {
	for _, p := range s.nodes {
		if p != n && p.member && n.member {
			s.to(n, p, func() { s.plan(p, plan.Heard{Events: []api.FenceEvent{e}}) })
		}
	}
}

// device feeds a node's executor and performs its outputs.
func (s *sim) device(n *node, in device.Input) {
	for _, o := range n.exec.Step(s.now, in) {
		switch o := o.(type) {
		case device.Learn:
			a := s.agents[o.Agent]
			s.to(n, n, func() {
				if a == nil || a.broken != "" {
					s.device(n, device.Learned{Agent: o.Agent, Driver: o.Driver, Err: "no metadata: " + a.broken})
				} else {
					s.device(n, device.Learned{Agent: o.Agent, Driver: o.Driver, Caps: &a.caps})
				}
			})
		case device.Call:
			s.call(n, o)
		case device.Kill:
			s.printf("%s ends call %d early", n.name, o.Call)
			n.calls[o.Call](device.Result{Status: lrm.Error, RC: 1, Reason: "killed"})
		case device.Offers:
			asker, op, _ := strings.Cut(o.Query, "|")
			if op == "query" {
				s.printf("%s offers %s", n.name, offerText(o.Offers))
				continue
			}
			s.back(n, asker, func(to *node) {
				s.plan(to, plan.Offered{Op: op, Peer: n.name, Offers: o.Offers, Problems: o.Problems, Done: o.Done})
			})
		case device.Finished:
			s.finished(n, o)
		case device.Note:
			s.printf("%s ! %s", n.name, o.Text)
		}
	}
}

func offerText(offers []api.FenceOffer) string {
	if len(offers) == 0 {
		return "nothing"
	}
	var words []string
	for _, o := range offers {
		words = append(words, fmt.Sprintf("%s verified=%v required=%v on=%v timeouts=%v delay=%v", o.Device, o.Verified, o.Required, o.On, o.Timeouts, time.Duration(o.Delay)*time.Millisecond))
	}
	return strings.Join(words, "; ")
}

func (s *sim) back(from *node, asker string, do func(*node)) {
	if from.mute {
		return
	}
	to := s.node(asker)
	if from == to {
		do(to)
		return
	}
	s.to(from, to, func() { do(to) })
}

func (s *sim) finished(n *node, o device.Finished) {
	asker, step, ok := strings.Cut(o.ID, "|")
	if !ok {
		if o.ID != "quiet" {
			s.printf("%s checked: %s", n.name, resultText(o.Result.Status, o.Result.RC, o.Result.Reason))
		}
		return
	}
	s.back(n, asker, func(to *node) {
		s.plan(to, plan.Executed{Step: step, Result: api.FenceResult{Status: int(o.Result.Status), RC: o.Result.RC, Reason: o.Result.Reason}})
	})
}

func resultText(status lrm.Status, rc int, reason string) string {
	if status == lrm.Done && rc == 0 {
		return "ok"
	}
	return fmt.Sprintf("%v %d: %s", status, rc, reason)
}
