package simulate

import (
	"cmp"
	"strconv"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/compile"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// result is what an operation came to.
type result struct {
	task       string
	intervalMs int64
	rc, target int
	reason     string
	now        int64 // seconds since the epoch
	// anew numbers the operation as if it were the first.
	anew bool
	// params are what the operation was run with, nil when that is not recorded.
	params map[string]string
}

func increment(value string) string {
	if value == "" {
		return "1"
	}
	return scalar.Add(scalar.Health{}.ParseScore(value), 1).String()
}

// record writes a result into the history of a resource, which operations know as rsc, as the controller does.
func (r *result) record(history *cibxml.Element, rsc string) {
	call := 0
	for o := range history.Tags("lrm_rsc_op") {
		if r.anew {
			break
		}
		call = max(call, int(scalar.IntOr(o.Get("call-id"), 0)))
	}
	call++
	task, rc, reason := r.task, r.rc, ""
	if task == "reload" || task == "reload-agent" {
		task = "start" // that is what a reload amounts to
		if rc != r.target {
			task = "monitor"
		}
	}
	key := action.OpKey(rsc, task, r.intervalMs)
	var ids []string
	switch {
	case task == "notify":
		ids = []string{action.OpKey(rsc, r.params["CRM_meta_notify_type"]+"_notify_"+r.params["CRM_meta_notify_operation"], 0)}
		rc = 0
	case task == "migrate_to" || task == "migrate_from":
		ids = []string{key}
	case rc != r.target:
		ids = []string{rsc + "_last_failure_0"}
		if r.intervalMs == 0 {
			ids = append(ids, rsc+"_last_0")
		}
		reason = r.reason
	case r.intervalMs > 0:
		ids = []string{key}
	default:
		ids = []string{rsc + "_last_0"}
	}
	tk := lrm.Key{Action: call, Transition: -1, TargetRC: lrm.RC(r.target), UUID: lrm.NoUUID}
	for _, id := range ids {
		e := history.Find("lrm_rsc_op", id)
		if e == nil {
			e = cibxml.New("lrm_rsc_op")
			history.Append(e)
		}
		r.fill(e, [][2]string{{"id", id}, {"operation_key", key}, {"operation", task}, {"crm-debug-origin", origin},
			{"crm_feature_set", compile.FeatureSet}, {"transition-key", tk.String()},
			{"transition-magic", lrm.Magic(lrm.Done, lrm.RC(rc), tk)}, {"exit-reason", reason}, {"call-id", strconv.Itoa(call)},
			{"rc-code", strconv.Itoa(rc)}, {"op-status", "0"}, {"interval", strconv.FormatInt(r.intervalMs, 10)},
			{"last-rc-change", strconv.FormatInt(r.now, 10)}, {"exec-time", "0"}, {"queue-time", "0"}})
	}
}

func (r *result) fill(e *cibxml.Element, values [][2]string) {
	for _, v := range values {
		e.Set(v[0], v[1])
	}
	if r.task == "migrate_to" || r.task == "migrate_from" {
		e.Set("migrate_source", r.params["CRM_meta_migrate_source"])
		e.Set("migrate_target", r.params["CRM_meta_migrate_target"])
	}
	if r.params != nil {
		e.Set("op-digest", lrm.Digest(lrm.DigestParams(r.params, r.intervalMs)))
	}
}

// fail counts a failure of an operation against its node and tells about it. Probes that found nothing do not
// count.
func fail(out reporter, s *state, rsc string, r *result) {
	if r.rc == 0 || r.rc == int(lrm.RCNotRunning) && r.intervalMs == 0 {
		return
	}
	suffix := rsc + "#" + r.task + "_" + strconv.FormatInt(r.intervalMs, 10)
	for _, v := range [][2]string{{"fail-count-" + suffix, "value++"}, {"last-failure-" + suffix, strconv.FormatInt(r.now, 10)}} {
		out.attribute(v[0], v[1], "/node_state", cmp.Or(s.xml.ID(), "(null)"))
		s.setAttribute(v[0], v[1])
	}
}
