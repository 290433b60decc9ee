// Command lab is the lab for people: it runs a Holdfast cluster in namespaces of this machine and does to it
// what it is told, a command a line.
//
//	go run ./tests/lab/cmd [-links N] NODES
//
// The cluster ends with the program. `help` lists the commands.
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
	nodes := 3
	flag.Parse()
	if flag.NArg() > 0 {
		if _, err := fmt.Sscan(flag.Arg(0), &nodes); err != nil {
			fmt.Fprintln(os.Stderr, "lab: NODES has to be a number")
			os.Exit(64)
		}
	}
	holdfast.Main(func() int {
		if err := run(nodes, *links); err != nil {
			fmt.Fprintln(os.Stderr, "lab:", err)
			return 1
		}
		return 0
	})
}

func run(nodes, links int) error {
	if why := room.Missing(); why != "" {
		return fmt.Errorf("%s", why)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	c, err := holdfast.New(holdfast.Options{Options: lab.Options{Nodes: nodes, Links: links, Log: log}})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.PowerOnAll(ctx); err != nil {
		return err
	}
	fmt.Printf("%s are members of one cluster. The fence agent is fence_lab, the witness ocf:lab:journal, a free address %s. `help` lists commands.\n",
		strings.Join(c.Names(), ", "), c.Net.Float(0))
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

func prompt() { fmt.Print("lab> ") }
