package gen

import (
	"strconv"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// ruledBlock makes a block of name-value pairs that a rule guards, for an element that may have several.
func (s *survey) ruledBlock(e *cibxml.Element, kind string, r *Rand) *cibxml.Element {
	b := cibxml.New(kind, "id", s.id())
	if r.Chance(70) {
		b.Set("score", One(r, "1", "10", "INFINITY", "-5"))
	}
	rule := s.rule(r)
	rule.Unset("score-attribute")
	rule.Unset("role")
	rule.Set("score", "0")
	if r.Chance(50) {
		rule.Children = []*cibxml.Element{s.date(r)}
	}
	b.Append(rule)
	e.Children = append([]*cibxml.Element{b}, e.Children...)
	return b
}

// ruleAnything puts pairs under a rule: of the cluster's options, of a node's attributes or capacity, of what
// an operation is run with.
func ruleAnything(s *survey, r *Rand) bool {
	if isOld(s.doc) {
		return false
	}
	switch r.Intn(5) {
	case 0:
		p := clusterOptions[r.Intn(len(clusterOptions))]
		s.pair(s.ruledBlock(s.section("crm_config"), "cluster_property_set", r), p.name, p.value(r))
	case 1:
		n := pick(r, s.section("nodes").Children)
		if n == nil || n.Name != "node" {
			return false
		}
		p := nodeAttrs[r.Intn(len(nodeAttrs))]
		s.pair(s.ruledBlock(n, "instance_attributes", r), p.name, p.value(r))
	case 2:
		n := pick(r, s.section("nodes").Children)
		if n == nil || n.Name != "node" {
			return false
		}
		s.pair(s.ruledBlock(n, "utilization", r), One(r, "cpu", "memory"), strconv.Itoa(r.Intn(8)))
	case 3:
		op := s.operationOf(r)
		if op == nil {
			return false
		}
		p := One(r, pairOf{"timeout", []string{"44s"}}, pairOf{"on-fail", []string{"block", "ignore", "restart"}}, pairOf{"start-delay", []string{"5s"}})
		s.pair(s.ruledBlock(op, "meta_attributes", r), p.name, p.value(r))
	case 4:
		op := s.operationOf(r)
		if op == nil {
			return false
		}
		s.pair(s.ruledBlock(op, "instance_attributes", r), One(r, "OCF_CHECK_LEVEL", "fake"), One(r, "10", "20"))
	}
	return true
}

// operationOf is an operation that is configured for a primitive, nil when the primitive has none.
func (s *survey) operationOf(r *Rand) *cibxml.Element {
	p := pick(r, s.prims)
	if p == nil || p.Child("operations") == nil {
		return nil
	}
	op := pick(r, p.Child("operations").Children)
	if op == nil || op.Name != "op" {
		return nil
	}
	return op
}

// setOpBlock gives an operation parameters or meta attributes of its own, without a rule.
func setOpBlock(s *survey, r *Rand) bool {
	op := s.operationOf(r)
	if op == nil {
		return false
	}
	if r.Chance(50) {
		s.pair(s.block(op, "instance_attributes"), One(r, "OCF_CHECK_LEVEL", "fake"), One(r, "10", "20"))
	} else {
		s.pair(s.block(op, "meta_attributes"), One(r, "timeout", "on-fail", "interval-origin", "role_after_failure"), One(r, "44s", "block", "2026-01-01", "Stopped"))
	}
	return true
}

// failOften lets a resource have failed about as often as it may on some node.
func failOften(s *survey, r *Rand) bool {
	h := pick(r, s.histories)
	if h == nil {
		return false
	}
	for _, p := range s.prims {
		if p.ID() == h.ID() {
			s.pair(s.block(p, "meta_attributes"), "migration-threshold", One(r, "1", "2", "3"))
			if r.Chance(50) {
				s.pair(s.block(p, "meta_attributes"), "failure-timeout", One(r, "60s", "10min", "1h"))
			}
		}
	}
	for _, st := range s.states {
		if st.Child("lrm") == nil || st.Child("lrm").Child("lrm_resources").Find("lrm_resource", h.ID()) == nil {
			continue
		}
		s.transient(st, "fail-count-"+h.ID()+One(r, "#monitor_10000", "#start_0", "#monitor_0", ""), One(r, "1", "2", "3", "INFINITY"))
		s.transient(st, "last-failure-"+h.ID()+One(r, "#monitor_10000", "#start_0", ""), strconv.Itoa(Epoch-r.Intn(2000)))
	}
	return true
}

// setGuest changes how a guest node is reached.
func setGuest(s *survey, r *Rand) bool {
	e := pick(r, s.prims)
	if e == nil || e.Get("type") != "VirtualDomain" && e.Get("type") != "Xen" {
		return false
	}
	p := One(r, pairOf{"remote-addr", []string{"10.2.2.2"}}, pairOf{"remote-port", []string{"3121", "9999"}},
		pairOf{"remote-connect-timeout", []string{"30s", "60"}}, pairOf{"remote-allow-migrate", bools}, pairOf{"allow-migrate", bools})
	s.pair(s.block(e, "meta_attributes"), p.name, p.value(r))
	return true
}

// setBundle changes how many replicas a bundle has and how they are reached.
func setBundle(s *survey, r *Rand) bool {
	b := s.bundle(r)
	if b == nil {
		return false
	}
	for _, kind := range []string{"docker", "podman", "rkt"} {
		if c := b.Child(kind); c != nil {
			c.Set(One(r, "replicas", "replicas-per-host", "promoted-max", "masters", "network", "run-command"), One(r, "0", "1", "2", "3"))
		}
	}
	return true
}
