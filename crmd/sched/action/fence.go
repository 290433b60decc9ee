package action

import (
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/opconf"
)

// Fence notes that a node must be fenced because of why.
func (b *Book) Fence(n *model.Node, why string, delay bool) {
	if b.M.Doom(b.S, n, why) {
		b.FenceOp(n, "", true, why, delay)
	}
}

// FenceOp returns the fence operation of a node, which is made if there is none; an empty op is the
// configured one. A required request makes it required if the node can be fenced now.
func (b *Book) FenceOp(n *model.Node, op string, optional bool, why string, delay bool) *Action {
	if op == "" {
		op = b.M.Options.FenceAction
	}
	key := "stonith-" + n.Name + "-" + op
	var a *Action
	if found := b.byKey[key]; len(found) > 0 {
		a = found[0]
	} else {
		a = b.alloc()
		*a = Action{Name: key, Task: "stonith", Node: n, Flags: Runnable | Optional}
		b.record(a)
		a.AddMeta("on_node", n.Name)
		a.AddMeta("on_node_uuid", n.ID)
		a.AddMeta("stonith_action", op)
		if b.M.Options.Unfencing && b.unfencingDigests(a) {
			optional = false
		}
	}
	if limit := b.M.Options.PriorityDelay; limit > 0 && (delay || a.Meta.Has("priority-fencing-delay")) {
		a.Meta.Set("priority-fencing-delay", strconv.FormatInt(b.priorityDelay(n, limit), 10))
	}
	if !optional && b.M.CanFence(b.S, n) {
		a.Clear(Optional)
	}
	if why != "" {
		a.Because(why)
	}
	return a
}

// priorityDelay is how long the fencing of a node waits so that of two halves of a cluster the one with the
// more important resources wins: only the most important node, when as many nodes are lost as are left.
func (b *Book) priorityDelay(n *model.Node, delay int64) int64 {
	if n.Kind != model.Member || b.S.Node(n).Online {
		return 0
	}
	members, online := 0, 0
	top, low := 0, 0
	for _, o := range b.M.Nodes {
		if o.Kind != model.Member {
			continue
		}
		st := b.S.Node(o)
		if members == 0 {
			top, low = st.Priority, st.Priority
		}
		members++
		if st.Online {
			online++
		}
		top, low = max(top, st.Priority), min(low, st.Priority)
	}
	if online > members/2 || top == low || b.S.Node(n).Priority < top {
		return 0
	}
	return delay
}

// unfencingDigests adds to a fence operation what tells a later run whether the devices have changed since.
// It reports whether one has now.
func (b *Book) unfencingDigests(a *Action) bool {
	var all, secure strings.Builder
	changed := false
	for _, dev := range b.UnfencingDevices() {
		agent := dev.Meta.Get("type")
		d, status := b.Conf.CompareFencing(dev, agent, a.Node)
		switch status {
		case opconf.Changed:
			changed = true
			b.Log.Notice("Unfencing node %s because the definition of %s changed", a.Node.Name, dev.ID)
			// Pacemaker says so of every node
			b.Log.Say("notice: Unfencing Pacemaker Remote node %s because the definition of %s changed", a.Node.Name, dev.ID)
		case opconf.Same:
		}
		all.WriteString(dev.ID + ":" + agent + ":" + d.All + ",")
		secure.WriteString(dev.ID + ":" + agent + ":" + d.Secure + ",")
	}
	a.Meta.Set("digests-all", all.String())
	a.Meta.Set("digests-secure", secure.String())
	return changed
}

// UnfencingDevices are the fence devices that unfence nodes, the last configured one first.
func (b *Book) UnfencingDevices() []*model.Resource {
	var out []*model.Resource
	for _, top := range b.M.Resources {
		top.Walk(func(r *model.Resource) {
			if r.HasUnfencing {
				out = append([]*model.Resource{r}, out...)
			}
		})
	}
	return out
}

// ClearFailCount asks for the fail count of a resource on a node to be cleared.
func (b *Book) ClearFailCount(r *model.Resource, n *model.Node, why string) *Action {
	b.Log.Notice("Clearing failure of %s on %s because %s", r.ID, n.Name, why)
	a := b.Get(Ask{Rsc: r, Op: Op{Name: "clear_failcount"}, Node: n})
	b.clears(a)
	return a
}

func (b *Book) clears(a *Action) {
	a.AddMeta("op_no_wait", "true")
	b.clearing[rscNode{a.Rsc.Index, a.Node.Index}] = true
}

// ClearsFailCount reports whether the fail count of a resource on a node is going to be cleared.
func (b *Book) ClearsFailCount(r *model.Resource, n *model.Node) bool {
	return len(b.clearing) > 0 && b.clearing[rscNode{r.Index, n.Index}]
}

// Replay carries out what the recorded state of the cluster asks for.
func (b *Book) Replay(requests []model.Request) {
	for i := range requests {
		q := &requests[i]
		switch q.Kind {
		case model.AskFence:
			b.FenceOp(q.Node, "", true, q.Reason, q.PriorityDelay)
		case model.AskStop:
			b.replayed(q, "stop")
		case model.AskDemote:
			b.replayed(q, "demote")
		case model.AskRecurring:
			b.replayed(q, q.Op)
		case model.AskDeleteHistory:
			b.replayed(q, "lrm_delete")
		case model.AskClearFailures:
			a := b.replayed(q, "clear_failcount")
			b.clears(a)
			if q.After != nil {
				fence := b.FenceOp(q.After, "", true, "", false)
				b.Order(ActionEnd(fence), ActionEnd(a), Then)
			}
		case model.OptionalStops:
			for _, a := range b.All(q.Rsc, "stop", q.Node) {
				a.Set(Optional)
			}
		}
	}
}

func (b *Book) replayed(q *model.Request, name string) *Action {
	op := Op{name, q.Interval}
	a := b.existing(q.Rsc, op, q.Node)
	if a == nil {
		a = b.make(Ask{Rsc: q.Rsc, Op: op, Node: q.Node, Optional: !q.Required})
	}
	return b.update(a, !q.Required, &q.Verdict)
}
