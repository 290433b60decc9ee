// Command lab is the lab for people: it runs a Holdfast cluster in namespaces of this machine and does to it
// what it is told, a command a line.
//
//	go run ./tests/lab/cmd [-bare] [-links N] NODES
//
// With -bare there are only machines with Holdfast installed, on which a person makes the cluster. A line such
// as `n1# hcs status` runs a command on a node. Everything ends with the program. `help` lists the commands.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/holdfast-ha/holdfast/tests/lab"
	"github.com/holdfast-ha/holdfast/tests/lab/holdfast"
	"github.com/holdfast-ha/holdfast/tests/lab/room"
)

func main() {
	links := flag.Int("links", 1, "networks between the nodes")
	bare := flag.Bool("bare", false, "machines without a cluster")
	nodes := 3
	flag.Parse()
	if flag.NArg() > 0 {
		if _, err := fmt.Sscan(flag.Arg(0), &nodes); err != nil {
			fmt.Fprintln(os.Stderr, "lab: NODES has to be a number")
			os.Exit(64)
		}
	}
	holdfast.Main(func() int {
		if err := run(nodes, *links, *bare); err != nil {
			fmt.Fprintln(os.Stderr, "lab:", err)
			return 1
		}
		return 0
	})
}

func run(nodes, links int, bare bool) error {
	if why := room.Missing(); why != "" {
		return fmt.Errorf("%s", why)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	options := lab.Options{Nodes: nodes, Links: links, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	found, what := formed, "are members of one cluster"
	if bare {
		found, what = machines, "are machines with Holdfast installed, and no cluster yet"
	}
	c, err := found(ctx, options)
	if err != nil {
		return err
	}
	defer c.Close()
	var names []string
	for _, n := range c.Nodes() {
		names = append(names, fmt.Sprintf("%s (%s)", n.Name, n.Addr(0)))
	}
	fmt.Printf("%s %s.\n`n1# COMMAND` runs a command on n1. Their power hangs on the fence agent fence_lab; %s is a free address. `help` lists what else can be done.\n",
		strings.Join(names, ", "), what, c.Net.Float(0))
	d := desk{c: c}
	lines := bufio.NewScanner(os.Stdin)
	for prompt(); lines.Scan() && ctx.Err() == nil; prompt() {
		words := strings.Fields(lines.Text())
		if len(words) == 0 {
			continue
		}
		if words[0] == "down" {
			return nil
		}
		if err := d.do(ctx, words); err != nil {
			fmt.Fprintln(os.Stderr, "lab:", err)
		}
	}
	return lines.Err()
}

// formed is a cluster that runs.
func formed(ctx context.Context, o lab.Options) (*holdfast.Cluster, error) {
	c, err := holdfast.New(holdfast.Options{Options: o})
	if err != nil {
		return nil, err
	}
	return c, c.PowerOnAll(ctx)
}

// machines are what a person has before the first command.
func machines(ctx context.Context, o lab.Options) (*holdfast.Cluster, error) {
	software, err := holdfast.Software()
	if err != nil {
		return nil, err
	}
	o.Software = software
	l, err := lab.New(o)
	if err != nil {
		return nil, err
	}
	return &holdfast.Cluster{Cluster: l}, l.PowerOnAll(ctx)
}

func prompt() { fmt.Print("lab> ") }
