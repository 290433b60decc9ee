// Package location makes and removes the location constraints with which an administrator moves resources.
package location

import (
	"context"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/isotime"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/tools/cibclient"
	"github.com/holdfast-ha/holdfast/tools/output"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// Request says what is to be moved. Doc and Model are the CIB as it is.
type Request struct {
	Conn  *cibclient.Conn
	Out   *output.Out
	Doc   *cibxml.Element
	Model *model.Model
	// Rsc is the resource, nil to clear expired constraints of all; Name is what the person called it.
	Rsc  *model.Resource
	Name string
	// Node is where to, or which not; nil is where the resource runs.
	Node *model.Node
	// Promoted restricts the constraints to the promoted role. Lifetime is an ISO 8601 duration, "" for ever.
	Promoted bool
	Lifetime string
	// Expired clears only what is over.
	Expired bool
	Force   bool
}

// role is the role that the constraints are about.
func (c *Request) role() string {
	if c.Promoted {
		return "Promoted"
	}
	return "Started"
}

// until is when a constraint ends, "" for never.
func (c *Request) until() (string, error) {
	if c.Lifetime == "" {
		return "", nil
	}
	d, ok := isotime.ParseDuration(c.Lifetime)
	if !ok {
		c.Out.Errorf("Invalid duration specified: %s\nPlease refer to https://en.wikipedia.org/wiki/ISO_8601#Durations for examples of valid durations", c.Lifetime)
		return "", program.Exit(api.CodeUsage)
	}
	t := isotime.FromUnix(time.Now().Unix(), time.UTC).AddYears(d.Years).AddMonths(d.Months).AddDays(d.Days).AddSeconds(d.Seconds)
	text := time.Unix(t.Unix(), 0).UTC().Format("2006-01-02 15:04:05Z")
	c.Out.Info("Migration will take effect until: %s", text)
	return text, nil
}

// Move makes a resource run on --node or, without one, somewhere else than now.
func (c *Request) Move(ctx context.Context) error {
	if c.Node == nil {
		return c.Ban(ctx)
	}
	r := c.Rsc
	current, active := c.activeOn(r)
	switch top := r.Top(); {
	case !c.Promoted || r.Promotable:
	case top.Promotable:
		c.Out.Info("Using parent '%s' for move instead of '%s'.", top.ID, c.Name)
		c.Name, r = top.ID, top
		current, active = c.activeOn(r)
	default:
		c.Promoted = false
		c.Out.Info("Ignoring --promoted option: %s is not promotable", c.Name)
	}
	if c.Promoted {
		current, active = c.promotedOn(r)
	}
	switch {
	case active > 1 && r.Kind != model.Clone:
		return program.Faultf(api.CodeNotUnique, "")
	case active == 1 && current == c.Node && !c.Force:
		return program.Faultf(api.CodeExists, "")
	}
	// what stands against the new place goes first
	if err := c.clearFor(ctx, r, nil, false); err != nil {
		return err
	}
	if err := c.clearFor(ctx, r, c.Node, false); err != nil {
		return err
	}
	if err := c.prefer(ctx); err != nil {
		return err
	}
	if !c.Force || current == nil || current == c.Node {
		return nil
	}
	if active == 1 {
		return c.banFrom(ctx, current)
	}
	c.Out.Info("Resource '%s' is currently %s in %d locations. One may now move to %s",
		c.Name, map[bool]string{true: "promoted", false: "active"}[c.Promoted], active, c.Node.Name)
	c.Out.Info("To prevent '%s' from being %s at a specific location, specify a node.",
		c.Name, map[bool]string{true: "promoted", false: "active"}[c.Promoted])
	return nil
}

// activeOn is the node on which a resource counts as active, nil for none, and on how many it is.
func (c *Request) activeOn(r *model.Resource) (*model.Node, int) {
	nodes := c.Model.State.CurrentNodes(r, false, nil)
	if r.Kind == model.Primitive {
		all, _ := c.Model.State.ActiveCount(r)
		return c.Model.State.Current(r), all
	}
	if len(nodes) == 0 {
		return nil, 0
	}
	return nodes[0], len(nodes)
}

// promotedOn is the node on which a clone is promoted, and on how many it is.
func (c *Request) promotedOn(r *model.Resource) (*model.Node, int) {
	var on *model.Node
	count := 0
	for _, x := range r.Children {
		if c.Model.State.HighestRole(x, false) != model.Promoted {
			continue
		}
		for _, n := range c.Model.State.CurrentNodes(x, false, nil) {
			on = n
			count++
		}
	}
	return on, count
}

// Ban keeps a resource away from --node or from where it runs.
func (c *Request) Ban(ctx context.Context) error {
	if c.Node != nil {
		return c.banFrom(ctx, c.Node)
	}
	r := c.Rsc
	current, active := c.activeOn(r)
	switch {
	case active == 1 && current != nil:
		return c.banFrom(ctx, current)
	case r.Promotable:
		promoted, n := c.promotedOn(r)
		if n == 1 {
			return c.banFrom(ctx, promoted)
		}
		return program.Faultf(api.CodeUsage, "Resource '%s' not moved: active in %d locations (promoted in %d).\n"+
			"To prevent '%s' from running on a specific location, specify a node."+
			"To prevent '%s' from being promoted at a specific location, specify a node and the --promoted option.",
			c.Name, active, n, c.Name, c.Name)
	}
	return program.Faultf(api.CodeUsage, "Resource '%s' not moved: active in %d locations.\n"+
		"To prevent '%s' from running on a specific location, specify a node.", c.Name, active, c.Name)
}

// banFrom makes the constraint.
func (c *Request) banFrom(ctx context.Context, n *model.Node) error {
	until, err := c.until()
	if err != nil {
		return err
	}
	rsc, id := c.Name, "cli-ban-"+c.Name+"-on-"+n.Name
	if !c.Out.Quiet {
		what := "running"
		if c.Promoted {
			what = "being promoted"
		}
		c.Out.Info("WARNING: Creating rsc_location constraint '%s' with a score of -INFINITY for resource %s on %s.\n"+
			"\tThis will prevent %s from %s on %s until the constraint is removed using the clear option or by editing the CIB with an appropriate tool\n"+
			"\tThis will be the case even if %s is the last node in the cluster", id, rsc, n.Name, rsc, what, n.Name, n.Name)
	}
	e := cibxml.New("rsc_location", "id", id, "rsc", rsc, "role", c.role())
	if until == "" {
		e.Set("node", n.Name)
		e.Set("score", "-INFINITY")
	} else {
		e.Append(lifetimeRule("-INFINITY", n.Name, until, id+"-rule", id+"-expr", id+"-lifetime"))
	}
	return c.writeConstraint(ctx, e)
}

// prefer makes the constraint that draws a resource to --node.
func (c *Request) prefer(ctx context.Context) error {
	until, err := c.until()
	if err != nil {
		return err
	}
	rsc := c.Name
	e := cibxml.New("rsc_location", "id", "cli-prefer-"+rsc, "rsc", rsc, "role", c.role())
	if until == "" {
		e.Set("node", c.Node.Name)
		e.Set("score", "INFINITY")
	} else {
		e.Append(lifetimeRule("INFINITY", c.Node.Name, until, "cli-prefer-rule-"+rsc, "cli-prefer-expr-"+rsc, "cli-prefer-lifetime-end-"+rsc))
	}
	return c.writeConstraint(ctx, e)
}

// lifetimeRule is a score for a node until a moment.
func lifetimeRule(score, node, until, rule, expression, date string) *cibxml.Element {
	return cibxml.New("rule", "id", rule, "score", score, "boolean-op", "and").Append(
		cibxml.New("expression", "id", expression, "attribute", "#uname", "operation", "eq", "value", node, "type", "string"),
		cibxml.New("date_expression", "id", date, "operation", "lt", "end", until))
}

func (c *Request) writeConstraint(ctx context.Context, e *cibxml.Element) error {
	return c.write(ctx, cib.Command{Op: cib.OpModify, Section: "constraints", AllowCreate: true, Input: cibxml.New("constraints").Append(e)})
}
