// Package sched decides what a cluster should do: from its CIB and the time it makes a plan, with the reasons
// for every decision.
package sched

import (
	"time"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/action"
	"github.com/holdfast-ha/holdfast/crmd/sched/compile"
	"github.com/holdfast-ha/holdfast/crmd/sched/constraint"
	"github.com/holdfast-ha/holdfast/crmd/sched/create"
	"github.com/holdfast-ha/holdfast/crmd/sched/history"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/opconf"
	"github.com/holdfast-ha/holdfast/crmd/sched/order"
	"github.com/holdfast-ha/holdfast/crmd/sched/place"
	"github.com/holdfast-ha/holdfast/crmd/sched/report"
	"github.com/holdfast-ha/holdfast/crmd/sched/score"
	"github.com/holdfast-ha/holdfast/crmd/sched/unpack"
)

// Input is what the scheduler decides from.
type Input struct {
	// Doc is the whole CIB. It is not changed.
	Doc *cibxml.Element
	// Now is the present in seconds since the epoch; Zone is what clocks show, for date rules.
	Now  int64
	Zone *time.Location
	// Sanitized tells that the CIB is not live, so that secret parameters may be missing from it.
	Sanitized bool
}

// Options say what is recorded besides the plan.
type Options struct {
	Scores, Utilization bool
	Explain             bool
}

// Result is what the scheduler decided.
type Result struct {
	Model      *model.Model
	Assignment *place.Assignment
	Transition *compile.Transition
	Log        *report.Log
}

// Parse reads the cluster that a CIB describes. The model must not be changed.
func Parse(in Input) *model.Model { return parse(in, &report.Log{}) }

// Check finds what is wrong with a CIB, in the order in which the scheduler stumbles over it. That it has to
// fence a node is a doubt about the configuration too, as for Pacemaker's crm_verify.
func Check(in Input) []report.Problem {
	log := &report.Log{}
	m := parse(in, log)
	r := Plan(m, in, Options{})
	log.Problems = append(log.Problems, r.Log.Problems...)
	for _, c := range r.Transition.NodeChanges() {
		if c.Fence && c.Task != "on" && !c.Node.IsGuest() {
			log.ConfigWarning("Scheduling node %s for fencing", c.Node.Name)
		}
	}
	return log.Problems
}

func parse(in Input, log *report.Log) *model.Model {
	b := unpack.Configuration(unpack.Input{Doc: in.Doc, Now: in.Now, Zone: in.Zone, Log: log})
	m := b.Model()
	conf := opconf.New(m, m.World)
	conf.Dated()
	history.Read(b, conf, unpack.Section(in.Doc, "status"))
	m.Recheck = m.World.Recheck
	return m
}

// Schedule decides what a cluster should do.
func Schedule(in Input, opt Options) *Result {
	return Plan(Parse(in), in, opt)
}

// Remarks are the messages that are shown when a cluster has been read, before its status.
func Remarks(m *model.Model, in Input) []report.Shown {
	log := &report.Log{}
	begin(m, in, log)
	return log.Shown
}

// begin makes the actions that the history of a cluster asks for.
func begin(m *model.Model, in Input, log *report.Log) *action.Book {
	world := *m.World
	world.Log = log
	conf := opconf.New(m, &world)
	conf.Sanitized = in.Sanitized
	for _, c := range m.Compared {
		conf.DigestsOf(c.Rsc, c.Op, c.Node, "")
	}
	state := m.State.Clone()
	state.Log = log
	b := action.NewBook(m, state, conf, log)
	b.Replay(m.Requests)
	return b
}

// Plan decides what the cluster of a model should do. Its log does not show the Remarks again.
func Plan(m *model.Model, in Input, opt Options) *Result {
	log := &report.Log{Explain: opt.Explain}
	b := begin(m, in, log)
	log.Shown = nil
	set := constraint.Read(b, unpack.Section(m.Doc, "constraints"))
	score.Apply(b, set)
	order.Imply(b, set)
	maker := create.New(b)
	maker.CompareHistory()
	a := place.All(b, set, place.Options{Scores: opt.Scores, Utilization: opt.Utilization})
	maker.All(a)
	maker.OrderRemotes()
	maker.FenceAndShutDown()
	solver := order.Solve(b, set, a)
	return &Result{Model: m, Assignment: a, Transition: compile.Build(solver, maker), Log: log}
}
