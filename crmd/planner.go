package crmd

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/controller"
	"github.com/holdfast-ha/holdfast/crmd/sched/graph"
)

// Plan is what the scheduler makes of a CIB.
type Plan struct {
	Graph    *graph.Graph
	Notes    []api.Note
	Warnings []string // mistakes in the configuration that the scheduler survived
	// Load is how much each node runs: the sum of 1 + priority over its active resources.
	Load map[string]int
	// Banned tells whether constraints keep a resource away from a node.
	Banned func(resource, node string) bool
	Err    error
}

// planner runs the scheduler and keeps why it decided what it decided.
type planner struct {
	schedule func(doc *cibxml.Element, now time.Time) Plan
	inputs   inputFiles
	log      *slog.Logger

	mu    sync.Mutex
	notes []api.Note // of the last run that decided something
}

// plan runs the scheduler as a task. The machine asks for one run at a time.
func (d *Daemon) plan(o controller.Plan) {
	d.spawn(func(context.Context) { _ = d.input(d.planner.run(o)) })
}

func (p *planner) run(o controller.Plan) controller.Planned {
	now := time.Now()
	r := p.schedule(o.Doc, now)
	out := controller.Planned{Run: o.Run, Graph: r.Graph, Load: r.Load, Err: r.Err}
	p.mu.Lock()
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

// banned computes which devices location constraints keep away from a node.
func (p *planner) banned(doc *cibxml.Element, node string) func(device string) bool {
	r := p.schedule(doc, time.Now())
	return func(device string) bool { return r.Banned != nil && r.Banned(device, node) }
}
