package attr

import (
	"context"
	"slices"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/crmclient"
	"github.com/holdfast-ha/holdfast/tools/output"
)

// transient reads or changes attributes that last until the node restarts, through crmd: it holds them in
// memory, and what it has taken is what it answers next, whereas the CIB follows later.
func (r *request) transient(ctx context.Context, env *cli.Env, out *output.Out) error {
	crm := crmclient.New(env)
	defer crm.Close()
	node := r.node
	if node == "" {
		node = agentNode(env)
	}
	if r.command != "query" {
		u := api.AttrUpdate{Op: r.command, Name: r.name, Pattern: r.pattern, Node: node, Value: r.value, Set: r.set, Dampen: -1}
		if r.pattern != "" {
			u.Name = ""
		}
		return transientFault(crm.SetAttr(ctx, u))
	}
	if node == "" {
		s, err := crm.Status(ctx, "")
		if err != nil {
			return transientFault(err)
		}
		node = s.Node
	}
	values, err := crm.Attrs(ctx, r.name, node)
	switch {
	case crmclient.Missing(err):
	case err != nil:
		return transientFault(err)
	}
	// A private attribute is only for attrd_updater.
	values = slices.DeleteFunc(values, func(v api.AttrValue) bool { return v.Private })
	for _, v := range values {
		r.line(out, "status", v.Name, v.Value, "", "")
	}
	switch {
	case len(values) > 0:
		return nil
	case r.hasDefault:
		r.line(out, "status", r.name, r.fallback, node, "")
		return nil
	}
	return noSuch()
}

func transientFault(err error) error {
	if err == nil {
		return nil
	}
	return connectionFault(err)
}
