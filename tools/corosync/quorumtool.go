package corosync

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/tools/cli"
)

const quorumtoolHelp = `usage: 
corosync-quorumtool <options>

  options:

  -s             show quorum status
  -m             constantly monitor quorum status
  -l             list nodes
  -a             show all names or addresses for each node
  -p             when used with -s or -l, generates machine parsable output
  -v <votes>     change the number of votes for a node
  -n <nodeid>    optional nodeid of node for -v
  -e <expected>  change expected votes for the cluster
  -H             show nodeids in hexadecimal rather than decimal
  -i             show node IP addresses instead of the resolved name
  -o <a|n|i>     order by [a] IP address (default), [n] name, [i] nodeid
  -f             forcefully unregister a quorum device
  -h             show this help text
  -V             show version and exit
`

// quorumTool is one call of corosync-quorumtool.
type quorumTool struct {
	env                    *cli.Env
	action                 byte
	votes, expected, node  string
	machine, hex, ips, all bool
	order                  string
}

func runQuorumtool(ctx context.Context, env *cli.Env) int {
	q := &quorumTool{env: env, action: 's', order: "a"}
	act := func(c byte) func(string) error { return func(string) error { q.action = c; return nil } }
	_, err := cli.Parse([]cli.Option{
		{Short: 's', Do: act('s')}, {Short: 'm', Do: act('m')}, {Short: 'l', Do: act('l')}, {Short: 'f', Do: act('f')}, {Short: 'h', Do: act('h')}, {Short: 'V', Do: act('V')},
		{Short: 'a', Do: cli.Flag(&q.all)}, {Short: 'p', Do: cli.Flag(&q.machine)}, {Short: 'H', Do: cli.Flag(&q.hex)}, {Short: 'i', Do: cli.Flag(&q.ips)},
		{Short: 'o', Arg: cli.NeedArg, Do: cli.Text(&q.order)}, {Short: 'n', Arg: cli.NeedArg, Do: cli.Text(&q.node)},
		{Short: 'v', Arg: cli.NeedArg, Do: func(v string) error { q.action, q.votes = 'v', v; return nil }},
		{Short: 'e', Arg: cli.NeedArg, Do: func(v string) error { q.action, q.expected = 'e', v; return nil }},
	}, env.Args)
	if err != nil {
		fmt.Fprintf(env.Stderr, "corosync-quorumtool: %v\n%s\n", err, quorumtoolHelp)
		return 1
	}
	switch q.action {
	case 'h':
		fmt.Fprint(env.Stdout, quorumtoolHelp)
		return 0
	case 'V':
		fmt.Fprintln(env.Stdout, "corosync-quorumtool version:", cli.CorosyncVersion)
		return 0
	case 'm':
		return q.monitor(ctx)
	}
	s, err := status(ctx, env)
	if err != nil {
		return q.noDaemon(err)
	}
	switch q.action {
	case 'l':
		q.members(&s.View)
		return 0
	case 'f':
		return q.unregister(&s.View)
	case 'e':
		return q.setExpected(ctx)
	case 'v':
		return q.setVotes(ctx, s)
	}
	return q.status(&s.View)
}

func (q *quorumTool) noDaemon(err error) int {
	fmt.Fprintln(q.env.Stderr, "Cannot initialize CMAP service")
	why(q.env, err)
	return 1
}

// status prints everything; 0 is quorate, 2 is not.
func (q *quorumTool) status(v *api.View) int {
	out := q.env.Stdout
	yes := "No"
	if v.Quorum.Quorate {
		yes = "Yes"
	}
	local := strconv.Itoa(int(v.Local))
	if q.hex {
		local = fmt.Sprintf("0x%08x", uint32(v.Local))
	}
	fmt.Fprintf(out, "Quorum information\n------------------\n")
	fmt.Fprintf(out, "Date:             %s\n", time.Now().Format("Mon Jan _2 15:04:05 2006"))
	fmt.Fprintf(out, "Quorum provider:  corosync_votequorum\nNodes:            %d\nNode ID:          %s\nRing ID:          %s\nQuorate:          %s\n\n",
		len(v.Members), local, v.Ring, yes)
	blocked := " "
	if !v.Quorum.Quorate {
		blocked = "Activity blocked"
	}
	flags := ""
	for _, f := range v.Quorum.Flags {
		flags += f + " "
	}
	fmt.Fprintf(out, "Votequorum information\n----------------------\n")
	fmt.Fprintf(out, "Expected votes:   %d\nHighest expected: %d\nTotal votes:      %d\nQuorum:           %d %s\nFlags:            %s\n",
		v.Quorum.Expected, v.Quorum.Highest, v.Quorum.Votes, v.Quorum.Needed, blocked, flags)
	q.members(v)
	if v.Quorum.Quorate {
		return 0
	}
	return 2
}

// members prints the table of members.
func (q *quorumTool) members(v *api.View) {
	out := q.env.Stdout
	device := ""
	registered := q.machine || slices.ContainsFunc(v.Members, func(m api.Member) bool { return m.Device != "" && m.Device != "NR" })
	if registered {
		device = fmt.Sprintf("%10s ", "Qdevice")
	}
	fmt.Fprintf(out, "\nMembership information\n----------------------\n%10s %10s %sName\n", "Nodeid", "Votes", device)
	members := slices.Clone(v.Members)
	slices.SortStableFunc(members, q.compare)
	for _, m := range members {
		id := strconv.Itoa(int(m.ID))
		if q.hex {
			id = fmt.Sprintf("0x%08x", uint32(m.ID))
		}
		local := ""
		if m.ID == v.Local {
			local = " (local)"
		}
		if registered {
			device = fmt.Sprintf("%10s ", cmp.Or(m.Device, "NR"))
		}
		fmt.Fprintf(out, "%10s %10d %s%s%s\n", id, m.Votes, device, q.name(m), local)
	}
	if d := v.Quorum.Device; d.Votes > 0 {
		q.device(d)
	}
}

// device is the last row: the quorum device, which has the node id 0.
func (q *quorumTool) device(d api.QuorumDevice) {
	votes, more, id := 0, fmt.Sprintf(" (votes %d)", d.Votes), "0"
	if d.Cast {
		votes, more = d.Votes, ""
	}
	if q.hex {
		id = "0x00000000"
	}
	fmt.Fprintf(q.env.Stdout, "%10s %10d %10s Qdevice%s\n", id, votes, "", more)
}

// unregister would take a device away behind the back of whoever has configured it.
func (q *quorumTool) unregister(v *api.View) int {
	if v.Quorum.Device.Votes == 0 {
		return 0
	}
	fmt.Fprintln(q.env.Stderr, "Unable to unregister quorum device: it is part of the cluster file; remove it with: hcs quorum device remove")
	return 1
}

func (q *quorumTool) compare(a, b api.Member) int {
	switch q.order {
	case "n":
		return cmp.Compare(a.Name, b.Name)
	case "i":
		return cmp.Compare(a.ID, b.ID)
	}
	return addr(a).Compare(addr(b))
}

func addr(m api.Member) netip.Addr {
	if len(m.Addrs) == 0 {
		return netip.Addr{}
	}
	a, _ := netip.ParseAddr(m.Addrs[0])
	return a
}

func (q *quorumTool) name(m api.Member) string {
	names := slices.Clone(m.Addrs)
	if !q.ips && len(names) > 0 {
		names[0] = m.Name
	}
	if len(names) == 0 {
		return m.Name
	}
	if q.all {
		return strings.Join(names, ", ")
	}
	return names[0]
}

// monitor prints the status again and again, whenever something changes.
func (q *quorumTool) monitor(ctx context.Context) int {
	c := q.env.Daemon("corosyncd")
	defer c.Close()
	err := ipc.Watch(ctx, c, api.PathViews, func(v api.View) error { q.status(&v); return nil })
	if ctx.Err() != nil {
		return 0
	}
	return q.noDaemon(err)
}

func (q *quorumTool) setExpected(ctx context.Context) int {
	votes, err := strconv.Atoi(q.expected)
	if err != nil || votes <= 0 {
		fmt.Fprintln(q.env.Stderr, "New expected votes value was not valid, try a positive number")
		return 1
	}
	if err := call(ctx, q.env, http.MethodPost, api.PathVotes, api.VotesChange{Votes: votes}, nil); err != nil {
		fmt.Fprintln(q.env.Stderr, "Unable to set expected votes:", csError(err))
		why(q.env, err)
		return 1
	}
	return 0
}

func (q *quorumTool) setVotes(ctx context.Context, s *api.CorosyncStatus) int {
	votes, err := strconv.Atoi(q.votes)
	if err != nil || votes < 0 {
		fmt.Fprintln(q.env.Stderr, "New votes value was not valid, try a positive number or zero")
		return 1
	}
	node := uint64(s.Local)
	if q.node != "" {
		if node, err = strconv.ParseUint(q.node, 0, 16); err != nil || node == 0 {
			fmt.Fprintln(q.env.Stderr, "The nodeid was not valid, try a positive number")
			return 1
		}
	}
	if addrs(&s.View, api.NodeID(node)) == nil {
		fmt.Fprintf(q.env.Stderr, "Unable to set votes %d for nodeid: %d: CS_ERR_NAME_NOT_FOUND\n", votes, node)
		return 1
	}
	if err := call(ctx, q.env, http.MethodPost, api.PathVotes, api.VotesChange{Node: api.NodeID(node), Votes: votes}, nil); err != nil {
		fmt.Fprintf(q.env.Stderr, "Unable to set votes %d for nodeid: %d: %s\n", votes, node, csError(err))
		why(q.env, err)
		return 1
	}
	return 0
}
