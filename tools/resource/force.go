package resource

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/crmd/sched/opconf"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
	"github.com/holdfast-ha/holdfast/tools/agent"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// forced are the operations behind the options.
var forced = map[string]string{"force-start": "start", "force-stop": "stop", "force-promote": "promote",
	"force-demote": "demote", "force-check": "monitor", "validate": "validate-all"}

// byHand runs a resource's agent here, past the cluster.
func (c *call) byHand(ctx context.Context) error {
	r := c.rsc
	switch r.Kind {
	case model.Group, model.Bundle:
		kind := map[model.Kind]string{model.Group: "group", model.Bundle: "bundled"}[r.Kind]
		c.out.Errorf("Sorry, the %s option doesn't support %s resources", c.command, kind)
		return program.Faultf(int(lrm.RCUnimplemented), "")
	case model.Clone:
		if len(r.Children) == 0 || r.Children[0].Kind != model.Primitive {
			c.out.Errorf("Sorry, the %s option doesn't support group resources", c.command)
			return program.Faultf(int(lrm.RCUnimplemented), "")
		}
		r = r.Children[0]
	}
	task := forced[c.command]
	if err := c.safe(task); err != nil {
		return err
	}
	return agent.Run(ctx, c.env, c.out, agent.Action{Name: c.command, Resource: c.options.resource, Op: c.operationByHand(r, task)})
}

// safe refuses to change what the cluster believes to be active, when the clone is named and not an instance.
func (c *call) safe(task string) error {
	if c.options.force || c.rsc.Kind != model.Clone || !slices.Contains([]string{"start", "demote", "promote"}, task) || len(c.places()) == 0 {
		return nil
	}
	c.out.Errorf("It is not safe to %s %s here: the cluster claims it is already active", c.command, c.options.resource)
	c.out.Errorf("Try setting target-role=Stopped first or specifying the force option")
	return program.Faultf(api.CodeUnsafe, "")
}

// operationByHand is the operation with the parameters and meta attributes that the cluster would give it.
func (c *call) operationByHand(r *model.Resource, task string) agent.Op {
	conf := opconf.New(c.m, c.m.World)
	op := agent.Op{Rsc: r.Name(), Class: r.Agent.Class, Provider: r.Agent.Provider, Type: r.Agent.Type, Task: task,
		Params: map[string]string{}, Meta: map[string]string{}}
	for _, p := range conf.Params(r, c.host) {
		op.Params[p.Name] = p.Value
	}
	for _, p := range r.Meta {
		op.Meta[p.Name] = p.Value
	}
	op.TimeoutMs = scalar.IntOr(conf.Op(r, task, 0, nil).Meta.Get("timeout"), 0)
	if d := c.seconds(0); d > 0 {
		op.TimeoutMs = d.Milliseconds()
	}
	if c.argument != "" {
		op.Params["OCF_CHECK_LEVEL"] = c.argument
	}
	return op
}

// validateTimeout bounds an agent's check of parameters.
const validateTimeout = 20 * time.Second

// validate has an agent check the parameters of a resource or those on the command line.
func (c *call) validate(ctx context.Context) error {
	if c.rsc != nil {
		return c.byHand(ctx)
	}
	if c.options.resource != "" {
		return program.Faultf(api.CodeUsage, "--resource cannot be used with --class, --agent, and --provider")
	}
	class, provider, typ := strings.ToLower(c.class), c.provider, c.options.agent
	if class == "stonith" && !agent.Known(ctx, c.env, class, "", typ) {
		return program.Faultf(api.CodeUsage, "%s is not a known stonith agent", typ)
	}
	if class != "stonith" && (class != "ocf" || provider == "" || typ == "" || !agent.Known(ctx, c.env, class, provider, typ)) {
		return program.Faultf(api.CodeUsage, "%s:%s:%s is not a known resource", c.class, c.provider, c.options.agent)
	}
	op := agent.Op{Rsc: typ, Class: class, Provider: provider, Type: typ, Task: "validate-all", Params: map[string]string{},
		TimeoutMs: c.seconds(validateTimeout).Milliseconds()}
	for name, value := range c.params {
		op.Params[name] = value
	}
	if c.argument != "" {
		op.Params["OCF_CHECK_LEVEL"] = c.argument
	}
	return agent.Run(ctx, c.env, c.out, agent.Action{Name: "validate", Op: op})
}
