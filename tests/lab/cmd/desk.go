package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/fabric"
	"github.com/holdfast-ha/holdfast/tests/lab/holdfast"
)

// desk carries out commands.
type desk struct{ c *holdfast.Cluster }

// order is one command of the desk.
type order struct {
	name, usage, help string
	min               int // operands
	do                func(d desk, ctx context.Context, args []string) error
}

var orders []order

func init() {
	// Here, because help refers to the table.
	orders = []order{
		{"status", "", "what runs on the nodes", 0, desk.status},
		{"NODE#", "COMMAND...", "the same, through a shell", 0, nil},
		{"exec", "NODE COMMAND...", "run a command on a node, such as bash", 2, desk.exec},
		{"on", "NODE", "switch a node on", 1, each(func(ctx context.Context, n *lab.Node) error { return n.PowerOn(ctx) })},
		{"off", "NODE", "cut a node's power", 1, each(func(_ context.Context, n *lab.Node) error { return n.PowerOff() })},
		{"freeze", "NODE", "stop all processes of a node (SIGSTOP)", 1, each(func(_ context.Context, n *lab.Node) error { return n.Freeze() })},
		{"thaw", "NODE", "let them go on", 1, each(func(_ context.Context, n *lab.Node) error { return n.Thaw() })},
		{"kill", "NODE PROCESS", "kill a process of a node by its name, such as crmd", 2, desk.kill},
		{"pull", "NODE [LINK]", "pull a node's cable", 1, cable(true)},
		{"plug", "NODE [LINK]", "put it back", 1, cable(false)},
		{"deafen", "NODE FROM", "make a node not hear another", 2, desk.deafen},
		{"partition", "NODE,NODE... NODE,NODE...", "let only nodes of one group hear each other", 1, desk.partition},
		{"heal", "", "end all that was done to the network", 0, func(d desk, _ context.Context, _ []string) error { return d.c.Net.Heal() }},
		{"console", "NODE", "what a node's daemons have written", 1, func(d desk, _ context.Context, args []string) error {
			return d.node(args[0], func(n *lab.Node) error { fmt.Print(n.Console()); return nil })
		}},
		{"overlaps", "", "what ran in two places at once, as ocf:lab:journal saw it", 0, desk.overlaps},
		{"down", "", "end the cluster", 0, nil},
		{"help", "", "this list", 0, desk.help},
	}
}

func (d desk) do(ctx context.Context, words []string) error {
	at := slices.IndexFunc(orders, func(o order) bool { return o.name == words[0] })
	if name, ok := strings.CutSuffix(words[0], "#"); ok && len(words) > 1 {
		return d.exec(ctx, []string{name, "sh", "-c", strings.Join(words[1:], " ")})
	}
	if at < 0 {
		return fmt.Errorf("there is no command %q; help lists them", words[0])
	}
	o := orders[at]
	if len(words)-1 < o.min {
		return fmt.Errorf("usage: %s %s", o.name, o.usage)
	}
	return o.do(d, ctx, words[1:])
}

func (d desk) help(context.Context, []string) error {
	for _, o := range orders {
		fmt.Printf("  %-40s %s\n", o.name+" "+o.usage, o.help)
	}
	return nil
}

// node does something with a node that a person has named.
func (d desk) node(name string, do func(*lab.Node) error) error {
	if !slices.Contains(d.c.Names(), name) {
		return fmt.Errorf("there is no node %s; there are %s", name, strings.Join(d.c.Names(), ", "))
	}
	return do(d.c.Node(name))
}

func each(do func(context.Context, *lab.Node) error) func(desk, context.Context, []string) error {
	return func(d desk, ctx context.Context, args []string) error {
		return d.node(args[0], func(n *lab.Node) error { return do(ctx, n) })
	}
}

func cable(out bool) func(desk, context.Context, []string) error {
	return func(d desk, _ context.Context, args []string) error {
		link := 0
		if len(args) > 1 {
			var err error
			if link, err = strconv.Atoi(args[1]); err != nil {
				return err
			}
		}
		return d.node(args[0], func(n *lab.Node) error { return d.c.Net.Pull(n.ID, link, out) })
	}
}

func (d desk) status(context.Context, []string) error {
	for _, n := range d.c.Nodes() {
		procs, err := n.Processes()
		if err != nil {
			return err
		}
		var names []string
		for _, p := range procs {
			names = append(names, p.Name)
		}
		state := "off"
		if n.Powered() {
			state = strings.Join(names, " ")
		}
		fmt.Printf("%s %s: %s\n", n.Name, n.Addr(0), state)
	}
	return nil
}

func (d desk) exec(_ context.Context, args []string) error {
	return d.node(args[0], func(n *lab.Node) error {
		cmd := exec.Command(args[1], args[2:]...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		job, err := n.Start(cmd)
		if err != nil {
			return err
		}
		return job.Wait()
	})
}

func (d desk) kill(_ context.Context, args []string) error {
	return d.node(args[0], func(n *lab.Node) error {
		count, err := n.Signal(args[1], syscall.SIGKILL)
		if err == nil && count == 0 {
			err = errors.New("there is no such process")
		}
		return err
	})
}

func (d desk) deafen(_ context.Context, args []string) error {
	return d.node(args[0], func(to *lab.Node) error {
		return d.node(args[1], func(from *lab.Node) error {
			return d.c.Net.Impair(from.ID, to.ID, 0, fabric.Impairment{Loss: 1})
		})
	})
}

func (d desk) partition(_ context.Context, args []string) error {
	var groups [][]int
	for _, arg := range args {
		var group []int
		for _, name := range strings.Split(arg, ",") {
			if err := d.node(name, func(n *lab.Node) error { group = append(group, n.ID); return nil }); err != nil {
				return err
			}
		}
		groups = append(groups, group)
	}
	return d.c.Net.Partition(len(d.c.Nodes()), groups...)
}

func (d desk) overlaps(context.Context, []string) error {
	found := d.c.Overlaps()
	for _, o := range found {
		fmt.Println(o)
	}
	if len(found) == 0 {
		fmt.Println("nothing ran in more places than it may")
	}
	return nil
}
