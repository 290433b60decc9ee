package simulate

import (
	"fmt"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// injections are the changes that are made to a cluster before the scheduler looks at it.
type injections struct {
	quorum, watchdog             string
	up, down, fail               []string
	grant, revoke, standby, wake []string
	ops, opFails                 []string
}

// any reports whether there is something to change. A change of quorum alone does not count.
func (j *injections) any() bool {
	n := len(j.up) + len(j.down) + len(j.fail) + len(j.grant) + len(j.revoke) + len(j.standby) + len(j.wake) + len(j.ops)
	return n > 0 || j.watchdog != ""
}

// apply makes the changes. Errors are about single injections; the others are made.
func (j *injections) apply(f *fake, out reporter, m *model.Model, now int64) []string {
	var errs []string
	if j.quorum != "" {
		out.quorum(j.quorum)
		f.doc.Set("have-quorum", j.quorum)
	}
	if j.watchdog != "" {
		out.watchdog(j.watchdog)
		f.property("have-watchdog", j.watchdog)
	}
	for _, n := range j.up {
		out.node("Online", n)
		f.join(n, true)
	}
	for _, n := range j.down {
		out.node("Offline", n)
		f.join(n, false)
		f.forget(n)
	}
	for _, n := range j.fail {
		out.node("Failing", n)
		f.join(n, true).Set("in_ccm", "false")
	}
	for _, t := range j.grant {
		out.ticket("Granting", t)
		f.ticket(t, "granted", "true")
	}
	for _, t := range j.revoke {
		out.ticket("Revoking", t)
		f.ticket(t, "granted", "false")
	}
	for _, t := range j.standby {
		out.ticket("Standby", t)
		f.ticket(t, "standby", "true")
	}
	for _, t := range j.wake {
		out.ticket("Activating", t)
		f.ticket(t, "standby", "false")
	}
	for _, spec := range j.ops {
		out.spec(spec)
		if err := injectOp(f, out, m, spec, now); err != nil {
			errs = append(errs, err.Error())
		}
	}
	return errs
}

// injectOp records an operation that did not happen, given as RSC_TASK_INTERVAL@NODE=RC.
func injectOp(f *fake, out reporter, m *model.Model, spec string, now int64) error {
	key, node, rc, found := splitSpec(spec)
	rsc, task, interval, err := lrm.ParseOpKey(key)
	if found < 3 || err != nil {
		return fmt.Errorf("Invalid operation spec: %s.  Only found %d fields", spec, found)
	}
	x := m.Resource(rsc)
	if x == nil {
		return fmt.Errorf("Invalid resource name: %s", rsc)
	}
	s := f.node(node, "")
	r := &result{task: task, intervalMs: interval, rc: rc, now: now, reason: "Simulated action result"}
	fail(out, s, rsc, r)
	h := s.history(rsc, rsc, agent{x.Meta.Get("class"), x.Meta.Get("provider"), x.Meta.Get("type")})
	r.anew = s.ambiguous[h.ID()]
	r.record(h, rsc)
	return nil
}

// splitSpec takes a specification apart, and counts the parts that it found.
func splitSpec(spec string) (key, node string, rc, found int) {
	key, rest, _ := strings.Cut(spec, "@")
	if key == "" {
		return "", "", 0, 0
	}
	node, text, _ := strings.Cut(rest, "=")
	if node == "" {
		return key, "", 0, 1
	}
	n, ok := scalar.ParseInt(text)
	if !ok {
		return key, node, 0, 2
	}
	return key, node, int(n), 3
}
