package compile

import (
	"io"
	"slices"
	"strconv"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/graph"
	"github.com/holdfast-ha/holdfast/crmd/sched/isotime"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// Graph is the transition as it is executed. id numbers the runs of a scheduler.
func (t *Transition) Graph(id int) *graph.Graph {
	g := t.head(id)
	g.Synapses = make([]*graph.Synapse, 0, len(t.Steps))
	b := t.builder()
	b.actions = make([]*graph.Action, len(t.B.Actions)+1)
	for i, a := range t.Steps {
		s := b.synapse(i, a)
		s.Action.Attrs = slices.Clone(s.Action.Attrs)
		g.Synapses = append(g.Synapses, s)
	}
	return g
}

// WriteXML writes what Graph makes, without having all of it in memory.
func (t *Transition) WriteXML(w io.Writer, id int) error {
	b := t.builder()
	return t.head(id).WriteEach(w, func(yield func(*graph.Synapse) bool) {
		for i, a := range t.Steps {
			if !yield(b.synapse(i, a)) {
				return
			}
			b.used = 0
		}
	})
}

// head is the graph without its synapses.
func (t *Transition) head(id int) *graph.Graph {
	o := &t.M.Options
	g := &graph.Graph{TransitionID: id, ClusterDelay: o.ClusterDelay, StonithTimeout: o.FenceTimeout, BatchLimit: o.BatchLimit,
		BatchLimitN: int(scalar.IntOr(o.BatchLimit, 0)), MigrationLimit: int(scalar.IntOr(o.MigrationLimit, -1)),
		FailedStopOffset: "INFINITY", FailedStartOffset: "1", RecheckBy: t.B.Conf.World.Recheck}
	g.ClusterDelayMs, _ = isotime.ParseInterval(o.ClusterDelay)
	g.StonithTimeoutMs, _ = isotime.ParseInterval(o.FenceTimeout)
	if o.StartFatal {
		g.FailedStartOffset = "INFINITY"
	}
	return g
}

// priority is the greater of the resource's and the action's own.
func (t *Transition) priority(a *action.Action) int {
	p := a.Priority
	if a.Rsc != nil {
		p = max(p, t.S.Rsc(a.Rsc).Priority)
	}
	return max(p, 0)
}

// builder makes the actions of a graph.
type builder struct {
	t *Transition
	// actions are those that were made, by their ids, so that each is made once; nil where none is kept.
	actions []*graph.Action
	// spare are used again for each synapse when none is kept; used of them are in use.
	spare []*graph.Action
	used  int
	rscs  []*graph.Primitive
	attrs *collector
}

func (t *Transition) builder() *builder {
	return &builder{t: t, rscs: make([]*graph.Primitive, len(t.M.All)),
		attrs: &collector{seen: map[string]bool{}, metaNames: map[string]string{}}}
}

// synapse is a step with what it waits for. The attributes are valid until the next one.
func (b *builder) synapse(id int, a *action.Action) *graph.Synapse {
	s := &graph.Synapse{ID: id, Priority: b.t.priority(a), Action: b.action(a)}
	s.Action.Attrs, s.Action.Params = detail{b.t, a}.attrs(b.attrs)
	n := 0
	for k := range a.Before {
		if a.Before[k].Kept {
			n++
		}
	}
	s.Inputs = make([]*graph.Action, 0, n)
	for k := range a.Before {
		if l := &a.Before[k]; l.Kept {
			s.Inputs = append(s.Inputs, b.action(l.Action))
		}
	}
	return s
}

// nodeMatters reports whether an action names its node: all but the pseudo actions that only join others.
func nodeMatters(a *action.Action) bool { return !a.Is(action.Pseudo) || a.Task == "stonith" }

func (b *builder) action(a *action.Action) *graph.Action {
	g, made := b.place(a)
	if made {
		return g
	}
	*g = graph.Action{ID: a.ID, Task: a.Task, Kind: kind(a), Key: a.Key()}
	if r := a.Rsc; r != nil && r.HistoryName != "" {
		g.InternalKey = g.Key
		g.Key = historyKey(a)
	}
	if nodeMatters(a) && a.Node != nil {
		g.Node, g.NodeUUID = a.Node.Name, a.Node.ID
		if router := b.t.router(a); router != nil {
			g.Router = router.Name
		}
		g.Downed = b.t.downed(a)
	}
	if a.Rsc != nil && !a.Is(action.Pseudo) {
		if b.t.locks(a) {
			g.ShutdownLock = strconv.FormatInt(b.t.S.Rsc(a.Rsc).LockTime, 10)
		}
		g.Resource = b.primitive(a.Rsc)
	}
	if a.Task == "maintenance_nodes" {
		for _, n := range b.t.maintenanceNodes() {
			v := "0"
			if b.t.S.Node(n).Maintenance {
				v = "1"
			}
			g.Maintenance = append(g.Maintenance, cibxml.Attr{Name: n.ID, Value: v})
		}
	}
	return g
}

// place is where an action goes; made tells that it is there.
func (b *builder) place(a *action.Action) (g *graph.Action, made bool) {
	if b.actions != nil {
		if g = b.actions[a.ID]; g != nil {
			return g, true
		}
		g = &graph.Action{}
		b.actions[a.ID] = g
		return g, false
	}
	if b.used == len(b.spare) {
		b.spare = append(b.spare, &graph.Action{})
	}
	b.used++
	return b.spare[b.used-1], false
}

func kind(a *action.Action) graph.Kind {
	switch {
	case a.Task == "stonith" && a.Is(action.Pseudo):
		return graph.Pseudo
	case a.Task == "stonith", a.Task == "do_shutdown", a.Task == "clear_failcount", a.Task == "lrm_delete":
		return graph.Cluster
	case a.Is(action.Pseudo):
		return graph.Pseudo
	}
	return graph.Resource
}

// historyKey names an action by the name under which history knows its resource.
func historyKey(a *action.Action) string {
	name := a.Task
	switch a.Task {
	case "notify":
		kind, _ := a.MetaValue("notify_type")
		op, _ := a.MetaValue("notify_operation")
		return action.OpKey(a.Rsc.HistoryName, kind+"_notify_"+op, 0)
	case "cancel":
		name = a.Name
	}
	interval, _ := a.MetaValue("interval")
	return action.OpKey(a.Rsc.HistoryName, name, scalar.Millis(interval))
}

// primitive is the resource that an action names to the executor.
func (b *builder) primitive(r *model.Resource) *graph.Primitive {
	if p := b.rscs[r.Index]; p != nil {
		return p
	}
	p := &graph.Primitive{Tag: r.XML.Name, ID: r.ID, Class: r.Meta.Get("class"), Provider: r.Meta.Get("provider"),
		Type: r.Meta.Get("type")}
	switch h := r.HistoryName; {
	case r.Orphan && h != "":
		p.ID, p.LongID = h, r.ID // the very instance that is meant
	case !r.Unique && h != "" && h != r.XMLID:
		p.ID, p.LongID = r.XMLID, h
	case !r.Unique:
		p.ID, p.LongID = r.XMLID, r.ID
	}
	b.rscs[r.Index] = p
	return p
}

// locks reports whether an action takes place where a shutdown lock keeps its resource.
func (t *Transition) locks(a *action.Action) bool {
	lock := t.S.Rsc(a.Rsc).Lock
	return lock != nil && a.Node == lock && (!t.S.Node(lock).Shutdown || a.Task == "stop")
}

// router is the cluster node through which an action on a remote or guest node is sent, nil for others.
func (t *Transition) router(a *action.Action) *model.Node {
	if a.Task == "stonith" || !a.Node.IsRemoteType() || a.Node.Connection == nil {
		return nil
	}
	conn := a.Node.Connection
	began, ended := t.S.Current(conn), t.solver.A.Node(conn)
	switch {
	case began == nil:
		return ended
	case ended == nil || began == ended:
		return began
	}
	task := a.Task
	if task == "notify" {
		task, _ = a.MetaValue("notify_operation")
	}
	switch task {
	case "cancel", "stop", "demote", "migrate_from", "migrate_to":
		// done before the connection moves, unless it is moving already
		if conn.Container != nil || t.S.Rsc(conn).PartialTarget == nil {
			return began
		}
	}
	return ended
}

// downed are the nodes that an action takes down.
func (t *Transition) downed(a *action.Action) []string {
	switch {
	case a.Task == "do_shutdown":
		return []string{a.Node.ID}
	case a.Task == "stonith":
		switch op, _ := a.MetaValue("stonith_action"); op {
		case "off", "reboot", "poweroff":
		default:
			return nil
		}
		out := []string{a.Node.ID}
		for _, r := range t.S.Node(a.Node).Running {
			if r.Connection && r.Container != nil {
				if guest := t.M.NodeNamed(r.ID); guest != nil {
					out = append(out, guest.ID)
				}
			}
		}
		return out
	case a.Rsc != nil && a.Rsc.Connection && a.Task == "stop":
		for i := range a.Before {
			if in := a.Before[i].Action; in.Rsc != nil && in.Rsc.ID == a.Rsc.ID && in.Task == "migrate_from" {
				return nil
			}
		}
		return []string{a.Rsc.ID}
	}
	return nil
}
