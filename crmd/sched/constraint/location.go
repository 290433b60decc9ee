package constraint

import (
	"regexp"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/rule"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// match is how a resource matched a pattern.
type match struct {
	id    string
	parts []int // as from FindStringSubmatchIndex
}

// expand replaces %0 to %9 by the parts of a match.
func (m *match) expand(s string) string {
	if m == nil || !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' || i+1 == len(s) || s[i+1] < '0' || s[i+1] > '9' {
			b.WriteByte(s[i])
			continue
		}
		i++
		if n := int(s[i]-'0') * 2; n+1 < len(m.parts) && m.parts[n] >= 0 && m.parts[n+1] > m.parts[n] {
			b.WriteString(m.id[m.parts[n]:m.parts[n+1]])
		}
	}
	return b.String()
}

// overrides are what a resource set says instead of its constraint; nil is nothing.
type overrides struct{ role, score *string }

func (r *reader) addLocation(l *Location) {
	if l.Mode == model.DiscoverExclusive {
		r.s.Rsc(l.Rsc).Exclusive = true
	}
	r.Locations = append(r.Locations, l)
	of := &r.By[l.Rsc.Index]
	of.Locations = append([]*Location{l}, of.Locations...)
}

func (r *reader) location(e *cibxml.Element) {
	expanded, ok := r.locationTags(e)
	if !ok {
		return
	}
	sets := false
	for set := range r.sets(expanded) {
		sets = true
		if set == nil || !r.locationSet(expanded, set) {
			return
		}
	}
	if sets {
		return
	}
	if id, ok := e.Lookup("rsc"); ok {
		r.locate(e, id, r.find(id), overrides{}, nil)
	}
	if pattern, ok := e.Lookup("rsc-pattern"); ok {
		r.pattern(e, pattern)
	}
}

func (r *reader) locationSet(e, set *cibxml.Element) bool {
	if set.ID() == "" {
		r.log.ConfigError("Ignoring resource_set without id in constraint '%s'", e.ID())
		return false
	}
	var o overrides
	if v, ok := set.Lookup("role"); ok {
		o.role = &v
	}
	if v, ok := set.Lookup("score"); ok {
		o.score = &v
	}
	list, ok := r.members(set, set.ID())
	for _, x := range list {
		r.locate(e, x.ID, x, o, nil)
	}
	return ok
}

// pattern applies a constraint to the top-level resources whose ids match, or with ! do not.
func (r *reader) pattern(e *cibxml.Element, pattern string) {
	text, invert := strings.CutPrefix(pattern, "!")
	re, err := regexp.CompilePOSIX(text)
	if err != nil {
		r.log.ConfigError("Ignoring constraint '%s' because rsc-pattern has invalid value '%s'", e.ID(), text)
		return
	}
	for _, x := range r.m.Resources {
		parts := re.FindStringSubmatchIndex(x.ID)
		switch {
		case !invert && parts != nil:
			r.locate(e, x.ID, x, overrides{}, &match{x.ID, parts})
		case invert && parts == nil:
			r.locate(e, x.ID, x, overrides{}, nil)
		}
	}
}

// locate reads a constraint for one resource.
func (r *reader) locate(e *cibxml.Element, id string, x *model.Resource, o overrides, m *match) {
	if x == nil {
		r.log.ConfigWarning("Ignoring constraint '%s' because resource '%s' does not exist", e.ID(), id)
		return
	}
	score, scored := e.Lookup("score")
	if o.score != nil {
		score, scored = *o.score, true
	}
	name, named := e.Lookup("node")
	if !named || !scored {
		r.rules(e, x, m)
		return
	}
	n := r.m.NodeNamed(name)
	if n == nil {
		return
	}
	l := &Location{ID: e.ID(), Rsc: x, Mode: r.discovery(e), Nodes: []NodeScore{{n, r.world.Health.ParseScore(score)}},
		Reason: "location constraint " + e.ID()}
	r.addLocation(l)
	role, ok := e.Lookup("role")
	if o.role != nil {
		role, ok = *o.role, true
	}
	if !ok {
		return
	}
	switch parsed := model.ParseRole(role); parsed {
	case model.RoleUnknown:
		r.log.Error("Invalid constraint %s: Bad role %s", e.ID(), role)
	case model.Started, model.Unpromoted:
		// applies to every role
	default:
		l.Role = parsed
	}
}

func (r *reader) discovery(e *cibxml.Element) model.Discovery {
	mode, set := e.Lookup("resource-discovery")
	switch strings.ToLower(mode) {
	case "never":
		return model.DiscoverNever
	case "exclusive":
		return model.DiscoverExclusive
	case "always":
	default:
		if set {
			r.log.Error("Invalid resource-discovery value %s in location constraint", mode)
		}
	}
	return model.DiscoverAlways
}

// rules makes a location of each rule of a constraint.
func (r *reader) rules(e *cibxml.Element, x *model.Resource, m *match) {
	empty := true
	for ru := range e.Tags("rule") {
		empty = false
		if full := r.world.Lib.Resolve(ru); full != nil {
			r.rule(e, full, x, m)
		}
	}
	if empty {
		r.log.ConfigError("Ignoring constraint '%s' because it contains no rules", e.ID())
	}
}

func (r *reader) rule(e, ru *cibxml.Element, x *model.Resource, m *match) {
	l := &Location{ID: ru.ID(), Rsc: x, Mode: r.discovery(e), Reason: "rule " + ru.ID() + " of location constraint " + e.ID()}
	if role, ok := ru.Lookup("role"); ok {
		if l.Role = model.ParseRole(role); l.Role == model.RoleUnknown {
			r.log.Error("Bad role specified for %s: %s", ru.ID(), role)
			return
		}
		if l.Role == model.Unpromoted {
			l.Role = model.RoleUnknown // who cannot be unpromoted cannot be promoted either
		}
	}
	r.addLocation(l)
	either := strings.EqualFold(ru.Get("boolean-op"), "or")
	for _, n := range r.m.Nodes {
		ctx := &rule.Context{World: r.world, Node: n.Attrs, HasNode: true, Source: r.source(x, n), Expand: m.expand}
		passes := ctx.Passes(ru)
		score := r.ruleScore(ru, x, n, m)
		if !passes {
			continue
		}
		if either {
			score = scalar.Add(r.s.Node(n).Score, score)
		}
		l.Nodes = append(l.Nodes, NodeScore{n, score})
	}
}

// source resolves the values of rules that come from the resource.
func (r *reader) source(x *model.Resource, n *model.Node) func(source, name string) (string, bool) {
	return func(source, name string) (string, bool) {
		if source == "param" {
			return r.b.Conf.Params(x, n).Lookup(name)
		}
		return x.Meta.Lookup(name)
	}
}

// ruleScore is the score of a rule for a node, which may be the value of a node attribute.
func (r *reader) ruleScore(ru *cibxml.Element, x *model.Resource, n *model.Node, m *match) scalar.Score {
	if text, ok := ru.Lookup("score"); ok {
		return r.world.Health.ParseScore(text)
	}
	name, ok := ru.Lookup("score-attribute")
	if !ok {
		r.log.Error("Rule %s: no score specified. Assuming 0.", ru.ID())
		return 0
	}
	v, ok := r.m.NodeAttr(r.s, n, m.expand(name), x)
	if !ok {
		return -scalar.Inf
	}
	return r.world.Health.ParseScore(v)
}
