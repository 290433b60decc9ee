// Package opconf is what the configuration says about operations: their meta attributes, parameters, the
// response to their failure, and the digests that tell whether any of it has changed.
package opconf

import (
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/isotime"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/pairs"
	"github.com/holdfast-ha/holdfast/crmd/sched/rule"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// Resolver answers questions about operations and keeps the answers. It belongs to one run; what it finds
// out about the times at which rules change is in World.
type Resolver struct {
	World *rule.World
	// Sanitized tells that the input is not live: parameters may have been left out of it.
	Sanitized bool

	m    *model.Model
	ops  [][]*Conf     // by Resource.Index
	rscs []*parameters // by Resource.Index

	digests map[digestKey]Digests
}

// New makes the resolver of a run. Resources may be added to the model while it is in use.
func New(m *model.Model, world *rule.World) *Resolver {
	return &Resolver{World: world, m: m}
}

// Conf is the configuration of one operation of one resource.
type Conf struct {
	Name       string
	IntervalMs int64
	// XML is the op element, nil when the operation is not configured.
	XML *cibxml.Element
	// Meta are the operation's meta attributes, with times in milliseconds.
	Meta  pairs.Table
	Needs model.Needs
	// onFail is the configured response, "" when the default applies.
	onFail string
}

// Op returns the configuration of an operation on a node. Without one rules about nodes are false.
func (v *Resolver) Op(r *model.Resource, name string, intervalMs int64, n *model.Node) *Conf {
	if n != nil && ownTimeout(r, name, intervalMs) && v.hasRules(r) {
		return v.build(r, name, intervalMs, Find(r, name, intervalMs, true), n)
	}
	for len(v.ops) <= r.Index {
		v.ops = append(v.ops, make([][]*Conf, max(len(v.m.All), r.Index+1)-len(v.ops))...)
	}
	for _, c := range v.ops[r.Index] {
		if c.Name == name && c.IntervalMs == intervalMs {
			return c
		}
	}
	c := v.build(r, name, intervalMs, Find(r, name, intervalMs, true), nil)
	v.ops[r.Index] = append(v.ops[r.Index], c)
	return c
}

// Find returns the op element of an operation, nil when there is none.
func Find(r *model.Resource, name string, intervalMs int64, disabledToo bool) *cibxml.Element {
	if e := find(r, name, intervalMs, disabledToo); e != nil {
		return e
	}
	// the pseudo operations migrate and notify configure what belongs to them
	switch key := r.ID + "_" + name; {
	case strings.Contains(key, "migrate_to") || strings.Contains(key, "migrate_from"):
		return find(r, "migrate", 0, disabledToo)
	case strings.Contains(key, "_notify"):
		return find(r, "notify", 0, disabledToo)
	}
	return nil
}

func find(r *model.Resource, name string, intervalMs int64, disabledToo bool) *cibxml.Element {
	for e := range r.Ops.Tags("op") {
		if strings.EqualFold(e.Get("name"), name) && (disabledToo || Enabled(e)) && Interval(e) == intervalMs {
			return e
		}
	}
	return nil
}

// ownTimeout reports whether a parameter of the resource tells the timeout of an operation: fence devices
// have pcmk_monitor_timeout.
func ownTimeout(r *model.Resource, name string, intervalMs int64) bool {
	return r.FenceDevice && (IsProbe(name, intervalMs) || strings.EqualFold(name, "start"))
}

// Interval is an op element's interval in milliseconds.
func Interval(op *cibxml.Element) int64 {
	ms, _ := isotime.ParseInterval(op.Get("interval"))
	return ms
}

// Enabled reports whether an op element is in use.
func Enabled(op *cibxml.Element) bool {
	v, ok := op.Lookup("enabled")
	return !ok || scalar.IsTrue(v)
}

// IsProbe reports whether an operation only looks whether the resource is active.
func IsProbe(name string, intervalMs int64) bool {
	return intervalMs == 0 && strings.EqualFold(name, "monitor")
}

func (v *Resolver) build(r *model.Resource, name string, intervalMs int64, op *cibxml.Element, n *model.Node) *Conf {
	c := &Conf{Name: name, IntervalMs: intervalMs, XML: op}
	ctx := &rule.Context{World: v.World, Agent: &r.Agent, Op: &rule.Operation{Name: name, IntervalMs: intervalMs}}
	c.Meta = ctx.Blocks(nil, v.m.OpDefaults, "meta_attributes", "", rule.Keep)
	probe := IsProbe(name, intervalMs)
	if probe {
		if mon := fastestMonitor(r); mon != nil {
			if t, ok := mon.Lookup("timeout"); ok {
				c.Meta.Set("timeout", t)
			}
		}
	}
	if c.XML != nil {
		c.Meta = ctx.Blocks(c.Meta, c.XML, "meta_attributes", "", rule.Replace)
		for _, a := range c.XML.Attrs {
			c.Meta.Set(a.Name, a.Value)
		}
	}
	c.Meta.Remove("id")
	if intervalMs > 0 {
		c.Meta.Set("interval", strconv.FormatInt(intervalMs, 10))
	} else {
		c.Meta.Remove("interval")
	}
	if ownTimeout(r, name, intervalMs) {
		if t, ok := v.Params(r, n).Lookup("pcmk_monitor_timeout"); ok {
			c.Meta.Set("timeout", t)
		}
	}
	c.Meta.Set("timeout", strconv.FormatInt(scalar.Timeout(c.Meta.Get("timeout")), 10))
	c.Needs = needs(r, name)
	c.onFail = v.configuredResponse(r, c)
	if strings.EqualFold(c.onFail, "block") {
		c.Meta.Set("on-fail", "block")
	}
	v.startDelay(c)
	return c
}

func needs(r *model.Resource, name string) model.Needs {
	switch {
	case !strings.EqualFold(name, "start") && !strings.EqualFold(name, "promote"):
		return model.NeedsNothing
	case r.NeedsFencing:
		return model.NeedsFencing
	case r.NeedsQuorum:
		return model.NeedsQuorum
	}
	return model.NeedsNothing
}

// fastestMonitor is the enabled recurring monitor with the smallest interval, nil when there is none.
func fastestMonitor(r *model.Resource) *cibxml.Element {
	var best *cibxml.Element
	var least int64
	for e := range r.Ops.Tags("op") {
		if !Enabled(e) || !strings.EqualFold(e.Get("name"), "monitor") {
			continue
		}
		if ms := Interval(e); ms > 0 && (best == nil || ms < least) {
			best, least = e, ms
		}
	}
	return best
}

// startDelay normalises start-delay, or works it out so that the operation runs at multiples of its interval
// from an origin.
func (v *Resolver) startDelay(c *Conf) {
	if s, ok := c.Meta.Lookup("start-delay"); ok {
		ms, _ := scalar.ParseMillis(s)
		c.Meta.Set("start-delay", strconv.FormatInt(max(ms, 0), 10))
		return
	}
	s, ok := c.Meta.Lookup("interval-origin")
	if !ok || c.IntervalMs == 0 {
		return
	}
	origin, ok := isotime.Parse(s, v.World.Now)
	if !ok {
		v.World.Log.ConfigError("Ignoring 'interval-origin' for operation '%s' because '%s' is not valid", c.XML.ID(), s)
		return
	}
	every := c.IntervalMs / 1000
	if every == 0 {
		return
	}
	passed := (v.World.Now.Unix() - origin.Unix()) % every
	delay := -passed
	if passed > 0 {
		delay += every
	}
	c.Meta.Set("start-delay", strconv.FormatInt(delay*1000, 10))
}

// Extra evaluates the instance attributes of an operation for a node.
func (v *Resolver) Extra(c *Conf, n *model.Node) pairs.Table {
	if c.XML == nil || c.XML.Child("instance_attributes") == nil {
		return nil
	}
	ctx := &rule.Context{World: v.World, Node: n.Attrs, HasNode: true}
	return ctx.Blocks(nil, c.XML, "instance_attributes", "", rule.Keep)
}
