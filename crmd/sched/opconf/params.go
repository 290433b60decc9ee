package opconf

import (
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/pairs"
	"github.com/holdfast-ha/holdfast/crmd/sched/rule"
)

// parameters are the instance attributes of a resource: one table when no rule is involved, else one for
// each node.
type parameters struct {
	same    bool
	table   pairs.Table // without a node
	perNode []pairs.Table
	known   []bool
}

// Params returns the parameters of a resource on a node; a nil node makes rules about nodes false. The table
// must not be changed.
func (v *Resolver) Params(r *model.Resource, n *model.Node) pairs.Table {
	for len(v.rscs) <= r.Index {
		v.rscs = append(v.rscs, make([]*parameters, max(len(v.m.All), r.Index+1)-len(v.rscs))...)
	}
	p := v.rscs[r.Index]
	if p == nil {
		p = &parameters{same: !v.hasRules(r), table: v.evaluate(r, nil)}
		v.rscs[r.Index] = p
	}
	if p.same || n == nil {
		return p.table
	}
	for len(p.known) <= n.Index {
		p.known = append(p.known, false)
		p.perNode = append(p.perNode, nil)
	}
	if !p.known[n.Index] {
		p.known[n.Index], p.perNode[n.Index] = true, v.evaluate(r, n)
	}
	return p.perNode[n.Index]
}

// Dated evaluates all rules about parameters once, so that the world learns when time changes them: Pacemaker
// counts also those that no operation needs now.
func (v *Resolver) Dated() {
	for _, r := range v.m.All {
		if v.hasRules(r) {
			v.Params(r, nil)
		}
	}
}

func (v *Resolver) hasRules(r *model.Resource) bool {
	for p := r; p != nil; p = p.Parent {
		if rule.HasRules(v.World.Lib, p.XML, "instance_attributes") {
			return true
		}
	}
	return rule.HasRules(v.World.Lib, v.m.RscDefaults, "instance_attributes")
}

func (v *Resolver) evaluate(r *model.Resource, n *model.Node) pairs.Table {
	ctx := &rule.Context{World: v.World}
	if n != nil {
		ctx.Node, ctx.HasNode = n.Attrs, true
	}
	var table pairs.Table
	add := func(e *cibxml.Element) {
		table = ctx.Blocks(table, e, "instance_attributes", "", rule.Keep)
	}
	for p := r; p != nil; p = p.Parent {
		add(p.XML)
	}
	add(v.m.RscDefaults)
	return table
}
