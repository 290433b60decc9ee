package attr

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/tools/cli"
)

// inner runs crm_attribute for another command.
func inner(ctx context.Context, env *cli.Env, args ...string) int {
	e := *env
	e.Name, e.Args = "crm_attribute", args
	return crmAttribute(ctx, &e)
}

// silent is inner without what it says.
func silent(ctx context.Context, env *cli.Env, args ...string) int {
	e := *env
	e.Stdout, e.Stderr = io.Discard, io.Discard
	return inner(ctx, &e, args...)
}

// scriptOptions are the options that crm_master and crm_standby pass on to crm_attribute.
func scriptOptions(pass *[]string, command *string) []cli.Option {
	flag := func(name, op string) func(string) error {
		return func(string) error { *pass = append(*pass, name); *command = cmp.Or(op, *command); return nil }
	}
	value := func(name, op string) func(string) error {
		return func(v string) error { *pass = append(*pass, name, v); *command = cmp.Or(op, *command); return nil }
	}
	return []cli.Option{
		{Long: "verbose", Short: 'V', Do: flag("--verbose", ""), Help: "Say more"},
		{Long: "quiet", Short: 'q', Do: flag("--quiet", ""), Help: "Print only the value"},
		{Short: 'Q', Do: flag("--quiet", "")},
		{Heading: "Commands", Long: "query", Short: 'G', Do: flag("--query", "query"), Help: "Show the value"},
		{Long: "get-value", Do: flag("--query", "query")},
		{Long: "update", Short: 'v', Arg: cli.NeedArg, Meta: "VALUE", Do: value("--update", "update"), Help: "Set the value"},
		{Long: "attr-value", Arg: cli.NeedArg, Do: value("--update", "update")},
		{Long: "delete", Short: 'D', Do: flag("--delete", "delete"), Help: "Remove the value"},
		{Long: "delete-attr", Do: flag("--delete", "delete")},
		{Heading: "Additional options", Long: "id", Short: 'i', Arg: cli.NeedArg, Meta: "ID", Do: value("--id", ""), Help: "The attribute with this XML id"},
		{Long: "attr-id", Arg: cli.NeedArg, Do: value("--id", "")},
	}
}

// script parses the options of a command that answers --help and --version itself. done tells that the command
// has ended with code.
func script(ctx context.Context, env *cli.Env, summary string, badUsage int, options []cli.Option) (code int, done bool) {
	help, version := false, false
	options = append(options, cli.Option{Long: "help", Do: cli.Flag(&help), Help: "Show the options"},
		cli.Option{Long: "version", Do: cli.Flag(&version), Help: "Show the version"})
	_, err := cli.Parse(options, env.Args)
	switch {
	case err != nil:
		fmt.Fprintf(env.Stderr, "%s: %v\n", env.Name, err)
		fmt.Fprint(env.Stdout, "\n"+cli.Help(env.Name, summary, "COMMAND [OPTION...]", options))
		return badUsage, true
	case help:
		fmt.Fprint(env.Stdout, cli.Help(env.Name, summary, "COMMAND [OPTION...]", options))
		return 0, true
	case version:
		return inner(ctx, env, "--version"), true
	}
	return 0, false
}

// crmMaster is crm_master: the promotion score of the resource whose agent calls it.
func crmMaster(ctx context.Context, env *cli.Env) int {
	var command string
	pass := []string{"--lifetime", "forever"}
	resource := env.Getenv("OCF_RESOURCE_INSTANCE")
	value := func(name string) func(string) error {
		return func(v string) error { pass = append(pass, name, v); return nil }
	}
	options := slices.Concat(scriptOptions(&pass, &command), []cli.Option{
		{Long: "node", Short: 'N', Arg: cli.NeedArg, Meta: "NODE", Do: value("--node"), Help: "On this node instead of the local one"},
		{Long: "uname", Short: 'U', Arg: cli.NeedArg, Do: value("--node")},
		{Long: "lifetime", Short: 'l', Arg: cli.NeedArg, Meta: "LIFETIME", Do: value("--lifetime"), Help: "How long it lasts: reboot, forever"},
		{Long: "resource", Short: 'r', Arg: cli.NeedArg, Meta: "ID", Do: cli.Text(&resource), Help: "Of this resource"},
	})
	if code, done := script(ctx, env, "The promotion score of a resource; deprecated, use crm_attribute --promotion", api.CodeError, options); done {
		return code
	}
	if resource == "" {
		fmt.Fprintln(env.Stderr, "error: No resource specified")
		return api.CodeError
	}
	return inner(ctx, env, append([]string{"-n", "master-" + resource}, pass...)...)
}

// crmStandby is crm_standby: whether a node may run resources.
func crmStandby(ctx context.Context, env *cli.Env) int {
	var pass []string
	var command, node, lifetime string
	options := slices.Concat(scriptOptions(&pass, &command), []cli.Option{
		{Long: "node", Short: 'N', Arg: cli.NeedArg, Meta: "NODE", Do: cli.Text(&node), Help: "Of this node instead of the local one"},
		{Long: "uname", Short: 'U', Arg: cli.NeedArg, Do: cli.Text(&node)},
		{Long: "lifetime", Short: 'l', Arg: cli.NeedArg, Meta: "LIFETIME", Do: cli.Text(&lifetime), Help: "How long it lasts: reboot, forever"},
	})
	if code, done := script(ctx, env, "Whether a node is in standby and may run no resources", api.CodeError, options); done {
		return code
	}
	args := []string{"-n", "standby"}
	if node != "" {
		args = append(args, "-N", node)
	}
	if command == "" {
		command, pass = "query", append(pass, "--query")
	}
	args = append(args, pass...)
	in := func(lifetime string) []string { return append(slices.Clone(args), "-l", lifetime) }
	switch {
	case lifetime != "":
		return inner(ctx, env, in(lifetime)...)
	case command == "update":
		return inner(ctx, env, in("forever")...)
	case command == "delete":
		if code := inner(ctx, env, in("forever")...); code == api.CodeNotConnected {
			return code
		}
		inner(ctx, env, in("reboot")...)
		return 0
	case silent(ctx, env, in("forever")...) == 0:
		return inner(ctx, env, in("forever")...)
	}
	return inner(ctx, env, append(in("reboot"), "-d", "off")...)
}
