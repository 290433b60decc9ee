package attr

import (
	"cmp"
	"context"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/isotime"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/crmclient"
	"github.com/holdfast-ha/holdfast/tools/output"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// updater is an attrd_updater call.
type updater struct {
	command string // an Op of api.AttrUpdate, or query
	name    string
	value   string
	delay   string
	set     string
	node    string
	private bool
	quiet   bool
}

// attrdUpdater is attrd_updater: transient attributes with dampening.
func attrdUpdater(ctx context.Context, env *cli.Env) int {
	u := &updater{}
	p := &program.Program{
		Summary: "Read and change the attributes of nodes that last until the node restarts",
		Groups:  u.groups(),
		More:    []cli.Option{{Long: "quiet", Short: 'q', Do: cli.Flag(&u.quiet)}},
		Formats: []output.Format{output.XML},
	}
	return p.Main(ctx, env, func(ctx context.Context, out *output.Out, _ []string) error { return u.run(ctx, env, out) })
}

func (u *updater) groups() []program.Group {
	command := func(name string) func(string) error {
		return func(v string) error { u.command, u.value = name, v; return nil }
	}
	return []program.Group{
		{Key: "required", Title: "Required Arguments", Options: []cli.Option{
			{Long: "name", Short: 'n', Arg: cli.NeedArg, Meta: "NAME", Do: cli.Text(&u.name), Help: "The attribute"},
		}},
		{Key: "command", Title: "Command", Options: []cli.Option{
			{Long: "update", Short: 'U', Arg: cli.NeedArg, Meta: "VALUE", Do: command("update"), Help: "Set the value; value++ and value+=N add to the present one"},
			{Short: 'v', Arg: cli.NeedArg, Do: command("update")},
			{Long: "update-both", Short: 'B', Arg: cli.NeedArg, Meta: "VALUE", Do: command("update-both"), Help: "Set the value and the dampening (with --delay)"},
			{Long: "update-delay", Short: 'Y', Do: command("update-delay"), Help: "Set only the dampening (with --delay)"},
			{Long: "query", Short: 'Q', Do: command("query"), Help: "Show the value on every node, or on the one of --node"},
			{Long: "delete", Short: 'D', Do: command("delete"), Help: "Remove the value"},
			{Long: "refresh", Short: 'R', Do: command("refresh"), Help: "Write all values to the CIB now"},
		}},
		{Key: "additional", Title: "Additional Options", Options: []cli.Option{
			{Long: "delay", Short: 'd', Arg: cli.NeedArg, Meta: "TIME", Do: cli.Text(&u.delay), Help: "Dampening: how long to wait for further changes before the CIB is written, in seconds or with a unit"},
			{Long: "set", Short: 's', Arg: cli.NeedArg, Meta: "ID", Do: cli.Text(&u.set), Help: "The set of attributes that a new one is put into"},
			{Long: "node", Short: 'N', Arg: cli.NeedArg, Meta: "NODE", Do: cli.Text(&u.node), Help: "The attribute of this node instead of the local one"},
			{Long: "all", Short: 'A', Do: func(string) error { u.node = ""; return nil }, Help: "Show the value on all nodes"},
			{Long: "lifetime", Short: 'l', Arg: cli.NeedArg, Meta: "LIFETIME", Do: func(string) error { return nil }, Help: "Ignored: these attributes last until the node restarts"},
			{Long: "private", Short: 'p', Do: cli.Flag(&u.private), Help: "Never write a new attribute to the CIB"},
		}},
	}
}

func (u *updater) run(ctx context.Context, env *cli.Env, out *output.Out) error {
	u.command = cmp.Or(u.command, "query")
	if u.name == "" && u.command != "refresh" {
		return program.Faultf(api.CodeUsage, "Command requires --name argument")
	}
	crm := crmclient.New(env)
	defer crm.Close()
	if u.command == "query" {
		return u.query(ctx, env, crm, out)
	}
	if u.delay == "" && (u.command == "update-both" || u.command == "update-delay") {
		out.Errorf("Warning: '%s' command given without required --delay", map[string]string{"update-both": "B", "update-delay": "Y"}[u.command])
	}
	req := api.AttrUpdate{Op: u.command, Name: u.name, Node: cmp.Or(u.node, agentNode(env)), Value: u.value, Set: u.set, Dampen: -1, Private: u.private}
	if u.delay != "" {
		req.Dampen, _ = isotime.ParseInterval(u.delay) // as in Pacemaker what is no time is none
	}
	err := crm.SetAttr(ctx, req)
	switch {
	case err == nil, u.command == "update-delay" && !crmclient.Refused(err):
		return nil
	case crmclient.Refused(err) && u.command == "refresh":
		return program.Faultf(api.CodeNotConnected, "Could not refresh attributes: Connection refused (111)")
	case crmclient.Refused(err):
		return program.Faultf(api.CodeNotConnected, "Could not update %s=%s: Connection refused (111)", u.name, u.value)
	}
	return program.Faultf(api.CodeError, "Could not update %s=%s: %v", u.name, u.value, err)
}

// query prints the value on every node that has one. A node that was asked for by name is listed in any case
// when the attribute exists somewhere.
func (u *updater) query(ctx context.Context, env *cli.Env, crm *crmclient.Client, out *output.Out) error {
	values, err := crm.Attrs(ctx, u.name, u.node)
	switch {
	case crmclient.Missing(err):
		return program.Faultf(api.CodeConfig, "Could not query value of %s: attribute does not exist", u.name)
	case crmclient.Refused(err):
		return program.Faultf(api.CodeNotConnected, "Could not connect to attrd: Connection refused")
	case err != nil:
		return program.Faultf(api.CodeError, "Could not query value of %s: %v", u.name, err)
	}
	if len(values) == 0 {
		node := cmp.Or(u.node, agentNode(env))
		if node == "" {
			s, err := crm.Status(ctx, "")
			if err != nil {
				return program.Faultf(api.CodeError, "Could not query value of %s: %v", u.name, err)
			}
			node = s.Node
		}
		values = []api.AttrValue{{Name: u.name, Node: node}}
	}
	for _, v := range values {
		if out.IsXML() {
			out.Add(cibxml.New("attribute", "name", v.Name, "value", v.Value, "host", v.Node))
			continue
		}
		out.Printf("name=\"%s\" host=\"%s\" value=\"%s\"\n", v.Name, v.Node, v.Value)
	}
	return nil
}
