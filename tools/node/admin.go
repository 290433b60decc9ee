package node

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/isotime"
	"github.com/holdfast-ha/holdfast/tools/cibclient"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/crmclient"
	"github.com/holdfast-ha/holdfast/tools/output"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// adminCall is a crmadmin call.
type adminCall struct {
	command, argument string
	timeout           time.Duration
	export, quiet     bool
}

// adminTimeout is how long crmadmin waits without --timeout. Pacemaker's waits for ever for a node that there is
// not.
const adminTimeout = 30 * time.Second

// crmAdmin is crmadmin.
func crmAdmin(ctx context.Context, env *cli.Env) int {
	a := &adminCall{timeout: adminTimeout}
	p := &program.Program{
		Summary: "Ask the controller of a node for its state",
		Groups:  a.groups(),
		More:    []cli.Option{{Long: "quiet", Short: 'q', Do: cli.Flag(&a.quiet), Help: "Print only the answer"}},
		Formats: []output.Format{output.XML},
		Unnamed: true,
	}
	return p.Main(ctx, env, func(ctx context.Context, out *output.Out, _ []string) error {
		out.Quiet = a.quiet
		if a.command == "" {
			return program.Faultf(api.CodeUsage, "error: Must specify a command option\n%s", strings.TrimSuffix(p.Help(env.Name, "help"), "\n"))
		}
		ctx, cancel := context.WithTimeout(ctx, a.timeout)
		defer cancel()
		return a.run(ctx, env, out)
	})
}

func (a *adminCall) groups() []program.Group {
	command := func(name string) func(string) error {
		return func(v string) error { a.command, a.argument = name, v; return nil }
	}
	return []program.Group{
		{Key: "command", Title: "Commands", Options: []cli.Option{
			{Long: "status", Short: 'S', Arg: cli.NeedArg, Meta: "NODE", Do: command("status"), Help: "Show the state of the controller of this node"},
			{Long: "pacemakerd", Short: 'P', Do: command("pacemakerd"), Help: "Show whether the daemons of this node run"},
			{Long: "dc_lookup", Short: 'D', Do: command("dc"), Help: "Show which node decides for the cluster"},
			{Long: "nodes", Short: 'N', Arg: cli.MayArg, Meta: "TYPES", Do: command("nodes"), Help: "List the nodes of these types, separated by commas: all, cluster, guest, remote"},
		}},
		{Key: "additional", Title: "Additional Options", Options: []cli.Option{
			{Long: "timeout", Short: 't', Arg: cli.NeedArg, Meta: "TIME", Do: a.setTimeout, Help: "How long to wait for an answer"},
			{Long: "bash-export", Short: 'B', Do: cli.Flag(&a.export), Help: "List nodes as commands of a shell: export NAME=ID"},
			{Long: "ipc-name", Short: 'i', Arg: cli.NeedArg, Meta: "NAME", Do: func(string) error { return nil }, Help: "Ignored"},
		}},
	}
}

func (a *adminCall) setTimeout(v string) error {
	if ms, ok := isotime.ParseInterval(v); ok && ms > 0 {
		a.timeout = time.Duration(ms) * time.Millisecond
	}
	return nil
}

func (a *adminCall) run(ctx context.Context, env *cli.Env, out *output.Out) error {
	if a.command == "nodes" {
		return a.nodes(ctx, env, out)
	}
	crm := crmclient.New(env)
	defer crm.Close()
	node := ""
	if a.command == "status" {
		node = a.argument
	}
	s, err := crm.Status(ctx, node)
	if err != nil {
		return a.fault(out, err)
	}
	switch a.command {
	case "status":
		a.say(out, cibxml.New("crmd", "node_name", s.Node, "state", s.State, "result", "ok"), s.State,
			"Controller on "+s.Node+" in state "+s.State+": ok")
	case "dc":
		text := "Designated Controller is: " + s.DC
		if s.DC == "" {
			text = "Designated Controller is: not yet elected"
		}
		a.say(out, cibxml.New("dc", "node_name", s.DC), s.DC, text)
	case "pacemakerd":
		ShowRunning(out, a.quiet)
	}
	return nil
}

// say writes an answer: XML, only the essential word, or a sentence.
func (a *adminCall) say(out *output.Out, xml *cibxml.Element, word, text string) {
	switch {
	case out.IsXML():
		out.Add(xml)
	case a.quiet:
		out.Printf("%s\n", word)
	default:
		out.Printf("%s\n", text)
	}
}

// ShowRunning says that the daemons of this node run: the caller has just heard from them.
func ShowRunning(out *output.Out, quiet bool) {
	now := time.Now().UTC()
	switch {
	case out.IsXML():
		out.Add(cibxml.New("pacemakerd", "sys_from", "pacemakerd", "state", "running", "last_updated", now.Format("2006-01-02 15:04:05Z")))
	case quiet:
		out.Printf("running\n")
	default:
		out.Lines.Text("Status of pacemakerd: 'Pacemaker is running' (last updated %s)", now.Format("2006-01-02 15:04:05Z"))
	}
}

func (a *adminCall) fault(out *output.Out, err error) error {
	switch {
	case crmclient.Refused(err):
		daemon := "controller"
		if a.command == "pacemakerd" {
			daemon = "launcher"
		}
		out.Errorf("error: Could not connect to %s: Connection refused", daemon)
		return program.Faultf(api.CodeNotConnected, "error: Command failed: Connection refused")
	case errors.Is(err, context.DeadlineExceeded):
		return program.Faultf(api.CodeTimeout, "error: Command failed: no answer within %v", a.timeout)
	}
	return program.Faultf(cibclient.ExitCode(err), "error: Command failed: %v", err)
}

// nodes lists the nodes of the configuration by type.
func (a *adminCall) nodes(ctx context.Context, env *cli.Env, out *output.Out) error {
	conn, err := cibclient.Open(env)
	if err != nil {
		return program.Faultf(cibclient.ExitCode(err), "error: Command failed: %v", err)
	}
	defer conn.Close()
	doc, err := conn.Query(ctx, "configuration")
	if err != nil {
		return program.Faultf(cibclient.ExitCode(err), "error: Command failed: %v", err)
	}
	wanted := strings.Split(a.argument, ",")
	if a.argument == "" || slices.Contains(wanted, "all") {
		wanted = []string{"cluster", "guest", "remote"}
	}
	if out.IsXML() {
		out.Open(cibxml.New("nodes"))
		defer out.Close()
	}
	nodes := slices.DeleteFunc(nodesOf(doc), func(n listed) bool { return !slices.Contains(wanted, n.kind) })
	if len(nodes) == 0 {
		out.Info("No nodes configured")
	}
	for _, n := range nodes {
		a.node(out, n)
	}
	return nil
}

func (a *adminCall) node(out *output.Out, n listed) {
	switch {
	case out.IsXML():
		out.Add(cibxml.New("node", "type", n.kind, "name", n.name, "id", n.id))
	case a.export:
		out.Printf("export %s=%s\n", n.name, n.id)
	case a.quiet:
		out.Printf("%s\n", n.name)
	default:
		out.Printf("%s node: %s (%s)\n", n.kind, n.name, n.id)
	}
}

// listed is a node of the configuration.
type listed struct{ kind, name, id string }

func nodesOf(configuration *cibxml.Element) []listed {
	var nodes []listed
	for n := range configuration.Child("nodes").Tags("node") {
		if kind := n.Get("type"); kind == "" || kind == "member" {
			nodes = append(nodes, listed{"cluster", n.Get("uname"), n.ID()})
		}
	}
	configuration.Child("resources").Walk(func(e *cibxml.Element) bool {
		switch {
		case e.IsTag("nvpair") && e.Get("name") == "remote-node":
			nodes = append(nodes, listed{"guest", e.Get("value"), e.Get("value")})
		case e.IsTag("primitive") && e.Get("type") == "remote" && e.Get("provider") == "pacemaker":
			nodes = append(nodes, listed{"remote", e.ID(), e.ID()})
		}
		return true
	})
	return nodes
}
