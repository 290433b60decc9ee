package simulate

import (
	"cmp"

	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// settings are what the command line asks for.
type settings struct {
	injections
	run, simulate bool
	inPlace       bool
	attrs, counts bool
	scores, use   bool
	profile       string
	repeat        string
	date          string
	saveInput     string
	saveOutput    string
	graphFile     string
	dotFile       string
	all           bool
	file          string
	live          bool
}

// groups are the options as the help shows them.
func (s *settings) groups() []program.Group {
	return []program.Group{
		{Key: "operations", Title: "Operations", Options: s.operations()},
		{Key: "synthetic", Title: "Synthetic Cluster Events", Options: s.events()},
		{Key: "artifact", Title: "Artifact Options", Options: s.artifacts()},
		{Key: "source", Title: "Data Source", Options: s.source()},
	}
}

// all sets several flags.
func all(p ...*bool) func(string) error {
	return func(string) error {
		for _, b := range p {
			*b = true
		}
		return nil
	}
}

func (s *settings) operations() []cli.Option {
	flag, str := cli.Flag, cli.Text
	return []cli.Option{
		{Long: "run", Short: 'R', Do: flag(&s.run), Help: "Show what the cluster would do"},
		{Long: "simulate", Short: 'S', Do: all(&s.run, &s.simulate), Help: "Do it in simulation, and show the status after it"},
		{Long: "in-place", Short: 'X', Do: all(&s.run, &s.simulate, &s.inPlace), Help: "Simulate, and write the result to the input file"},
		{Long: "show-attrs", Short: 'A', Do: flag(&s.attrs), Help: "Show node attributes"},
		{Long: "show-failcounts", Short: 'c', Do: flag(&s.counts), Help: "Show fail counts and what failed"},
		{Long: "show-scores", Short: 's', Do: all(&s.run, &s.scores), Help: "Show the scores that resources are placed by"},
		{Long: "show-utilization", Short: 'U', Do: all(&s.run, &s.use), Help: "Show how the capacity of nodes is used"},
		{Long: "pending", Short: 'j', Do: func(string) error { return nil }},
		{Long: "profile", Short: 'P', Arg: cli.NeedArg, Meta: "DIR", Do: str(&s.profile), Help: "Time the scheduler on all files of a directory"},
		{Long: "repeat", Short: 'N', Arg: cli.NeedArg, Meta: "N", Do: str(&s.repeat), Help: "With --profile, do each file N times"},
	}
}

func (s *settings) events() []cli.Option {
	str, list := cli.Text, cli.List
	return []cli.Option{
		{Long: "node-up", Short: 'u', Arg: cli.NeedArg, Meta: "NODE", Do: list(&s.up), Help: "A node came up"},
		{Long: "node-down", Short: 'd', Arg: cli.NeedArg, Meta: "NODE", Do: list(&s.down), Help: "A node went down in good order"},
		{Long: "node-fail", Short: 'f', Arg: cli.NeedArg, Meta: "NODE", Do: list(&s.injections.fail), Help: "A node failed"},
		{Long: "op-inject", Short: 'i', Arg: cli.NeedArg, Meta: "OPSPEC", Do: list(&s.ops), Help: "An operation ended with that result"},
		{Long: "op-fail", Short: 'F', Arg: cli.NeedArg, Meta: "OPSPEC", Do: func(v string) error {
			s.opFails, s.run, s.simulate = append(s.opFails, v), true, true
			return nil
		}, Help: "An operation ends with that result when it is simulated"},
		{Long: "set-datetime", Short: 't', Arg: cli.NeedArg, Meta: "DATETIME", Do: str(&s.date), Help: "It is that time (ISO 8601)"},
		{Long: "quorum", Short: 'q', Arg: cli.NeedArg, Meta: "QUORUM", Do: str(&s.injections.quorum), Help: "The partition has quorum (1) or not (0)"},
		{Long: "watchdog", Short: 'w', Arg: cli.NeedArg, Meta: "DEVICE", Do: str(&s.injections.watchdog), Help: "The cluster uses a watchdog (1) or not (0)"},
		{Long: "ticket-grant", Short: 'g', Arg: cli.NeedArg, Meta: "TICKET", Do: list(&s.grant), Help: "A ticket is granted"},
		{Long: "ticket-revoke", Short: 'r', Arg: cli.NeedArg, Meta: "TICKET", Do: list(&s.revoke), Help: "A ticket is revoked"},
		{Long: "ticket-standby", Short: 'b', Arg: cli.NeedArg, Meta: "TICKET", Do: list(&s.standby), Help: "A ticket is put in standby"},
		{Long: "ticket-activate", Short: 'e', Arg: cli.NeedArg, Meta: "TICKET", Do: list(&s.wake), Help: "A ticket is active again"},
	}
}

func (s *settings) artifacts() []cli.Option {
	str := cli.Text
	saving := func(p *string) func(string) error {
		return func(v string) error { *p, s.run = v, true; return nil }
	}
	return []cli.Option{
		{Long: "save-input", Short: 'I', Arg: cli.NeedArg, Meta: "FILE", Do: str(&s.saveInput), Help: "Save the CIB that is scheduled"},
		{Long: "save-output", Short: 'O', Arg: cli.NeedArg, Meta: "FILE", Do: str(&s.saveOutput), Help: "Save the CIB after the simulation"},
		{Long: "save-graph", Short: 'G', Arg: cli.NeedArg, Meta: "FILE", Do: saving(&s.graphFile), Help: "Save the transition as XML"},
		{Long: "save-dotfile", Short: 'D', Arg: cli.NeedArg, Meta: "FILE", Do: saving(&s.dotFile), Help: "Save a drawing of the transition for Graphviz"},
		{Long: "all-actions", Short: 'a', Do: cli.Flag(&s.all), Help: "Draw actions that are not done, too"},
	}
}

func (s *settings) source() []cli.Option {
	from := func(live bool) func(string) error {
		return func(file string) error { s.file, s.live = cmp.Or(file, "-"), live; return nil }
	}
	return []cli.Option{
		{Long: "live-check", Short: 'L', Do: from(true), Help: "Use the CIB of the running cluster"},
		{Long: "xml-file", Short: 'x', Arg: cli.NeedArg, Meta: "FILE", Do: from(false), Help: "Use the CIB in a file"},
		{Long: "xml-pipe", Short: 'p', Do: from(false), Help: "Use the CIB on standard input"},
	}
}

// notes explain operation specifications.
const notes = `Operation Specification:

An OPSPEC is RESOURCE_TASK_INTERVAL@NODE=RC, with the interval in milliseconds and an OCF return code:
memcached_monitor_20000@bart.example.com=7 is a monitor that found memcached stopped.
`
