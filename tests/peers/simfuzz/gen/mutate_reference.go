package gen

import (
	"strconv"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// referTo lets a block, a rule or the operations of one resource be those of another.
func referTo(s *survey, r *Rand) bool {
	from, to := pick(r, s.prims), pick(r, s.prims)
	if from == nil || from == to || isOld(s.doc) {
		return false
	}
	kind := One(r, "meta_attributes", "instance_attributes", "operations", "utilization")
	target := from.Child(kind)
	if target == nil || target.Get("id-ref") != "" || to.Child(kind) != nil && kind == "operations" {
		return false
	}
	if target.ID() == "" {
		target.Set("id", s.id())
	}
	ref := cibxml.New(kind, "id-ref", target.ID())
	if kind == "operations" {
		to.Append(ref)
	} else {
		to.Children = append([]*cibxml.Element{ref}, to.Children...)
	}
	return true
}

// referToRule lets a location be decided by the rule of another.
func referToRule(s *survey, r *Rand) bool {
	e := pick(r, s.section("constraints").Children)
	if e == nil || e.Name != "rsc_location" || e.Child("rule") == nil || e.Child("rule").ID() == "" {
		return false
	}
	return s.constraint(cibxml.New("rsc_location", "id", s.id(), "rsc", s.rsc(r)).Append(cibxml.New("rule", "id-ref", e.Child("rule").ID())))
}

// compareWithParameter compares an attribute of a node with a parameter or meta attribute of the resource.
func compareWithParameter(s *survey, r *Rand) bool {
	p := pick(r, s.prims)
	if p == nil || isOld(s.doc) {
		return false
	}
	source := One(r, "param", "meta")
	s.pair(s.block(p, map[string]string{"param": "instance_attributes", "meta": "meta_attributes"}[source]), "where", One(r, "east", "west", "1"))
	rule := cibxml.New("rule", "id", s.id(), "score", score(r)).Append(cibxml.New("expression", "id", s.id(), "attribute", One(r, "site", "rack"),
		"operation", One(r, "eq", "ne", "lt"), "value", "where", "value-source", source))
	return s.constraint(cibxml.New("rsc_location", "id", s.id(), "rsc", p.ID()).Append(rule))
}

// patternLocation places what a pattern matches by an attribute that is named after the match.
func patternLocation(s *survey, r *Rand) bool {
	p, n := pick(r, s.prims), pick(r, s.section("nodes").Children)
	if p == nil || n == nil || n.Name != "node" || isOld(s.doc) {
		return false
	}
	s.pair(s.block(n, "instance_attributes"), "host-"+p.ID(), One(r, "1", "true", "0"))
	rule := cibxml.New("rule", "id", s.id(), "score", score(r)).Append(cibxml.New("expression", "id", s.id(), "attribute", "host-%"+One(r, "0", "1"),
		"operation", One(r, "eq", "defined", "gt"), "value", "1"))
	if rule.Children[0].Get("operation") == "defined" {
		rule.Children[0].Unset("value")
	}
	return s.constraint(cibxml.New("rsc_location", "id", s.id(), "rsc-pattern", One(r, "(.*)", "^(rsc[0-9]+)", "^r(s)c")).Append(rule))
}

// constrainTag makes a tag, of resources or templates, and a constraint of sets with it.
func constrainTag(s *survey, r *Rand) bool {
	if isOld(s.doc) {
		return false
	}
	t := cibxml.New("tag", "id", s.id())
	used := map[string]bool{}
	for n := r.Between(1, 3); n > 0; n-- {
		if id := s.rsc(r); !used[id] {
			used[id] = true
			t.Append(cibxml.New("obj_ref", "id", id))
		}
	}
	s.section("tags").Append(t)
	var e *cibxml.Element
	kind := r.Intn(4)
	switch kind {
	case 0:
		e = cibxml.New("rsc_colocation", "id", s.id(), "score", score(r))
	case 1:
		e = cibxml.New("rsc_order", "id", s.id())
		s.orderKind(e, r)
	case 2:
		e = cibxml.New("rsc_ticket", "id", s.id(), "ticket", "ticketA", "rsc", t.ID(), "loss-policy", One(r, "stop", "demote", "fence", "freeze"))
		setTicket(s, r)
		return s.constraint(e)
	case 3:
		e = cibxml.New("rsc_location", "id", s.id(), "node", s.node(r), "score", score(r))
	}
	set := cibxml.New("resource_set", "id", s.id()).Append(cibxml.New("resource_ref", "id", t.ID()))
	if other := s.rsc(r); !used[other] && r.Chance(60) {
		set.Append(cibxml.New("resource_ref", "id", other))
	}
	s.setOptions(set, r, kind)
	return s.constraint(e.Append(set))
}

// writeDifferently writes an interval or a timeout in another of the accepted forms.
func writeDifferently(s *survey, r *Rand) bool {
	op := s.operationOf(r)
	if op == nil {
		return false
	}
	if r.Chance(50) {
		op.Set("interval", One(r, "10000ms", "PT10S", "P1D", "1m", "10 s", "0.5s", "60", "1h", "10s", "10"))
	} else {
		op.Set("timeout", One(r, "PT1M", "1min", "90000ms", "-5", "bogus", "1hour", "20 s"))
	}
	return true
}

// sameAgain adds a second monitor, as is allowed for another role.
func sameAgain(s *survey, r *Rand) bool {
	op := s.operationOf(r)
	if op == nil || op.Get("name") != "monitor" {
		return false
	}
	p := pick(r, s.prims)
	for _, q := range s.prims {
		if q.Child("operations") != nil && q.Child("operations").Find("op", op.ID()) == op {
			p = q
		}
	}
	c := cibxml.New("op", "id", s.id(), "name", "monitor", "interval", One(r, op.Get("interval"), "17s"), "role", One(r, "Started", "Stopped", "Slave", "Master"))
	if r.Chance(40) {
		c.Set("on-fail", One(r, "fence", "block", "demote", "standby", "ignore"))
	}
	if p.Child("operations") == nil {
		return false
	}
	p.Child("operations").Append(c)
	return true
}

// stateOfRemote gives a remote or guest node a state of its own, as the controller writes it.
func stateOfRemote(s *survey, r *Rand) bool {
	st := s.doc.Child("status")
	if st == nil || len(s.nodes) == s.full {
		return false
	}
	name := s.nodes[s.full+r.Intn(len(s.nodes)-s.full)]
	e := st.Find("node_state", name)
	if e == nil {
		e = cibxml.New("node_state", "id", name, "uname", name, "remote_node", "true")
		st.Append(e)
	}
	switch r.Intn(5) {
	case 0:
		e.Set("in_ccm", boolean(r))
	case 1:
		e.Set("node_fenced", One(r, "1", "0", strconv.Itoa(Epoch-100)))
	case 2:
		e.Set("node_in_maintenance", One(r, "1", "0", "true"))
	case 3:
		p := nodeAttrs[r.Intn(len(nodeAttrs))]
		s.transient(e, p.name, p.value(r))
	case 4:
		s.transient(e, One(r, "terminate", "shutdown", "maintenance"), One(r, "true", "1", strconv.Itoa(Epoch-50)))
	}
	return true
}
