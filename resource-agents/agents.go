// Package agents is the table of Holdfast's resource agents, which are all one program under many names.
package agents

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/holdfast-ha/holdfast/resource-agents/ocf"
	"github.com/holdfast-ha/holdfast/resource-agents/script"
	"github.com/holdfast-ha/holdfast/resource-agents/vg"
	"github.com/holdfast-ha/holdfast/resource-agents/vip"
)

// program is the name under which the first argument names the agent.
const program = "holdfast-agents"

// agents makes each agent's description, one row per name under which the program is linked.
var agents = []struct {
	name string
	make func() *ocf.Agent
}{
	{"script", script.Agent},
	{"vg", vg.Agent},
	{"vip", vip.Agent},
}

// Run runs the agent that name, the program's own, stands for and returns the exit code. Under its own
// name the program lists the agents, or runs the one that the first argument names.
func Run(ctx context.Context, name string, p ocf.Process) int {
	name = filepath.Base(name)
	if name == program {
		if len(p.Args) == 0 || p.Args[0] == "--list" {
			for _, a := range agents {
				fmt.Fprintln(p.Stdout, a.name)
			}
			return 0
		}
		if p.Args[0] == vip.AnnounceFlag {
			if err := vip.Announce(p.Args[1:]); err != nil {
				fmt.Fprintln(p.Stderr, err)
				return 1
			}
			return 0
		}
		name, p.Args = p.Args[0], p.Args[1:]
	}
	for _, a := range agents {
		if a.name == name {
			return ocf.Main(ctx, a.make(), p)
		}
	}
	names := make([]string, len(agents))
	for i, a := range agents {
		names[i] = a.name
	}
	fmt.Fprintf(p.Stderr, "%s: there is no agent %q; there are %s\n", program, name, strings.Join(names, ", "))
	return int(ocf.ErrArgs)
}
