package crmd

import (
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/value"
	"github.com/holdfast-ha/holdfast/crmd/detect"
)

// report says how the processes of each resource are watched on this node, and how long it takes at most from a
// hang to the service elsewhere.
func (s *supervision) report(d *Daemon) ([]api.Supervision, error) {
	out := []api.Supervision{}
	settings, limits, doc := d.file.Load().watch.Supervise, s.limits(), d.doc()
	monitored, err := query(d, func() map[string]bool {
		m := make(map[string]bool)
		for _, r := range d.worker.Running() {
			m[r.ID] = d.worker.Monitored(r.ID)
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
		x := api.Supervision{Resource: r.ID, Processes: []api.ProcessVitals{}, OnHang: string(c.OnHang), Monitored: monitored[r.ID]}
		if v := d.observer.Last(); v != nil {
			for _, p := range v.Processes {
				if p.Resource == r.ID {
					x.Processes = append(x.Processes, p)
				}
			}
		}
		noticed, _ := detect.Hung(limits, "T")
		if len(c.Probe) > 0 {
			noticed = max(noticed, time.Duration(limits["probes"])*(c.ProbeInterval+c.ProbeTimeout))
		}
		for _, b := range c.Budget(noticed, timeoutOf(doc, r.ID, "stop"), timeoutOf(doc, r.ID, "start")) {
			x.Budget = append(x.Budget, api.BudgetStage{Name: b.Name, Max: b.Max.Milliseconds()})
		}
		out = append(out, x)
	}
	return out, nil
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
