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
	"github.com/holdfast-ha/holdfast/tools/daterule"
	"github.com/holdfast-ha/holdfast/tools/describe"
	"github.com/holdfast-ha/holdfast/tools/mon"
	"github.com/holdfast-ha/holdfast/tools/node"
	"github.com/holdfast-ha/holdfast/tools/resource"
	"github.com/holdfast-ha/holdfast/tools/sbd"
	"github.com/holdfast-ha/holdfast/tools/simulate"
	"github.com/holdfast-ha/holdfast/tools/stonith"
	"github.com/holdfast-ha/holdfast/tools/ticket"
	"github.com/holdfast-ha/holdfast/tools/verify"
)

// commands is the table, one row per name under which holdfast-tools is linked.
var commands = slices.Concat(
	[]cli.Command{
		stonith.Command,
		ticket.Command,
		verify.Command,
		sbd.Command,
		mon.Command,
		resource.Command,
		{Name: "crm_simulate", Help: "what the cluster would do", Run: simulate.Run},
	},
	attr.Commands(resource.CRMResource),
	cibtool.Commands(upgrade.ToNewest),
	corosync.Commands(),
	daterule.Commands(),
	node.Commands(),
)

// daemons is the table of those that stand in the directory of Pacemaker's daemons.
var daemons = describe.Commands()

// Names are the names under which the program is to be linked.
func Names() []string { return names(commands) }

func names(commands []cli.Command) []string {
	names := make([]string, len(commands))
	for i, c := range commands {
		names[i] = c.Name
	}
	slices.Sort(names)
	return names
}

// Run runs the command that env.Name names, or for holdfast-tools itself the one named by the first
// argument; --list and --list-daemons name what can be linked in sbin and in the directory of daemons.
func Run(ctx context.Context, env *cli.Env) int {
	if env.Name == "holdfast-tools" {
		list := Names()
		if len(env.Args) > 0 && env.Args[0] == "--list-daemons" {
			list = names(daemons)
		}
		if len(env.Args) == 0 || strings.HasPrefix(env.Args[0], "--list") {
			fmt.Fprintln(env.Stdout, strings.Join(list, "\n"))
			return 0
		}
		env.Name, env.Args = env.Args[0], env.Args[1:]
	}
	for _, c := range slices.Concat(commands, daemons) {
		if c.Name == env.Name {
			return c.Run(ctx, env)
		}
	}
	fmt.Fprintf(env.Stderr, "holdfast-tools: there is no command %q; holdfast-tools --list names them\n", env.Name)
	return 64
}
