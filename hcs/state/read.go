package state

import (
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/report"
)

// Read reads a CIB with its status section.
func Read(doc *cibxml.Element, now time.Time) *Cluster {
	m := sched.Parse(sched.Input{Doc: doc, Now: now.Unix(), Zone: now.Location()})
	r := reader{m: m, s: m.State}
	c := &Cluster{Name: m.Options.ClusterName, Quorate: m.Quorum, CIBVersion: cib.VersionOf(doc).String(), Fencing: m.Options.Fencing,
		FenceDevices: m.HasFenceDevice, Maintenance: m.Options.Maintenance, StopAll: m.Options.StopAll, QuorumPolicy: m.Options.NoQuorum.String(),
		Nodes: []Node{}, Resources: []Resource{}, Failures: []Failure{}, Moves: moves(doc), Warnings: []string{}}
	if m.DC != nil {
		c.DC = m.DC.Name
	}
	for _, n := range m.Nodes {
		if n.Kind != model.Ping {
			c.Nodes = append(c.Nodes, r.node(n))
		}
	}
	for _, x := range m.Resources {
		if x.Orphan && !r.s.Active(x, false) {
			continue
		}
		c.Resources = append(c.Resources, r.resource(x))
	}
	for _, o := range m.Failures {
		c.Failures = append(c.Failures, r.failure(o))
	}
	for t := range doc.Child("status").Child("tickets").Tags("ticket_state") {
		if k := m.Tickets[t.ID()]; k != nil {
			c.Tickets = append(c.Tickets, Ticket{k.ID, k.Granted, k.Standby})
		}
	}
	for _, p := range m.Log.Problems {
		if p.Config && p.Severity >= report.Warning {
			c.Warnings = append(c.Warnings, p.Text)
		}
	}
	return c
}

type reader struct {
	m *model.Model
	s *model.State
}

func (r *reader) node(n *model.Node) Node {
	st := r.s.Node(n)
	out := Node{Name: n.Name, ID: n.ID, Kind: "member", State: word(st), Online: st.Online, Unclean: st.Unclean, Standby: st.Standby,
		Maintenance: st.Maintenance, Shutdown: st.Shutdown, Runs: []string{}, Attributes: map[string]string{}}
	switch {
	case n.IsBundleNode():
		out.Kind = "bundle"
	case n.IsGuest():
		out.Kind = "guest"
	case n.IsRemoteType():
		out.Kind = "remote"
	}
	for _, x := range st.Running {
		out.Runs = append(out.Runs, x.Name())
	}
	for _, a := range n.Attrs {
		if !strings.HasPrefix(a.Name, "#") || strings.HasPrefix(a.Name, "#health") {
			out.Attributes[a.Name] = a.Value
		}
	}
	out.Health = r.health(n)
	return out
}

// word says how a node is, the worst first.
func word(st *model.NodeState) string {
	switch {
	case st.Unclean:
		return "unclean"
	case st.Pending:
		return "pending"
	case !st.Online:
		return "offline"
	case st.Shutdown:
		return "leaving"
	case st.Standby:
		return "standby"
	case st.Maintenance:
		return "maintenance"
	}
	return "online"
}

func (r *reader) health(n *model.Node) string {
	worst := ""
	for _, a := range n.Attrs {
		if !strings.HasPrefix(a.Name, "#health") {
			continue
		}
		switch strings.ToLower(a.Value) {
		case "red":
			return "red"
		case "yellow":
			worst = "yellow"
		}
	}
	return worst
}

func (r *reader) resource(x *model.Resource) Resource {
	st := r.s.Rsc(x)
	out := Resource{ID: x.XMLID, Kind: "primitive", Promotable: x.Promotable, Unique: x.Unique && x.Kind == model.Clone, Managed: st.Managed,
		Maintenance: st.Maintenance, Disabled: disabled(x), Orphan: x.Orphan, Blocked: st.Blocked, Active: []Place{}}
	switch x.Kind {
	case model.Primitive:
		out.Agent = agentName(x)
		if x.FenceDevice {
			out.Kind = "fence"
		}
		out.Active = r.places(x)
	case model.Group:
		out.Kind = "group"
		for _, c := range x.Children {
			out.Members = append(out.Members, r.resource(c))
		}
	case model.Clone:
		out.Kind = "clone"
		for _, c := range x.Children {
			out.Members = merge(out.Members, r.instance(c, x.Unique))
		}
	case model.Bundle:
		out.Kind = "bundle"
		out.Members = r.replicas(x)
	}
	if x.Kind != model.Primitive {
		st := settle(out.Members)
		out.Blocked, out.Active = st.Blocked, st.Active
	}
	return out
}

// settle sums up what is inside of a collection.
func settle(members []Resource) Resource {
	var sum Resource
	sum.Active = []Place{}
	for _, m := range members {
		sum.Blocked = sum.Blocked || m.Blocked
	}
	if len(members) == 1 {
		sum.Active = append(sum.Active, members[0].Active...)
	}
	return sum
}

// instance is one instance of a clone: a primitive or a group.
func (r *reader) instance(x *model.Resource, unique bool) Resource {
	out := r.resource(x)
	var name func(*Resource, *model.Resource)
	name = func(to *Resource, from *model.Resource) {
		for i := range to.Active {
			if unique {
				to.Active[i].Instance = from.ID
			}
		}
		for i := range to.Members {
			name(&to.Members[i], from.Children[i])
		}
	}
	name(&out, x)
	return out
}

// merge adds an instance to the ones of the same resource.
func merge(list []Resource, x Resource) []Resource {
	for i := range list {
		if list[i].ID != x.ID {
			continue
		}
		list[i].Active = append(list[i].Active, x.Active...)
		list[i].Blocked = list[i].Blocked || x.Blocked
		list[i].Managed = list[i].Managed && x.Managed
		for _, m := range x.Members {
			list[i].Members = merge(list[i].Members, m)
		}
		return list
	}
	return append(list, x)
}

// places are where a primitive is active, or about to be.
func (r *reader) places(x *model.Resource) []Place {
	st := r.s.Rsc(x)
	list := []Place{}
	role := st.Role
	if role == model.Started && x.Top().Promotable {
		role = model.Unpromoted
	}
	for _, n := range st.Running {
		p := Place{Node: n.Name, Role: role.String(), Failed: st.Failed, Unclean: r.s.Node(n).Unclean}
		if st.PendingNode == n {
			p.Pending = st.Pending
		}
		list = append(list, p)
	}
	if len(list) == 0 && st.PendingNode != nil && st.Pending != "" && st.Pending != "monitor" {
		list = append(list, Place{Node: st.PendingNode.Name, Role: model.Stopped.String(), Pending: st.Pending})
	}
	return list
}

func (r *reader) replicas(x *model.Resource) []Resource {
	var list []Resource
	for _, rep := range x.Bundle.List {
		part := rep.Container
		if rep.Child != nil {
			part = rep.Child
		}
		m := r.resource(part)
		m.ID = rep.Container.ID
		if rep.Remote != nil {
			m.ID = rep.Remote.Name()
		}
		if host := r.s.Current(rep.Container); host != nil {
			for i := range m.Active {
				m.Active[i].Node = host.Name
			}
		}
		list = append(list, m)
	}
	return list
}

func disabled(x *model.Resource) bool {
	role := model.ParseRole(x.Meta.Get("target-role"))
	return role == model.Stopped || role == model.Unpromoted && x.Top().Promotable
}

func agentName(x *model.Resource) string {
	if a := x.Agent; a.Provider != "" {
		return a.Class + ":" + a.Provider + ":" + a.Type
	}
	return x.Agent.Class + ":" + x.Agent.Type
}

func (r *reader) failure(o *model.Op) Failure {
	f := Failure{Operation: o.Task, Interval: o.IntervalMs, RC: o.RC, RCText: lrm.RC(o.RC).String(), Status: lrm.Status(o.Status).String(),
		Reason: o.XML.Get("exit-reason"), At: max(o.Changed, 0)}
	if o.Rsc != nil {
		f.Resource = o.Rsc.Name()
	} else if rsc, _, _, err := lrm.ParseOpKey(o.Key); err == nil {
		f.Resource = rsc
	}
	if o.Node != nil {
		f.Node = o.Node.Name
	}
	if o.Rsc != nil && o.Node != nil {
		if n, _ := r.m.RawFailCount(o.Rsc, o.Node); n > 0 {
			f.Count = n.String()
		}
	}
	return f
}

// moves are the constraints that moving and banning left.
func moves(doc *cibxml.Element) []Move {
	list := []Move{}
	for e := range doc.Child("configuration").Child("constraints").Tags("rsc_location") {
		ban := strings.HasPrefix(e.ID(), "cli-ban-")
		if !ban && !strings.HasPrefix(e.ID(), "cli-prefer-") {
			continue
		}
		m := Move{ID: e.ID(), Resource: e.Get("rsc"), Node: e.Get("node"), Ban: ban}
		for x := range e.Child("rule").Tags() {
			switch {
			case x.Get("attribute") == "#uname":
				m.Node = x.Get("value")
			case x.Name == "date_expression":
				m.Until = x.Get("end")
			}
		}
		list = append(list, m)
	}
	return list
}

// Infinity reports whether a fail count keeps a resource off its node for good.
func (f *Failure) Infinity() bool { return f.Count == "INFINITY" }
