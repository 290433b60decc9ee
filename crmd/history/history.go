// Package history is one node's record of what its executor did, in the form in which the CIB's status
// section shows it.
package history

import (
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/lrm"
)

// Resource names a resource and its agent.
type Resource struct {
	ID, Class, Provider, Type string
	// Container is the resource that contains it (bundles), "" for none.
	Container string
}

// Parameters says which parameters of an agent matter for what, from its metadata.
type Parameters struct {
	// Restart are those whose change needs a restart, when the agent can reload at all (Reloads).
	Reloads bool
	Restart []string
	// Private are those that are not shown.
	Private []string
}

// Result is what an operation came to, and what it was run with.
type Result struct {
	Resource Resource
	Op       lrm.Op // without ID, digests and Node
	// Params are the parameters of the action, CRM_meta_* included.
	Params map[string]string
	Agent  Parameters
	// Lock is the time to remember for a shutdown lock, "" for none.
	Lock string
}

type entry struct {
	Resource
	lock        string
	lastFailure *lrm.Op
	last        *lrm.Op   // last operation that does not recur
	recurring   []*lrm.Op // by record id
	migrations  []*lrm.Op // migrate_to and migrate_from
	started     map[string]string
}

// History is the record. One goroutine owns it.
type History struct {
	node      string
	resources map[string]*entry
}

// New makes an empty record for a node.
func New(node string) *History { return &History{node: node, resources: make(map[string]*entry)} }

func (h *History) entry(r Resource) *entry {
	e := h.resources[r.ID]
	if e == nil {
		e = &entry{}
		h.resources[r.ID] = e
	}
	e.Resource = r
	return e
}

// Unrecorded are the tasks that leave no history.
func Unrecorded(task string) bool {
	return slices.Contains([]string{"notify", "cancel", "delete", "meta-data"}, task)
}

// Begin records that an operation is about to run. It returns false when the operation is never recorded as
// pending.
func (h *History) Begin(r Result) bool {
	if Unrecorded(r.Op.Task) {
		return false
	}
	op := r.Op
	op.Status, op.RC, op.CallID, op.ExecMs, op.ExitReason = lrm.Pending, lrm.RCUnknown, -1, 0, ""
	h.put(h.entry(r.Resource), r, op)
	return true
}

// Record stores a result.
func (h *History) Record(r Result) {
	if Unrecorded(r.Op.Task) || r.Op.Status == lrm.Cancelled {
		return
	}
	op := r.Op
	switch {
	case op.Status == lrm.Error && (op.RC == lrm.RCNotRunning || op.RC == lrm.RCPromoted || op.RC == lrm.RCDegraded || op.RC == lrm.RCDegradedPromoted):
		op.Status = lrm.Done // the agent did answer; the answer decides
	}
	if op.Task == "reload" || op.Task == "reload-agent" {
		// A successful reload is shown as a start with the new parameters, so that their digest is compared.
		if op.Status == lrm.Done && op.RC == lrm.RCOK {
			op.Task = "start"
		} else {
			op.Task = "monitor"
		}
	}
	e := h.entry(r.Resource)
	if op.Task == "start" && op.Status == lrm.Done && op.RC == lrm.RCOK {
		e.started = r.Params
	}
	h.lock(e, r, op)
	h.put(e, r, op)
}

// lock keeps the time of a shutdown lock for as long as the resource stays stopped.
func (h *History) lock(e *entry, r Result, op lrm.Op) {
	stopped := op.Task == "stop" && op.Status == lrm.Done && op.RC == lrm.RCOK ||
		op.Task == "monitor" && op.IntervalMs == 0 && op.RC == lrm.RCNotRunning
	switch {
	case r.Lock != "" && stopped:
		e.lock = r.Lock
	case r.Lock != "":
		e.lock = "0"
	case op.IntervalMs == 0:
		e.lock = ""
	}
}

func (h *History) put(e *entry, r Result, op lrm.Op) {
	op.Node = h.node
	h.digests(e, r, &op)
	set := func(id string) *lrm.Op {
		o := op
		o.ID = id
		return &o
	}
	failure := op.Status != lrm.Pending && op.Failed()
	if failure && op.Task != "migrate_to" && op.Task != "migrate_from" {
		f := set(r.Resource.ID + "_last_failure_0")
		if op.IntervalMs == 0 {
			f.HasRestart, f.HasSecure = false, false
		}
		e.lastFailure = f
	}
	switch {
	case op.Task == "migrate_to" || op.Task == "migrate_from":
		o := set(lrm.OpKey(r.Resource.ID, op.Task, 0))
		e.migrations = append(slices.DeleteFunc(e.migrations, func(m *lrm.Op) bool { return m.ID == o.ID }), o)
	case op.IntervalMs > 0:
		if failure {
			break // the failure record alone shows it
		}
		o := set(lrm.OpKey(r.Resource.ID, op.Task, op.IntervalMs))
		e.recurring = append(slices.DeleteFunc(e.recurring, func(m *lrm.Op) bool { return m.ID == o.ID }), o)
	default:
		e.last = set(r.Resource.ID + "_last_0")
		if op.Task != "monitor" {
			e.recurring = nil // they end with whatever changes the resource's state
		}
	}
}

// digests adds the digests of the parameters. A stop is recorded with those of the last start, because it was
// run with them.
func (h *History) digests(e *entry, r Result, op *lrm.Op) {
	params := r.Params
	if op.Task == "stop" && e.started != nil {
		params = e.started
	}
	params = lrm.DigestParams(params, op.IntervalMs)
	op.Digest = lrm.Digest(params)
	if op.Task == "stop" {
		return
	}
	if r.Agent.Reloads && op.IntervalMs == 0 {
		op.HasRestart = true
		op.ForceRestart = nameList(r.Agent.Restart)
		op.RestartDigest = lrm.Digest(only(params, r.Agent.Restart, true))
	}
	if len(r.Agent.Private) > 0 {
		op.HasSecure = true
		op.SecureParams = nameList(r.Agent.Private)
		op.SecureDigest = lrm.Digest(only(params, r.Agent.Private, false))
	}
}

// nameList is the form of op-force-restart: names between double blanks at both ends.
func nameList(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "  " + strings.Join(names, " ") + "  "
}

// only keeps the named parameters, or all others.
func only(params map[string]string, names []string, keep bool) map[string]string {
	out := make(map[string]string)
	for n, v := range params {
		if slices.Contains(names, n) == keep {
			out[n] = v
		}
	}
	return out
}

// EndRecurring forgets a recurring operation that was cancelled, if its record still is of that transition.
// It reports whether there was one.
func (h *History) EndRecurring(rsc, task string, intervalMs int64) bool {
	e := h.resources[rsc]
	if e == nil {
		return false
	}
	id := lrm.OpKey(rsc, task, intervalMs)
	n := len(e.recurring)
	e.recurring = slices.DeleteFunc(e.recurring, func(m *lrm.Op) bool { return m.ID == id })
	return len(e.recurring) < n
}

// ClearFailure forgets the recorded failure of an operation, or of any when task is "".
func (h *History) ClearFailure(rsc, task string, intervalMs int64) bool {
	e := h.resources[rsc]
	if e == nil || e.lastFailure == nil {
		return false
	}
	if task != "" && (e.lastFailure.Task != task || e.lastFailure.IntervalMs != intervalMs) {
		return false
	}
	e.lastFailure = nil
	return true
}

// Delete forgets a resource.
func (h *History) Delete(rsc string) { delete(h.resources, rsc) }

// Known lists the resources with history, sorted.
func (h *History) Known() []string {
	out := make([]string, 0, len(h.resources))
	for id := range h.resources {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// Agent returns the agent of a resource that has history.
func (h *History) Agent(rsc string) (Resource, bool) {
	if e := h.resources[rsc]; e != nil {
		return e.Resource, true
	}
	return Resource{}, false
}

// Element is the lrm_resource of a resource, nil when it has no history.
func (h *History) Element(rsc string) *cibxml.Element {
	e := h.resources[rsc]
	if e == nil {
		return nil
	}
	x := cibxml.New("lrm_resource", "id", e.ID, "type", e.Type, "class", e.Class)
	if e.Provider != "" {
		x.Set("provider", e.Provider)
	}
	if e.Container != "" {
		x.Set("container", e.Container)
	}
	if e.lock != "" {
		x.Set("shutdown-lock", e.lock)
	}
	for _, op := range e.records() {
		x.Append(op.XML())
	}
	return x
}

// records are all records of a resource.
func (e *entry) records() []*lrm.Op {
	all := slices.Concat([]*lrm.Op{e.lastFailure, e.last}, e.migrations, e.recurring)
	return slices.DeleteFunc(all, func(op *lrm.Op) bool { return op == nil })
}

// LastCall is the newest call of a resource, 0 when there is none. It is what tells the order of its records.
func (h *History) LastCall(rsc string) int {
	last := 0
	if e := h.resources[rsc]; e != nil {
		for _, op := range e.records() {
			last = max(last, op.CallID)
		}
	}
	return last
}

// Promoted reports whether a resource is promoted on this node as far as its history tells.
func (h *History) Promoted(rsc string) bool {
	e := h.resources[rsc]
	if e == nil || e.last == nil {
		return false
	}
	if slices.ContainsFunc(e.recurring, func(op *lrm.Op) bool { return op.RC.Effective() == lrm.RCPromoted }) {
		return true
	}
	switch rc := e.last.RC.Effective(); e.last.Task {
	case "promote":
		return !e.last.Failed()
	case "demote":
		return e.last.Failed()
	case "monitor":
		return rc == lrm.RCPromoted || rc == lrm.RCFailedPromoted
	}
	return false
}

// Active reports whether the last thing known of a resource is that it runs here, for the warning when a node
// leaves with resources.
func (h *History) Active(rsc string) bool {
	e := h.resources[rsc]
	if e == nil || e.last == nil {
		return false
	}
	op := e.last
	switch op.Task {
	case "stop", "migrate_to":
		return op.Failed()
	case "monitor":
		rc := op.RC.Effective()
		return rc == lrm.RCOK || rc == lrm.RCPromoted || rc == lrm.RCFailedPromoted
	default:
		return true
	}
}
