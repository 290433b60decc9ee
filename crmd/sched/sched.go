// Package sched decides what a cluster should do: from its CIB and the time it makes a plan, with the reasons
// for every decision.
package sched

import (
	"time"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/history"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/opconf"
	"github.com/holdfast-ha/holdfast/crmd/sched/report"
	"github.com/holdfast-ha/holdfast/crmd/sched/unpack"
)

// Input is what the scheduler decides from.
type Input struct {
	// Doc is the whole CIB. It is not changed.
	Doc *cibxml.Element
	// Now is the present in seconds since the epoch; Zone is what clocks show, for date rules.
	Now  int64
	Zone *time.Location
}

// Parse reads the cluster that a CIB describes. The model must not be changed.
func Parse(in Input) *model.Model {
	log := &report.Log{}
	b := unpack.Configuration(unpack.Input{Doc: in.Doc, Now: in.Now, Zone: in.Zone, Log: log})
	m := b.Model()
	conf := opconf.New(m, m.World)
	history.Read(b, conf, unpack.Section(in.Doc, "status"))
	m.Recheck = m.World.Recheck
	return m
}
