package sched

import (
	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/constraint"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/opconf"
	"github.com/holdfast-ha/holdfast/crmd/sched/report"
	"github.com/holdfast-ha/holdfast/crmd/sched/unpack"
)

// Constraints reads what ties the resources of a model to nodes and to each other, for commands that show it.
// The state is the model's with what lost tickets do to it.
func Constraints(m *model.Model) (*constraint.Set, *model.State) {
	log := &report.Log{}
	world := *m.World
	world.Log = log
	b := action.NewBook(m, m.State.Clone(), opconf.New(m, &world), log)
	set := constraint.Read(b, unpack.Section(m.Doc, "constraints"))
	return set, b.S
}
