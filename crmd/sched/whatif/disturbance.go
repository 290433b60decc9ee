package whatif

import "github.com/holdfast-ha/holdfast/crmd/sched/compile"

func disturbance(c compile.Change) Disturbance {
	d := Disturbance{Resource: c.Resource.Name(), Verb: c.Verb, Reason: c.Reason}
	if c.From != nil {
		d.From = c.From.Name
	}
	if c.To != nil {
		d.To = c.To.Name
	}
	return d
}
