package corosync

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/tools/cli"
)

const qdeviceHelp = `usage: corosync-qdevice-tool <options>
  -H             shut the quorum device down; here it is part of corosyncd
  -s             show its status
  -v             say more
  -p <path>      accepted for scripts; the status comes from corosyncd
  -h             show this help text
`

// Exit codes of corosync-qdevice-tool.
const (
	qdeviceUsage  = 1
	qdeviceAway   = 3
	qdeviceFailed = 4
)

func runQdeviceTool(ctx context.Context, env *cli.Env) int {
	var action byte
	var verbose bool
	var socket string
	act := func(c byte) func(string) error { return func(string) error { action = c; return nil } }
	_, err := cli.Parse([]cli.Option{
		{Short: 's', Do: act('s')}, {Short: 'H', Do: act('H')}, {Short: 'h', Do: act('h')}, {Short: 'v', Do: cli.Flag(&verbose)},
		{Short: 'p', Arg: cli.NeedArg, Do: cli.Text(&socket)},
	}, env.Args)
	switch {
	case err != nil || action == 0:
		fmt.Fprint(env.Stderr, qdeviceHelp)
		return qdeviceUsage
	case action == 'h':
		fmt.Fprint(env.Stdout, qdeviceHelp)
		return 0
	case action == 'H':
		fmt.Fprintln(env.Stderr, "Error: the quorum device is part of corosyncd; remove it with: hcs quorum device remove")
		return qdeviceFailed
	}
	var s api.QdeviceStatus
	if err := call(ctx, env, http.MethodGet, api.PathQdevice, nil, &s); err != nil {
		fmt.Fprintln(env.Stderr, "Can't connect to QDevice socket (is QDevice running?): No such file or directory")
		why(env, err)
		return qdeviceAway
	}
	printQdevice(env, &s, verbose)
	return 0
}

// printQdevice prints as corosync-qdevice-tool -s does, and as with -v when verbose.
func printQdevice(env *cli.Env, s *api.QdeviceStatus, verbose bool) {
	line := func(detail bool, format string, args ...any) {
		if verbose || !detail {
			fmt.Fprintf(env.Stdout, format+"\n", args...)
		}
	}
	line(false, "Qdevice information\n-------------------\nModel:\t\t\tNet\nNode ID:\t\t%d", s.Node)
	line(true, "HB interval:\t\t%dms\nSync HB interval:\t%dms", s.Timeout, s.SyncTimeout)
	line(false, "Configured node list:")
	for i, id := range s.Nodes {
		line(false, "    %d\tNode ID = %d", i, id)
	}
	line(true, "Heuristics:\t\t%s\nRing ID:\t\t%x.%x", map[string]string{"on": "Enabled", "sync": "Enabled only on sync"}[s.Heuristics]+
		map[bool]string{true: "Disabled"}[s.Heuristics == "off"], uint32(s.Ring.Rep), s.Ring.Seq)
	line(false, "Membership node list:\t%s", ids(s.Members))
	line(true, "Quorate:\t\t%s", yesNo(s.Quorate))
	line(true, "Quorum node list:")
	for i, id := range s.Nodes {
		state := "dead"
		for _, m := range s.Members {
			if m == id {
				state = "member"
			}
		}
		line(true, "    %d\tNode ID = %d, State = %s", i, id, state)
	}
	line(true, "Expected votes:\t\t%d\nLast poll call:\t\t%s", s.Expected, poll(s))
	printQdeviceNet(s, verbose, line)
}

func printQdeviceNet(s *api.QdeviceStatus, verbose bool, line func(detail bool, format string, args ...any)) {
	line(false, "\nQdevice-net information\n----------------------\nCluster name:\t\t%s\nQNetd host:\t\t%s", s.Cluster, s.Host)
	if s.ForceIP != 0 {
		line(true, "Force IP version:\t%d", s.ForceIP)
	}
	line(true, "Connect timeout:\t%dms\nHB interval:\t\t%dms\nVQ vote timer interval:\t%dms", s.ConnectTimeout, s.Heartbeat, s.Timeout/2)
	line(true, "TLS:\t\t\t%s", map[string]string{"on": "Supported", "off": "Unsupported", "required": "Required"}[s.TLS])
	line(false, "Algorithm:\t\t%s", map[string]string{"test": "Test", "ffsplit": "Fifty-Fifty split", "2nodelms": "2 Node LMS", "lms": "LMS"}[s.Algorithm])
	tie := "Node with " + s.TieBreaker + " node ID"
	if s.TieBreaker == "node" {
		tie = fmt.Sprintf("Node with node ID %d", s.TieBreakerNode)
	}
	line(false, "Tie-breaker:\t\t%s", tie)
	line(true, "KAP Tie-breaker:\t%s", keepActive(s))
	timer := "No"
	if cast := casts[s.Vote]; cast != "" {
		timer = "Yes (" + cast + ")"
	}
	line(true, "Poll timer running:\t%s", timer)
	line(false, "State:\t\t\t%s", s.State)
	if s.Heuristics != "off" {
		more := ""
		if verbose {
			more = fmt.Sprintf(" (regular: %s, membership: %s, connect: %s)", s.Regular, s.Membership, s.Connect)
		}
		line(false, "Heuristics result:\t%s%s", s.Result, more)
	}
	if s.State != "Connected" {
		return
	}
	active := "No"
	if s.TLSActive {
		active = "Yes (client certificate sent)"
	}
	line(true, "TLS active:\t\t%s\nConnected since:\t%s", active, stamp(s.Since))
	if s.Echo > 0 {
		line(true, "Echo reply received:\t%s", stamp(s.Echo))
	}
}

// casts is what a vote means for votequorum.
var casts = map[string]string{"ACK": "cast vote", "NACK": "do not cast vote"}

// poll is when and what the quorum was told last. Here it is told once and not again and again.
func poll(s *api.QdeviceStatus) string {
	if s.Decided == 0 || casts[s.Vote] == "" {
		return "Never"
	}
	return stamp(s.Decided) + " (" + casts[s.Vote] + ")"
}

func keepActive(s *api.QdeviceStatus) string {
	switch {
	case s.Algorithm == "lms" || s.Algorithm == "2nodelms":
		return "Algorithm hard-coded"
	case s.Algorithm != "ffsplit":
		return "Unsupported by algorithm"
	case s.State == "Connected" && !s.KeepActiveSupported:
		return "Unsupported by QNetd"
	case s.KeepActive:
		return "Enabled"
	}
	return "Disabled"
}

func ids(list []api.NodeID) string {
	words := make([]string, len(list))
	for i, id := range list {
		words[i] = id.String()
	}
	return strings.Join(words, ", ")
}

func yesNo(yes bool) string {
	if yes {
		return "Yes"
	}
	return "No"
}

// stamp is a time as Corosync's tools print it.
func stamp(ms int64) string { return time.UnixMilli(ms).Format("2006-01-02T15:04:05") }
