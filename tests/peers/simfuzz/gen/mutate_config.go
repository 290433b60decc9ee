package gen

import (
	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

func (s *survey) role(r *Rand) string {
	if isOld(s.doc) || r.Chance(50) {
		return One(r, "Started", "Stopped", "Slave", "Master", "Master")
	}
	return One(r, "Started", "Stopped", "Slave", "Master")
}

func (s *survey) constraint(e *cibxml.Element) bool {
	s.section("constraints").Append(e)
	return true
}

func addLocation(s *survey, r *Rand) bool {
	e := cibxml.New("rsc_location", "id", s.id(), "rsc", s.rsc(r), "node", s.node(r), "score", score(r))
	if !isOld(s.doc) || r.Chance(20) {
		if r.Chance(30) {
			e.Set("resource-discovery", One(r, "always", "never", "exclusive"))
		}
		if r.Chance(20) {
			e.Unset("rsc")
			e.Set("rsc-pattern", One(r, "^r", "rsc", ".*", "!^a", "[0-9]$"))
		}
	}
	if r.Chance(20) {
		if e.Get("rsc") != "" {
			e.Set("role", s.role(r))
		}
	}
	return s.constraint(e)
}

func addColocation(s *survey, r *Rand) bool {
	e := cibxml.New("rsc_colocation", "id", s.id(), "rsc", s.rsc(r), "with-rsc", s.rsc(r), "score", score(r))
	if e.Get("rsc") == e.Get("with-rsc") {
		return false
	}
	if r.Chance(30) {
		e.Set("rsc-role", s.role(r))
	}
	if r.Chance(30) {
		e.Set("with-rsc-role", s.role(r))
	}
	if r.Chance(15) {
		e.Set("node-attribute", One(r, "site", "rack", "#uname"))
	}
	if !isOld(s.doc) && r.Chance(25) {
		e.Set("influence", boolean(r))
	}
	return s.constraint(e)
}

func addOrder(s *survey, r *Rand) bool {
	e := cibxml.New("rsc_order", "id", s.id(), "first", s.rsc(r), "then", s.rsc(r))
	if e.Get("first") == e.Get("then") {
		return false
	}
	if r.Chance(40) {
		e.Set("first-action", One(r, "start", "stop", "promote", "demote"))
	}
	if r.Chance(40) {
		e.Set("then-action", One(r, "start", "stop", "promote", "demote"))
	}
	s.orderKind(e, r)
	if !isOld(s.doc) && r.Chance(20) {
		e.Set("require-all", boolean(r))
	}
	return s.constraint(e)
}

func (s *survey) orderKind(e *cibxml.Element, r *Rand) {
	if r.Chance(60) {
		if isOld(s.doc) && r.Chance(50) {
			e.Set("score", One(r, "0", "INFINITY"))
		} else {
			e.Set("kind", One(r, "Mandatory", "Optional", "Serialize"))
		}
	}
	if r.Chance(30) && e.Get("kind") != "Serialize" {
		e.Set("symmetrical", boolean(r))
	}
}

func addTicket(s *survey, r *Rand) bool {
	e := cibxml.New("rsc_ticket", "id", s.id(), "rsc", s.rsc(r), "ticket", One(r, "ticketA", "ticketB"))
	if r.Chance(70) {
		e.Set("loss-policy", One(r, "stop", "demote", "fence", "freeze"))
	}
	if r.Chance(40) {
		e.Set("rsc-role", s.role(r))
	}
	setTicket(s, r)
	return s.constraint(e)
}

// addSet adds a constraint of resource sets.
func addSet(s *survey, r *Rand) bool {
	var e *cibxml.Element
	kind := r.Intn(4)
	switch kind {
	case 0:
		e = cibxml.New("rsc_colocation", "id", s.id(), "score", score(r))
	case 1:
		e = cibxml.New("rsc_order", "id", s.id())
		s.orderKind(e, r)
	case 2:
		e = cibxml.New("rsc_ticket", "id", s.id(), "ticket", One(r, "ticketA", "ticketB"), "loss-policy", One(r, "stop", "demote", "fence", "freeze"))
		setTicket(s, r)
	case 3:
		e = cibxml.New("rsc_location", "id", s.id(), "node", s.node(r), "score", score(r))
	}
	used := map[string]bool{}
	for n := r.Between(1, 3); n > 0; n-- {
		set := cibxml.New("resource_set", "id", s.id())
		for m := r.Between(1, 4); m > 0; m-- {
			if id := s.rsc(r); !used[id] {
				used[id] = true
				set.Append(cibxml.New("resource_ref", "id", id))
			}
		}
		if len(set.Children) == 0 {
			continue
		}
		s.setOptions(set, r, kind)
		e.Append(set)
	}
	return len(e.Children) > 0 && s.constraint(e)
}

func (s *survey) setOptions(set *cibxml.Element, r *Rand, kind int) {
	if r.Chance(50) {
		set.Set("sequential", boolean(r))
	}
	if r.Chance(30) && kind == 1 {
		set.Set("require-all", boolean(r))
	}
	if r.Chance(25) {
		set.Set("role", s.role(r))
	}
	if kind == 1 && r.Chance(40) {
		set.Set("action", One(r, "start", "stop", "promote", "demote"))
	}
	if kind == 0 && r.Chance(20) {
		set.Set("score", score(r))
	}
	if kind == 1 && r.Chance(20) {
		set.Set("kind", One(r, "Mandatory", "Optional", "Serialize"))
	}
}

// setConstraint changes an attribute of a constraint.
func setConstraint(s *survey, r *Rand) bool {
	e := pick(r, s.section("constraints").Children)
	if e == nil {
		return false
	}
	switch e.Name {
	case "rsc_order":
		e.Set(One(r, "first-action", "then-action"), One(r, "start", "stop", "promote", "demote"))
		s.orderKind(e, r)
	case "rsc_colocation":
		e.Set(One(r, "rsc-role", "with-rsc-role"), s.role(r))
	case "rsc_location":
		if e.Get("node") == "" || e.Get("rsc") == "" {
			return false
		}
		e.Set("role", s.role(r))
	case "rsc_ticket":
		e.Set("loss-policy", One(r, "stop", "demote", "fence", "freeze"))
	default:
		return false
	}
	return true
}

func ruleLocation(s *survey, r *Rand) bool {
	e := cibxml.New("rsc_location", "id", s.id(), "rsc", s.rsc(r))
	for n := r.Between(1, 2); n > 0; n-- {
		e.Append(s.rule(r))
	}
	return s.constraint(e)
}

func copyRule(s *survey, r *Rand) bool {
	p := pick(r, s.prims)
	if r.Chance(20) {
		p = s.section(One(r, "rsc_defaults", "op_defaults"))
	}
	if p == nil {
		return false
	}
	kind := "meta_attributes"
	if p.Name == "primitive" && r.Chance(30) {
		kind = "instance_attributes"
	}
	b := cibxml.New(kind, "id", s.id(), "score", One(r, "1", "10", "INFINITY"))
	rule := s.rule(r)
	rule.Unset("score-attribute")
	rule.Set("score", "0")
	b.Append(rule)
	m := rscMeta[r.Intn(len(rscMeta)-2)]
	s.pair(b, m.name, m.value(r))
	p.Children = append([]*cibxml.Element{b}, p.Children...)
	return true
}

func addOperation(s *survey, r *Rand) bool {
	p := pick(r, s.prims)
	if p == nil || p.Get("template") != "" {
		return false
	}
	ops := p.Child("operations")
	if ops == nil {
		ops = cibxml.New("operations")
		p.Append(ops)
	}
	op := pick(r, ops.Children)
	if op == nil || op.Name != "op" || r.Chance(40) {
		op = cibxml.New("op", "id", s.id(), "name", One(r, "monitor", "monitor", "start", "stop", "promote", "demote"), "interval", "0")
		if op.Get("name") == "monitor" {
			op.Set("interval", One(r, "0", "10s", "13s", "60s", "1min"))
		}
		ops.Append(op)
	}
	switch r.Intn(6) {
	case 0, 1:
		op.Set("on-fail", One(r, "ignore", "block", "stop", "restart", "demote", "standby", "fence", "restart-container"))
	case 2:
		op.Set("enabled", boolean(r))
	case 3:
		op.Set("role", One(r, "Started", "Stopped", "Master", "Slave"))
	case 4:
		op.Set("timeout", One(r, "20s", "0", "5min"))
	case 5:
		op.Set(One(r, "start-delay", "interval-origin", "record-pending"), One(r, "10s", "2026-01-01 00:00:00", "true"))
	}
	return true
}

// swapMember changes the order of two members.
func swapMember(s *survey, r *Rand) bool {
	e := pick(r, append([]*cibxml.Element{s.section("resources"), s.section("constraints"), s.section("nodes")}, s.rscs...))
	if e == nil || len(e.Children) < 2 {
		return false
	}
	i := r.Intn(len(e.Children) - 1)
	if e.Children[i].Name != e.Children[i+1].Name {
		return false
	}
	e.Children[i], e.Children[i+1] = e.Children[i+1], e.Children[i]
	return true
}

// wrap makes a clone or a group of a resource, or frees it from one.
func wrap(s *survey, r *Rand) bool {
	all := s.section("resources")
	if len(all.Children) == 0 {
		return false
	}
	i := r.Intn(len(all.Children))
	e := all.Children[i]
	switch {
	case e.Name == "primitive" && r.Chance(50) && i+1 < len(all.Children) && all.Children[i+1].Name == "primitive":
		g := cibxml.New("group", "id", s.id()).Append(e, all.Children[i+1])
		all.Children = append(append(all.Children[:i:i], g), all.Children[i+2:]...)
	case e.Name == "primitive" || e.Name == "group":
		c := cibxml.New("clone", "id", s.id()).Append(e)
		all.Children[i] = c
	case e.Name == "clone" || e.Name == "master":
		for c := range e.Tags() {
			if c.Name == "primitive" || c.Name == "group" {
				all.Children[i] = c
				return true
			}
		}
		return false
	default:
		return false
	}
	return true
}
