package gen

import (
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
)

// builder makes a cluster from nothing.
type builder struct {
	*survey
	r *Rand
	// names counts resources by what they are called.
	count int
	// templates that primitives may refer to.
	templates []string
	remotes   []string
	theme     theme
}

// Cluster makes a cluster of one to eight nodes on which nothing has happened yet.
func Cluster(r *Rand) *cibxml.Element {
	doc := cibxml.New("cib", "crm_feature_set", "3.16.1", "validate-with", One(r, "pacemaker-3.9", "pacemaker-3.9", "pacemaker-3.9", "pacemaker-3.7"),
		"epoch", "10", "num_updates", "0", "admin_epoch", "0", "have-quorum", One(r, "1", "1", "1", "1", "1", "0"), "dc-uuid", "1")
	config := cibxml.New("configuration").Append(cibxml.New("crm_config"), cibxml.New("nodes"), cibxml.New("resources"), cibxml.New("constraints"))
	status := cibxml.New("status")
	doc.Append(config, status)
	b := &builder{survey: &survey{doc: doc, config: config, prefix: "g"}, r: r}
	b.properties()
	b.members(status)
	b.resources()
	b.survey = look(doc, "c")
	b.constraints()
	b.rest()
	return doc
}

func (b *builder) properties() {
	r := b.r
	set := b.block(b.section("crm_config"), "cluster_property_set")
	set.Set("id", "cib-bootstrap-options")
	b.pair(set, "stonith-enabled", One(r, "true", "false"))
	if r.Chance(30) {
		b.pair(set, "no-quorum-policy", One(r, "stop", "freeze", "ignore", "demote", "suicide"))
	}
	if r.Chance(20) {
		b.pair(set, "placement-strategy", One(r, "utilization", "minimal", "balanced"))
	}
	if r.Chance(12) {
		b.pair(set, "node-health-strategy", One(r, "migrate-on-red", "only-green", "progressive", "custom"))
	}
	for n := r.Intn(4); n > 0; n-- {
		p := clusterOptions[r.Intn(len(clusterOptions))]
		if p.name == "is-managed-default" || strings.HasPrefix(p.name, "default-") {
			continue // no longer in the schema
		}
		// These leave nothing to look at.
		if p.name == "stop-all-resources" || p.name == "maintenance-mode" || p.name == "symmetric-cluster" {
			if !r.Chance(25) {
				continue
			}
		}
		b.pair(set, p.name, p.value(r))
	}
}

func (b *builder) members(status *cibxml.Element) {
	r := b.r
	ids := One(r, "number", "name", "uuid")
	style := One(r, "node", "pcmk-", "host.example.com-")
	for i := 1; i <= One(r, 1, 2, 2, 2, 3, 3, 3, 4, 5, 6, 8); i++ {
		name := style + strconv.Itoa(i)
		id := map[string]string{"number": strconv.Itoa(i), "name": name, "uuid": "0e8a9a3c-0000-4000-8000-00000000000" + strconv.Itoa(i)}[ids]
		n := cibxml.New("node", "id", id, "uname", name)
		b.nodes = append(b.nodes, name)
		for k := r.Intn(3); k > 0; k-- {
			p := nodeAttrs[r.Intn(len(nodeAttrs))]
			if p.name == "standby" && !r.Chance(30) {
				continue
			}
			b.pair(b.block(n, "instance_attributes"), p.name, p.value(r))
		}
		if r.Chance(40) {
			u := b.block(n, "utilization")
			b.pair(u, "cpu", strconv.Itoa(r.Between(1, 12)))
			b.pair(u, "memory", strconv.Itoa(r.Between(1, 12)))
		}
		b.section("nodes").Append(n)
		if r.Chance(92) {
			status.Append(b.state(id, name))
		}
	}
}

func (b *builder) state(id, name string) *cibxml.Element {
	s := cibxml.New("node_state", "id", id, "uname", name, "in_ccm", "true", "crmd", "online", "join", "member", "expected", "member")
	r := b.r
	if r.Chance(12) {
		for _, p := range states[:4] {
			s.Set(p.name, p.value(r))
		}
	}
	if r.Chance(20) {
		p := nodeAttrs[r.Intn(len(nodeAttrs))]
		b.transient(s, p.name, p.value(r))
	}
	return s
}

func (b *builder) rest() {
	r := b.r
	if r.Chance(30) {
		p := rscMeta[r.Intn(len(rscMeta)-1)]
		b.pair(b.block(b.section("rsc_defaults"), "meta_attributes"), p.name, p.value(r))
	}
	if r.Chance(15) {
		b.pair(b.block(b.section("rsc_defaults"), "meta_attributes"), "resource-stickiness", One(r, "1", "100", "INFINITY"))
	}
	if r.Chance(10) {
		b.ruledDefaults(One(r, "rsc_defaults", "op_defaults"))
	}
	if r.Chance(10) {
		dropDefaults(b.survey, r)
	}
	if r.Chance(20) {
		addTopology(b.survey, r)
	}
	for n := r.Intn(3); n > 0; n-- {
		promotionScore(b.survey, r)
	}
	if r.Chance(10) {
		failCount(b.survey, r)
	}
}

// ruledDefaults are defaults for some kinds of resources or operations.
func (b *builder) ruledDefaults(section string) {
	r := b.r
	set := cibxml.New("meta_attributes", "id", b.id(), "score", One(r, "1", "10"))
	rule := cibxml.New("rule", "id", b.id(), "score", "0")
	if r.Chance(50) {
		rule.Set("boolean-op", One(r, "and", "or"))
	}
	for n := r.Between(1, 2); n > 0; n-- {
		switch {
		case section == "op_defaults" && r.Chance(60):
			e := cibxml.New("op_expression", "id", b.id(), "name", One(r, "monitor", "start", "stop"))
			if e.Get("name") == "monitor" && r.Chance(50) {
				e.Set("interval", "10s")
			}
			rule.Append(e)
		case r.Chance(60):
			e := cibxml.New("rsc_expression", "id", b.id())
			for _, p := range []pairOf{{"class", []string{"ocf", "stonith"}}, {"provider", []string{"pacemaker", "heartbeat"}}, {"type", []string{"Dummy", "Stateful", "IPaddr2"}}} {
				if r.Chance(50) {
					e.Set(p.name, p.value(r))
				}
			}
			rule.Append(e)
		default:
			rule.Append(b.date(r))
		}
	}
	set.Append(rule)
	p := One(r, pairOf{"timeout", []string{"33s"}}, pairOf{"on-fail", []string{"block", "stop"}})
	if section == "rsc_defaults" {
		p = rscMeta[r.Intn(len(rscMeta)-2)]
	}
	b.pair(set, p.name, p.value(r))
	e := b.section(section)
	e.Children = append([]*cibxml.Element{set}, e.Children...)
}

func (b *builder) constraints() {
	r := b.r
	makers := []mutation{addLocation, addLocation, addLocation, addColocation, addColocation, addColocation, addOrder, addOrder, addOrder, addTicket, addSet, addSet, ruleLocation}
	for n := One(r, 0, 1, 2, 3, 4, 5, 6, 8); n > 0; n-- {
		makers[r.Intn(len(makers))](b.survey, r)
	}
	if r.Chance(15) && len(b.rscs) > 1 {
		b.tag()
	}
}

// tag makes a tag and constraints with it.
func (b *builder) tag() {
	r := b.r
	t := cibxml.New("tag", "id", b.id())
	used := map[string]bool{}
	for n := r.Between(1, 3); n > 0; n-- {
		if id := b.rsc(r); !used[id] {
			used[id] = true
			t.Append(cibxml.New("obj_ref", "id", id))
		}
	}
	b.section("tags").Append(t)
	switch other := b.rsc(r); {
	case used[other] || r.Chance(30):
		b.constraint(cibxml.New("rsc_location", "id", b.id(), "rsc", t.ID(), "node", b.node(r), "score", score(r)))
	case r.Chance(50):
		b.constraint(cibxml.New("rsc_colocation", "id", b.id(), "rsc", t.ID(), "with-rsc", other, "score", score(r)))
	default:
		b.constraint(cibxml.New("rsc_order", "id", b.id(), "first", other, "then", t.ID()))
	}
}
