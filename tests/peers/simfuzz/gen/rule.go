package gen

import "github.com/holdfast-ha/holdfast/cib/cibxml"

// rule makes a rule of a location.
func (s *survey) rule(r *Rand) *cibxml.Element {
	e := cibxml.New("rule", "id", s.id())
	if r.Chance(80) {
		e.Set("score", score(r))
	} else {
		e.Set("score-attribute", One(r, "pingd", "rack", "site"))
	}
	if r.Chance(30) {
		e.Set("boolean-op", One(r, "and", "or"))
	}
	if r.Chance(15) {
		e.Set("role", s.role(r))
	}
	for n := r.Between(1, 3); n > 0; n-- {
		switch {
		case r.Chance(60):
			e.Append(s.expression(r))
		case r.Chance(15):
			sub := s.rule(r)
			sub.Unset("score-attribute")
			sub.Unset("role")
			sub.Set("score", "0")
			e.Append(sub)
		default:
			e.Append(s.date(r))
		}
	}
	return e
}

func (s *survey) expression(r *Rand) *cibxml.Element {
	e := cibxml.New("expression", "id", s.id(), "attribute", One(r, "#uname", "#uname", "#kind", "site", "rack", "pingd", "load", "#id", "#cluster-name", "#role", "#is_dc"))
	op := One(r, "eq", "ne", "lt", "gt", "lte", "gte", "defined", "not_defined")
	e.Set("operation", op)
	if op == "defined" || op == "not_defined" {
		return e
	}
	value := One(r, "0", "1", "2", "100", "east", "west", "1.0", "true")
	switch e.Get("attribute") {
	case "#uname", "#id":
		value = s.node(r)
	case "#kind":
		value = One(r, "cluster", "remote", "container")
	case "#cluster-name":
		value = One(r, "alpha", "beta")
	}
	e.Set("value", value)
	if r.Chance(40) {
		e.Set("type", One(r, "string", "integer", "number", "version"))
		if isOld(s.doc) {
			e.Set("type", One(r, "string", "version"))
		}
	}
	return e
}

func (s *survey) date(r *Rand) *cibxml.Element {
	e := cibxml.New("date_expression", "id", s.id())
	switch r.Intn(4) {
	case 0:
		e.Set("operation", "gt")
		e.Set("start", One(r, "2025-01-01", "2026-01-01T11:00:00Z", "2026-01-01 13:00:00", "2027-05-05"))
	case 1:
		e.Set("operation", "lt")
		e.Set("end", One(r, "2025-01-01", "2026-01-01T11:00:00Z", "2026-01-01 13:00:00", "2027-05-05"))
	case 2:
		e.Set("operation", "in_range")
		e.Set("start", One(r, "2025-01-01", "2026-01-01T11:00:00Z", "2026-01-01 13:00:00"))
		if r.Chance(50) {
			e.Set("end", One(r, "2025-02-01", "2026-01-01T11:30:00Z", "2026-03-01 13:00:00", "2026-W10-1"))
		} else {
			e.Append(cibxml.New("duration", "id", s.id(), One(r, "hours", "days", "months", "years", "weeks"), One(r, "1", "2", "30")))
		}
	case 3:
		e.Set("operation", "date_spec")
		spec := cibxml.New("date_spec", "id", s.id())
		for _, f := range []pairOf{{"hours", []string{"9-16", "12", "0-11", "13-"}}, {"weekdays", []string{"1-5", "4", "6-7", "5"}}, {"monthdays", []string{"1", "1-7", "8-"}},
			{"months", []string{"1", "2-12"}}, {"years", []string{"2026", "2005", "2020-"}}, {"yeardays", []string{"1-10", "100-"}}, {"weeks", []string{"1", "2-53"}}, {"weekyears", []string{"2026"}}, {"moon", []string{"4"}}} {
			if r.Chance(20) {
				spec.Set(f.name, f.value(r))
			}
		}
		e.Append(spec)
	}
	return e
}
