package attr

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/sched/isotime"
	"github.com/holdfast-ha/holdfast/tools/cibclient"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/crmclient"
)

// infinity is where scores end.
const infinity = 1000000

// failcount is a crm_failcount call.
type failcount struct {
	command, resource, operation, interval, node string
	quiet                                        bool
	warnings                                     []string
}

func (f *failcount) options() []cli.Option {
	set := func(command string) func(string) error {
		return func(string) error { f.command = command; return nil }
	}
	ignored := func(name string) func(string) error {
		return func(string) error {
			f.warnings = append(f.warnings, "warning: ignoring deprecated option '"+name+"'")
			return nil
		}
	}
	value := func(v string) error {
		if v == "0" {
			f.command = "delete"
			return nil
		}
		f.warnings = append(f.warnings, "warning: ignoring deprecated option '-v' with nonzero value")
		return nil
	}
	return []cli.Option{
		{Long: "verbose", Short: 'V', Do: func(string) error { return nil }, Help: "Say more"},
		{Long: "quiet", Short: 'q', Do: cli.Flag(&f.quiet), Help: "Print only the number"},
		{Short: 'Q', Do: cli.Flag(&f.quiet)},
		{Heading: "Commands", Long: "query", Short: 'G', Do: set("query"), Help: "Show how often the resource failed"},
		{Long: "get-value", Do: set("query")},
		{Long: "delete", Short: 'D', Do: set("delete"), Help: "Forget the failures"},
		{Long: "delete-attr", Do: set("delete")},
		{Long: "attr-value", Short: 'v', Arg: cli.NeedArg, Do: value},
		{Heading: "Additional options", Long: "resource", Short: 'r', Arg: cli.NeedArg, Meta: "ID", Do: cli.Text(&f.resource), Help: "The resource (needed)"},
		{Long: "resource-id", Arg: cli.NeedArg, Do: cli.Text(&f.resource)},
		{Long: "operation", Short: 'n', Arg: cli.NeedArg, Meta: "NAME", Do: cli.Text(&f.operation), Help: "Only failures of this operation"},
		{Long: "interval", Short: 'I', Arg: cli.NeedArg, Meta: "TIME", Do: cli.Text(&f.interval), Help: "The operation's interval"},
		{Long: "node", Short: 'N', Arg: cli.NeedArg, Meta: "NODE", Do: cli.Text(&f.node), Help: "On this node instead of the local one"},
		{Long: "uname", Short: 'U', Arg: cli.NeedArg, Do: cli.Text(&f.node)},
		{Long: "attr-id", Short: 'i', Arg: cli.NeedArg, Do: ignored("-i")},
		{Long: "lifetime", Short: 'l', Arg: cli.NeedArg, Do: ignored("-l")},
	}
}

// crmFailcount makes crm_failcount: how often a resource failed on a node. resource is crm_resource, which
// forgets failures.
func crmFailcount(resource func(context.Context, *cli.Env) int) func(context.Context, *cli.Env) int {
	return func(ctx context.Context, env *cli.Env) int {
		f := &failcount{}
		if code, done := script(ctx, env, "How often a resource failed on a node", api.CodeUsage, f.options()); done {
			return code
		}
		for _, w := range f.warnings {
			fmt.Fprintln(env.Stderr, w)
		}
		return f.run(ctx, env, resource)
	}
}

func (f *failcount) run(ctx context.Context, env *cli.Env, resource func(context.Context, *cli.Env) int) int {
	if f.node == "" {
		crm := crmclient.New(env)
		defer crm.Close()
		if s, err := crm.Status(ctx, ""); err == nil {
			f.node = s.Node
		}
	}
	problem := ""
	switch {
	case f.command == "":
		problem = "must specify a command"
	case f.resource == "":
		problem = "resource name required"
	case f.node == "":
		problem = "node name required"
	}
	if problem != "" {
		fmt.Fprintln(env.Stderr, "error:", problem)
		return api.CodeUsage
	}
	ms, ok := isotime.ParseInterval(f.interval)
	if !ok {
		fmt.Fprintln(env.Stderr, "warning: Unrecognized interval, using 0")
		ms = 0
	}
	if f.command == "query" {
		return f.query(ctx, env, ms)
	}
	e := *env
	e.Name, e.Args = "crm_resource", []string{"--cleanup", "-N", f.node, "-r", f.resource}
	if f.quiet {
		e.Args = append(e.Args, "--quiet")
	}
	if f.operation != "" {
		e.Args = append(e.Args, "-n", f.operation, "-I", strconv.FormatInt(ms, 10)+"ms")
	}
	return resource(ctx, &e)
}

func (f *failcount) query(ctx context.Context, env *cli.Env, ms int64) int {
	values, err := f.attributes(ctx, env)
	if err != nil {
		fmt.Fprintln(env.Stderr, "error: could not query CIB for fail counts:", err)
		return cibclient.ExitCode(err)
	}
	name := "fail-count-" + f.resource
	old := values[name] // as clusters before Pacemaker 1.1.17 counted
	count := 0
	if f.operation != "" {
		name += "#" + f.operation + "_" + strconv.FormatInt(ms, 10)
		count = number(values[name])
	} else {
		for n, v := range values {
			if strings.HasPrefix(n, name+"#") {
				count = min(count+number(v), infinity)
			}
		}
	}
	if count == 0 && number(old) != 0 {
		name, count = "fail-count-"+f.resource, number(old)
	}
	text := strconv.Itoa(count)
	if count == infinity {
		text = "INFINITY"
	}
	if f.quiet {
		fmt.Fprintln(env.Stdout, text)
	} else {
		fmt.Fprintf(env.Stdout, "scope=status  name=%s value=%s\n", name, text)
	}
	return 0
}

func number(s string) int {
	if s == "INFINITY" {
		return infinity
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return min(n, infinity)
}

// attributes are the node's transient attributes by name.
func (f *failcount) attributes(ctx context.Context, env *cli.Env) (map[string]string, error) {
	values := map[string]string{}
	conn, err := cibclient.Open(env)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if conn.Live() {
		crm := crmclient.New(env)
		defer crm.Close()
		list, err := crm.Attrs(ctx, "", f.node)
		for _, v := range list {
			values[v.Name] = v.Value
		}
		return values, err
	}
	found, err := conn.Find(ctx, "/cib/status/node_state[@uname="+quote(f.node)+"]/transient_attributes/instance_attributes/nvpair")
	for _, nv := range found {
		values[nv.Get("name")] = nv.Get("value")
	}
	return values, err
}
