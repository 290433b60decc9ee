// Package rule evaluates the rules of a CIB and the blocks of name-value pairs that they guard.
package rule

import (
	"strings"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/isotime"
	"github.com/holdfast-ha/holdfast/crmd/sched/pairs"
	"github.com/holdfast-ha/holdfast/crmd/sched/report"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// Agent is what rsc_expression looks at.
type Agent struct {
	Class, Provider, Type string
}

// Operation is what op_expression looks at.
type Operation struct {
	Name       string
	IntervalMs int64
}

// World is what is the same for every rule of one run.
type World struct {
	Now    isotime.Time
	Lib    *Library
	Health scalar.Health
	Log    *report.Log
	// Recheck is when the earliest date rule changes its result, in seconds since the epoch; 0 when none does.
	Recheck int64
}

// At remembers that something changes at that time.
func (w *World) At(t int64) {
	if t > w.Now.Unix() && (w.Recheck == 0 || t < w.Recheck) {
		w.Recheck = t
	}
}

// Context is what one rule is evaluated for. What is nil or empty makes the expressions that need it false.
type Context struct {
	*World
	// Node are the attributes of the node in question.
	Node pairs.Table
	// HasNode tells that there is a node; it may have no attributes.
	HasNode bool
	Agent   *Agent
	Op      *Operation
	// Source resolves value-source "param" and "meta"; nil takes every value as it is.
	Source func(source, name string) (string, bool)
	// Expand replaces %0 to %9 in attribute names by the parts of a matched pattern.
	Expand func(name string) string
}

// Passes reports whether a rule element is fulfilled.
func (c *Context) Passes(r *cibxml.Element) bool {
	r = c.Lib.Resolve(r)
	if r == nil {
		return false
	}
	either := strings.EqualFold(r.Get("boolean-op"), "or")
	empty := true
	for e := range r.Tags() {
		empty = false
		if c.expression(e) == either {
			return either
		}
	}
	if empty {
		c.Log.ConfigError("Invalid Rule %s: rules must contain at least one expression", r.ID())
	}
	return !either
}

// Active reports whether a block or constraint is in force: it has no rules, or one of them passes.
func (c *Context) Active(e *cibxml.Element) bool {
	active := true
	for r := range e.Tags("rule") {
		if c.Passes(r) {
			return true
		}
		active = false
	}
	return active
}

func (c *Context) expression(e *cibxml.Element) bool {
	switch e.Name {
	case "rule":
		return c.Passes(e)
	case "expression":
		if e.Get("attribute") == "#role" {
			return false // no rule of Pacemaker 2.1 is evaluated for a known role
		}
		return c.HasNode && c.attribute(e)
	case "date_expression":
		return c.date(e)
	case "rsc_expression":
		return c.Agent != nil && c.Agent.matches(e)
	case "op_expression":
		return c.Op != nil && c.Op.matches(e)
	}
	return false
}

func (a *Agent) matches(e *cibxml.Element) bool {
	if v, ok := e.Lookup("class"); ok && v != a.Class {
		return false
	}
	if e.Get("provider") != a.Provider {
		return false
	}
	v, ok := e.Lookup("type")
	return !ok || v == a.Type
}

func (o *Operation) matches(e *cibxml.Element) bool {
	if v, ok := e.Lookup("interval"); ok {
		if ms, ok := isotime.ParseInterval(v); !ok || ms != o.IntervalMs {
			return false
		}
	}
	v, ok := e.Lookup("name")
	return ok && v == o.Name
}
