package create

import (
	"cmp"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/pairs"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// cloneNotices are the notifications around what a clone does. They are nil for clones without.
type cloneNotices struct {
	start, stop, promote, demote *notice
}

// notice is the notification before and after one operation of a clone.
type notice struct {
	op             string
	pre, preDone   *action.Action
	post, postDone *action.Action

	lists map[string][]entry
	env   pairs.Table
	// allowed are the nodes of the clone.
	allowed []*model.Node
}

// entry is an instance with a node, in one of the lists that agents are told.
type entry struct {
	r *model.Resource
	n *model.Node
}

// notifyPseudo makes the pseudo actions by which notifications are ordered around an operation and its
// completion, nil for resources without notifications. There may be no operation.
func (m *Maker) notifyPseudo(r *model.Resource, op, done *action.Action) *notice {
	if !r.Notify {
		return nil
	}
	n := &notice{op: "stop", lists: map[string][]entry{}}
	if op != nil {
		n.op = op.Task
		n.pre = m.notifyPoint(r, op, "pre", "notify", n.op)
		n.preDone = m.notifyPoint(r, op, "confirmed-pre", "notified", n.op)
		n.pre.Set(action.Runnable)
		n.preDone.Set(action.Runnable)
		action.Linked(n.pre, n.preDone, action.Then)
		action.Linked(n.preDone, op, action.Then)
	}
	n.post = m.notifyPoint(r, done, "post", "notify", n.op)
	n.postDone = m.notifyPoint(r, done, "confirmed-post", "notified", n.op)
	for _, a := range []*action.Action{n.post, n.postDone} {
		a.Priority = int(scalar.Inf)
		if done.Is(action.Runnable) {
			a.Set(action.Runnable)
		} else {
			a.Clear(action.Runnable)
		}
	}
	action.Linked(done, n.post, action.FirstNeedsThen)
	action.Linked(n.post, n.postDone, action.FirstNeedsThen)
	if op != nil {
		action.Linked(n.preDone, n.post, action.Then)
	}
	return n
}

func (m *Maker) notifyPoint(r *model.Resource, about *action.Action, kind, task, op string) *action.Action {
	a := m.B.Get(action.Ask{Rsc: r, Op: action.Op{Name: kind + "_notify_" + about.Task}, Task: task,
		Optional: about.Is(action.Optional)})
	a.Set(action.Pseudo)
	a.AddMeta("notify_key_type", kind)
	a.AddMeta("notify_key_operation", about.Task)
	a.AddMeta("notify_type", strings.TrimPrefix(kind, "confirmed-"))
	a.AddMeta("notify_operation", op)
	return a
}

// Notify makes the notifications of a clone, once it is known what it is going to do.
func (m *Maker) Notify(r *model.Resource) {
	c := m.notices[r]
	if c == nil {
		return
	}
	for _, n := range []*notice{c.start, c.stop, c.promote, c.demote} {
		if n == nil {
			continue
		}
		n.allowed = m.allowedNodes(r)
		m.collect(r, n, true)
		m.describe(r, n)
		m.notifyInstances(r, n)
	}
}

func (m *Maker) allowedNodes(r *model.Resource) []*model.Node {
	var out []*model.Node
	for _, n := range m.M.Nodes {
		if m.S.Rsc(r).Allowed.At(n) != nil {
			out = append(out, n)
		}
	}
	return out
}

// collect lists the instances by what they are, and with plans by what they are going to do.
func (m *Maker) collect(r *model.Resource, n *notice, plans bool) {
	if len(r.Children) > 0 {
		for _, c := range m.S.Children(r) {
			m.collect(c, n, plans)
		}
		return
	}
	st := m.S.Rsc(r)
	var node *model.Node
	if len(st.Running) > 0 {
		node = st.Running[0]
	}
	add := func(list string, at *model.Node) { n.lists[list] = append(n.lists[list], entry{r, at}) }
	switch st.Role {
	case model.Stopped:
		add("inactive", node)
	case model.Started:
		add("active", node)
	case model.Unpromoted:
		add("unpromoted", node)
		add("active", node)
	case model.Promoted:
		add("promoted", node)
		add("active", node)
	}
	if !plans {
		return
	}
	for _, a := range m.B.Of(r) {
		if a.Is(action.Optional) || a.Node == nil || !isChange(a.Task) {
			continue
		}
		if a.Is(action.Runnable) || a.Task == "stop" && m.S.Node(a.Node).Unclean {
			add(a.Task, a.Node)
		}
	}
}

func isChange(task string) bool {
	return task == "start" || task == "stop" || task == "promote" || task == "demote"
}

// names writes a list for agents, every instance once; an empty one is a blank.
func names(list []entry) (rscs, nodes string) {
	slices.SortStableFunc(list, func(a, b entry) int {
		if c := strings.Compare(a.r.ID, b.r.ID); c != 0 || a.n == b.n {
			return c
		}
		if a.n == nil || b.n == nil {
			return cmp.Compare(nodeID(a.n), nodeID(b.n))
		}
		return strings.Compare(a.n.ID, b.n.ID)
	})
	var r, n []string
	for i, e := range list {
		if i > 0 && list[i-1].r == e.r {
			continue
		}
		r = append(r, e.r.ID)
		if e.n != nil {
			n = append(n, e.n.Name)
		}
	}
	return words(r), words(n)
}

func nodeID(n *model.Node) string {
	if n == nil {
		return ""
	}
	return n.ID
}

func words(list []string) string {
	if len(list) == 0 {
		return " "
	}
	return strings.Join(list, " ")
}

// describe fills in what agents are told, and requires the notifications of what is going to be done.
func (m *Maker) describe(r *model.Resource, n *notice) {
	for _, kind := range []string{"stop", "start", "demote", "promote", "active", "unpromoted", "promoted"} {
		rscs, nodes := names(n.lists[kind])
		n.env.Add("notify_"+kind+"_resource", rscs)
		n.env.Add("notify_"+kind+"_uname", nodes)
		if old := map[string]string{"unpromoted": "slave", "promoted": "master"}[kind]; old != "" {
			n.env.Add("notify_"+old+"_resource", rscs)
			n.env.Add("notify_"+old+"_uname", nodes)
		}
	}
	inactive, _ := names(n.lists["inactive"])
	n.env.Add("notify_inactive_resource", inactive)
	n.env.Add("notify_available_uname", nodeNames(n.allowed))
	n.env.Add("notify_all_uname", nodeNames(m.M.Nodes))
	if r.Meta.Get("container-attribute-target") == "host" {
		n.env.Add("notify_all_hosts", nodeNames(m.hosts()))
	}
	if len(n.lists[n.op]) == 0 {
		return
	}
	for _, a := range []*action.Action{n.pre, n.preDone, n.post, n.postDone} {
		a.Clear(action.Optional)
	}
}

func nodeNames(nodes []*model.Node) string {
	var list []string
	for _, n := range nodes {
		list = append(list, n.Name)
	}
	return words(list)
}

// hosts are all nodes, with the hosts of guest nodes in place of these.
func (m *Maker) hosts() []*model.Node {
	out := slices.Clone(m.M.Nodes)
	for i, n := range out {
		if n.IsGuest() {
			if host := m.S.Current(n.Connection.Container); host != nil {
				out[i] = host
			}
		}
	}
	return out
}

// notifyInstances makes the notify actions of every instance.
func (m *Maker) notifyInstances(r *model.Resource, n *notice) {
	if len(r.Children) > 0 {
		for _, c := range m.S.Children(r) {
			m.notifyInstances(c, n)
		}
		return
	}
	for _, a := range m.B.Of(r) {
		if !a.Is(action.Optional) && a.Node != nil && isChange(a.Task) {
			addAll(a, n.env)
		}
	}
	if n.op != "stop" && len(n.lists[n.op]) == 0 {
		return
	}
	st := m.S.Rsc(r)
	if n.op == "stop" || n.op == "demote" {
		if st.Role != model.Stopped {
			m.notifyDown(r, n)
		}
	} else if st.NextRole != model.Stopped {
		m.notifyUp(r, n)
	}
}

func addAll(a *action.Action, t pairs.Table) {
	for _, p := range t {
		a.AddMeta(p.Name, p.Value)
	}
}

func (m *Maker) notifyDown(r *model.Resource, n *notice) {
	stop := m.B.NewestTask(r, "stop", nil)
	for _, at := range m.S.Rsc(r).Running {
		if node := m.S.Node(at); stop != nil && stop.Is(action.Pseudo) && (node.Unclean || node.RequiresReset) {
			continue // nobody is there any more to be told
		}
		m.notify(r, at, n.pre, n.preDone, n)
		if n.op == "demote" || stop == nil || stop.Is(action.Optional) {
			m.notifyAfter(r, at, n)
		}
	}
}

func (m *Maker) notifyUp(r *model.Resource, n *notice) {
	start := m.B.NewestTask(r, "start", nil)
	if start != nil && start.Node != nil && start.Node.IsRemoteType() && start.Node.Connection != nil {
		if s := m.B.NewestTask(start.Node.Connection, "start", nil); s != nil && !s.Is(action.Runnable) {
			return // it cannot be reached
		}
	}
	at := m.node(r)
	if at == nil {
		return
	}
	if n.op != "start" || start == nil || start.Is(action.Optional) {
		m.notify(r, at, n.pre, n.preDone, n)
	}
	m.notifyAfter(r, at, n)
}

// notify makes a notify action between two points, nil when there is nobody to notify.
func (m *Maker) notify(r *model.Resource, at *model.Node, point, done *action.Action, n *notice) *action.Action {
	if point == nil || !m.S.Node(at).Online || !point.Is(action.Runnable) {
		return nil
	}
	kind, _ := point.MetaValue("notify_type")
	op, _ := point.MetaValue("notify_operation")
	a := m.B.Get(action.Ask{Rsc: r, Op: action.Op{Name: kind + "_notify_" + op}, Task: point.Task, Node: at,
		Optional: point.Is(action.Optional)})
	addAll(a, point.Meta)
	addAll(a, point.Conf.Meta)
	addAll(a, n.env)
	action.Linked(point, a, action.Then)
	action.Linked(a, done, action.Then)
	return a
}

// notifyAfter makes a notify action for what has been done. Monitors wait until everybody knows, also when
// this instance cannot be told.
func (m *Maker) notifyAfter(r *model.Resource, at *model.Node, n *notice) {
	if a := m.notify(r, at, n.post, n.postDone, n); a != nil {
		a.Priority = int(scalar.Inf)
	}
	if n.postDone == nil {
		return
	}
	list := m.B.Of(r)
	for i := len(list) - 1; i >= 0; i-- {
		mon := list[i]
		if interval, ok := mon.MetaValue("interval"); ok && interval != "0" && mon.Task != "cancel" {
			action.Linked(n.postDone, mon, action.Then)
		}
	}
}

// notifyFenced tells the other instances about one that is stopped by the fencing of its node.
func (m *Maker) notifyFenced(stop *action.Action, r *model.Resource, fence *action.Action) {
	n := m.notifyPseudo(r, nil, fence)
	if n == nil {
		return
	}
	m.collect(r, n, false)
	n.env.Add("notify_stop_resource", r.ID)
	n.env.Add("notify_stop_uname", stop.Node.Name)
	m.notifyInstances(r.Top(), n)
}
