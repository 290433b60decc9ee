// Package node holds the commands about nodes and daemons: crm_node, crmadmin, pacemakerd and crm_error.
package node

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/tools/cibclient"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/crmclient"
	"github.com/holdfast-ha/holdfast/tools/output"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// Commands are the commands of this package.
func Commands() []cli.Command {
	return []cli.Command{
		{Name: "crm_error", Help: "meaning of exit codes", Run: crmError},
		{Name: "crm_node", Help: "what the cluster knows of its nodes", Run: crmNode},
		{Name: "crmadmin", Help: "state of the controllers", Run: crmAdmin},
		{Name: "pacemakerd", Help: "version of the software", Run: pacemakerd},
	}
}

// nodeCall is a crm_node call.
type nodeCall struct {
	command, argument string
	force             bool
}

// crmNode is crm_node.
func crmNode(ctx context.Context, env *cli.Env) int {
	n := &nodeCall{}
	command := func(name string) func(string) error {
		return func(v string) error { n.command, n.argument = name, v; return nil }
	}
	p := &program.Program{
		Summary: "What the cluster knows of its nodes",
		Groups: []program.Group{
			{Key: "commands", Title: "Commands", Options: []cli.Option{
				{Long: "cluster-id", Short: 'i', Do: command("id"), Help: "Show the id of this node"},
				{Long: "list", Short: 'l', Do: command("list"), Help: "List all nodes with their id and whether they are members"},
				{Long: "name", Short: 'n', Do: command("name"), Help: "Show the name of this node"},
				{Long: "partition", Short: 'p', Do: command("partition"), Help: "List the members of this partition"},
				{Long: "quorum", Short: 'q', Do: command("quorum"), Help: "Show 1 if this partition has quorum, else 0"},
				{Long: "name-for-id", Short: 'N', Arg: cli.NeedArg, Meta: "ID", Do: command("name-for-id"), Help: "Show the name of the node with this id"},
				{Long: "remove", Short: 'R', Arg: cli.NeedArg, Meta: "NAME", Do: command("remove"), Help: "Forget a node that has been taken out of the cluster file (needs --force)"},
			}},
			{Key: "additional", Title: "Additional Options", Options: []cli.Option{
				{Long: "force", Short: 'f', Do: cli.Flag(&n.force), Help: "Do what is dangerous"},
			}},
		},
		Unnamed: true,
	}
	return p.Main(ctx, env, func(ctx context.Context, out *output.Out, _ []string) error {
		if n.command == "" {
			return &program.Fault{Code: api.CodeUsage, Msg: strings.TrimSuffix(p.Help(env.Name, "help"), "\n")}
		}
		return n.run(ctx, env, out)
	})
}

func (n *nodeCall) run(ctx context.Context, env *cli.Env, out *output.Out) error {
	if n.command == "name" {
		// An agent's environment has the name by which the cluster knows the node.
		if name := env.Getenv("OCF_RESKEY_CRM_meta_on_node"); name != "" {
			out.Printf("%s\n", name)
			return nil
		}
	}
	if n.command == "remove" && !n.force {
		return program.Faultf(api.CodeUsage, "The supplied command is considered dangerous.  To prevent accidental destruction "+
			"of the cluster, the --force flag is required in order to proceed.")
	}
	crm := crmclient.New(env)
	defer crm.Close()
	if n.command == "remove" {
		return controllerFault(crm.Forget(ctx, n.argument))
	}
	s, err := crm.Status(ctx, "")
	if err != nil {
		return controllerFault(err)
	}
	return n.show(&s, out)
}

func (n *nodeCall) show(s *api.CRMStatus, out *output.Out) error {
	switch n.command {
	case "name":
		out.Printf("%s\n", s.Node)
	case "id":
		out.Printf("%s\n", s.NodeID)
	case "quorum":
		out.Printf("%d\n", map[bool]int{true: 1}[s.View.Quorum.Quorate])
	case "partition":
		for _, m := range s.View.Members {
			out.Printf("%s ", m.Name)
		}
		out.Printf("\n")
	case "list":
		for _, c := range known(s) {
			state := "lost"
			if s.View.Has(c.ID) {
				state = "member"
			}
			out.Printf("%s %s %s\n", c.ID, c.Name, state)
		}
	case "name-for-id":
		name, ok := nameOf(s, n.argument)
		if !ok {
			return program.Faultf(68, "Node is not known to cluster")
		}
		out.Printf("%s\n", name)
	}
	return nil
}

// known are the configured nodes and members that the configuration does not have any more, by id.
func known(s *api.CRMStatus) []api.ConfiguredNode {
	nodes := slices.Clone(s.View.Nodes)
	for _, m := range s.View.Members {
		if !slices.ContainsFunc(nodes, func(n api.ConfiguredNode) bool { return n.ID == m.ID }) {
			nodes = append(nodes, api.ConfiguredNode{ID: m.ID, Name: m.Name})
		}
	}
	slices.SortFunc(nodes, func(a, b api.ConfiguredNode) int { return int(a.ID) - int(b.ID) })
	return nodes
}

// nameOf is the name of a node; as in Pacemaker what is no id is this node.
func nameOf(s *api.CRMStatus, id string) (string, bool) {
	n, _ := strconv.ParseUint(id, 10, 32)
	if n == 0 || api.NodeID(n) == s.NodeID {
		return s.Node, true
	}
	for _, c := range known(s) {
		if c.ID == api.NodeID(n) {
			return c.Name, true
		}
	}
	return "", false
}

// controllerFault says that crmd does not answer.
func controllerFault(err error) error {
	switch {
	case err == nil:
		return nil
	case crmclient.Refused(err):
		return program.Faultf(api.CodeNotConnected, "error: Could not connect to controller: Connection refused")
	}
	return program.Faultf(cibclient.ExitCode(err), "error: %v", err)
}
