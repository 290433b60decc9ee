package history

import (
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/rule"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// nodeState reads what a node_state element says of the node itself. Of a remote node it is only whether it
// has been fenced; the rest waits until its connection is known.
func (r *reader) nodeState(e *cibxml.Element) {
	name := e.Get("uname")
	if e.ID() == "" || name == "" {
		r.log.Warning("Ignoring malformed node_state entry without id or uname")
		return
	}
	s := &nodeState{xml: e, name: name, records: parseRecords(e)}
	r.states = append(r.states, s)
	if !r.attach(s) {
		r.log.ConfigWarning("Ignoring recorded node state for '%s' because it is no longer in the configuration", name)
		return
	}
	n := s.node
	st := r.st.Node(n)
	if n.IsRemoteType() {
		st.WasFenced = scalar.MinInt(e.Get("node_fenced"), 0) != 0
		return
	}
	r.b.NodeAttributes(n, e.Child("transient_attributes"), rule.Replace)
	st.Standby = st.Standby || scalar.IsTrue(n.Attrs.Get("standby"))
	st.Maintenance = st.Maintenance || scalar.IsTrue(n.Attrs.Get("maintenance"))
	if v, ok := n.Attrs.Lookup("resource-discovery-enabled"); ok && !scalar.IsTrue(v) {
		r.log.Warning("Ignoring resource-discovery-enabled attribute for node %s because disabling resource discovery is not allowed for cluster nodes", n.Name)
	}
	st.Unclean, st.Unseen = false, false
	r.onlineStatus(n, e)
	if !r.m.Quorum && st.Online && r.m.Options.NoQuorum == model.QuorumSuicide {
		r.fence(n, "cluster does not have quorum", false)
	}
}

// attach finds the node of a state and gives it its records; it is false when there is no such node.
func (r *reader) attach(s *nodeState) bool {
	n := r.m.NodeWithID(s.xml.ID())
	if n == nil {
		n = r.m.NodeNamed(s.name)
	}
	if n == nil {
		return false
	}
	s.node, n.State = n, s.xml
	n.Records = append(n.Records, s.records...)
	for _, h := range s.records {
		h.Node = n
		for _, o := range h.Ops {
			o.Node = n
		}
	}
	return true
}

func (r *reader) onlineStatus(n *model.Node, e *cibxml.Element) {
	st := r.st.Node(n)
	st.Shutdown = shutdownRequested(n)
	st.ExpectedUp = !st.Shutdown && strings.EqualFold(e.Get("expected"), "member")
	online := false
	switch {
	case n.Kind == model.Ping:
		st.Unclean = false
	case r.m.Options.Fencing:
		online = r.onlineFenced(n, e)
	default:
		online = r.onlineUnfenced(n, e)
	}
	st.Online = st.Online || online
	if !online || st.Shutdown {
		// nothing may be placed here, whatever other scores say
		st.Score = -scalar.Inf
	}
}

func shutdownRequested(n *model.Node) bool {
	v, ok := n.Attrs.Lookup("shutdown")
	return ok && v != "0"
}

// membership is what the peers recorded of a node.
type membership struct {
	member, known bool // known: membership was recorded at all
	peer          bool // the controller process is a peer
	join          string
	expected      string
}

func readMembership(e *cibxml.Element) membership {
	in, known := e.Lookup("in_ccm")
	return membership{member: scalar.IsTrue(in), known: known, peer: strings.EqualFold(e.Get("crmd"), "online"),
		join: strings.ToLower(e.Get("join")), expected: strings.ToLower(e.Get("expected"))}
}

func (r *reader) onlineUnfenced(n *model.Node, e *cibxml.Element) bool {
	switch s := readMembership(e); {
	case !s.member:
	case s.peer:
		return s.join == "member"
	case r.st.Node(n).ExpectedUp:
		r.fence(n, "peer is unexpectedly down", false)
	}
	return false
}

// onlineFenced decides whether a node is online where lost nodes are fenced. The order of the cases is
// significant.
func (r *reader) onlineFenced(n *model.Node, e *cibxml.Element) bool {
	st := r.st.Node(n)
	s := readMembership(e)
	if s.expected == "" {
		s.expected = "down"
	}
	kill := terminationRequested(n)
	switch {
	case st.Shutdown:
		return s.peer
	case !s.known:
		r.fence(n, "peer has not been seen by the cluster", false)
	case s.join == "banned":
		r.fence(n, "peer failed Pacemaker membership criteria", false)
	case !kill && s.expected == "down":
		if s.member || s.peer {
			st.Standby, st.Pending = true, true // it is joining
		}
	case kill && s.join == "down" && !s.member && !s.peer:
		// it has just been shot
	case !s.member:
		r.fence(n, "peer is no longer part of the cluster", true)
	case !s.peer:
		r.fence(n, "peer process is no longer available", false)
	case kill:
		r.fence(n, "termination was requested", false)
	case s.join == "member":
	case s.join == "pending" || s.join == "down":
		st.Standby, st.Pending = true, true
	default:
		r.fence(n, "peer was in an unknown state", false)
	}
	return s.member
}

// terminationRequested reports whether an administrator wants the node fenced: a true value, or a time.
func terminationRequested(n *model.Node) bool {
	v := n.Attrs.Get("terminate")
	return scalar.IsTrue(v) || v != "" && v[0] >= '1' && v[0] <= '9'
}

// remoteOnline decides whether a remote or guest node is online from the state of its connection.
func (r *reader) remoteOnline(n *model.Node) {
	st := r.st.Node(n)
	if n.Connection == nil {
		st.Online = false
		return
	}
	conn := r.st.Rsc(n.Connection)
	var container *model.RscState
	var host *model.Node
	if c := n.Connection.Container; c != nil {
		container = r.st.Rsc(c)
		if len(conn.Running) == 1 {
			host = conn.Running[0]
		}
	}
	if conn.Role == model.Started {
		st.Online = true
		if conn.NextRole == model.Stopped {
			st.Shutdown = true
		}
	}
	switch {
	case container != nil && container.Failed:
		st.Online, st.RequiresReset = false, true
	case conn.Failed:
		st.Online = false
	case conn.Role == model.Stopped || container != nil && container.Role == model.Stopped:
		st.Online, st.RequiresReset = false, false
	case host != nil && !r.st.Node(host).Online && r.st.Node(host).Unclean:
		st.Online, st.RequiresReset = false, true
	}
}

// remoteAttributes reads what the state of a remote or guest node says beside its history.
func (r *reader) remoteAttributes(n *model.Node, e *cibxml.Element) {
	st := r.st.Node(n)
	st.RemoteMaintenance = scalar.MinInt(e.Get("node_in_maintenance"), 0) != 0
	if !st.RequiresReset {
		st.Unclean, st.Unseen = false, false
	}
	r.b.NodeAttributes(n, e.Child("transient_attributes"), rule.Replace)
	st.Shutdown = st.Shutdown || shutdownRequested(n)
	st.Standby = st.Standby || scalar.IsTrue(n.Attrs.Get("standby"))
	st.Maintenance = st.Maintenance || scalar.IsTrue(n.Attrs.Get("maintenance")) ||
		n.Connection != nil && !r.st.Rsc(n.Connection).Managed
	if v, ok := n.Attrs.Lookup("resource-discovery-enabled"); ok && !scalar.IsTrue(v) {
		if n.IsRemote() && !r.m.Options.Fencing {
			r.log.Warning("Ignoring resource-discovery-enabled attribute on Pacemaker Remote node %s because fencing is disabled", n.Name)
		} else {
			st.NoDiscovery = true
		}
	}
}
