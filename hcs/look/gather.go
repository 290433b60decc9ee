// Package look holds the commands that show how a cluster is and why.
package look

import (
	"context"
	"net/http"
	"slices"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/hcs/checkup"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/state"
)

// Overview is what status prints with --json.
type Overview struct {
	Cluster  *state.Cluster      `json:"cluster,omitempty"`
	CRM      *api.CRMStatus      `json:"crm,omitempty"`
	Corosync *api.CorosyncStatus `json:"corosync,omitempty"`
	Links    []api.LinkStatus    `json:"links"`
	Alarms   []api.Alarm         `json:"alarms"`
	Problems []checkup.Problem   `json:"problems"`
}

// gather asks the daemons. A daemon that does not answer leaves its part out; that none does is an error.
func gather(ctx context.Context, s *session.Session) (*Overview, error) {
	o := &Overview{Links: []api.LinkStatus{}, Alarms: []api.Alarm{}}
	if s.CIBFile == "" {
		corosync := s.Corosync()
		defer corosync.Close()
		var cs api.CorosyncStatus
		if err := corosync.Call(ctx, http.MethodGet, api.PathCorosyncStatus, nil, &cs); err == nil {
			o.Corosync = &cs
			_ = corosync.Call(ctx, http.MethodGet, api.PathLinks, nil, &o.Links) // shown when it is there
		}
		crm := s.CRM()
		defer crm.Close()
		var st api.CRMStatus
		if err := crm.Call(ctx, http.MethodGet, api.PathCRMStatus, nil, &st); err == nil {
			o.CRM = &st
			var as api.AlarmStatus
			_ = crm.Call(ctx, http.MethodGet, api.PathAlarms, nil, &as) // shown when it is there
			o.Alarms = append(o.Alarms, flat(&as)...)
			o.Alarms = slices.DeleteFunc(o.Alarms, func(a api.Alarm) bool { return a.Cleared != 0 })
		} else if o.Corosync == nil {
			return nil, session.Fail(session.Code(err), "the cluster does not run on this node: %v\nStart it with: hcs cluster start", err)
		}
	}
	doc, err := s.Document(ctx)
	switch {
	case err == nil:
		o.Cluster = state.Read(doc, s.Now())
	case s.CIBFile != "":
		return nil, err
	}
	o.fill()
	facts := checkup.Facts{Cluster: o.Cluster, CRM: o.CRM, Corosync: o.Corosync, Links: o.Links, Alarms: o.Alarms}
	if s.CIBFile == "" {
		askFencer(ctx, s, &facts)
	}
	o.Problems = checkup.Find(facts)
	if s.CIBFile == "" && o.CRM == nil {
		o.Problems = append([]checkup.Problem{{Severity: checkup.Bad, Text: "crmd does not run on this node: nothing is known of its resources",
			Advice: "hcs cluster start, or see the log of crmd"}}, o.Problems...)
	}
	return o, nil
}

// askFencer adds what fenced knows, as far as it answers.
func askFencer(ctx context.Context, s *session.Session, facts *checkup.Facts) {
	fencer := s.Fencer()
	defer fencer.Close()
	var health api.FenceHealth
	if fencer.Call(ctx, http.MethodGet, api.PathFenceHealth, nil, &health) == nil {
		facts.Fencing = &health
	}
	var b api.FenceBudget
	if fencer.Call(ctx, http.MethodGet, api.PathFenceBudget, nil, &b) == nil {
		facts.Budget = &b
	}
}

// fill takes from the daemons what the CIB does not say yet.
func (o *Overview) fill() {
	if o.Cluster == nil {
		return
	}
	if o.Corosync != nil {
		o.Cluster.Quorate = o.Corosync.View.Quorum.Quorate
		if o.Cluster.Name == "" {
			o.Cluster.Name = o.Corosync.Cluster
		}
	}
	if o.CRM != nil && o.CRM.DC != "" {
		o.Cluster.DC = o.CRM.DC
	}
}
