package upgrade

import (
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// renamed are cluster options that could be spelled with underscores.
var renamed = []string{"cluster-recheck-interval", "dc-deadtime", "election-timeout", "no-quorum-policy", "remove-after-stop",
	"shutdown-escalation", "startup-fencing", "stonith-action", "stonith-enabled", "stop-orphan-actions",
	"stop-orphan-resources", "symmetric-cluster"}

// gone are cluster options that nothing heeds any more.
var gone = []string{"default-migration-threshold", "expected-quorum-votes", "notification-agent", "notification-recipient"}

// formerStacks are values of cluster-infrastructure that say nothing any more.
var formerStacks = []string{"heartbeat", "openais", "classic openais", "classic openais (with plugin)", "cman"}

// moved are cluster options that became defaults of a section.
var moved = map[string]struct{ section, name string }{
	"default-action-timeout":              {"op_defaults", "timeout"},
	"default-resource-stickiness":         {"rsc_defaults", "resource-stickiness"},
	"is-managed-default":                  {"rsc_defaults", "is-managed"},
	"default-resource-failure-stickiness": {"rsc_defaults", "migration-threshold"},
}

// settleProperties renames cluster options, drops those without a meaning and moves defaults to where they
// belong.
func settleProperties(doc *cibxml.Element) {
	config := doc.Child("configuration")
	options := config.Child("crm_config")
	if options == nil {
		return
	}
	dropEmptied(options, "cluster_property_set", func(set, p *cibxml.Element) bool {
		name := p.Get("name")
		plainName := dashes(name)
		to, isDefault := moved[plainName]
		switch {
		case isDefault:
			if plainName == "default-resource-failure-stickiness" {
				if !isMinusInfinity(p.Get("value")) {
					return false
				}
				p.Set("value", "1")
			}
			q := *p
			q.Set("name", to.name)
			addDefault(config, to.section, set, &q)
			return false
		case name == "transition_idle_timeout" || name == "transition-idle-timeout":
			p.Set("name", "cluster-delay")
		case slices.Contains(renamed, plainName):
			p.Set("name", plainName)
		case slices.Contains(gone, plainName):
			return false
		case name == "cluster-infrastructure":
			return !slices.Contains(formerStacks, p.Get("value"))
		}
		return true
	})
}

func isMinusInfinity(value string) bool { return strings.EqualFold(value, "-INFINITY") }

// addDefault gives a section a default, unless it has one of that name. What held under a rule still does.
func addDefault(config *cibxml.Element, section string, from, p *cibxml.Element) {
	s := config.Child(section)
	if s == nil {
		s = cibxml.New(section)
		config.Append(s)
	}
	if rule := from.Child("rule"); rule != nil {
		id := prefix + from.ID()
		block := s.Find("meta_attributes", id)
		if block == nil {
			block = cibxml.New("meta_attributes", "id", id)
			if score, ok := from.Lookup("score"); ok {
				block.Set("score", score)
			}
			r := rule.Clone()
			r.Walk(func(x *cibxml.Element) bool {
				if old, ok := x.Lookup("id"); ok {
					x.Set("id", id+"-"+old)
				}
				return true
			})
			block.Append(r)
			s.Append(block)
		}
		block.Append(p)
		return
	}
	if defines(s, "meta_attributes", p.Get("name")) {
		return
	}
	for b := range s.Tags("meta_attributes") {
		if plain(b) {
			b.Append(p)
			return
		}
	}
	s.Append(cibxml.New("meta_attributes", "id", prefix+"-"+strings.ReplaceAll(section, "_", "-")).Append(p))
}
