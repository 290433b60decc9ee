// Package timing finds timeouts that contradict each other.
package timing

import (
	"fmt"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/value"
)

// shutdownEscalation is the cluster option's default in ms.
const shutdownEscalation = 20 * 60000

// Problems compares the timeouts of a configuration with each other and with the token and its grace (ms). conf
// may be nil.
func Problems(conf *cibxml.Element, token, grace int64) []api.TimeoutProblem {
	r := &reader{options: nvpairs(conf.Child("crm_config").Child("cluster_property_set"))}
	if w := r.option("stonith-watchdog-timeout", 0); w > 0 && w < token+grace {
		r.add("stonith-watchdog-timeout", "stonith-watchdog-timeout is %s: a node that is lost after token and stall_grace (%s) may count as dead before its watchdog has fired",
			span(w), span(token+grace))
	}
	escalation := r.option("shutdown-escalation", shutdownEscalation)
	conf.Child("resources").Walk(func(e *cibxml.Element) bool {
		if e.IsTag("primitive") && e.Get("class") != "stonith" {
			r.resource(e, escalation)
		}
		return true
	})
	return r.list
}

type reader struct {
	options map[string]string
	list    []api.TimeoutProblem
}

func (r *reader) add(setting, format string, args ...any) {
	r.list = append(r.list, api.TimeoutProblem{Setting: setting, Text: fmt.Sprintf(format, args...)})
}

func (r *reader) option(name string, fallback int64) int64 { return millis(r.options[name], fallback) }

// resource: a failure must not be forgotten before the next can happen, and a stop that may take longer than a
// shutdown may is cut off.
func (r *reader) resource(e *cibxml.Element, escalation int64) {
	meta := nvpairs(e.Child("meta_attributes"))
	failure := millis(meta["failure-timeout"], 0)
	for op := range e.Child("operations").Tags("op") {
		timeout, interval := millis(op.Get("timeout"), 0), millis(op.Get("interval"), 0)
		switch op.Get("name") {
		case "monitor":
			if failure > 0 && meta["migration-threshold"] != "" && meta["migration-threshold"] != "1" && failure <= interval+timeout {
				r.add("failure-timeout of "+e.ID(), "failure-timeout of %s is %s, but its monitor runs every %s and may take %s: failures are forgotten before migration-threshold is reached",
					e.ID(), span(failure), span(interval), span(timeout))
			}
		case "stop":
			if timeout > escalation {
				r.add("stop of "+e.ID(), "the stop of %s may take %s, but a node that leaves is given %s (shutdown-escalation)", e.ID(), span(timeout), span(escalation))
			}
		}
	}
}

func nvpairs(set *cibxml.Element) map[string]string {
	out := make(map[string]string)
	for nv := range set.Tags("nvpair") {
		out[nv.Get("name")] = nv.Get("value")
	}
	return out
}

func millis(text string, fallback int64) int64 {
	if ms, err := value.Duration(text); err == nil && text != "" {
		return ms
	}
	return fallback
}

func span(ms int64) string {
	if ms%1000 == 0 {
		return fmt.Sprintf("%ds", ms/1000)
	}
	return fmt.Sprintf("%dms", ms)
}
