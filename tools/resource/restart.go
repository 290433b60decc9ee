package resource

import (
	"context"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/tools/program"
	"github.com/holdfast-ha/holdfast/tools/rscwait"
)

// wait waits until the cluster has nothing to do.
func (c *call) wait(ctx context.Context) error {
	w := &rscwait.Waiter{Env: c.env, Conn: c.conn, Out: c.out, Timeout: c.seconds(rscwait.DefaultTimeout)}
	return w.Settle(ctx)
}

// roleOption is the meta attribute by which a resource is stopped.
const roleOption = "target-role"

// restart stops a resource and starts it again.
func (c *call) restart(ctx context.Context) error {
	r := c.rsc
	if top := r.Top(); top.Kind == model.Bundle {
		r = top
	}
	if r.Top().Kind == model.Clone && !rscwait.RunsOn(c.m, r, c.node) {
		r = c.instanceOn(r)
	}
	if !rscwait.RunsOn(c.m, r, c.node) {
		if c.node != "" {
			c.out.Errorf("%s is not running on %s and so cannot be restarted", r.Name(), c.host.Name)
		} else {
			c.out.Errorf("%s is not running anywhere and so cannot be restarted", r.Name())
		}
		return program.Faultf(api.CodeNoSuchObject, "")
	}
	c.rsc, c.options.resource = r, r.ID
	w := &rscwait.Waiter{Env: c.env, Conn: c.conn, Out: c.out, Timeout: c.seconds(0)}
	restart := &rscwait.Restart{Waiter: w, Name: r.ID, Stop: c.stopByRole, Allow: c.allowByRole()}
	if c.host != nil {
		restart.Node = c.host.Name
		if top := r.Top(); top.Kind == model.Clone || r.Kind == model.Bundle {
			c.options.resource = top.ID
			restart.Name = top.ID
			restart.Stop, restart.Allow = c.stopByBan, c.allowByClear
		}
	}
	return restart.Run(ctx)
}

// instanceOn is the instance of what r is cloned from that runs on --node, r when none does.
func (c *call) instanceOn(r *model.Resource) *model.Resource {
	found := r
	r.Top().Primitives(func(x *model.Resource) {
		if found == r && model.BaseName(x.ID) == model.BaseName(r.ID) && rscwait.RunsOn(c.m, x, c.node) {
			found = x
		}
	})
	return found
}

// stopByRole makes the cluster stop the resource everywhere.
func (c *call) stopByRole(ctx context.Context) error {
	c.meta, c.utilization, c.recursive = true, false, false
	c.argument, c.value, c.hasValue = roleOption, "stopped", true
	return c.setParameter(ctx)
}

// allowByRole gives the resource the role back that it is to have at present.
func (c *call) allowByRole() func(context.Context) error {
	c.meta, c.argument = true, roleOption
	there := c.attributes(lookupID(c.rsc), c.setTag())
	return func(ctx context.Context) error {
		if err := c.read(ctx); err != nil {
			return err
		}
		if len(there) == 1 {
			c.value = there[0].Get("value")
			return c.setParameter(ctx)
		}
		return c.deleteParameter(ctx)
	}
}

// stopByBan makes the cluster stop the instance on --node.
func (c *call) stopByBan(ctx context.Context) error {
	c.out.Quiet = true // to the end, as Pacemaker does
	return c.ban(ctx)
}

func (c *call) allowByClear(ctx context.Context) error {
	if err := c.read(ctx); err != nil {
		return err
	}
	return c.clear(ctx)
}
