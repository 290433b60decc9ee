// Package resource is crm_resource: what the cluster knows of its resources, and what can be done with them.
package resource

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/crmd/sched/isotime"
	"github.com/holdfast-ha/holdfast/crmd/sched/model"
	"github.com/holdfast-ha/holdfast/tools/agent"
	"github.com/holdfast-ha/holdfast/tools/cibclient"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/location"
	"github.com/holdfast-ha/holdfast/tools/output"
	"github.com/holdfast-ha/holdfast/tools/program"
	"github.com/holdfast-ha/holdfast/tools/statustext"
)

// Command is crm_resource.
var Command = cli.Command{Name: "crm_resource", Help: "resources: where they run, their parameters, move, clean up", Run: CRMResource}

// call is a crm_resource call on a CIB.
type call struct {
	options
	operands []string
	env      *cli.Env
	out      *output.Out
	conn     *cibclient.Conn
	// The CIB and what it says; nil for commands that do not look at it.
	doc *cibxml.Element
	m   *model.Model
	// rsc and host are what --resource and --node name, nil without them.
	rsc  *model.Resource
	host *model.Node
}

// CRMResource is the program.
func CRMResource(ctx context.Context, env *cli.Env) int {
	c := &call{env: env, options: options{command: "list"}}
	p := &program.Program{
		Summary: "Resources: where they run, their parameters, and what can be done with them",
		Groups:  c.groups(),
		More:    c.more(),
		Formats: []output.Format{output.XML},
	}
	return p.Main(ctx, env, func(ctx context.Context, out *output.Out, operands []string) error {
		c.out, c.operands = out, operands
		out.Quiet, out.Verbose = c.quiet, c.verbose
		return finish(c.run(ctx))
	})
}

// finish words an error as crm_resource does: with what the exit status means, unless the usage is wrong.
func finish(err error) error {
	var f *program.Fault
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &f):
		f = &program.Fault{Code: cibclient.ExitCode(err), Msg: err.Error()}
	case f.Silent:
		return f
	}
	if f.Code == api.CodeUsage && f.Msg != "" {
		return f
	}
	text := "Error performing operation: " + output.ExitText(f.Code)
	if f.Msg != "" {
		text = f.Msg + "\n" + text
	}
	return &program.Fault{Code: f.Code, Msg: text}
}

// needs says what a command cannot do without.
type needs struct {
	run                        func(*call, context.Context) error
	resource, node, cib, model bool
	// whole commands are not for an instance of a clone.
	whole bool
}

var commands = map[string]needs{
	"list":                  {run: (*call).list, model: true},
	"list-raw":              {run: (*call).listRaw, model: true},
	"list-operations":       {run: (*call).operations, model: true},
	"list-all-operations":   {run: (*call).operations, model: true},
	"list-standards":        {run: (*call).agents},
	"list-ocf-providers":    {run: (*call).agents},
	"list-agents":           {run: (*call).agents},
	"list-ocf-alternatives": {run: (*call).agents},
	"show-metadata":         {run: (*call).agents},
	"query-xml":             {run: (*call).queryXML, resource: true, model: true},
	"query-xml-raw":         {run: (*call).queryXML, resource: true, model: true},
	"get-parameter":         {run: (*call).getParameter, resource: true, model: true},
	"get-property":          {run: (*call).getProperty, resource: true, model: true},
	"locate":                {run: (*call).locate, resource: true, model: true},
	"constraints":           {run: (*call).constraints, resource: true, model: true},
	"stack":                 {run: (*call).constraints, resource: true, model: true},
	"why":                   {run: (*call).why, model: true},
	"validate":              {run: (*call).validate},
	"cleanup":               {run: (*call).cleanup, model: true},
	"refresh":               {run: (*call).cleanup, model: true},
	"set-parameter":         {run: (*call).setParameter, resource: true, model: true},
	"delete-parameter":      {run: (*call).deleteParameter, resource: true, model: true},
	"set-property":          {run: (*call).setProperty, resource: true, model: true},
	"move":                  {run: (*call).move, resource: true, model: true, whole: true},
	"ban":                   {run: (*call).ban, resource: true, model: true, whole: true},
	"clear":                 {run: (*call).clear, model: true, whole: true},
	"delete":                {run: (*call).remove, resource: true, model: true},
	"fail":                  {run: (*call).fail, resource: true, node: true, model: true},
	"restart":               {run: (*call).restart, resource: true, model: true, whole: true},
	"wait":                  {run: (*call).wait, cib: true},
	"digests":               {run: (*call).digests, resource: true, node: true, model: true},
	"force-demote":          {run: (*call).byHand, resource: true, model: true},
	"force-stop":            {run: (*call).byHand, resource: true, model: true},
	"force-start":           {run: (*call).byHand, resource: true, model: true},
	"force-promote":         {run: (*call).byHand, resource: true, model: true},
	"force-check":           {run: (*call).byHand, resource: true, model: true},
}

func (c *call) run(ctx context.Context) error {
	n := commands[c.command]
	if c.command == "validate" && c.class == "" && c.provider == "" && c.agent == "" {
		n.resource, n.model = true, true
	}
	if c.command == "clear" && !c.expired {
		n.resource = true
	}
	if len(c.operands) > 0 && c.command != "digests" {
		return stray(c.operands)
	}
	if n.resource && c.options.resource == "" {
		return program.Faultf(api.CodeUsage, "Must supply a resource id with -r")
	}
	if n.node && c.node == "" {
		return program.Faultf(api.CodeUsage, "Must supply a node name with -N")
	}
	if n.model || n.cib {
		if err := c.connect(ctx, n.model); err != nil {
			return err
		}
		defer c.conn.Close()
	}
	return n.run(c, ctx)
}

// connect opens the CIB, reads it and finds what --resource and --node name.
func (c *call) connect(ctx context.Context, read bool) error {
	var err error
	if c.conn, err = cibclient.Open(c.env); err != nil {
		return program.Faultf(cibclient.ExitCode(err), "Could not connect to the CIB: %v", err)
	}
	if !read {
		return nil
	}
	if err := c.read(ctx); err != nil {
		return err
	}
	if c.node != "" {
		if c.host = c.m.NodeNamed(c.node); c.host == nil {
			return program.Faultf(api.CodeNoSuchObject, "Node '%s' not found", c.node)
		}
	}
	if c.options.resource != "" {
		if c.rsc = statustext.Find(c.m, c.options.resource); c.rsc == nil {
			return program.Faultf(api.CodeNoSuchObject, "Resource '%s' not found", c.options.resource)
		}
		if commands[c.command].whole && strings.Contains(c.options.resource, ":") {
			return program.Faultf(api.CodeInvalidParam, "Cannot operate on clone resource instance '%s'", c.options.resource)
		}
	}
	return nil
}

// read reads the CIB.
func (c *call) read(ctx context.Context) error {
	doc, err := c.conn.Query(ctx, "")
	if err != nil {
		if cibclient.ExitCode(err) == api.CodeNotConnected {
			return program.Faultf(api.CodeNotConnected, "Could not connect to the CIB: Transport endpoint is not connected")
		}
		return program.Faultf(cibclient.ExitCode(err), "Could not read the CIB: %v", err)
	}
	c.doc = doc
	c.m = sched.Parse(sched.Input{Doc: doc, Now: time.Now().Unix(), Zone: time.Local})
	return nil
}

// view shows the cluster as crm_resource does.
func (c *call) view() *statustext.View {
	return &statustext.View{M: c.m, S: c.m.State, Out: c.out.Lines, Inactive: true, Pending: true}
}

func stray(operands []string) error {
	text := "non-option ARGV-elements:\n"
	for i, o := range operands {
		text += "[" + itoa(i+1) + " of " + itoa(len(operands)) + "] " + o + "\n"
	}
	return program.Faultf(api.CodeUsage, "%s", text)
}

// seconds is --timeout, or fallback without one.
func (c *call) seconds(fallback time.Duration) time.Duration {
	if c.timeout == "" {
		return fallback
	}
	ms, _ := isotime.ParseInterval(c.timeout)
	return cmp.Or(time.Duration(ms)*time.Millisecond, fallback)
}

// moving is the request for the commands that move resources.
func (c *call) moving() *location.Request {
	return &location.Request{Conn: c.conn, Out: c.out, Doc: c.doc, Model: c.m, Rsc: c.rsc, Name: c.options.resource, Node: c.host,
		Promoted: c.promoted, Lifetime: c.lifetime, Expired: c.expired, Force: c.options.force}
}

func (c *call) move(ctx context.Context) error  { return c.moving().Move(ctx) }
func (c *call) ban(ctx context.Context) error   { return c.moving().Ban(ctx) }
func (c *call) clear(ctx context.Context) error { return c.moving().Clear(ctx) }

// agents are the commands about the agents that this node has.
func (c *call) agents(ctx context.Context) error {
	return agent.Show(ctx, c.env, c.out, c.command, c.argument)
}
