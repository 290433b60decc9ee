// Package history reads the status section of a CIB into a model: which nodes are there, which resources run
// on them, what failed and what follows from it.
package history

import (
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/opconf"
	"github.com/holdfast-ha/holdfast/crmd/sched/report"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
	"github.com/holdfast-ha/holdfast/crmd/sched/unpack"
)

// reader holds what is needed while the status is read.
type reader struct {
	m    *model.Model
	st   *model.State
	b    *unpack.Builder
	conf *opconf.Resolver
	log  *report.Log
	// states are in the order of the document.
	states []*nodeState
	// containers are to be stopped once it is known where they are; the last that was noticed is first.
	containers []*model.Resource
	// recorded are the failures that have been recorded, by operation and node.
	recorded map[string]bool
}

// nodeState is one node_state element. The node of a connection that only history knows is found late.
type nodeState struct {
	xml     *cibxml.Element
	name    string
	node    *model.Node
	records []*model.History
}

// Read completes a model with what the status section says.
func Read(b *unpack.Builder, conf *opconf.Resolver, status *cibxml.Element) {
	m := b.Model()
	r := &reader{m: m, st: m.State, b: b, conf: conf, log: m.Log, recorded: map[string]bool{}}
	if status != nil {
		for e := range status.Tags() {
			switch e.Name {
			case "tickets":
				r.tickets(e)
			case "node_state":
				r.nodeState(e)
			}
		}
		for r.pass(false) {
		}
		r.pass(m.Options.Fencing)
		r.finish()
	}
	r.count()
}

func (r *reader) tickets(section *cibxml.Element) {
	for e := range section.Tags("ticket_state") {
		id := e.ID()
		if id == "" {
			continue
		}
		t := &model.Ticket{ID: id, Granted: scalar.IsTrue(e.Get("granted")), Standby: scalar.IsTrue(e.Get("standby")),
			LastGranted: scalar.IntOr(e.Get("last-granted"), -1)}
		for _, a := range e.Attrs {
			if a.Name != "id" {
				t.Attrs.Set(a.Name, a.Value)
			}
		}
		r.m.Tickets[id] = t
	}
}

// pass reads the histories of the nodes whose time has come, those of all remaining ones when every is set.
// It reports whether there was any: what one tells may make others readable.
func (r *reader) pass(every bool) bool {
	read := false
	for _, s := range r.states {
		n := s.node
		if n == nil && !r.attach(s) {
			continue
		}
		n = s.node
		st := r.st.Node(n)
		if st.Unpacked || !every && !r.readable(n) {
			continue
		}
		if n.IsRemoteType() {
			r.remoteOnline(n)
			r.remoteAttributes(n, s.xml)
		}
		st.Unpacked = true
		r.records(n)
		read = true
	}
	return read
}

// readable reports whether enough is known to understand a node's history: of a node behind a connection,
// that the connection is up.
func (r *reader) readable(n *model.Node) bool {
	conn := n.Connection
	started := func(x *model.Resource) bool { return x != nil && r.st.Rsc(x).Role == model.Started }
	o := &r.m.Options
	switch {
	case n.IsGuest():
		return started(conn) && started(conn.Container)
	case n.IsRemoteType():
		return conn != nil && (o.ShutdownLock || started(conn))
	}
	return o.Fencing || o.ShutdownLock || r.st.Node(n).Online
}

// finish does what has to wait until every history has been read.
func (r *reader) finish() {
	for _, c := range r.containers {
		if n := r.st.Current(c); n != nil {
			r.ask(model.AskStop, c, n)
		}
	}
	for _, n := range r.m.Nodes {
		if !n.IsRemoteType() {
			continue
		}
		st := r.st.Node(n)
		if st.Shutdown && n.Connection != nil {
			r.st.Rsc(n.Connection).NextRole = model.Stopped
		}
		if !st.Unpacked {
			r.remoteOnline(n)
		}
	}
}

// records reads the histories of one node.
func (r *reader) records(n *model.Node) {
	fillers := false
	for _, h := range n.Records {
		h.Rsc = r.resource(h)
		fillers = fillers || h.Rsc != nil && h.Rsc.OrphanFiller
	}
	if !fillers {
		return
	}
	for _, h := range n.Records {
		container := r.m.Resource(h.XML.Get("container"))
		filler := r.m.Resource(h.ID)
		if container != nil && filler != nil && filler.OrphanFiller && filler.Container == nil {
			filler.Container = container
			container.Fillers = append(container.Fillers, filler)
		}
	}
}

// count counts the resource instances that people are told about: what has no parts, a group without members, too.
func (r *reader) count() {
	for _, top := range r.m.Resources {
		top.Walk(func(x *model.Resource) {
			if len(x.Children) > 0 || x.Kind == model.Bundle || x.Orphan && r.st.Rsc(x).Role <= model.Stopped {
				return
			}
			r.m.Total++
			if Disabled(x) {
				r.m.Disabled++
			}
			if r.st.Rsc(x).Blocked {
				r.m.Blocked++
			}
		})
	}
}

// Disabled reports whether the administrator keeps a resource below the role that it could have.
func Disabled(x *model.Resource) bool {
	v, set := x.Meta.Lookup("target-role")
	if !set {
		return false
	}
	role := model.ParseRole(v)
	return role == model.Stopped || role == model.Unpromoted && x.Top().Promotable
}

// ask records that an action is to be done.
func (r *reader) ask(kind model.RequestKind, x *model.Resource, n *model.Node) {
	task := map[model.RequestKind]string{model.AskStop: "stop", model.AskDemote: "demote",
		model.AskClearFailures: "clear_failcount", model.AskDeleteHistory: "lrm_delete"}[kind]
	q := model.Request{Kind: kind, Rsc: x, Node: n, Required: true,
		Verdict: r.m.Judge(r.st, x, task, n, false, model.NeedsNothing, true)}
	r.m.Requests = append(r.m.Requests, q)
	if q.Verdict.Fence {
		r.fence(n, "stop is unrunnable", false)
	}
}

// fence makes a node unclean and asks for its fencing where that is an operation.
func (r *reader) fence(n *model.Node, why string, delay bool) {
	if r.m.Doom(r.st, n, why) {
		r.m.Requests = append(r.m.Requests, model.Request{Kind: model.AskFence, Node: n, Reason: why, PriorityDelay: delay})
	}
}
