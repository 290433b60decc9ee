// Package mon is crm_mon: the state of the cluster for people and programs.
package mon

import (
	"context"
	"strconv"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/isotime"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/output"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// monitor is a crm_mon call.
type monitor struct {
	show, usual section
	choices     []choice
	banPrefix   string
	// fullHistory shows every fencing event instead of the last of each kind.
	fullHistory bool

	node, resource                       string
	byNode, inactive, detail, brief      bool
	timing, pending, simple              bool
	once, daemonize, legacyXML, watching bool
	legacyHTML, stylesheet, title        string
	cgi                                  bool
	interval                             time.Duration
	pidFile, agent, recipient            string
}

// defaultInterval is how often crm_mon shows the cluster when nothing changes.
const defaultInterval = 5 * time.Second

// Command is crm_mon.
var Command = cli.Command{Name: "crm_mon", Help: "state of the cluster", Run: crmMon}

func crmMon(ctx context.Context, env *cli.Env) int {
	m := &monitor{interval: defaultInterval, title: "Cluster Status", usual: usual, pending: true}
	p := &program.Program{
		Summary: "The state of the cluster, once or until it is stopped",
		Groups:  []program.Group{m.display(), m.additional(), m.deprecated()},
		More:    m.hidden(),
		Notes:   m.notes(),
		Formats: []output.Format{output.XML, output.HTML},
		// -h has another meaning here.
		HelpShort: '?',
		Choose:    m.format,
		Prepare:   m.prepare,
		Extra: []cli.Option{
			{Long: "html-cgi", Do: cli.Flag(&m.cgi), Help: "HTML with the header of a CGI program"},
			{Long: "html-stylesheet", Arg: cli.NeedArg, Meta: "URI", Do: cli.Text(&m.stylesheet), Help: "HTML with this style sheet"},
			{Long: "html-title", Arg: cli.NeedArg, Meta: "TITLE", Do: cli.Text(&m.title), Help: "Title of the HTML page"},
		},
	}
	return p.Main(ctx, env, func(ctx context.Context, out *output.Out, _ []string) error { return m.run(ctx, env, out) })
}

// chosen makes an option that is the same as an --include or --exclude.
func (m *monitor) chosen(exclude bool, list string) func(string) error {
	return func(string) error { m.choices = append(m.choices, choice{exclude, list}); return nil }
}

func (m *monitor) choose(exclude bool) func(string) error {
	return func(v string) error {
		probe := *m
		if err := probe.apply([]choice{{exclude, v}}); err != nil {
			return err
		}
		m.choices = append(m.choices, choice{exclude, v})
		return nil
	}
}

func (m *monitor) display() program.Group {
	return program.Group{Key: "display", Title: "Display Options", Options: []cli.Option{
		{Long: "include", Short: 'I', Arg: cli.NeedArg, Meta: "SECTIONS", Do: m.choose(false), Help: "Show these sections too, separated by commas; \"list\" names them"},
		{Long: "exclude", Short: 'U', Arg: cli.NeedArg, Meta: "SECTIONS", Do: m.choose(true), Help: "Do not show these sections"},
		{Long: "node", Arg: cli.NeedArg, Meta: "NODE", Do: cli.Text(&m.node), Help: "Only this node, or the nodes with this tag"},
		{Long: "resource", Arg: cli.NeedArg, Meta: "RSC", Do: cli.Text(&m.resource), Help: "Only this resource, or the resources with this tag"},
		{Long: "group-by-node", Short: 'n', Do: cli.Flag(&m.byNode), Help: "List resources below the node that they run on"},
		{Long: "inactive", Short: 'r', Do: cli.Flag(&m.inactive), Help: "Show resources that run nowhere too"},
		{Long: "failcounts", Short: 'f', Do: m.chosen(false, "failcounts"), Help: "Show how often resources failed"},
		{Long: "operations", Short: 'o', Do: m.chosen(false, "failcounts,operations"), Help: "Show the history of operations"},
		{Long: "timing-details", Short: 't', Do: m.setTiming, Help: "Show the history of operations with their times"},
		{Long: "tickets", Short: 'c', Do: m.chosen(false, "tickets"), Help: "Show tickets"},
		{Long: "fence-history", Short: 'm', Arg: cli.MayArg, Meta: "LEVEL", Do: m.setFenceHistory, Help: "Show fencing: 0 nothing, 1 failed and pending, 2 successful too, 3 everything"},
		{Long: "neg-locations", Short: 'L', Arg: cli.MayArg, Meta: "PREFIX", Do: func(v string) error { return m.chosen(false, "bans:"+v)("") }, Help: "Show what may not run where, by constraints whose id begins so"},
		{Long: "show-node-attributes", Short: 'A', Do: m.chosen(false, "attributes"), Help: "Show the attributes of nodes"},
		{Long: "hide-headers", Short: 'D', Do: m.chosen(true, "summary"), Help: "Leave out the summary"},
		{Long: "show-detail", Short: 'R', Do: cli.Flag(&m.detail), Help: "Show ids of nodes and each instance of a clone"},
		{Long: "brief", Short: 'b', Do: cli.Flag(&m.brief), Help: "Count resources by their agents"},
		{Long: "pending", Short: 'j', Do: cli.Flag(&m.pending)},
		{Long: "simple-status", Short: 's', Do: cli.Flag(&m.simple), Help: "One line for a monitoring system such as Nagios"},
	}}
}

func (m *monitor) setTiming(string) error {
	m.timing = true
	return m.chosen(false, "operations")("")
}

func (m *monitor) setFenceHistory(v string) error {
	level := 2
	if v != "" {
		level, _ = strconv.Atoi(v)
	}
	if level < 0 || level > 3 {
		return program.Faultf(api.CodeUsage, "Fence history must be 0-3")
	}
	m.fullHistory = level == 3
	list := []string{"fencing", "fencing-failed,fencing-pending", "fencing", "fencing"}[level]
	return m.chosen(level == 0, list)("")
}

func (m *monitor) additional() program.Group {
	return program.Group{Key: "additional", Title: "Additional Options", Options: []cli.Option{
		{Long: "interval", Short: 'i', Arg: cli.NeedArg, Meta: "TIME", Do: m.setInterval, Help: "How often to look (5 seconds)"},
		{Long: "one-shot", Short: '1', Do: cli.Flag(&m.once), Help: "Show the state once and exit"},
		{Long: "daemonize", Short: 'd', Do: cli.Flag(&m.daemonize), Help: "Run in the background (with --output-to or --external-agent)"},
		{Long: "pid-file", Short: 'p', Arg: cli.NeedArg, Meta: "FILE", Do: cli.Text(&m.pidFile), Help: "Where the background process writes its id"},
		{Long: "external-agent", Short: 'E', Arg: cli.NeedArg, Meta: "FILE", Do: cli.Text(&m.agent), Help: "Program to run for each operation of a resource"},
		{Long: "external-recipient", Short: 'e', Arg: cli.NeedArg, Meta: "RCPT", Do: cli.Text(&m.recipient), Help: "Recipient for that program"},
		{Long: "watch-fencing", Short: 'W', Do: cli.Flag(&m.watching), Help: "Run that program for fencing too"},
	}}
}

func (m *monitor) setInterval(v string) error {
	ms, ok := isotime.ParseInterval(v)
	if !ok {
		return program.Faultf(api.CodeUsage, "Invalid value for -i: %s", v)
	}
	m.interval = time.Duration(ms) * time.Millisecond
	return nil
}

func (m *monitor) deprecated() program.Group {
	return program.Group{Key: "deprecated", Title: "Deprecated Options", Options: []cli.Option{
		{Long: "as-html", Short: 'h', Arg: cli.NeedArg, Meta: "FILE", Do: cli.Text(&m.legacyHTML), Help: "Use --output-as=html --output-to=FILE"},
		{Long: "as-xml", Short: 'X', Do: cli.Flag(&m.legacyXML), Help: "Use --output-as=xml; one-shot, with an older root element"},
		{Long: "disable-ncurses", Short: 'N', Do: func(string) error { return nil }, Help: "Ignored"},
		{Long: "web-cgi", Short: 'w', Do: cli.Flag(&m.cgi), Help: "Use --output-as=html --html-cgi"},
	}}
}

func (m *monitor) hidden() []cli.Option {
	return []cli.Option{
		{Long: "no-headers", Do: m.chosen(true, "summary")},
		{Long: "show-description", Do: func(string) error { return nil }},
	}
}

// format resolves the older ways to ask for a format. What is no format is text on the console, as in Pacemaker.
func (m *monitor) format(format output.Format, file string) (output.Format, string) {
	switch {
	case m.legacyXML:
		return output.XML, file
	case m.legacyHTML != "":
		return output.HTML, m.legacyHTML
	case m.cgi:
		return output.HTML, file
	case format == output.XML, format == output.HTML, format == output.None:
		return format, file
	}
	return output.Text, file
}

func (m *monitor) prepare(out *output.Out) {
	out.Lines.Plain = false
	if m.legacyXML {
		out.Root = cibxml.New("crm_mon", "version", cli.PacemakerVersion)
	}
	m.show = m.usual
	if out.IsXML() {
		m.show, m.fullHistory = all, true
	}
}

func (m *monitor) notes() string {
	text := "Sections for --include and --exclude: all none default"
	for _, s := range sectionNames {
		text += " " + s.name
	}
	return text + "\n"
}
