package resource

import (
	"strings"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// options are the options of a crm_resource call.
type options struct {
	command  string // the long name of the option that says what to do
	argument string // its value

	resource, node          string
	value                   string
	hasValue                bool
	set, nvpair             string
	meta, utilization       bool
	recursive, force, quiet bool
	promoted, expired       bool
	lifetime                string
	operation, interval     string
	element                 string // --resource-type
	class, provider, agent  string
	params                  map[string]string // --option
	timeout                 string
	verbose                 int
}

// command makes an option that says what to do; of several the last counts.
func (o *options) is(name string) func(string) error {
	return func(v string) error { o.command, o.argument = name, v; return nil }
}

func (o *options) groups() []program.Group {
	return []program.Group{o.queries(), o.commands(), o.locations(), o.advanced(), o.additional()}
}

func (o *options) queries() program.Group {
	return program.Group{Key: "queries", Title: "Queries", Options: []cli.Option{
		{Long: "list", Short: 'L', Do: o.is("list"), Help: "List all resources with their state"},
		{Long: "list-raw", Short: 'l', Do: o.is("list-raw"), Help: "List the ids of all primitives and instances"},
		{Long: "list-operations", Short: 'O', Do: o.is("list-operations"), Help: "List the operations of what is active (of --resource, on --node)"},
		{Long: "list-all-operations", Short: 'o', Do: o.is("list-all-operations"), Help: "List all recorded operations (of --resource, on --node)"},
		{Long: "list-standards", Do: o.is("list-standards"), Help: "List the classes of agents"},
		{Long: "list-ocf-providers", Do: o.is("list-ocf-providers"), Help: "List the providers of OCF agents"},
		{Long: "list-agents", Arg: cli.NeedArg, Meta: "STD[:PROV]", Do: o.is("list-agents"), Help: "List the agents of a class and provider"},
		{Long: "list-ocf-alternatives", Arg: cli.NeedArg, Meta: "AGENT", Do: o.is("list-ocf-alternatives"), Help: "List the providers that have this OCF agent"},
		{Long: "show-metadata", Arg: cli.NeedArg, Meta: "SPEC", Do: o.is("show-metadata"), Help: "Show the metadata of CLASS:PROVIDER:AGENT"},
		{Long: "query-xml", Short: 'q', Do: o.is("query-xml"), Help: "Show the configuration of a resource with its template"},
		{Long: "query-xml-raw", Short: 'w', Do: o.is("query-xml-raw"), Help: "Show the configuration of a resource as it is written"},
		{Long: "get-parameter", Short: 'g', Arg: cli.NeedArg, Meta: "NAME", Do: o.is("get-parameter"), Help: "Show a parameter (a meta attribute with --meta, utilization with --utilization)"},
		{Short: 'G', Arg: cli.NeedArg, Do: o.is("get-property")},
		{Long: "get-property", Arg: cli.NeedArg, Do: o.is("get-property")},
		{Long: "locate", Short: 'W', Do: o.is("locate"), Help: "Show where a resource runs"},
		{Long: "constraints", Short: 'a', Do: o.is("constraints"), Help: "Show the constraints of a resource (--recursive: of those that it depends on too)"},
		{Long: "stack", Short: 'A', Do: o.is("stack"), Help: "The same as --constraints --recursive"},
		{Long: "why", Short: 'Y', Do: o.is("why"), Help: "Show why resources do not run (--resource, --node)"},
	}}
}

func (o *options) commands() program.Group {
	return program.Group{Key: "commands", Title: "Commands", Options: []cli.Option{
		{Long: "validate", Arg: cli.MayArg, Meta: "LEVEL", Do: o.is("validate"), Help: "Let the agent check a configuration: of --resource, or of --class, --provider, --agent and --option"},
		{Long: "cleanup", Short: 'C', Do: o.is("cleanup"), Help: "Forget the failures of a resource and look at it again (--resource, --node, --operation, --interval)"},
		{Long: "refresh", Short: 'R', Do: o.is("refresh"), Help: "Forget the whole history of a resource and look at it again (--resource, --node)"},
		{Long: "set-parameter", Short: 'p', Arg: cli.NeedArg, Meta: "NAME", Do: o.is("set-parameter"), Help: "Set a parameter to --parameter-value (see --get-parameter)"},
		{Long: "delete-parameter", Short: 'd', Arg: cli.NeedArg, Meta: "NAME", Do: o.is("delete-parameter"), Help: "Remove a parameter (see --get-parameter)"},
		{Long: "set-property", Short: 'S', Arg: cli.NeedArg, Do: o.is("set-property")},
	}}
}

func (o *options) locations() program.Group {
	return program.Group{Key: "locations", Title: "Locations", Options: []cli.Option{
		{Long: "move", Short: 'M', Do: o.is("move"), Help: "Move a resource to --node, or away from where it runs, with a constraint"},
		{Long: "ban", Short: 'B', Do: o.is("ban"), Help: "Keep a resource away from --node, or from where it runs, with a constraint"},
		{Long: "clear", Short: 'U', Do: o.is("clear"), Help: "Remove the constraints that --move and --ban made"},
		{Long: "expired", Short: 'e', Do: cli.Flag(&o.expired), Help: "With --clear: only those whose lifetime is over"},
		{Long: "lifetime", Short: 'u', Arg: cli.NeedArg, Meta: "DURATION", Do: cli.Text(&o.lifetime), Help: "How long the constraint is to last, as an ISO 8601 duration"},
		{Long: "promoted", Do: cli.Flag(&o.promoted), Help: "Only for the promoted role"},
		{Long: "master", Do: cli.Flag(&o.promoted), Help: "The same as --promoted"},
	}}
}

func (o *options) advanced() program.Group {
	return program.Group{Key: "advanced", Title: "Advanced", Options: []cli.Option{
		{Long: "delete", Short: 'D', Do: o.is("delete"), Help: "Remove a resource from the configuration (with --resource-type)"},
		{Long: "fail", Short: 'F', Do: o.is("fail"), Help: "Tell the cluster that a resource has failed on --node"},
		{Long: "restart", Do: o.is("restart"), Help: "Restart a resource and what depends on it"},
		{Long: "wait", Do: o.is("wait"), Help: "Wait until the cluster has nothing to do"},
		{Long: "digests", Do: o.is("digests"), Help: "Show the digests of a resource's parameters on --node; NAME=VALUE overrides a parameter"},
		{Long: "force-demote", Do: o.is("force-demote"), Help: "Run the agent here, past the cluster"},
		{Long: "force-stop", Do: o.is("force-stop"), Help: "Run the agent here, past the cluster"},
		{Long: "force-start", Do: o.is("force-start"), Help: "Run the agent here, past the cluster"},
		{Long: "force-promote", Do: o.is("force-promote"), Help: "Run the agent here, past the cluster"},
		{Long: "force-check", Arg: cli.MayArg, Meta: "LEVEL", Do: o.is("force-check"), Help: "Run the agent's monitor here, past the cluster"},
	}}
}

func (o *options) additional() program.Group {
	return program.Group{Key: "additional", Title: "Additional Options", Options: []cli.Option{
		{Long: "node", Short: 'N', Arg: cli.NeedArg, Meta: "NAME", Do: cli.Text(&o.node), Help: "Node"},
		{Long: "host-uname", Short: 'H', Arg: cli.NeedArg, Do: cli.Text(&o.node)},
		{Long: "recursive", Do: cli.Flag(&o.recursive), Help: "Follow colocations with --set-parameter and --constraints"},
		{Long: "resource-type", Short: 't', Arg: cli.NeedArg, Meta: "ELEMENT", Do: cli.Text(&o.element), Help: "Element with --delete: primitive, group, clone"},
		{Long: "parameter-value", Short: 'v', Arg: cli.NeedArg, Meta: "VALUE", Do: func(v string) error { o.value, o.hasValue = v, true; return nil }, Help: "Value for --set-parameter"},
		{Long: "meta", Short: 'm', Do: cli.Flag(&o.meta), Help: "A meta attribute instead of a parameter"},
		{Long: "utilization", Short: 'z', Do: cli.Flag(&o.utilization), Help: "A utilization attribute instead of a parameter"},
		{Long: "operation", Short: 'n', Arg: cli.NeedArg, Meta: "NAME", Do: cli.Text(&o.operation), Help: "With --cleanup: only failures of this operation"},
		{Long: "interval", Short: 'I', Arg: cli.NeedArg, Meta: "TIME", Do: cli.Text(&o.interval), Help: "Interval of --operation (0)"},
		{Long: "class", Arg: cli.NeedArg, Meta: "CLASS", Do: cli.Text(&o.class), Help: "With --validate: the agent's class"},
		{Long: "agent", Arg: cli.NeedArg, Meta: "AGENT", Do: cli.Text(&o.agent), Help: "With --validate: the agent"},
		{Long: "provider", Arg: cli.NeedArg, Meta: "PROVIDER", Do: cli.Text(&o.provider), Help: "With --validate: the agent's provider"},
		{Long: "option", Arg: cli.NeedArg, Meta: "NAME=VALUE", Do: o.param, Help: "With --validate: a parameter"},
		{Long: "set-name", Short: 's', Arg: cli.NeedArg, Meta: "ID", Do: cli.Text(&o.set), Help: "The set of attributes with this XML id"},
		{Long: "nvpair", Short: 'i', Arg: cli.NeedArg, Meta: "ID", Do: cli.Text(&o.nvpair), Help: "The attribute with this XML id"},
		{Long: "timeout", Short: 'T', Arg: cli.NeedArg, Meta: "TIME", Do: cli.Text(&o.timeout), Help: "Give up after this time (--restart, --wait, --force-*)"},
		{Long: "force", Short: 'f', Do: cli.Flag(&o.force), Help: "Do it although there is no quorum, or although it is dangerous"},
	}}
}

func (o *options) more() []cli.Option {
	return []cli.Option{
		{Long: "resource", Short: 'r', Arg: cli.NeedArg, Meta: "ID", Do: cli.Text(&o.resource), Help: "The resource"},
		{Long: "verbose", Short: 'V', Do: func(string) error { o.verbose++; return nil }},
		{Long: "quiet", Short: 'Q', Do: cli.Flag(&o.quiet)},
	}
}

func (o *options) param(v string) error {
	name, value, ok := strings.Cut(v, "=")
	if !ok || name == "" {
		return program.Faultf(api.CodeUsage, "--option wants NAME=VALUE, not %s", v)
	}
	if o.params == nil {
		o.params = map[string]string{}
	}
	o.params[name] = value
	return nil
}
