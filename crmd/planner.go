package crmd

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/controller"
	"github.com/holdfast-ha/holdfast/crmd/incident"
	"github.com/holdfast-ha/holdfast/crmd/sched/graph"
)

// Plan is what the scheduler makes of a CIB.
type Plan struct {
	Graph    *graph.Graph
	Notes    []api.Note
	Warnings []string // mistakes in the configuration that the scheduler survived
	// Load is how much each node runs: the sum of 1 + priority over its active resources.
	Load map[string]int
	// Changes are what becomes of resources.
	Changes []incident.Change
	// Banned tells whether constraints keep a resource away from a node.
	Banned func(resource, node string) bool
	Err    error
}

// planner runs the scheduler and keeps why it decided what it decided.
type planner struct {
	schedule func(doc *cibxml.Element, now time.Time) Plan
	inputs   inputFiles
	log      *slog.Logger
	// explain says why; nil says nothing.
	explain func(doc *cibxml.Element, now time.Time, changes []incident.Change) []api.Note

	mu    sync.Mutex
	notes []api.Note      // of the last run that decided something
	doc   *cibxml.Element // of the last run
	at    time.Time
}

// plan runs the scheduler as a task. The machine asks for one run at a time.
func (d *Daemon) plan(o controller.Plan) {
	d.spawn(func(context.Context) { _ = d.input(d.planner.run(o)) })
}

func (p *planner) run(o controller.Plan) controller.Planned {
	now := time.Now()
	r := p.schedule(o.Doc, now)
	out := controller.Planned{Run: o.Run, Graph: r.Graph, Load: r.Load, Changes: r.Changes, Err: r.Err}
	p.mu.Lock()
	p.doc, p.at = o.Doc, now
	if len(r.Notes) > 0 {
		p.notes = r.Notes
	}
	p.mu.Unlock()
	for _, w := range r.Warnings {
		p.log.Warn("the scheduler found a mistake in the configuration", "mistake", w)
	}
	if r.Graph != nil && len(r.Graph.Synapses) > 0 {
		out.Source = p.inputs.save(o.Doc, now)
	}
	return out
}

// Notes are the reasons of the last run that decided something.
func (p *planner) Notes() []api.Note {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.notes
}

// reasons are why the last plan changes what it changes: the scores of the nodes for each of these resources. It
// takes another run of the scheduler, which must not delay the first.
func (p *planner) reasons(changes []incident.Change) []api.Note {
	p.mu.Lock()
	doc, at := p.doc, p.at
	p.mu.Unlock()
	if p.explain == nil || doc == nil {
		return nil
	}
	return p.explain(doc, at, changes)
}

// banned computes which devices location constraints keep away from a node.
func (p *planner) banned(doc *cibxml.Element, node string) func(device string) bool {
	r := p.schedule(doc, time.Now())
	return func(device string) bool { return r.Banned != nil && r.Banned(device, node) }
}
