package history

import (
	"strings"

	"github.com/holdfast-ha/holdfast/crmd/sched/mergesort"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// resource attributes one record to a resource and draws the conclusions from it.
func (r *reader) resource(h *model.History) *model.Resource {
	if h.ID == "" || len(h.Ops) == 0 && !r.m.Options.ShutdownLock {
		return nil
	}
	x := r.find(h.Node, h.ID)
	if x == nil {
		if len(h.Ops) == 0 {
			return nil
		}
		if x = r.orphan(h); x == nil {
			return nil
		}
	}
	if r.m.Options.ShutdownLock {
		r.shutdownLock(x, h)
	}
	reversed := make([]*model.Op, len(h.Ops))
	for i, o := range h.Ops {
		o.Rsc = x
		reversed[len(h.Ops)-1-i] = o
	}
	h.Sorted = mergesort.Sorted(reversed, func(a, b *model.Op) int { return r.newer(a, b, true) })

	st := r.st.Rsc(x)
	saved := st.Role
	st.Role = model.RoleUnknown
	p := &progress{reader: r, x: x, st: st, node: h.Node, onFail: model.FailIgnore}
	for _, o := range h.Sorted {
		p.operation(o)
	}
	st = r.st.Rsc(x) // the slice may have moved
	r.recurring(x, h)
	r.settle(x, h.Node, p.onFail)
	if role, _ := x.TargetRole(); role != model.RoleUnknown && (st.NextRole == model.RoleUnknown || role < st.NextRole) {
		st.NextRole = role
	}
	st.Role = max(saved, st.Role)
	return x
}

// find returns the resource that history on a node knows by a name, nil when there is none.
func (r *reader) find(n *model.Node, name string) *model.Resource {
	x := r.m.Resource(name)
	switch {
	case x != nil && x.Kind != model.Primitive:
		return nil
	case x == nil:
		// even a clone without instances has the instance 0, so that its history can be found
		if x = r.m.Resource(model.BaseName(name) + ":0"); x == nil || x.Unique {
			return nil
		}
	}
	if top := x.Top(); top.Anonymous() {
		if top.Parent != nil {
			if x = replicaChild(top.Parent, n); x == nil {
				return nil
			}
		} else {
			x = r.anonymous(top, model.BaseName(name), n)
		}
	}
	return r.named(x, name)
}

// named remembers that history uses another name for a resource.
func (r *reader) named(x *model.Resource, name string) *model.Resource {
	if !strings.EqualFold(name, x.ID) && !strings.EqualFold(name, x.HistoryName) {
		r.m.SetHistoryName(x, name)
	}
	return x
}

func replicaChild(bundle *model.Resource, n *model.Node) *model.Resource {
	for _, rep := range bundle.Bundle.List {
		if rep.Node == n {
			return rep.Child
		}
	}
	return nil
}

// anonymous picks the instance of an anonymous clone that stands for what a node's history tells: the one
// that is there already, else an idle one, else a new orphan.
func (r *reader) anonymous(clone *model.Resource, name string, n *model.Node) *model.Resource {
	var found, idle *model.Resource
	taken := false
	for _, inst := range clone.Children {
		where := r.st.CurrentNodes(inst, true, nil)
		if len(where) == 0 {
			if !taken && idle == nil && !r.st.Rsc(inst).Blocked {
				idle = member(inst, name)
				if idle != nil {
					if p := r.st.Rsc(idle).PendingNode; p != nil && p != n {
						idle = nil
					}
				}
			}
			continue
		}
		if where[0] != n {
			continue
		}
		if found = member(inst, name); found == nil {
			continue
		}
		if len(r.st.Rsc(found).Running) == 0 {
			break
		}
		// a second record on one node, left over from when the instances were told apart
		r.log.Notice("Active (now-)anonymous clone %s has multiple (orphan) instance histories on %s", clone.ID, n.Name)
		taken, found = true, nil
	}
	if found == nil && !taken {
		found = idle
	}
	st := r.st.Node(n)
	if found != nil && !found.NeedsFencing && (!st.Online || st.Unclean) && !n.IsGuest() && clone.Clone.Max != len(r.m.Nodes) {
		found = nil // do not waste an instance that may start elsewhere
	}
	if found != nil {
		return found
	}
	inst := r.b.AddInstance(clone)
	if inst == nil {
		return nil
	}
	return member(inst, name)
}

// member finds the primitive of an instance that has a configured or full name.
func member(inst *model.Resource, name string) *model.Resource {
	if inst.ID == name || inst.XMLID == name {
		if inst.Top().Kind == model.Clone {
			return inst
		}
	}
	for _, c := range inst.Children {
		if m := member(c, name); m != nil {
			return m
		}
	}
	return nil
}

// orphan makes a resource of a record that nothing in the configuration accounts for.
func (r *reader) orphan(h *model.History) *model.Resource {
	x := r.b.AddOrphan(h.XML)
	if x == nil {
		r.log.Error("Ignoring history of %s on %s: it does not describe a resource", h.ID, h.Node.Name)
		return nil
	}
	if r.m.Options.StopOrphans {
		r.st.BanAll(r.m, x)
	} else {
		r.st.Rsc(x).Managed = false
	}
	return x
}

// shutdownLock reads whether the resource waits for its node to come back.
func (r *reader) shutdownLock(x *model.Resource, h *model.History) {
	at := scalar.IntOr(h.XML.Get("shutdown-lock"), 0)
	if at == 0 {
		return
	}
	if limit := r.m.Options.LockLimit; limit > 0 && r.m.NowUnix > at+limit {
		r.ask(model.AskDeleteHistory, x, h.Node)
		return
	}
	st := r.st.Rsc(x)
	st.Lock, st.LockTime = h.Node, at
}

// recurring registers the recurring operations that run on a node.
func (r *reader) recurring(x *model.Resource, h *model.History) {
	if !r.st.Node(h.Node).Online {
		return
	}
	start, stop := Window(h.Sorted)
	for i, o := range h.Sorted {
		if start < stop && i <= stop || i < start || o.IntervalMs == 0 || o.XML.Get("op-status") == "-1" {
			continue
		}
		r.m.Requests = append(r.m.Requests, model.Request{Kind: model.AskRecurring, Rsc: x, Node: h.Node, Op: o.Task,
			Interval: o.IntervalMs, Verdict: r.m.Judge(r.st, x, o.Task, h.Node, true, model.NeedsNothing, true)})
	}
}
