package history

import (
	"strings"

	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// settle applies what a record has added up to: where the resource is, and the response to its failure.
func (r *reader) settle(x *model.Resource, n *model.Node, onFail model.OnFail) {
	st, node := r.st.Rsc(x), r.st.Node(n)
	if st.Role != model.RoleUnknown {
		for p := x; p != nil; p = p.Parent {
			r.st.Rsc(p).Known.Add(n)
			if p.Unique {
				break
			}
		}
	}
	if st.Role > model.Stopped && !node.Online && !node.Maintenance && st.Managed {
		r.activeOnLost(x, n)
	}
	had := onFail != model.FailIgnore
	if node.Unclean {
		onFail = model.FailIgnore // fencing cleans up whatever it was
	}
	r.respond(x, n, onFail)
	if st.Failed && x.Connection {
		if conn := r.m.NodeNamed(x.ID); conn != nil && r.st.Node(conn).Unclean {
			r.st.Node(conn).Unseen = false
		}
	}
	r.activity(x, n, onFail, had)
	if st.Role == model.Stopped && st.PartialSource == n && st.PartialTarget != nil && len(st.Running) > 0 {
		st.Role = model.Started // stopped at the source of an unfinished migration only
	}
}

// activeOnLost handles a resource that is active on a node that is not there.
func (r *reader) activeOnLost(x *model.Resource, n *model.Node) {
	why := x.ID + " is thought to be active there"
	switch {
	case n.IsGuest():
		st := r.st.Rsc(x)
		st.Failed, st.StopRequired = true, true
	case !r.m.Options.Fencing:
		return
	case n.IsRemote() && n.Connection != nil && !r.st.Rsc(n.Connection).Failed:
		// fenced only if the connection cannot be established from another node
		r.st.Node(n).Unseen = true
		why = x.ID + " is active there (fencing will be revoked if remote connection can be re-established elsewhere)"
	}
	r.fence(n, why, false)
}

func (r *reader) respond(x *model.Resource, n *model.Node, onFail model.OnFail) {
	st := r.st.Rsc(x)
	active := st.Role != model.Stopped && st.Role != model.RoleUnknown
	switch onFail {
	case model.FailDemote:
		st.Failed = true
		r.ask(model.AskDemote, x, n)
	case model.FailFence:
		r.fence(n, x.ID+" failed there", false)
	case model.FailStandby:
		node := r.st.Node(n)
		node.Standby, node.StandbyOnFail = true, true
	case model.FailBlock:
		st.Managed, st.Blocked = false, true
	case model.FailMigrate:
		r.st.Ban(x, n)
	case model.FailStop:
		st.NextRole = model.Stopped
	case model.FailRecover:
		if active {
			st.Failed, st.StopRequired = true, true
			r.ask(model.AskStop, x, n)
		}
	case model.FailRestartContainer:
		st.Failed, st.StopRequired = true, true
		switch {
		case x.Container != nil && x.Bundled():
			// the container may be on another node than its connection, and not known yet
			r.containers = append([]*model.Resource{x.Container}, r.containers...)
		case x.Container != nil:
			r.ask(model.AskStop, x.Container, n)
		case active:
			r.ask(model.AskStop, x, n)
		}
	case model.FailResetRemote:
		r.resetRemote(x, n)
	}
}

func (r *reader) resetRemote(x *model.Resource, n *model.Node) {
	st := r.st.Rsc(x)
	st.Failed, st.StopRequired = true, true
	if r.m.Options.Fencing {
		if node := r.m.NodeNamed(x.ID); x.Connection && node != nil && node.IsRemote() && !r.st.Node(node).WasFenced {
			r.fence(node, "remote connection is unrecoverable", false)
		}
	}
	if st.Role > model.Stopped {
		r.ask(model.AskStop, x, n)
	}
	if x.ReconnectMs > 0 {
		st.NextRole = model.Stopped // until the failure is forgotten
	}
}

// activity records whether the resource is active on the node.
func (r *reader) activity(x *model.Resource, n *model.Node, onFail model.OnFail, failed bool) {
	st := r.st.Rsc(x)
	if st.Role == model.Stopped || st.Role == model.RoleUnknown {
		if strings.Contains(x.HistoryName, ":") {
			// history of old versions numbers the instances; a stopped one must not look like an orphan
			r.m.SetHistoryName(x, "")
		} else {
			r.m.Requests = append(r.m.Requests, model.Request{Kind: model.OptionalStops, Rsc: x, Node: n})
		}
		return
	}
	if x.Orphan {
		if st.Managed {
			r.log.ConfigWarning("Detected active orphan %s running on %s", x.ID, n.Name)
		} else {
			r.log.ConfigWarning("Resource '%s' must be stopped manually on %s because cluster is configured not to stop active orphans", x.ID, n.Name)
		}
	}
	r.addRunning(x, n, failed)
	switch onFail {
	case model.FailIgnore:
	case model.FailDemote, model.FailBlock:
		st.Failed = true
	default:
		st.Failed, st.StopRequired = true, true
	}
}

// addRunning notes that a resource is active on a node, and with it what it is part of.
func (r *reader) addRunning(x *model.Resource, n *model.Node, failed bool) {
	st := r.st.Rsc(x)
	for _, o := range st.Running {
		if o == n {
			return
		}
	}
	st.Running = append(st.Running, n)
	if x.Kind == model.Primitive {
		node := r.st.Node(n)
		node.Running = append(node.Running, x)
		r.nodePriority(x, n, failed)
		if node.Maintenance {
			st.Managed = false
		}
	}
	if !st.Managed {
		r.st.AddScore(x, n, scalar.Inf)
		for p := x.Parent; p != nil && r.st.Node(n).Online; p = p.Parent {
			pst := r.st.Rsc(p)
			pst.Running = append(pst.Running, n)
		}
		return
	}
	if r.st.MultiplyActive(x) {
		r.multiplyActive(x)
	}
	if x.Parent != nil {
		r.addRunning(x.Parent, n, false)
	}
}

func (r *reader) multiplyActive(x *model.Resource) {
	st := r.st.Rsc(x)
	switch x.Multiple {
	case model.StopOnly:
		r.st.ForbidAll(r.m, x)
	case model.BlockMultiple:
		st.Managed, st.Blocked = false, true
		p := x.Parent
		if p != nil && (p.Kind == model.Group || p.Kind == model.Bundle) && p.Multiple == model.BlockMultiple {
			for _, c := range p.Children {
				cst := r.st.Rsc(c)
				cst.Managed, cst.Blocked = false, true
			}
		}
	}
}

// nodePriority adds a resource's priority to that of its node, and of the node that hosts this one.
func (r *reader) nodePriority(x *model.Resource, n *model.Node, failed bool) {
	st := r.st.Rsc(x)
	if st.Priority == 0 || failed {
		return
	}
	priority := st.Priority
	if st.Role == model.Promoted {
		priority++
	}
	r.st.Node(n).Priority += priority
	if n.IsGuest() {
		for _, host := range r.st.Rsc(n.Connection.Container).Running {
			r.st.Node(host).Priority += priority
		}
	}
}
