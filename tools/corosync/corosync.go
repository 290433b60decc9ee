// Package corosync is Corosync's commands over Holdfast's heartbeat daemon: corosync-cfgtool,
// corosync-quorumtool, corosync-cmapctl, corosync-keygen, corosync-qdevice-tool, and corosync for those who ask for a version.
package corosync

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/tools/cli"
)

// Commands are the rows of the command table.
func Commands() []cli.Command {
	return []cli.Command{
		{Name: "corosync", Help: "version of Corosync that this stack stands in for; check of the cluster file", Run: runCorosync},
		{Name: "corosync-cfgtool", Help: "links, reload and shutdown of the heartbeat daemon", Run: runCfgtool},
		{Name: "corosync-cmapctl", Help: "the heartbeat daemon's configuration map", Run: runCmapctl},
		{Name: "corosync-keygen", Help: "make an authentication key file", Run: runKeygen},
		{Name: "corosync-qdevice-tool", Help: "state of the quorum device", Run: runQdeviceTool},
		{Name: "corosync-quorumtool", Help: "votes and quorum", Run: runQuorumtool},
	}
}

// Corosync's error numbers, with which corosync-cfgtool -R ends.
const csInvalidParam = 7

// exitBadConfig is with what Corosync ends when its configuration is wrong.
const exitBadConfig = 8

// offline reports whether the daemon was not there.
func offline(err error) bool {
	var e *ipc.Error
	return errors.As(err, &e) && e.Code == api.CodeNotConnected
}

// csError is Corosync's name of what went wrong.
func csError(err error) string {
	var e *ipc.Error
	if !errors.As(err, &e) {
		return "CS_ERR_LIBRARY"
	}
	switch e.Code {
	case api.CodeNotConnected:
		return "CS_ERR_LIBRARY"
	case api.CodeNoSuchObject:
		return "CS_ERR_NOT_EXIST"
	case api.CodePermission:
		return "CS_ERR_ACCESS"
	}
	return "CS_ERR_INVALID_PARAM"
}

// why adds what the daemon says in words, for a person.
func why(env *cli.Env, err error) {
	if !offline(err) {
		fmt.Fprintln(env.Stderr, err)
	}
}

func status(ctx context.Context, env *cli.Env) (*api.CorosyncStatus, error) {
	c := env.Daemon("corosyncd")
	defer c.Close()
	var s api.CorosyncStatus
	if err := c.Call(ctx, http.MethodGet, api.PathCorosyncStatus, nil, &s); err != nil {
		return nil, err
	}
	return &s, nil
}

func call(ctx context.Context, env *cli.Env, method, path string, in, out any) error {
	c := env.Daemon("corosyncd")
	defer c.Close()
	return c.Call(ctx, method, path, in, out)
}

// addrs are the link addresses of a configured node, nil for an unknown one.
func addrs(v *api.View, id api.NodeID) []string {
	for _, n := range v.Nodes {
		if n.ID == id {
			return n.Addrs
		}
	}
	return nil
}

func runCorosync(_ context.Context, env *cli.Env) int {
	var version, test, foreground bool
	file := env.Dirs.ClusterFile()
	_, err := cli.Parse([]cli.Option{
		{Short: 'v', Do: cli.Flag(&version)}, {Short: 't', Do: cli.Flag(&test)}, {Short: 'f', Do: cli.Flag(&foreground)},
		{Short: 'c', Arg: cli.NeedArg, Do: cli.Text(&file)}, {Short: 'h', Do: func(string) error { return nil }},
	}, env.Args)
	switch {
	case err != nil:
		fmt.Fprintln(env.Stderr, err)
		return 1
	case version:
		fmt.Fprintf(env.Stdout, "Corosync Cluster Engine, version '%s'\nas Holdfast's corosyncd stands in for it\n", cli.CorosyncVersion)
		return 0
	case test:
		text, err := os.ReadFile(file)
		if err == nil {
			_, err = clusterfile.Parse(file, text)
		}
		if err != nil {
			fmt.Fprintln(env.Stderr, err)
			return exitBadConfig
		}
		return 0
	case foreground:
		fmt.Fprintln(env.Stderr, "corosync: the heartbeat daemon of this stack is corosyncd; start that, or `hcs node run`")
		return 1
	}
	fmt.Fprintln(env.Stdout, "usage:\n        -c     : cluster file that -t checks\n        -t     : check the cluster file and exit\n        -v     : print the version")
	return 0
}
