package unpack

import (
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/isotime"
	"github.com/holdfast-ha/holdfast/crmd/sched/mergesort"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/rule"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// resources reads the section and sorts the resources by priority.
func (b *Builder) resources(section *cibxml.Element) {
	b.templates = section
	if section != nil {
		for t := range section.Tags("template") {
			if t.ID() == "" {
				continue
			}
			if _, ok := b.m.Templates[t.ID()]; !ok {
				b.m.Templates[t.ID()] = nil // a template that nothing uses
			}
		}
	}
	for e := range section.Tags() {
		if e.Name == "template" {
			continue
		}
		if e.ID() == "" {
			b.log.ConfigError("Ignoring <%s> resource without ID", e.Name)
			continue
		}
		r, ok := b.resource(e, nil)
		if !ok {
			b.log.ConfigError("Ignoring <%s> resource '%s' because configuration is invalid", e.Name, e.ID())
			continue
		}
		b.m.Resources = append(b.m.Resources, r)
		r.Walk(b.m.IndexResource)
	}
	for _, r := range b.m.Resources {
		b.containers(r)
		b.linkConnection(r)
	}
	st := b.st
	b.m.Resources = mergesort.Sorted(b.m.Resources, func(x, y *model.Resource) int {
		return st.Rsc(y).Priority - st.Rsc(x).Priority
	})
	if b.m.Options.Fencing && !b.m.HasFenceDevice {
		b.log.ConfigError("Resource start-up disabled since no STONITH resources have been defined")
		b.log.ConfigError("Either configure some or disable STONITH with the stonith-enabled option")
		b.log.ConfigError("NOTE: Clusters with shared data need STONITH to ensure data integrity")
	}
}

var kinds = map[string]model.Kind{"primitive": model.Primitive, "group": model.Group, "clone": model.Clone,
	"master": model.Clone, "bundle": model.Bundle}

// resource reads one resource with everything below it. When it is not ok, the reason has been reported and
// what was made of it must not be used.
func (b *Builder) resource(e *cibxml.Element, parent *model.Resource) (*model.Resource, bool) {
	id := e.ID()
	if id == "" {
		b.log.ConfigError("Ignoring <%s> configuration without id", e.Name)
		return nil, false
	}
	full, ok := b.fillTemplate(e)
	if !ok {
		return nil, false
	}
	kind, ok := kinds[strings.ToLower(full.Name)]
	if !ok {
		b.log.ConfigError("Ignoring resource '%s' of unknown type '%s'", id, full.Name)
		return nil, false
	}
	r := &model.Resource{Index: len(b.m.All), ID: id, XMLID: id, Kind: kind, XML: full, Parent: parent}
	r.Ops = full.Child("operations")
	if r.Ops != nil {
		r.Ops = b.world.Lib.Resolve(r.Ops)
	}
	if number, ok := full.Lookup("clone"); ok {
		r.ID = id + ":" + number
		r.Meta.Set("clone", number)
	}
	b.m.All = append(b.m.All, r)
	b.st.Rscs = append(b.st.Rscs, model.RscState{Role: model.Stopped, Managed: true})
	r.Agent = rule.Agent{Class: full.Get("class"), Provider: full.Get("provider"), Type: full.Get("type")}
	b.metaAttributes(r)
	b.fields(r)
	if !b.structure(r) {
		return nil, false
	}
	b.symmetric(r)
	ctx := b.context()
	r.Utilization = ctx.Blocks(r.Utilization, full, "utilization", "", rule.Keep)
	if full != e {
		t := e.Get("template")
		b.m.Templates[t] = addOnce(b.m.Templates[t], id)
	}
	return r, true
}

// metaAttributes collects the meta attributes; the first who sets a name wins.
func (b *Builder) metaAttributes(r *model.Resource) {
	for _, a := range r.XML.Attrs {
		if !strings.EqualFold(a.Value, "#default") {
			r.Meta.Add(a.Name, a.Value)
		}
	}
	ctx := b.context()
	ctx.Agent = &r.Agent
	r.Meta = ctx.Blocks(r.Meta, r.XML, "meta_attributes", "", rule.Keep)
	for p := r.Parent; p != nil; p = p.Parent {
		r.Meta = ctx.Blocks(r.Meta, p.XML, "meta_attributes", "", rule.Keep)
	}
	r.Meta = ctx.Blocks(r.Meta, b.defaults, "meta_attributes", "", rule.Keep)
	if r.Parent != nil {
		r.Meta.AddAll(r.Parent.Meta)
	}
}

// fields reads what every kind of resource has.
func (b *Builder) fields(r *model.Resource) {
	o, st, meta := &b.m.Options, b.st.Rsc(r), r.Meta
	score := b.world.Health.ParseScore
	r.Priority = int(score(meta.Get("priority")))
	st.Priority = r.Priority
	v, set := meta.Lookup("critical")
	r.Critical = !set || scalar.IsTrue(v)
	r.Notify = scalar.IsTrue(meta.Get("notify"))
	r.Connection = isRemoteAgent(r.Agent)
	guest := r.Connection && meta.Has("container")
	v, set = meta.Lookup("allow-migrate")
	r.AllowMigrate = scalar.IsTrue(v) || !set && r.Connection && !guest
	if v, set = meta.Lookup("is-managed"); set && !strings.EqualFold(v, "default") {
		st.Managed = scalar.IsTrue(v)
	}
	if scalar.IsTrue(meta.Get("maintenance")) || o.Maintenance {
		st.Managed, st.Maintenance = false, true
	}
	r.Unique = true
	if r.Top().Kind == model.Clone {
		r.Unique = scalar.IsTrue(meta.Get("globally-unique"))
		b.detectPromotable(r)
	}
	if strings.EqualFold(meta.Get("restart-type"), "restart") {
		r.RestartType = true
		b.log.ConfigWarningOnce("Support for restart-type is deprecated and will be removed in a future release")
	}
	b.multipleActive(r)
	if v, set = meta.Lookup("resource-stickiness"); set && !strings.EqualFold(v, "default") {
		r.Stickiness = score(v)
	}
	r.Threshold = scalar.Inf
	if v, set = meta.Lookup("migration-threshold"); set && !strings.EqualFold(v, "default") {
		if r.Threshold = score(v); r.Threshold < 0 {
			b.log.ConfigWarning("Treating negative migration-threshold for %s as 1", r.ID)
			r.Threshold = 1
		}
	}
	if strings.EqualFold(r.Agent.Class, "stonith") {
		r.FenceDevice = true
		b.m.HasFenceDevice = true
	}
	b.requires(r)
	ms, _ := isotime.ParseInterval(meta.Get("failure-timeout"))
	st.FailureTimeout = ms / 1000
	if r.Connection && !guest {
		b.reconnect(r, st)
	}
	st.NextRole = b.targetRole(r)
	r.HasUnfencing = r.FenceDevice && (r.NeedsUnfence || strings.EqualFold(meta.Get("provides"), "unfencing"))
	r.Internal = b.internal[r.ID]
}

func isRemoteAgent(a rule.Agent) bool {
	return strings.EqualFold(a.Class, "ocf") && strings.EqualFold(a.Provider, "pacemaker") && strings.EqualFold(a.Type, "remote")
}

func (b *Builder) detectPromotable(r *model.Resource) {
	if scalar.IsTrue(r.Meta.Get("promotable")) {
		r.Promotable = true
	} else if strings.EqualFold(r.XML.Name, "master") {
		b.log.Notice("Support for the master element (such as in %s) is deprecated and will be removed in a future release; use the clone element with the promotable meta-attribute instead", r.ID)
		r.Meta.Set("promotable", "true")
		r.Promotable = true
	}
}

func (b *Builder) multipleActive(r *model.Resource) {
	v, set := r.Meta.Lookup("multiple-active")
	switch strings.ToLower(v) {
	case "stop_only":
		r.Multiple = model.StopOnly
	case "block":
		r.Multiple = model.BlockMultiple
	case "stop_unexpected":
		r.Multiple = model.StopUnexpected
	case "stop_start":
	default:
		if set {
			b.log.ConfigWarning("%s is not a valid value for multiple-active, using default of \"stop_start\"", v)
		}
	}
}

// requires reads what a resource needs before it may start.
func (b *Builder) requires(r *model.Resource) {
	word, set := r.Meta.Lookup("requires")
	if set && !slices.Contains([]string{"nothing", "quorum", "fencing", "unfencing"}, strings.ToLower(word)) {
		b.log.ConfigError("Resetting 'requires' for %s to '%s' because '%s' is not valid", r.ID, b.requiresByDefault(r), word)
		set = false
	}
	if !set {
		word = b.requiresByDefault(r)
	}
	word = strings.ToLower(word)
	if word == "unfencing" {
		why := ""
		switch {
		case r.FenceDevice:
			why = "fencing devices cannot require unfencing"
		case !b.m.Options.Fencing:
			why = "fencing is disabled"
		}
		if why != "" {
			b.log.ConfigWarning("Resetting \"requires\" for %s to \"quorum\" because %s", r.ID, why)
			word = "quorum"
		}
	}
	switch word {
	case "quorum":
		r.NeedsQuorum = true
	case "fencing":
		r.NeedsFencing = true
		if !b.m.Options.Fencing {
			b.log.ConfigWarning("%s requires fencing but fencing is disabled", r.ID)
		}
	case "unfencing":
		r.NeedsFencing, r.NeedsUnfence = true, true
	}
}

func (b *Builder) requiresByDefault(r *model.Resource) string {
	o := &b.m.Options
	switch {
	case r.FenceDevice || r.Kind == model.Primitive && r.Connection:
		return "quorum"
	case o.Unfencing:
		return "unfencing"
	case o.Fencing:
		return "fencing"
	case o.NoQuorum == model.QuorumIgnore:
		return "nothing"
	}
	return "quorum"
}

// reconnect reads the pause between attempts to connect, which also is how long a failure counts.
func (b *Builder) reconnect(r *model.Resource, st *model.RscState) {
	ctx := b.context()
	params := ctx.Blocks(nil, r.XML, "instance_attributes", "", rule.Keep)
	for p := r.Parent; p != nil; p = p.Parent {
		params = ctx.Blocks(params, p.XML, "instance_attributes", "", rule.Keep)
	}
	params = ctx.Blocks(params, b.defaults, "instance_attributes", "", rule.Keep)
	if v, ok := params.Lookup("reconnect_interval"); ok {
		r.ReconnectMs, _ = isotime.ParseInterval(v)
		// the failure has to be forgotten by the time of the next attempt
		st.FailureTimeout = r.ReconnectMs / 1000
	}
}

// targetRole reads the role that the administrator wants, RoleUnknown when it is as high as possible.
func (b *Builder) targetRole(r *model.Resource) model.Role {
	role, problem := r.TargetRole()
	if problem != "" {
		b.log.ConfigError("%s", problem)
	}
	return role
}

// symmetric lets the resource run everywhere in a cluster where that is the rule.
func (b *Builder) symmetric(r *model.Resource) {
	guest := r.Connection && r.Meta.Has("container")
	switch {
	case b.m.Options.Symmetric:
		for _, n := range b.m.Nodes {
			b.st.AllowDefault(r, n)
		}
	case guest:
		for _, n := range b.m.Nodes {
			b.st.AddScore(r, n, 0)
		}
	}
}
