// Package verify is crm_verify: what is wrong with a configuration.
package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/schema"
	"github.com/holdfast-ha/holdfast/cib/upgrade"
	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/crmd/sched/report"
	"github.com/holdfast-ha/holdfast/internal/atomicfile"
	"github.com/holdfast-ha/holdfast/tools/cibclient"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/output"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// Command is crm_verify.
var Command = cli.Command{Name: "crm_verify", Help: "what is wrong with a configuration", Run: run}

// call is a crm_verify call.
type call struct {
	env        *cli.Env
	live, pipe bool
	file, text string
	hasText    bool
	save       string
	verbose    int
	// source is what the text is called in messages about it, raw is the text.
	source, raw string
}

func run(ctx context.Context, env *cli.Env) int {
	c := &call{env: env}
	p := &program.Program{
		Summary: "Check a configuration: whether it is well-formed, as the schema wants it, and makes sense",
		Groups: []program.Group{
			{Key: "data", Title: "Data sources", Options: []cli.Option{
				{Long: "live-check", Short: 'L', Do: cli.Flag(&c.live), Help: "The configuration of the running cluster"},
				{Long: "xml-file", Short: 'x', Arg: cli.NeedArg, Meta: "FILE", Do: cli.Text(&c.file), Help: "The configuration in a file"},
				{Long: "xml-pipe", Short: 'p', Do: cli.Flag(&c.pipe), Help: "The configuration on standard input"},
				{Long: "xml-text", Short: 'X', Arg: cli.NeedArg, Meta: "XML", Do: func(v string) error { c.text, c.hasText = v, true; return nil }, Help: "The configuration itself"},
			}},
			{Key: "additional", Title: "Additional options", Options: []cli.Option{
				{Long: "save-xml", Short: 'S', Arg: cli.NeedArg, Meta: "FILE", Do: cli.Text(&c.save), Help: "Save what was checked"},
			}},
		},
		Formats: []output.Format{output.XML},
	}
	return p.Main(ctx, env, func(ctx context.Context, out *output.Out, _ []string) error {
		c.verbose = out.Verbose
		err := c.check(ctx)
		var f *program.Fault
		if errors.As(err, &f) && f.Msg != "" {
			// Errors are not a part of the XML document.
			fmt.Fprintf(env.Stderr, "%s: %s\n", env.Name, f.Msg)
			return program.Exit(f.Code)
		}
		return err
	})
}

// check checks the configuration.
func (c *call) check(ctx context.Context) error {
	doc, err := c.read(ctx)
	if err != nil {
		return err
	}
	if doc.Child("status") == nil {
		doc = doc.WithChild(nil, cibxml.New("status"))
	}
	if c.save != "" {
		if err := atomicfile.Write(c.save, []byte(doc.String()), 0o640); err != nil {
			return program.Faultf(api.CodeIO, "Could not save the configuration: %v", err)
		}
	}
	if problems := schema.Check(nil, doc); len(problems) > 0 {
		at := lines(c.raw)
		for _, p := range problems {
			fmt.Fprintf(c.env.Stderr, "%s\n", violation(c.source, at[p.Path], p))
		}
		c.log(report.Error, "CIB did not pass schema validation")
		return c.verdict(true)
	}
	if name, given := doc.Lookup("validate-with"); !given || name == schema.None {
		fmt.Fprintln(c.env.Stderr, "Schema validation of configuration is disabled (enabling is encouraged and prevents common misconfigurations)")
	}
	if doc, err = upgrade.ToCurrent(doc); err != nil {
		c.log(report.Error, "The cluster will NOT be able to use this configuration.")
		c.log(report.Error, err.Error())
		return c.verdict(true)
	}
	return c.judge(sched.Check(sched.Input{Doc: doc, Now: time.Now().Unix(), Zone: time.Local}))
}

// judge shows what the scheduler has found.
func (c *call) judge(problems []report.Problem) error {
	seen := map[string]bool{}
	var worst report.Severity
	for _, p := range problems {
		if p.Config {
			worst = max(worst, p.Severity)
		}
		if !seen[p.Text] {
			seen[p.Text] = true
			c.log(p.Severity, p.Text)
		}
	}
	if worst < report.Warning {
		return nil
	}
	return c.verdict(worst == report.Error)
}

// log writes one problem, if --verbose was given often enough.
func (c *call) log(s report.Severity, text string) {
	if c.verbose > int(report.Error-s) {
		fmt.Fprintf(c.env.Stderr, "(%s) \t%s: %s\n", c.env.Name, s, text)
	}
}

// verdict is the end of a check that has found something.
func (c *call) verdict(errors bool) error {
	text := "Warnings found during check: config may not be valid"
	if errors {
		text = "Errors found during check: config not valid"
	}
	if c.verbose == 0 {
		text += "\n-V may provide more details"
	}
	return program.Faultf(api.CodeConfig, "%s", text)
}

// read reads the configuration from where the options say.
func (c *call) read(ctx context.Context) (*cibxml.Element, error) {
	var err error
	c.source = "Entity: line "
	switch {
	case c.live:
		return c.query(ctx)
	case c.file != "":
		c.source = c.file + ":"
		var raw []byte
		if raw, err = cibclient.ReadFile(c.env, c.file); err != nil {
			c.log(report.Error, err.Error())
			return nil, program.Faultf(api.CodeError, "Couldn't parse input file: %s", c.file)
		}
		c.raw = string(raw)
	case c.hasText:
		c.raw = c.text
	case c.pipe:
		raw, err := io.ReadAll(io.LimitReader(c.env.Stdin, cibxml.MaxSize+1))
		if err != nil {
			return nil, program.Faultf(api.CodeIO, "read standard input: %v", err)
		}
		c.raw = string(raw)
	default:
		return nil, program.Faultf(api.CodeError, "No configuration source specified.  Use --help for usage information.")
	}
	doc, err := cibxml.Parse(c.raw)
	if err != nil {
		fmt.Fprintf(c.env.Stderr, "%s%s\n", strings.TrimSuffix(c.source, "line "), err)
	}
	if err != nil || doc.Name != "cib" {
		return nil, program.Faultf(api.CodeProtocol, "This tool can only check complete configurations (i.e. those starting with <cib>).")
	}
	return doc, nil
}

// query reads the configuration of the running cluster.
func (c *call) query(ctx context.Context) (*cibxml.Element, error) {
	conn, err := cibclient.Open(c.env)
	if err != nil {
		return nil, program.Faultf(api.CodeNoInput, "CIB query failed: %v", err)
	}
	defer conn.Close()
	doc, err := conn.Query(ctx, "")
	if err != nil {
		return nil, program.Faultf(api.CodeNoInput, "CIB query failed: Input file not available")
	}
	c.raw = doc.String()
	return doc, nil
}
