// Package tools is the table of the drop-in commands, which are all one program under many names.
package tools

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/cib/upgrade"
	"github.com/holdfast-ha/holdfast/tools/attr"
	"github.com/holdfast-ha/holdfast/tools/cibtool"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/corosync"
	"github.com/holdfast-ha/holdfast/tools/mon"
	"github.com/holdfast-ha/holdfast/tools/node"
	"github.com/holdfast-ha/holdfast/tools/simulate"
	"github.com/holdfast-ha/holdfast/tools/stonith"
)

// commands is the table, one row per name under which holdfast-tools is linked.
var commands = slices.Concat(
	[]cli.Command{
		{Name: "attrd_updater", Help: "transient attributes of nodes", Run: attr.AttrdUpdater},
		{Name: "crm_attribute", Help: "attributes of nodes, options of the cluster", Run: attr.CRMAttribute},
		{Name: "crm_error", Help: "meaning of exit codes", Run: node.CRMError},
		{Name: "crm_master", Help: "promotion scores", Run: attr.CRMMaster},
		{Name: "crm_mon", Help: "state of the cluster", Run: mon.CRMMon},
		{Name: "crm_node", Help: "what the cluster knows of its nodes", Run: node.CRMNode},
		{Name: "crm_simulate", Help: "what the cluster would do", Run: simulate.Run},
		{Name: "crm_standby", Help: "whether a node may run resources", Run: attr.CRMStandby},
		{Name: "crmadmin", Help: "state of the controllers", Run: node.CRMAdmin},
		{Name: "pacemakerd", Help: "version of the software", Run: node.Pacemakerd},
	},
	[]cli.Command{stonith.Command},
	cibtool.Commands(upgrade.ToNewest),
	corosync.Commands(),
)

// Names are the names under which the program is to be linked.
func Names() []string {
	names := make([]string, len(commands))
	for i, c := range commands {
		names[i] = c.Name
	}
	slices.Sort(names)
	return names
}

// Run runs the command that env.Name names, or for holdfast-tools itself the one named by the first
// argument.
func Run(ctx context.Context, env *cli.Env) int {
	if env.Name == "holdfast-tools" {
		if len(env.Args) == 0 || env.Args[0] == "--list" {
			fmt.Fprintln(env.Stdout, strings.Join(Names(), "\n"))
			return 0
		}
		env.Name, env.Args = env.Args[0], env.Args[1:]
	}
	for _, c := range commands {
		if c.Name == env.Name {
			return c.Run(ctx, env)
		}
	}
	fmt.Fprintf(env.Stderr, "holdfast-tools: there is no command %q; holdfast-tools --list names them\n", env.Name)
	return 64
}
