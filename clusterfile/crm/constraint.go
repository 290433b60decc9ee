package crm

import (
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/value"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/clusterfile/rule"
)

// Values of the attributes of constraints.
var (
	Roles       = []string{"Started", "Stopped", "Promoted", "Unpromoted"}
	SetActions  = []string{"start", "stop", "promote", "demote"}
	Kinds       = []string{"Mandatory", "Optional", "Serialize"}
	LossPolicy  = []string{"stop", "demote", "fence", "freeze"}
	Discoveries = []string{"always", "never", "exclusive"}
)

// constraints reads [[constraint.location]] and the others.
func (r *reader) constraints() *cibxml.Element {
	list := cibxml.New("constraints")
	if !r.root.Has("constraint") {
		return list
	}
	s := r.root.Table("constraint")
	for _, c := range s.Tables("location") {
		list.Append(r.location(c))
	}
	for _, c := range s.Tables("order") {
		list.Append(r.order(c))
	}
	for _, c := range s.Tables("colocation") {
		list.Append(r.colocation(c))
	}
	for _, c := range s.Tables("ticket") {
		list.Append(r.ticket(c))
	}
	s.Done()
	return list
}

func (r *reader) location(s *clusterfile.Section) *cibxml.Element {
	l := build.Location{ID: r.constraintID(s), Rsc: s.Str("resource", ""), Pattern: s.Str("pattern", ""), Node: s.Str("node", ""),
		Role: s.Word("role", "", Roles...), Discovery: s.Word("resource-discovery", "", Discoveries...), Sets: r.sets(s)}
	l.Score = r.score(s, "score", "INFINITY")
	one(s, "resource", "pattern", "sets")
	one(s, "node", "rule")
	r.refer(s, "resource", l.Rsc, kindResource, kindDevice, kindTag)
	r.refer(s, "node", l.Node, kindNode)
	if s.Has("rule") {
		text, attr := s.Str("rule", ""), s.Str("score-attribute", "")
		if attr != "" && s.Has("score") {
			s.Problem("score-attribute", "and score exclude each other")
		}
		made, err := rule.Parse(text, "x")
		if err != nil {
			s.Problem("rule", "%v", err)
			made = cibxml.New("rule")
		}
		// The role of a constraint with a rule belongs to the rule; nodes do not.
		role := l.Role
		l.Role = ""
		l.Rule = func(id string) *cibxml.Element {
			if err == nil {
				made, _ = rule.Parse(text, id)
			}
			if attr != "" {
				made.Set("score-attribute", attr)
			} else {
				made.Set("score", l.Score)
			}
			if role != "" {
				made.Set("role", role)
			}
			return made
		}
	}
	s.Done()
	return l.Element(r.ids)
}

func (r *reader) order(s *clusterfile.Section) *cibxml.Element {
	o := build.Order{ID: r.constraintID(s), First: s.Str("first", ""), Then: s.Str("then", ""),
		FirstAction: s.Word("first-action", "", SetActions...), ThenAction: s.Word("then-action", "", SetActions...),
		Kind: s.Word("kind", "", Kinds...), Symmetrical: r.truth(s, "symmetrical"), RequireAll: r.truth(s, "require-all"), Sets: r.sets(s)}
	r.refer(s, "first", o.First, kindResource, kindDevice, kindTag)
	r.refer(s, "then", o.Then, kindResource, kindDevice, kindTag)
	pair(s, "first", "then")
	if o.First != "" && o.First == o.Then {
		s.Problem("then", "%q cannot wait for itself", o.Then)
	}
	s.Done()
	return o.Element(r.ids)
}

func (r *reader) colocation(s *clusterfile.Section) *cibxml.Element {
	c := build.Colocation{ID: r.constraintID(s), Rsc: s.Str("resource", ""), With: s.Str("with", ""),
		Role: s.Word("role", "", Roles...), WithRole: s.Word("with-role", "", Roles...), NodeAttribute: s.Str("node-attribute", ""),
		Influence: r.truth(s, "influence"), Sets: r.sets(s), Score: r.score(s, "score", "INFINITY")}
	r.refer(s, "resource", c.Rsc, kindResource, kindDevice, kindTag)
	r.refer(s, "with", c.With, kindResource, kindDevice, kindTag)
	pair(s, "resource", "with")
	if c.Rsc != "" && c.Rsc == c.With {
		s.Problem("with", "%q cannot be placed by itself", c.With)
	}
	s.Done()
	return c.Element(r.ids)
}

func (r *reader) ticket(s *clusterfile.Section) *cibxml.Element {
	t := build.Ticket{ID: r.constraintID(s), Ticket: s.Str("ticket", ""), Rsc: s.Str("resource", ""), Role: s.Word("role", "", Roles...),
		LossPolicy: s.Word("loss-policy", "", LossPolicy...), Sets: r.sets(s)}
	if !s.Has("ticket") {
		s.Problem("ticket", "is missing; it is the name of the ticket that the resource needs")
	}
	one(s, "resource", "sets")
	r.refer(s, "resource", t.Rsc, kindResource, kindDevice, kindTag)
	s.Done()
	return t.Element(r.ids)
}

// constraintID reads the id of a constraint; "" has one made.
func (r *reader) constraintID(s *clusterfile.Section) string {
	id := s.Str("id", "")
	if !s.Has("id") {
		return ""
	}
	if !build.ValidID(id) {
		s.Problem("id", "%q cannot be an id: it must begin with a letter or _ and hold only letters, digits, dots, dashes and underscores", id)
	} else if r.ids.Used(id) {
		s.Problem("id", "%q is the id of something else too", id)
	}
	return id
}

// sets reads the resource sets of a constraint.
func (r *reader) sets(s *clusterfile.Section) []build.ResourceSet {
	var sets []build.ResourceSet
	for _, sub := range s.Tables("sets") {
		set := build.ResourceSet{Resources: sub.Strings("resources")}
		if len(set.Resources) == 0 {
			sub.Problem("resources", "is missing; a set needs at least one resource")
		}
		for _, id := range set.Resources {
			r.refer(sub, "resources", id, kindResource, kindDevice, kindTag)
		}
		for _, a := range []build.Pair{{Name: "sequential", Value: r.truth(sub, "sequential")}, {Name: "require-all", Value: r.truth(sub, "require-all")},
			{Name: "action", Value: sub.Word("action", "", SetActions...)}, {Name: "role", Value: sub.Word("role", "", Roles...)},
			{Name: "kind", Value: sub.Word("kind", "", Kinds...)}, {Name: "score", Value: r.score(sub, "score", "")}} {
			if a.Value != "" {
				set.Attrs = append(set.Attrs, a)
			}
		}
		sub.Done()
		sets = append(sets, set)
	}
	return sets
}

// score reads a score: a number or a text.
func (r *reader) score(s *clusterfile.Section, key, fallback string) string {
	text, ok := s.Scalar(key)
	if !ok {
		return fallback
	}
	if _, err := value.Score(text); err != nil {
		s.Problem(key, "is %q, must be a whole number, INFINITY or -INFINITY", text)
		return fallback
	}
	return text
}

// truth reads true or false as text, "" when the key is not there.
func (r *reader) truth(s *clusterfile.Section, key string) string {
	if !s.Has(key) {
		return ""
	}
	if s.Bool(key, false) {
		return "true"
	}
	return "false"
}

// one wants exactly one of the keys.
func one(s *clusterfile.Section, keys ...string) {
	given := ""
	for _, k := range keys {
		switch {
		case !s.Has(k):
		case given == "":
			given = k
		default:
			s.Problem(k, "and %s exclude each other", given)
		}
	}
	if given == "" {
		s.Problem(keys[0], "is missing; write %s", alternatives(keys))
	}
}

// pair wants both keys, or sets instead of them.
func pair(s *clusterfile.Section, a, b string) {
	if s.Has("sets") {
		for _, k := range []string{a, b} {
			if s.Has(k) {
				s.Problem(k, "and sets exclude each other")
			}
		}
		return
	}
	for _, k := range []string{a, b} {
		if !s.Has(k) {
			s.Problem(k, "is missing; a constraint needs %s and %s, or sets", a, b)
		}
	}
}

func alternatives(keys []string) string {
	text := keys[0]
	for i, k := range keys[1:] {
		if i == len(keys)-2 {
			text += " or " + k
		} else {
			text += ", " + k
		}
	}
	return text
}
