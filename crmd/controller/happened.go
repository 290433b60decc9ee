package controller

import (
	"slices"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/incident"
	"github.com/holdfast-ha/holdfast/crmd/status"
)

// happened tells the incident's machine of an event.
func (m *Machine) happened(ev incident.Event) { m.emit(Happened{ev}) }

// activeOn lists the resources that were active on a node as far as its history tells.
func (m *Machine) activeOn(node string) []string {
	var out []string
	for x := range status.Find(m.status, m.statusNode(node)).Child("lrm").Child("lrm_resources").Tags("lrm_resource") {
		if x.Get("class") == "stonith" {
			continue
		}
		var last lrm.Op
		for e := range x.Tags("lrm_rsc_op") {
			if op := lrm.ParseOp(e); op.IntervalMs == 0 && op.CallID >= last.CallID && op.Task != "notify" {
				last = op
			}
		}
		active := last.Task != "" && last.Task != "stop" && last.Task != "migrate_to"
		if last.Task == "monitor" {
			rc := last.RC.Effective()
			active = rc == lrm.RCOK || rc == lrm.RCPromoted || rc == lrm.RCFailedPromoted
		}
		if name := instance.ReplaceAllString(x.ID(), ""); active && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// sameLife reports whether a member is one that was lost and has not restarted its stack since.
func sameLife(old api.View, x api.Member) bool {
	return slices.ContainsFunc(old.Departed, func(d api.Departed) bool { return d.ID == x.ID && d.Incarnation == x.Incarnation })
}
