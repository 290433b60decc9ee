package resource

import (
	"context"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
)

// why says of resources whether they run, and what in the configuration is against it.
func (c *call) why(context.Context) error {
	root := cibxml.New("reason")
	switch {
	case c.rsc != nil && c.host != nil:
		c.oneOnNode(root)
	case c.rsc != nil:
		running := c.m.State.Active(c.rsc, false) && len(c.m.State.CurrentNodes(c.rsc, false, nil)) > 0
		root.Set("running", yes(running))
		c.out.Printf("Resource %s is %s\n", c.rsc.ID, runningWord(running))
		c.check(root, c.rsc)
	case c.host != nil:
		c.allOnNode(root)
	default:
		c.all(root)
	}
	if c.out.IsXML() {
		c.out.Add(root)
	}
	return nil
}

func yes(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

func runningWord(b bool) string {
	if b {
		return "running"
	}
	return "not running"
}

func (c *call) oneOnNode(root *cibxml.Element) {
	on := false
	for _, n := range c.m.State.CurrentNodes(c.rsc, false, nil) {
		on = on || n == c.host
	}
	c.out.Printf("Resource %s is %s on host %s\n", c.rsc.ID, runningWord(on), c.host.Name)
	if on {
		root.Set("running_on", c.host.Name)
	}
	c.check(root, c.rsc)
}

func (c *call) all(root *cibxml.Element) {
	list := cibxml.New("resources")
	for _, r := range c.m.Resources {
		running := len(c.m.State.CurrentNodes(r, false, nil)) > 0
		e := cibxml.New("resource", "id", r.ID, "running", yes(running))
		c.out.Printf("Resource %s is %s\n", r.ID, runningWord(running))
		c.check(e, r)
		list.Append(e)
	}
	root.Append(list)
}

// allOnNode are the resources that run on a node.
func (c *call) allOnNode(root *cibxml.Element) {
	list := cibxml.New("resources")
	for _, r := range c.m.State.Node(c.host).Running {
		e := cibxml.New("resource", "id", r.ID, "running", "true", "host", c.host.Name)
		c.out.Printf("Resource %s is running on host %s\n", r.ID, c.host.Name)
		c.check(e, r)
		list.Append(e)
	}
	root.Append(list)
}

// check says what in the configuration keeps a resource from running, of the collective that it is part of.
func (c *call) check(e *cibxml.Element, r *model.Resource) {
	top := r.Top()
	x := cibxml.New("check", "id", top.ID)
	target, set := r.Meta.Lookup("target-role")
	switch role := model.ParseRole(target); {
	case !set:
	case role == model.Stopped:
		x.Set("remain_stopped", "true")
		c.out.Printf("Configuration specifies '%s' should remain stopped\n", top.ID)
	case role == model.Unpromoted && top.Promotable:
		x.Set("promotable", "false")
		c.out.Printf("Configuration specifies '%s' should not be promoted\n", top.ID)
	}
	if !c.m.State.Rsc(r).Managed {
		x.Set("unmanaged", "true")
		c.out.Printf("Configuration prevents cluster from stopping or starting unmanaged '%s'\n", top.ID)
	}
	if lock := c.m.State.Rsc(r).Lock; lock != nil {
		x.Set("locked-to", lock.Name)
		c.out.Printf("'%s' is locked to node %s due to shutdown\n", top.ID, lock.Name)
	}
	e.Append(x)
}
