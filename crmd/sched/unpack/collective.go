package unpack

import (
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// structure reads what only the resource's kind has, children included.
func (b *Builder) structure(r *model.Resource) bool {
	switch r.Kind {
	case model.Group:
		return b.group(r)
	case model.Clone:
		return b.clone(r)
	case model.Bundle:
		return b.bundle(r)
	}
	return b.primitive(r)
}

// primitive checks what the standard of the agent is capable of: only OCF agents can be promoted, and only
// OCF and fence agents can have distinguishable instances.
func (b *Builder) primitive(r *model.Resource) bool {
	class := strings.ToLower(r.Agent.Class)
	if top := r.Top(); top.Kind == model.Clone && r.Unique && class != "ocf" && class != "stonith" {
		b.log.Warning("Ignoring globally-unique for %s because %s resources such as %s can be used only as anonymous clones",
			top.ID, r.Agent.Class, r.ID)
		top.Clone.NodeMax = 1
		top.Clone.Max = min(top.Clone.Max, len(b.m.Nodes))
		top.Walk(makeAnonymous)
		makeAnonymous(r) // not among the children yet
		if r.Parent != top {
			makeAnonymous(r.Parent)
		}
	}
	if r.Promotable && class != "ocf" {
		b.log.Error("Resource %s is of type %s and therefore cannot be used as a promotable clone resource", r.ID, r.Agent.Class)
		return false
	}
	return true
}

func makeAnonymous(r *model.Resource) {
	r.Unique = false
	r.Meta.Set("globally-unique", "false")
}

func (b *Builder) group(r *model.Resource) bool {
	flag := func(name string) bool {
		v, set := r.Meta.Lookup(name)
		if !set || !scalar.IsFalse(v) {
			return true
		}
		b.log.ConfigWarningOnce("Support for the '" + name + "' group meta-attribute is deprecated and will be removed in a future release (use a resource set instead)")
		return false
	}
	r.Group = &model.GroupConfig{Ordered: flag("ordered"), Colocated: flag("collocated")}
	number, numbered := r.XML.Lookup("clone")
	for e := range r.XML.Tags("primitive") {
		if numbered {
			e = e.WithAttr("clone", number)
		}
		m, ok := b.resource(e, r)
		if !ok {
			continue
		}
		r.Children = append(r.Children, m)
	}
	if len(r.Children) == 0 {
		b.log.ConfigWarning("Group %s will be ignored because it does not have any members", r.ID)
	}
	return true
}

func (b *Builder) clone(r *model.Resource) bool {
	meta := r.Meta
	first := func(names ...string) (string, bool) {
		for _, n := range names {
			if v, ok := meta.Lookup(n); ok {
				return v, true
			}
		}
		return "", false
	}
	count := func(unset, low int, names ...string) int {
		if v, ok := first(names...); ok {
			return scalar.MinInt(v, low)
		}
		return unset
	}
	c := &model.CloneConfig{
		Max: count(max(1, len(b.m.Nodes)), 0, "clone-max"), NodeMax: count(1, 0, "clone-node-max"),
		Ordered: scalar.IsTrue(meta.Get("ordered")),
	}
	c.Max = b.bounded(r, "clone-max", c.Max)
	r.Clone = c
	if r.Promotable {
		c.PromotedMax = count(1, 0, "promoted-max", "master-max")
		c.PromotedNodeMax = count(1, 0, "promoted-node-max", "master-node-max")
	}
	if !r.Unique && c.NodeMax > 1 {
		b.log.ConfigError("Ignoring clone-node-max for %s because anonymous clones support only one instance per node", r.ID)
		c.NodeMax = 1
	}
	for e := range r.XML.Tags("primitive", "group") {
		c.Child = e
		break
	}
	if c.Child == nil {
		b.log.ConfigError("%s has nothing to clone", r.ID)
		return false
	}
	// clones stick to their nodes a little unless they are told otherwise
	r.Meta.Add("resource-stickiness", "1")
	r.Meta.Add("globally-unique", strconv.FormatBool(r.Unique))
	if c.Max == 0 {
		// one instance is needed for history to be attributed to
		return b.instance(r) != nil
	}
	for c.Total < c.Max {
		if b.instance(r) == nil {
			return false
		}
	}
	return true
}

// instance adds an instance to a clone, an orphan if it has enough of them. It returns nil when the
// configuration of the instance is invalid.
func (b *Builder) instance(r *model.Resource) *model.Resource {
	c := r.Clone
	orphan := c.Total >= c.Max
	inst, ok := b.resource(numbered(c.Child, c.Total), r)
	if !ok {
		return nil
	}
	c.Total++
	r.Children = append(r.Children, inst)
	if orphan {
		inst.Walk(func(x *model.Resource) { x.Orphan = true })
	}
	inst.Meta.Add("clone-max", strconv.Itoa(c.Max))
	return inst
}

func numbered(e *cibxml.Element, n int) *cibxml.Element {
	return e.WithAttr("clone", strconv.Itoa(n))
}

// containers links the resources that run inside another one to it.
func (b *Builder) containers(r *model.Resource) {
	if len(r.Children) > 0 {
		for _, c := range r.Children {
			b.containers(c)
		}
		return
	}
	id, ok := r.Meta.Lookup("container")
	if !ok || strings.EqualFold(id, r.ID) {
		return
	}
	c := b.m.Resource(id)
	if c == nil {
		b.log.ConfigError("Resource %s: Unknown resource container (%s)", r.ID, id)
		return
	}
	r.Container = c
	c.Fillers = append(c.Fillers, r)
}

// linkConnection ties a top-level connection to its node.
func (b *Builder) linkConnection(r *model.Resource) {
	if !r.Connection {
		return
	}
	n := b.m.NodeNamed(r.ID)
	if n == nil {
		return
	}
	n.Connection, r.Node = r, n
	if r.Container == nil {
		b.startupFencing(n)
	} else {
		n.Attrs.Set("#kind", "container")
	}
}

// maxInstances is how many instances of one resource are considered. It is more than any cluster can run; a slip
// of the finger would take all memory of the node that plans, which Pacemaker lets happen.
const maxInstances = 10000

// bounded keeps a number of instances within what can be considered.
func (b *Builder) bounded(r *model.Resource, option string, n int) int {
	if n > maxInstances {
		b.log.ConfigError("Using %d for %s of %s because %d is more than can be run", maxInstances, option, r.ID, n)
		return maxInstances
	}
	return n
}
