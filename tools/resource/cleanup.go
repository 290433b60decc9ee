package resource

import (
	"context"
	"slices"
	"strconv"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/sched/hashorder"
	"github.com/holdfast-ha/holdfast/crmd/sched/isotime"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/tools/cibclient"
	"github.com/holdfast-ha/holdfast/tools/crmclient"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// cleanup makes the cluster forget failures or, for refresh, the whole history of resources, and look again.
func (c *call) cleanup(ctx context.Context) error {
	if c.operation == "" && c.interval != "" || c.options.resource == "" && c.operation != "" {
		return program.Faultf(api.CodeUsage, "--operation needs --resource, and --interval needs --operation")
	}
	if c.rsc == nil {
		return c.cleanupAll(ctx)
	}
	r := c.rsc
	if !c.options.force {
		r = r.Outermost()
	}
	if !c.conn.Live() {
		r.Primitives(func(x *model.Resource) {
			for _, n := range c.where(x) {
				c.out.Errorf("Dry run: skipping clean-up of %s on %s due to CIB_file", x.ID, n.Name)
			}
		})
		return nil
	}
	n, err := c.ask(ctx, historyNames(r))
	if err != nil {
		return err
	}
	r.Primitives(func(x *model.Resource) {
		for _, n := range c.where(x) {
			c.out.Info("Cleaned up %s on %s", x.ID, n.Name)
		}
	})
	c.replies(n)
	return nil
}

// historyNames are the names under which the primitives of a resource are in the history.
func historyNames(r *model.Resource) []string {
	var names []string
	r.Primitives(func(x *model.Resource) {
		name := x.ID
		if !x.Unique {
			name = model.BaseName(x.ID)
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	})
	return names
}

// where are the nodes on which a primitive is cleaned up.
func (c *call) where(x *model.Resource) []*model.Node {
	if c.host != nil {
		return []*model.Node{c.host}
	}
	var known, all []string
	for _, n := range c.m.Nodes {
		all = append(all, n.ID)
		if c.m.State.Rsc(x).Known.Has(n) {
			known = append(known, n.ID)
		}
	}
	if len(known) == 0 {
		known = all
	}
	var nodes []*model.Node
	for _, id := range hashorder.Of(known) {
		if n := c.m.NodeWithID(id); c.m.State.Node(n).Online {
			nodes = append(nodes, n)
		}
	}
	slices.Reverse(nodes)
	return nodes
}

// cleanupAll cleans up every resource, on one node or on all.
func (c *call) cleanupAll(ctx context.Context) error {
	where := "all nodes"
	if c.host != nil {
		where = c.host.Name
	}
	if !c.conn.Live() {
		c.out.Info("Dry run: skipping clean-up of %s due to CIB_file", where)
		return nil
	}
	n, err := c.ask(ctx, []string{""})
	if err != nil {
		return err
	}
	if c.command == "cleanup" {
		c.out.Info("Cleaned up all resources on %s", where)
	} else {
		n = 1 // one request is for everything
	}
	c.replies(n)
	return nil
}

// ask has crmd clean up, and counts what there was to be cleaned.
func (c *call) ask(ctx context.Context, resources []string) (int, error) {
	crm := crmclient.New(c.env)
	defer crm.Close()
	count := 0
	for _, name := range resources {
		req := api.CleanupRequest{Resource: name, Operation: c.operation, Interval: milliseconds(c.interval),
			Refresh: c.command == "refresh", Force: c.options.force}
		if c.host != nil {
			req.Node = c.host.Name
		}
		reply, err := crm.Cleanup(ctx, req)
		if err != nil {
			return 0, controllerFault(err)
		}
		count += len(reply.Cleaned)
	}
	return count, nil
}

// replies shows what Pacemaker's command shows while it waits for its answers, for programs that look for it.
func (c *call) replies(n int) {
	switch {
	case n == 0:
		return
	case n == 1:
		c.out.Info("Waiting for 1 reply from the controller")
	default:
		c.out.Info("Waiting for %d replies from the controller", n)
	}
	for i := range n {
		if i < n-1 {
			c.out.Info("... got reply")
		}
	}
	c.out.Info("... got reply (done)")
}

func controllerFault(err error) error {
	if crmclient.Refused(err) {
		return program.Faultf(api.CodeNotConnected, "Error connecting to the controller: Connection refused")
	}
	return program.Faultf(cibclient.ExitCode(err), "%v", err)
}

// fail tells the cluster of a failure that did not happen.
func (c *call) fail(ctx context.Context) error {
	crm := crmclient.New(c.env)
	defer crm.Close()
	if c.rsc.Kind != model.Primitive {
		return program.Faultf(api.CodeInvalidParam, "We can only process primitive resources, not %s", c.options.resource)
	}
	err := crm.Fail(ctx, api.FailRequest{Resource: historyNames(c.rsc)[0], Node: c.host.Name})
	if err != nil {
		return controllerFault(err)
	}
	c.replies(1)
	return nil
}

// milliseconds is an interval for the cluster.
func milliseconds(text string) int64 {
	ms, ok := isotime.ParseInterval(text)
	if !ok {
		ms, _ = strconv.ParseInt(text, 10, 64)
	}
	return ms
}
