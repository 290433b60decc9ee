// Package unpack reads a CIB into a model of the cluster: options, nodes and resources. What the recorded
// history says is added by package history.
package unpack

import (
	"time"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/isotime"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/report"
	"github.com/holdfast-ha/holdfast/crmd/sched/rule"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// Input is what a model is made from.
type Input struct {
	Doc *cibxml.Element
	// Now is in seconds since the epoch; Zone is what clocks show, for rules that look at them.
	Now  int64
	Zone *time.Location
	Log  *report.Log
}

// Builder holds a model that is not finished.
type Builder struct {
	m     *model.Model
	st    *model.State
	world *rule.World
	log   *report.Log
	// templates are the elements by id that a resource's template may name.
	templates *cibxml.Element
	defaults  *cibxml.Element // rsc_defaults
	internal  map[string]bool // ids of the connections that were made for guest nodes
}

// Model is the model that is being built.
func (b *Builder) Model() *model.Model { return b.m }

// Configuration reads everything but the status section.
func Configuration(in Input) *Builder {
	zone := in.Zone
	if zone == nil {
		zone = time.UTC
	}
	now := isotime.FromUnix(in.Now, zone)
	world := &rule.World{Now: now, Lib: rule.NewLibrary(in.Doc), Log: in.Log}
	m := &model.Model{
		Doc: in.Doc, Now: now, NowUnix: in.Now, Log: in.Log, World: world, State: &model.State{Log: in.Log},
		FeatureSet: in.Doc.Get("crm_feature_set"), DCUUID: in.Doc.Get("dc-uuid"),
		Quorum:        scalar.IsTrue(in.Doc.Get("have-quorum")),
		NoQuorumPanic: scalar.IntOr(in.Doc.Get("no-quorum-panic"), 0) != 0,
		Templates:     map[string][]string{}, Tags: map[string][]string{}, Tickets: map[string]*model.Ticket{},
	}
	b := &Builder{m: m, st: m.State, world: world, log: in.Log, internal: map[string]bool{}}
	resources := Section(in.Doc, "resources")
	m.OpDefaults = Section(in.Doc, "op_defaults")
	b.defaults = Section(in.Doc, "rsc_defaults")
	m.RscDefaults = b.defaults
	b.options(Section(in.Doc, "crm_config"))
	m.Options.Unfencing = wantsUnfencing(resources, b.defaults)
	b.nodes(Section(in.Doc, "nodes"))
	expanded := b.remoteNodes(resources)
	if expanded != resources {
		m.Doc = replaceSection(in.Doc, resources, expanded)
	}
	b.resources(expanded)
	b.tags(Section(in.Doc, "tags"))
	return b
}

// context is for evaluations that are not about a node.
func (b *Builder) context() *rule.Context { return &rule.Context{World: b.world} }

// Section finds the only element of that name directly below the document or below one of its children.
func Section(doc *cibxml.Element, name string) *cibxml.Element {
	var found *cibxml.Element
	count := 0
	for e := range doc.Tags() {
		if e.Name == name {
			found, count = e, count+1
		}
		for f := range e.Tags(name) {
			found, count = f, count+1
		}
	}
	if count != 1 {
		return nil
	}
	return found
}

// replaceSection returns the document with another element in the place of a section.
func replaceSection(doc, old, repl *cibxml.Element) *cibxml.Element {
	for _, e := range doc.Children {
		for _, f := range e.Children {
			if f == old {
				return doc.WithChild(e, e.WithChild(f, repl))
			}
		}
	}
	return doc
}

func (b *Builder) tags(section *cibxml.Element) {
	for t := range section.Tags("tag") {
		id := t.ID()
		if id == "" {
			b.log.ConfigError("Ignoring <tag> without id")
			continue
		}
		for ref := range t.Tags("obj_ref") {
			if ref.ID() == "" {
				b.log.ConfigError("Ignoring <obj_ref> for tag '%s' without id", id)
				continue
			}
			b.m.Tags[id] = addOnce(b.m.Tags[id], ref.ID())
		}
		if _, ok := b.m.Tags[id]; !ok {
			b.m.Tags[id] = nil
		}
	}
}

func addOnce(list []string, s string) []string {
	for _, x := range list {
		if x == s {
			return list
		}
	}
	return append(list, s)
}
