// Package stonith is the command stonith_admin.
package stonith

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/value"
	"github.com/holdfast-ha/holdfast/internal/ipc"
	"github.com/holdfast-ha/holdfast/tools/cli"
)

// Command is the row of stonith_admin.
var Command = cli.Command{Name: "stonith_admin", Help: "ask for nodes to be fenced, and look at fence devices and history", Run: run}

// defaultTimeout is that of a fencing request, in seconds.
const defaultTimeout = 120

// call is one run of the command.
type call struct {
	env *cli.Env
	answer
	fenced *ipc.Client

	do      func(context.Context) int // the last command option given
	subject string                    // its value
	action  string                    // fencing action, for those that fence

	agent     string
	devices   []string
	params    map[string]string
	index     int
	timeout   int // seconds
	delay     int // seconds; -1 switches delays off
	tolerance int64
	tag       string
	verbose   bool
	quiet     bool
	cleanup   bool
	nodeID    bool
	outputTo  string
	help      string
}

func run(ctx context.Context, env *cli.Env) int {
	c := &call{env: env, params: map[string]string{}, timeout: defaultTimeout, fenced: env.Daemon("fenced")}
	defer c.fenced.Close()
	c.answer = answer{format: "text", request: commandLine(env), out: env.Stdout, err: env.Stderr}
	options := c.options()
	if _, err := cli.Parse(options, env.Args); err != nil {
		fmt.Fprintf(env.Stderr, "%s: %v\n", env.Name, err)
		return api.CodeUsage
	}
	if c.help != "" {
		fmt.Fprint(env.Stdout, c.helpText(options))
		return api.CodeOK
	}
	switch c.format {
	case "text", "xml", "html":
	default:
		fmt.Fprintf(env.Stderr, "%s: Error creating output format %s: Unknown output format\n", env.Name, c.format)
		return api.CodeError
	}
	if c.outputTo != "" && c.outputTo != "-" {
		f, err := os.Create(c.outputTo)
		if err != nil {
			fmt.Fprintf(env.Stderr, "%s: %v\n", env.Name, err)
			return api.CodeCantCreate
		}
		defer f.Close()
		c.out = f
	}
	if c.do == nil {
		return c.end(c.fail(api.CodeUsage, "%s: say what to do; --help-all lists the commands", env.Name))
	}
	return c.end(c.do(ctx))
}

// options is the table of the command's options.
func (c *call) options() []cli.Option {
	command := func(do func(context.Context) int, action string) func(string) error {
		return func(v string) error { c.do, c.subject, c.action = do, v, action; return nil }
	}
	number := func(name string, p *int) func(string) error {
		return func(v string) error {
			n, err := strconv.Atoi(v)
			if err != nil {
				return &cli.UsageError{Msg: fmt.Sprintf("Cannot parse integer value %q for %s", v, name)}
			}
			*p = n
			return nil
		}
	}
	return append(c.commands(command), []cli.Option{
		{Heading: "Additional Options"},
		{Long: "cleanup", Short: 'c', Do: cli.Flag(&c.cleanup), Help: "with --history: forget what is finished"},
		{Long: "broadcast", Short: 'b', Do: func(string) error { return nil }, Help: "with --history: from all nodes (they always share it)"},
		{Long: "agent", Short: 'a', Arg: cli.NeedArg, Meta: "AGENT", Do: cli.Text(&c.agent), Help: "fence agent, such as fence_ipmilan"},
		{Long: "option", Short: 'o', Arg: cli.NeedArg, Meta: "NAME=VALUE", Do: c.addParam, Help: "parameter of a device; may be repeated"},
		{Long: "env-option", Short: 'e', Arg: cli.NeedArg, Meta: "NAME", Do: c.addEnv, Help: "parameter whose value is in OCF_RESKEY_NAME; may be repeated"},
		{Long: "tag", Short: 'T', Arg: cli.NeedArg, Meta: "TAG", Do: cli.Text(&c.tag), Help: "part of the client's name in logs and history"},
		{Long: "device", Short: 'v', Arg: cli.NeedArg, Meta: "DEVICE", Do: cli.List(&c.devices), Help: "device of a level; with --validate whose secrets to use"},
		{Long: "index", Short: 'i', Arg: cli.NeedArg, Meta: "LEVEL", Do: number("--index", &c.index), Help: "topology level, 1 to 9"},
		{Long: "timeout", Short: 't', Arg: cli.NeedArg, Meta: "SECONDS", Do: number("--timeout", &c.timeout), Help: "time limit (120)"},
		{Long: "delay", Short: 'y', Arg: cli.NeedArg, Meta: "SECONDS", Do: number("--delay", &c.delay), Help: "wait before the first device; -1 switches all delays off (0)"},
		{Long: "as-node-id", Short: 'n', Do: cli.Flag(&c.nodeID), Help: "with --last: the node is given by its id"},
		{Long: "tolerance", Arg: cli.NeedArg, Meta: "TIME", Do: c.setTolerance, Help: "the same, done with success no longer ago, is enough"},

		{Heading: "Output Options"},
		{Long: "output-as", Arg: cli.NeedArg, Meta: "FORMAT", Do: cli.Text(&c.format), Help: "text (default), xml or html"},
		{Long: "output-to", Arg: cli.NeedArg, Meta: "FILE", Do: cli.Text(&c.outputTo), Help: "file to write to, - for standard output"},
		{Long: "html-cgi", Do: cli.Flag(&c.cgi), Help: "begin HTML with a CGI header"},
		{Long: "html-stylesheet", Arg: cli.NeedArg, Meta: "URI", Do: func(string) error { return nil }, Help: "accepted; the page brings no style"},
		{Long: "html-title", Arg: cli.NeedArg, Meta: "TITLE", Do: cli.Text(&c.title), Help: "title of the HTML page"},
		{Long: "text-fancy", Do: cli.Flag(&c.fancy), Help: "text with titles and bullets"},

		{Heading: "Application Options"},
		{Long: "version", Short: '$', Do: func(string) error { c.help = "version"; return nil }, Help: "print the version and exit"},
		{Long: "verbose", Short: 'V', Do: cli.Flag(&c.verbose), Help: "with --history: everything, not only the last success"},
		{Long: "quiet", Short: 'q', Do: cli.Flag(&c.quiet), Help: "say less"},
	}...)
}

// commands is the part of the table that says what to do.
func (c *call) commands(command func(func(context.Context) int, string) func(string) error) []cli.Option {
	help := func(kind string) func(string) error {
		return func(string) error { c.help = kind; return nil }
	}
	options := []cli.Option{
		{Heading: "Help Options"},
		{Long: "help", Short: '?', Do: help("help"), Help: "list the options"},
	}
	for _, kind := range []string{"all", "output", "definition", "queries", "fence", "additional"} {
		options = append(options, cli.Option{Long: "help-" + kind, Do: help(kind), Help: "list the options, " + kind})
	}
	arg := func(long string, short byte, meta, action string, do func(context.Context) int, text string) cli.Option {
		return cli.Option{Long: long, Short: short, Arg: cli.NeedArg, Meta: meta, Do: command(do, action), Help: text}
	}
	return append(options,
		cli.Option{Heading: "Device Definition Commands"},
		arg("register", 'R', "DEVICE", "", c.register, "add a device on this node until fenced restarts (--agent, --option)"),
		arg("deregister", 'D', "DEVICE", "", c.deregister, "remove a device that --register has added"),
		arg("register-level", 'r', "TARGET", "", c.registerLevel, "add a topology level for NAME, @PATTERN or ATTR=VALUE (--index, --device)"),
		arg("deregister-level", 'd', "TARGET", "", c.deregisterLevel, "remove a level that --register-level has added (--index)"),
		cli.Option{Heading: "Queries"},
		arg("list", 'l', "HOST", "", c.listCapable, "devices that can fence the host"),
		cli.Option{Long: "list-registered", Short: 'L', Do: command(c.listRegistered, ""), Help: "all devices of this node"},
		cli.Option{Long: "list-installed", Short: 'I', Do: command(c.listInstalled, ""), Help: "fence agents on this node"},
		arg("list-targets", 's', "DEVICE", "", c.listTargets, "what the device itself says that it can fence"),
		cli.Option{Long: "metadata", Short: 'M', Do: command(c.metadata, ""), Help: "describe an agent (--agent)"},
		arg("query", 'Q', "DEVICE", "", c.query, "test whether the device works"),
		arg("history", 'H', "NODE", "", c.history, "fencing history of the node, * for all (--verbose, --cleanup, --broadcast, --quiet)"),
		arg("last", 'h', "NODE", "", c.last, "when the node was last fenced (--as-node-id)"),
		cli.Option{Long: "validate", Short: 'K', Do: command(c.validate, ""), Help: "check an agent's parameters (--agent, --option)"},
		cli.Option{Heading: "Fencing Commands"},
		arg("fence", 'F', "HOST", "off", c.fence, "switch the host off"),
		arg("unfence", 'U', "HOST", "on", c.fence, "switch the host on, or give it back its access"),
		arg("reboot", 'B', "HOST", "reboot", c.fence, "reboot the host"),
		arg("confirm", 'C', "HOST", "", c.confirm, "vouch that the host is down, without fencing it"),
	)
}

// sections are the headings that each help option shows; nil is all.
var sections = map[string][]string{
	"help": {"Help Options", "Application Options"}, "all": nil, "output": {"Output Options"}, "definition": {"Device Definition Commands"},
	"queries": {"Queries"}, "fence": {"Fencing Commands"}, "additional": {"Additional Options"},
}

func (c *call) helpText(options []cli.Option) string {
	if c.help == "version" {
		return "Pacemaker " + cli.PacemakerVersion + "\nWritten by the Holdfast project, which stands in for it here\n"
	}
	show := sections[c.help]
	var chosen []cli.Option
	in := false
	for _, o := range options {
		if o.Heading != "" {
			in = show == nil || strings.Contains(strings.Join(show, "\n"), o.Heading)
		}
		if in {
			chosen = append(chosen, o)
		}
	}
	return cli.Help(c.env.Name, "ask for nodes to be fenced, and look at fence devices and history", "COMMAND [OPTION]...", chosen)
}

func (c *call) addParam(v string) error {
	name, val, ok := strings.Cut(v, "=")
	if !ok || name == "" || val == "" {
		return &cli.UsageError{Msg: "Invalid option: -o " + v}
	}
	c.params[name] = val
	return nil
}

func (c *call) addEnv(name string) error {
	val := c.env.Getenv("OCF_RESKEY_" + name)
	if val == "" {
		return &cli.UsageError{Msg: "Invalid option: -e " + name}
	}
	c.params[name] = val
	return nil
}

func (c *call) setTolerance(v string) (err error) {
	if c.tolerance, err = value.Duration(v); err != nil {
		return &cli.UsageError{Msg: "--tolerance: " + err.Error()}
	}
	return nil
}

// client is how the history names this command.
func (c *call) client() string {
	name := "stonith_admin"
	if c.tag != "" {
		name += "." + c.tag
	}
	return name + "." + strconv.Itoa(os.Getpid())
}
