package controller

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/attrs"
	"github.com/holdfast-ha/holdfast/crmd/incident"
	"github.com/holdfast-ha/holdfast/crmd/sched/graph"
	"github.com/holdfast-ha/holdfast/crmd/status"
)

// event takes the result of an operation, whoever asked for it.
func (m *Machine) event(now time.Time, node string, ev api.OpEvent) {
	f := m.flights[ev.Key]
	key, err := lrm.ParseKey(ev.Key)
	target := key.TargetRC
	ok := ev.Cancelled || !lrm.Failed(ev.Op.Status, ev.Op.RC, target)
	if f != nil {
		delete(m.flights, ev.Key)
		if ev.Cancelled && f.task != graph.TaskCancel {
			ok = false // taken back before it had a result: what comes after it must not go on
		}
		if f.task == graph.TaskNotify || ev.Op.Task == "delete" {
			ok = true // their failure changes nothing
		}
	}
	m.noteEvent(node, ev, ok)
	if failed := !ok && ev.Recorded && !isProbe(ev.Op) && !ev.Cancelled; failed || ok && f != nil {
		m.happened(incident.Ended{Key: ev.Key, Op: ev.Op.Key, Task: ev.Op.Task, Resource: ev.Rsc, Node: node, OK: !failed,
			NoAnswer: ev.Op.Status == lrm.Timeout, Text: resultText(ev), Hang: ev.Hang})
	}
	if !ok && ev.Recorded {
		m.want("Event failed: " + ev.Op.Key)
		ignored := f != nil && f.ignoreFailure || m.ignore[node+" "+ev.Op.Key]
		m.countFailure(now, node, ev.Op, ignored, ev.Fatal)
	}
	switch {
	case f != nil && f.action != 0 && f.number == m.plan.number:
		if ev.Cancelled && !ok {
			m.want("Cancelled: " + ev.Op.Key)
		}
		m.done(now, f.action, ok)
	case f != nil && !ev.Cancelled:
		m.want("Old event: " + ev.Op.Key)
	case ev.Cancelled || !ev.Recorded:
		// the end of something that nobody waits for any more
	case err == nil && key.Transition < 0:
		m.want("Unexpected event: " + ev.Op.Key)
	case err == nil && key.UUID != m.cfg.UUID:
		m.want("Foreign event: " + ev.Op.Key)
	case ev.Op.IntervalMs > 0:
		m.want("Change in recurring result: " + ev.Op.Key)
	default:
		m.want("Inactive graph: " + ev.Op.Key)
	}
}

func (m *Machine) noteEvent(node string, ev api.OpEvent, ok bool) {
	if ev.Cancelled || !ev.Recorded {
		return
	}
	text := fmt.Sprintf("%s on %s: %s", ev.Op.Key, node, resultText(ev))
	if ok || isProbe(ev.Op) {
		m.note("op-done", ev.Rsc, text)
		return
	}
	if ev.Output != "" {
		text += ", output: " + ev.Output
	}
	m.warn("op-failed", ev.Rsc, text)
}

// resultText is a result in words.
func resultText(ev api.OpEvent) string {
	text := ev.Op.RC.String()
	if ev.Op.Status != lrm.Done {
		text = ev.Op.Status.String()
	}
	if ev.Op.ExitReason != "" {
		text += " (" + ev.Op.ExitReason + ")"
	}
	return text + fmt.Sprintf(", %d ms", ev.Op.ExecMs)
}

// isProbe: a probe that finds a resource active does not "fail" for a person.
func isProbe(op lrm.Op) bool { return op.Task == "monitor" && op.IntervalMs == 0 }

var instance = regexp.MustCompile(`:[0-9]+$`)

// failName is the attribute of a failure: PREFIX-RSC#TASK_INTERVAL.
func (m *Machine) failName(prefix string, op lrm.Op) string {
	rsc, _, _, err := lrm.ParseOpKey(op.Key)
	if err != nil {
		rsc = op.Key
	}
	if !m.globallyUnique(rsc) {
		rsc = instance.ReplaceAllString(rsc, "")
	}
	return fmt.Sprintf("%s-%s#%s_%d", prefix, rsc, op.Task, op.IntervalMs)
}

// globallyUnique: only instances of a unique clone keep their number in failure names; the history names
// instances of anonymous clones without one, so a number in a name is a unique clone's.
func (m *Machine) globallyUnique(rsc string) bool { return instance.MatchString(rsc) }

// countFailure raises the fail count that a failed operation has, and remembers the time. A fatal failure makes the
// resource leave the node.
func (m *Machine) countFailure(now time.Time, node string, op lrm.Op, ignored, fatal bool) {
	count := "value++"
	forced := op.Transition.Transition < 0
	switch {
	case op.Task == "start" && m.optionBool("start-failure-is-fatal", true), op.Task == "stop", fatal:
		count = "INFINITY"
	case op.Task == "start":
	case op.IntervalMs > 0, op.Task == "promote", op.Task == "demote", forced:
	default:
		return // a probe, migration or reload: the result itself is enough for the scheduler
	}
	update := func(name, value string) {
		m.setAttr(now, api.AttrUpdate{Op: "update", Name: name, Node: node, Value: value, Dampen: -1})
	}
	if !ignored {
		update(m.failName("fail-count", op), count)
	}
	update(m.failName("last-failure", op), strconv.FormatInt(now.Unix(), 10))
}

// setAttr changes an attribute for the cluster itself.
func (m *Machine) setAttr(now time.Time, u api.AttrUpdate) {
	out, err := m.attrs.Update(now, u, m.memberNames())
	if err != nil {
		m.warn("attribute", u.Name, err.Error())
		return
	}
	m.attrOutputs(out)
}

// attrRequest is a client's change of an attribute.
func (m *Machine) attrRequest(now time.Time, in AttrRequest) {
	names := make([]string, len(m.view.Members))
	for i, x := range m.view.Members {
		names[i] = x.Name
	}
	out, err := m.attrs.Update(now, in.Update, names)
	m.attrOutputs(out)
	m.emit(Answer{Ticket: in.Ticket, Err: err})
}

// attrOutputs shares attribute changes, and as the writer puts them into the status.
func (m *Machine) attrOutputs(out []attrs.Output) {
	for _, o := range out {
		switch o := o.(type) {
		case attrs.Broadcast:
			m.emit(Share{o.Entries})
		case attrs.Write:
			for _, e := range o.Values {
				m.writeAttr(e)
			}
		}
	}
}

func (m *Machine) writeAttr(e attrs.Entry) {
	node := m.statusNode(e.Node)
	old := m.status
	if e.Deleted {
		m.status = status.UnsetAttr(m.status, node, e.Name)
	} else if status.Find(m.status, node) != nil {
		m.status = status.SetAttr(m.status, node, e.Set, e.Name, e.Value)
	}
	if m.status != old {
		m.want("Transient attribute change: " + e.Name)
	}
}

// Attrs answers queries.
func (m *Machine) Attrs(name, node string) ([]api.AttrValue, bool) { return m.attrs.Query(name, node) }

// AllAttrs are the entries that a joining node needs.
func (m *Machine) AllAttrs() []attrs.Entry { return m.attrs.All() }

// startClearFailCount forgets the failures of an operation on a node.
func (m *Machine) startClearFailCount(now time.Time, a *graph.Action) {
	rsc, task, interval := a.Resource.ID, a.Meta("operation"), a.Meta("interval")
	ms, _ := strconv.ParseInt(interval, 10, 64)
	m.clearFailures(now, rsc, a.Node, task, ms)
	m.send(a.Node, api.Order{Kind: api.OrderClearFail, Key: m.transitionKey(a).String(), Rsc: rsc, Task: task, Interval: ms})
	m.done(now, a.ID, true)
}

// clearFailures deletes fail counts: of one operation, of a resource when task is "", of all when rsc is "".
func (m *Machine) clearFailures(now time.Time, rsc, node, task string, interval int64) {
	pattern := "^(fail-count|last-failure)-"
	if rsc != "" {
		pattern += regexp.QuoteMeta(rsc)
		if task != "" {
			pattern += fmt.Sprintf("(#%s_%d)?$", regexp.QuoteMeta(task), interval)
		} else {
			pattern += "(#.+_[0-9]+)?$"
		}
	}
	nodes := []string{node}
	if node == "" {
		nodes = m.statusNodeNames()
	}
	for _, n := range nodes {
		m.setAttr(now, api.AttrUpdate{Op: "delete", Pattern: pattern, Node: n})
	}
}

func (m *Machine) statusNodeNames() []string {
	var out []string
	for n := range m.status.Tags("node_state") {
		out = append(out, n.Get("uname"))
	}
	return out
}

// cleanup deletes the history of resources, so that they are probed again: with Refresh whatever it says,
// else only where it holds a failure.
func (m *Machine) cleanup(now time.Time, in Cleanup) {
	if !m.role.leads {
		m.emit(Answer{Ticket: in.Ticket, Err: errNotDC})
		return
	}
	r := in.Request
	m.clearFailures(now, r.Resource, r.Node, r.Operation, r.Interval)
	var cleaned []string
	for ns := range m.status.Tags("node_state") {
		node := ns.Get("uname")
		if r.Node != "" && !strings.EqualFold(r.Node, node) {
			continue
		}
		for x := range ns.Child("lrm").Child("lrm_resources").Tags("lrm_resource") {
			if r.Resource != "" && !sameResource(x.ID(), r.Resource) {
				continue
			}
			if !r.Refresh && !hasFailure(x.Tags("lrm_rsc_op"), r) {
				continue
			}
			m.status = status.SetResource(m.status, m.statusNode(node), x.ID(), nil)
			m.send(node, api.Order{Kind: api.OrderDelete, Rsc: x.ID()})
			cleaned = append(cleaned, x.ID()+" on "+node)
		}
	}
	if cleaned != nil {
		m.want("Resource state removal")
	}
	m.emit(Answer{Ticket: in.Ticket, Value: api.CleanupReply{Cleaned: cleaned}})
}

// sameResource: the name of a clone's primitive stands for all its instances.
func sameResource(history, asked string) bool {
	return history == asked || instance.ReplaceAllString(history, "") == asked
}

func hasFailure(ops func(func(*cibxml.Element) bool), r api.CleanupRequest) bool {
	for e := range ops {
		op := lrm.ParseOp(e)
		if !op.Failed() || isProbe(op) && op.RC.Effective() == lrm.RCOK {
			continue
		}
		if r.Operation == "" || op.Task == r.Operation && op.IntervalMs == r.Interval {
			return true
		}
	}
	return false
}
