package corosync

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/tools/cli"
)

const cfgtoolHelp = `corosync-cfgtool [[-i <address or link>] [-b] -s] [-n] [-R] [-L] [-k nodeid] [-a nodeid] [-h] [-H [--force]]

Shows and changes the running heartbeat daemon.
options:
	-i	With -s: only the link with this local address or number.
	-s	Links of this node.
	-n	Other nodes that are reachable, with their links.
	-b	With -s: short.
	-R	Read the cluster file again, on every member.
	-L	Reopen log files; the log goes to standard error here, so there are none.
	-k	Make a member leave.
	-a	Addresses of a node.
	-h	This help.
	-H	Leave the cluster and end the heartbeat daemon of this node.
		--force does it although resources may run here.
`

func runCfgtool(ctx context.Context, env *cli.Env) int {
	var action byte
	var brief, force bool
	var link, node string
	act := func(c byte) func(string) error { return func(string) error { action = c; return nil } }
	target := func(c byte) func(string) error {
		return func(v string) error { action, node = c, v; return nil }
	}
	_, err := cli.Parse([]cli.Option{
		{Short: 's', Do: act('s')}, {Short: 'n', Do: act('n')}, {Short: 'R', Do: act('R')}, {Short: 'L', Do: act('L')}, {Short: 'H', Do: act('H')},
		{Short: 'h', Do: act('h')}, {Short: 'b', Do: cli.Flag(&brief)}, {Long: "force", Do: cli.Flag(&force)},
		{Short: 'i', Arg: cli.NeedArg, Do: cli.Text(&link)}, {Short: 'k', Arg: cli.NeedArg, Do: target('k')}, {Short: 'a', Arg: cli.NeedArg, Do: target('a')},
	}, env.Args)
	if err != nil {
		fmt.Fprintln(env.Stderr, "corosync-cfgtool:", err)
		return 1
	}
	switch action {
	case 's':
		return cfgStatus(ctx, env, link, brief)
	case 'n':
		return cfgNodes(ctx, env)
	case 'R':
		return cfgReload(ctx, env)
	case 'L':
		return 0
	case 'H':
		return cfgShutdown(ctx, env, force)
	case 'k':
		return cfgKill(ctx, env, node)
	case 'a':
		return cfgAddress(ctx, env, node)
	}
	fmt.Fprint(env.Stdout, cfgtoolHelp)
	return 0
}

// noConfigAPI is what every action says when the daemon is not there.
func noConfigAPI(env *cli.Env, err error) int {
	fmt.Fprintln(env.Stderr, "Could not initialize corosync configuration API error 2")
	why(env, err)
	return 1
}

// linkList are the links of all nodes, and this node's id.
func linkList(ctx context.Context, env *cli.Env) (local api.NodeID, list []api.LinkStatus, err error) {
	s, err := status(ctx, env)
	if err != nil {
		return 0, nil, err
	}
	err = call(ctx, env, http.MethodGet, api.PathLinks, nil, &list)
	return s.Local, list, err
}

func cfgStatus(ctx context.Context, env *cli.Env, only string, brief bool) int {
	local, list, err := linkList(ctx, env)
	if err != nil {
		return noConfigAPI(env, err)
	}
	fmt.Fprintf(env.Stdout, "Local node ID %d, transport knet\n", local)
	some := false
	for _, l := range list {
		if l.Node == local && wanted(l, only) {
			some = true
		}
	}
	for _, l := range list {
		if l.Node != local || some && !wanted(l, only) {
			continue
		}
		fmt.Fprintf(env.Stdout, "LINK ID %d udp\n\taddr\t= %s\n", l.Link, l.Local)
		if brief {
			fmt.Fprintf(env.Stdout, "\tstatus\t= %s\n", briefStatus(list, local, l.Link))
			continue
		}
		fmt.Fprint(env.Stdout, "\tstatus:\n")
		for _, p := range list {
			if p.Link == l.Link {
				fmt.Fprintf(env.Stdout, "\t\tnodeid: %10d:\t%s\n", p.Node, word(p, local))
			}
		}
	}
	return 0
}

func wanted(l api.LinkStatus, only string) bool {
	return only == "" || only == l.Local || only == strconv.Itoa(l.Link)
}

func word(l api.LinkStatus, local api.NodeID) string {
	switch {
	case l.Node == local:
		return "localhost"
	case l.Connected:
		return "connected"
	}
	return "disconnected"
}

// briefStatus is one character for each node: n for this one, else enabled + 2*connected.
func briefStatus(list []api.LinkStatus, local api.NodeID, link int) string {
	var b strings.Builder
	for _, p := range list {
		if p.Link != link {
			continue
		}
		n := byte('0')
		if p.Enabled {
			n++
		}
		if p.Connected {
			n += 2
		}
		if p.Node == local {
			n = 'n'
		}
		b.WriteByte(n)
	}
	return b.String()
}

func cfgNodes(ctx context.Context, env *cli.Env) int {
	local, list, err := linkList(ctx, env)
	if err != nil {
		return noConfigAPI(env, err)
	}
	fmt.Fprintf(env.Stdout, "Local node ID %d, transport knet\n", local)
	reachable := map[api.NodeID]bool{}
	for _, l := range list {
		reachable[l.Node] = reachable[l.Node] || l.Connected
	}
	last := local
	for _, l := range list {
		if l.Node == local || !reachable[l.Node] {
			continue
		}
		if l.Node != last {
			if last != local {
				fmt.Fprintln(env.Stdout)
			}
			last = l.Node
			fmt.Fprintf(env.Stdout, "nodeid: %d reachable\n", l.Node)
		}
		fmt.Fprintf(env.Stdout, "   LINK: %d udp (%s->%s)", l.Link, l.Local, l.Remote)
		if l.Enabled {
			fmt.Fprint(env.Stdout, " enabled")
		}
		if l.Connected {
			fmt.Fprint(env.Stdout, " connected")
		}
		fmt.Fprintf(env.Stdout, " mtu: %d\n", l.MTU)
	}
	if last != local {
		fmt.Fprintln(env.Stdout)
	}
	return 0
}

func cfgReload(ctx context.Context, env *cli.Env) int {
	fmt.Fprintln(env.Stdout, "Reloading corosync.conf...")
	err := call(ctx, env, http.MethodPost, api.PathReload+"?all=1", nil, nil)
	switch {
	case err == nil:
		fmt.Fprintln(env.Stdout, "Done")
		return 0
	case offline(err):
		fmt.Fprintln(env.Stderr, "Could not initialize corosync configuration API error CS_ERR_LIBRARY")
		return 1
	}
	fmt.Fprintln(env.Stderr, "Could not reload configuration. Error", csError(err))
	why(env, err)
	return csInvalidParam
}

// csBusy is Corosync's error when something vetoes the shutdown.
const csBusy = 10

func cfgShutdown(ctx context.Context, env *cli.Env, force bool) int {
	path := api.PathLeave
	if !force {
		path += "?veto=1"
	}
	fmt.Fprintln(env.Stdout, "Shutting down corosync")
	err := call(ctx, env, http.MethodPost, path, nil, nil)
	switch {
	case err == nil:
		return 0
	case offline(err):
		return noConfigAPI(env, err)
	}
	fmt.Fprintf(env.Stderr, "Could not shutdown (error = %d)\n", csBusy)
	why(env, err)
	return 1
}

func cfgKill(ctx context.Context, env *cli.Env, node string) int {
	id, err := strconv.ParseUint(node, 10, 16)
	if err != nil {
		fmt.Fprintln(env.Stderr, "corosync-cfgtool: -k needs a node id, not", node)
		return 1
	}
	err = call(ctx, env, http.MethodPost, api.PathKill, api.KillNode{ID: api.NodeID(id)}, nil)
	if offline(err) {
		return noConfigAPI(env, err)
	}
	fmt.Fprintf(env.Stdout, "Killing node %d\n", id)
	if err != nil {
		fmt.Fprintf(env.Stderr, "Could not kill node (error = %s)\n", csError(err))
		why(env, err)
		return 1
	}
	return 0
}

func cfgAddress(ctx context.Context, env *cli.Env, node string) int {
	s, err := status(ctx, env)
	if err != nil {
		return noConfigAPI(env, err)
	}
	id, _ := strconv.ParseUint(node, 10, 16)
	list := addrs(&s.View, api.NodeID(id))
	if list == nil {
		fmt.Fprintf(env.Stderr, "Could not get node address for nodeid %s\n", node)
		return 1
	}
	fmt.Fprintln(env.Stdout, strings.Join(list, " "))
	return 0
}
