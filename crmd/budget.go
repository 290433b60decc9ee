package crmd

import (
	"fmt"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/value"
	"github.com/holdfast-ha/holdfast/crmd/detect"
	"github.com/holdfast-ha/holdfast/crmd/devices"
	"github.com/holdfast-ha/holdfast/crmd/supervise"
)

// report says how the processes of each resource are watched on this node, and how long it takes at most from a
// hang to the service elsewhere.
func (s *supervision) report(d *Daemon) ([]api.Supervision, error) {
	out := []api.Supervision{}
	settings, limits, doc := d.file.Load().watch.Supervise, s.limits(), d.doc()
	type fact struct{ monitored, promoted bool }
	facts, err := query(d, func() map[string]fact {
		m := make(map[string]fact)
		for _, r := range d.worker.Running() {
			m[r.ID] = fact{d.worker.Monitored(r.ID), d.worker.Promoted(r.ID)}
		}
		return m
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	active := s.active
	s.mu.Unlock()
	for _, r := range active {
		c := settings.Of(r.ID)
		x := api.Supervision{Resource: r.ID, Processes: []api.ProcessVitals{}, OnHang: string(c.OnHang), Monitored: facts[r.ID].monitored}
		if v := d.observer.Last(); v != nil {
			for _, p := range v.Processes {
				if p.Resource == r.ID {
					x.Processes = append(x.Processes, p)
				}
			}
		}
		t := supervise.Timeouts{Demote: timeoutOf(doc, r.ID, "demote"), Stop: timeoutOf(doc, r.ID, "stop"), Start: timeoutOf(doc, r.ID, "start"),
			Promote: timeoutOf(doc, r.ID, "promote"), Promoted: facts[r.ID].promoted, Fencing: fencing(doc)}
		t.Noticed, t.How = noticed(limits, c)
		for _, b := range c.Budget(t) {
			x.Budget = append(x.Budget, api.BudgetStage{Name: b.Name, Max: b.Max.Milliseconds()})
		}
		d, _ := detect.Hung(limits, "D")
		x.Uninterruptible = d.Milliseconds()
		out = append(out, x)
	}
	return out, nil
}

// noticed is the longest that a process stands still, or the resource's own probe fails, before that counts as a
// hang. Samples come once a second.
func noticed(limits map[string]float64, c supervise.Config) (time.Duration, string) {
	longest, how := time.Duration(0), "never"
	for state, word := range map[string]string{"T": "stopped (state T)", "Z": "a zombie (state Z)"} {
		if limit, _ := detect.Hung(limits, state); limit > longest || limit == longest && state == "T" && limit > 0 {
			longest, how = (limit + time.Second - 1).Truncate(time.Second), word+" for "+limit.String()
		}
	}
	if n := limits["probes"]; len(c.Probe) > 0 && n > 0 {
		if limit := time.Duration(n) * (c.ProbeInterval + c.ProbeTimeout); limit > longest {
			longest, how = limit, fmt.Sprintf("its probe fails %.0f times in a row", n)
		}
	}
	return longest, how
}

// fencing reports whether nodes are fenced.
func fencing(doc *cibxml.Element) bool {
	on, err := value.Bool(devices.Option(doc.Child("configuration"), "stonith-enabled"))
	return err != nil || on // as the scheduler takes it
}

// timeoutOf is the configured timeout of an operation, the scheduler's default where there is none.
func timeoutOf(doc *cibxml.Element, rsc, task string) time.Duration {
	timeout := 20 * time.Second
	doc.Child("configuration").Child("resources").Walk(func(e *cibxml.Element) bool {
		if !e.IsTag("primitive") || e.ID() != rsc {
			return true
		}
		for op := range e.Child("operations").Tags("op") {
			if ms, err := value.Duration(op.Get("timeout")); err == nil && op.Get("name") == task && ms > 0 {
				timeout = time.Duration(ms) * time.Millisecond
			}
		}
		return false
	})
	return timeout
}
