package resource

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/isotime"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// role is the role that the constraints are about.
func (c *call) role() string {
	if c.promoted {
		return "Promoted"
	}
	return "Started"
}

// until is when a constraint ends, "" for never.
func (c *call) until() (string, error) {
	if c.lifetime == "" {
		return "", nil
	}
	d, ok := isotime.ParseDuration(c.lifetime)
	if !ok {
		c.out.Errorf("Invalid duration specified: %s\nPlease refer to https://en.wikipedia.org/wiki/ISO_8601#Durations for examples of valid durations", c.lifetime)
		return "", program.Exit(api.CodeUsage)
	}
	t := isotime.FromUnix(time.Now().Unix(), time.UTC).AddYears(d.Years).AddMonths(d.Months).AddDays(d.Days).AddSeconds(d.Seconds)
	text := time.Unix(t.Unix(), 0).UTC().Format("2006-01-02 15:04:05Z")
	c.out.Info("Migration will take effect until: %s", text)
	return text, nil
}

// move makes a resource run on --node or, without one, somewhere else than now.
func (c *call) move(ctx context.Context) error {
	if c.host == nil {
		return c.ban(ctx)
	}
	r := c.rsc
	current, active := c.activeOn(r)
	if c.promoted && !r.Top().Promotable {
		c.promoted = false
		c.out.Info("Ignoring --promoted option: %s is not promotable", c.options.resource)
	}
	if c.promoted && r.Parent != nil && r.Parent.Kind == model.Clone {
		c.out.Info("Using parent '%s' for move instead of '%s'", r.Parent.ID, r.ID)
		c.options.resource, r = r.Parent.ID, r.Parent
		current, active = c.activeOn(r)
	}
	if c.promoted {
		current, active = c.promotedOn(r)
	}
	if active == 1 && current == c.host {
		if !c.options.force {
			return program.Faultf(api.CodeExists, "")
		}
	}
	until, err := c.until()
	if err != nil {
		return err
	}
	// what stands against the new place goes first
	if err := c.clearFor(ctx, r, nil, false); err != nil {
		return err
	}
	if err := c.clearFor(ctx, r, c.host, false); err != nil {
		return err
	}
	if err := c.prefer(ctx, until); err != nil {
		return err
	}
	if !c.options.force || current == nil || current == c.host {
		return nil
	}
	if active == 1 {
		return c.banFrom(ctx, current, until)
	}
	c.out.Info("Resource '%s' is currently %s in %d locations. One may now move to %s",
		c.options.resource, map[bool]string{true: "promoted", false: "active"}[c.promoted], active, c.host.Name)
	c.out.Info("To prevent '%s' from being %s at a specific location, specify a node.",
		c.options.resource, map[bool]string{true: "promoted", false: "active"}[c.promoted])
	return nil
}

// activeOn is the node on which a resource counts as active, nil for none, and on how many it is.
func (c *call) activeOn(r *model.Resource) (*model.Node, int) {
	nodes := c.m.State.CurrentNodes(r, false, nil)
	if r.Kind == model.Primitive {
		all, _ := c.m.State.ActiveCount(r)
		return c.m.State.Current(r), all
	}
	if len(nodes) == 0 {
		return nil, 0
	}
	return nodes[0], len(nodes)
}

// promotedOn is the node on which a clone is promoted, and on how many it is.
func (c *call) promotedOn(r *model.Resource) (*model.Node, int) {
	var on *model.Node
	count := 0
	for _, x := range r.Children {
		if c.m.State.HighestRole(x, false) != model.Promoted {
			continue
		}
		for _, n := range c.m.State.CurrentNodes(x, false, nil) {
			on = n
			count++
		}
	}
	return on, count
}

// ban keeps a resource away from --node or from where it runs.
func (c *call) ban(ctx context.Context) error {
	if c.host != nil {
		until, err := c.until()
		if err != nil {
			return err
		}
		return c.banFrom(ctx, c.host, until)
	}
	r := c.rsc
	current, active := c.activeOn(r)
	switch {
	case r.Promotable:
		promoted, n := c.promotedOn(r)
		if n == 1 {
			return c.banNow(ctx, promoted)
		}
		return program.Faultf(api.CodeUsage, "Resource '%s' not moved: active in %d locations (promoted in %d).\n"+
			"To prevent '%s' from running on a specific location, specify a node."+
			"To prevent '%s' from being promoted at a specific location, specify a node and the --promoted option.",
			c.options.resource, active, n, c.options.resource, c.options.resource)
	case active == 1 && current != nil:
		return c.banNow(ctx, current)
	}
	return program.Faultf(api.CodeUsage, "Resource '%s' not moved: active in %d locations.\n"+
		"To prevent '%s' from running on a specific location, specify a node.", c.options.resource, active, c.options.resource)
}

func (c *call) banNow(ctx context.Context, n *model.Node) error {
	until, err := c.until()
	if err != nil {
		return err
	}
	return c.banFrom(ctx, n, until)
}

// banFrom makes the constraint.
func (c *call) banFrom(ctx context.Context, n *model.Node, until string) error {
	rsc, id := c.options.resource, "cli-ban-"+c.options.resource+"-on-"+n.Name
	if !c.quiet {
		what := "running"
		if c.promoted {
			what = "being promoted"
		}
		c.out.Info("WARNING: Creating rsc_location constraint '%s' with a score of -INFINITY for resource %s on %s.\n"+
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
func (c *call) prefer(ctx context.Context, until string) error {
	rsc := c.options.resource
	e := cibxml.New("rsc_location", "id", "cli-prefer-"+rsc, "rsc", rsc, "role", c.role())
	if until == "" {
		e.Set("node", c.host.Name)
		e.Set("score", "INFINITY")
	} else {
		e.Append(lifetimeRule("INFINITY", c.host.Name, until, "cli-prefer-rule-"+rsc, "cli-prefer-expr-"+rsc, "cli-prefer-lifetime-end-"+rsc))
	}
	return c.writeConstraint(ctx, e)
}

// lifetimeRule is a score for a node until a moment.
func lifetimeRule(score, node, until, rule, expression, date string) *cibxml.Element {
	return cibxml.New("rule", "id", rule, "score", score, "boolean-op", "and").Append(
		cibxml.New("expression", "id", expression, "attribute", "#uname", "operation", "eq", "value", node, "type", "string"),
		cibxml.New("date_expression", "id", date, "operation", "lt", "end", until))
}

func (c *call) writeConstraint(ctx context.Context, e *cibxml.Element) error {
	return c.write(ctx, cib.Command{Op: cib.OpModify, Section: "constraints", AllowCreate: true, Input: cibxml.New("constraints").Append(e)})
}

// clear removes the constraints that move and ban made.
func (c *call) clear(ctx context.Context) error {
	var gone []string
	var err error
	if c.expired {
		gone, err = c.clearExpired(ctx)
	} else {
		before := c.madeByUs()
		if err = c.clearFor(ctx, c.rsc, c.host, true); err == nil {
			err = c.read(ctx)
		}
		after := c.madeByUs()
		gone = slices.DeleteFunc(before, func(id string) bool { return slices.Contains(after, id) })
	}
	if err != nil {
		return err
	}
	slices.Sort(gone)
	for _, id := range gone {
		c.out.Info("Removing constraint: %s", id)
	}
	return nil
}

// madeByUs are the ids of the constraints that move and ban made.
func (c *call) madeByUs() []string {
	var ids []string
	for e := range c.doc.Child("configuration").Child("constraints").Tags("rsc_location") {
		if strings.HasPrefix(e.ID(), "cli-") {
			ids = append(ids, e.ID())
		}
	}
	return ids
}

// clearFor removes the constraints of a resource: of all nodes for nil. A preference for another node than n
// goes only by force.
func (c *call) clearFor(ctx context.Context, r *model.Resource, n *model.Node, bansToo bool) error {
	rsc := lookupID(r)
	if r.Kind != model.Primitive {
		rsc = r.ID
	}
	names := []string{rsc}
	if rsc != c.options.resource {
		names = append(names, c.options.resource)
	}
	for _, name := range names {
		for e := range c.doc.Child("configuration").Child("constraints").Tags("rsc_location") {
			prefer := e.ID() == "cli-prefer-"+name
			on, banned := strings.CutPrefix(e.ID(), "cli-ban-"+name+"-on-")
			switch {
			case prefer && n != nil && !c.options.force && !prefers(e, n.Name):
				continue
			case banned && (n != nil && on != n.Name || n == nil && !bansToo):
				continue
			case !prefer && !banned:
				continue
			}
			cmd := cib.Command{Op: cib.OpDelete, Section: "constraints", Input: cibxml.New("rsc_location", "id", e.ID())}
			if err := c.write(ctx, cmd); err != nil {
				return err
			}
		}
	}
	return nil
}

// prefers reports whether a preference names a node.
func prefers(e *cibxml.Element, node string) bool {
	if e.Get("node") == node {
		return true
	}
	for ru := range e.Tags("rule") {
		for x := range ru.Tags("expression") {
			if x.Get("attribute") == "#uname" && x.Get("value") == node {
				return true
			}
		}
	}
	return false
}

// clearExpired removes the constraints whose lifetime is over, and returns their ids.
func (c *call) clearExpired(ctx context.Context) ([]string, error) {
	now := isotime.FromUnix(time.Now().Unix(), time.UTC)
	var gone []string
	for e := range c.doc.Child("configuration").Child("constraints").Tags("rsc_location") {
		if !strings.HasPrefix(e.ID(), "cli-") || !c.concerned(e) {
			continue
		}
		end, ok := lifetimeEnd(e)
		if t, valid := isotime.Parse(end, now); !ok || !valid || !t.Before(now) {
			continue
		}
		if err := c.write(ctx, cib.Command{Op: cib.OpDelete, Section: "constraints", Input: cibxml.New("rsc_location", "id", e.ID())}); err != nil {
			return nil, err
		}
		gone = append(gone, e.ID())
	}
	return gone, nil
}

// concerned reports whether --resource and --node mean a constraint. As in Pacemaker a node is only found in a
// preference.
func (c *call) concerned(e *cibxml.Element) bool {
	if c.options.resource != "" && e.Get("rsc") != c.options.resource {
		return false
	}
	return c.host == nil || e.ID() == "cli-prefer-"+e.Get("rsc") && prefers(e, c.host.Name)
}

// lifetimeEnd is when a constraint's rule ends.
func lifetimeEnd(e *cibxml.Element) (string, bool) {
	for ru := range e.Tags("rule") {
		for x := range ru.Tags("date_expression") {
			if end, ok := x.Lookup("end"); ok && strings.Contains(x.ID(), "lifetime") {
				return end, true
			}
		}
	}
	return "", false
}

// milliseconds is an interval for the cluster.
func milliseconds(text string) int64 {
	ms, ok := isotime.ParseInterval(text)
	if !ok {
		ms, _ = strconv.ParseInt(text, 10, 64)
	}
	return ms
}
