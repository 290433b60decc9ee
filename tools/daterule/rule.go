// Package daterule holds the commands about dates and the rules that depend on them: crm_rule and iso8601.
package daterule

import (
	"context"
	"io"
	"strconv"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/crmd/sched/isotime"
	"github.com/holdfast-ha/holdfast/crmd/sched/rule"
	"github.com/holdfast-ha/holdfast/tools/cibclient"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/output"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// Commands are the commands of this package.
func Commands() []cli.Command {
	return []cli.Command{
		{Name: "crm_rule", Help: "whether a rule is in effect", Run: crmRule},
		{Name: "iso8601", Help: "dates and times as the cluster reads them", Run: iso8601},
	}
}

// ruleCall is a crm_rule call.
type ruleCall struct {
	env   *cli.Env
	check bool
	text  *string
	date  *string
	rules []string
}

func crmRule(ctx context.Context, env *cli.Env) int {
	c := &ruleCall{env: env}
	p := &program.Program{
		Summary: "Evaluate rules of the configuration",
		Groups: []program.Group{
			{Key: "modes", Title: "Modes", Options: []cli.Option{
				{Long: "check", Short: 'c', Do: cli.Flag(&c.check), Help: "Whether a rule is in effect: 0, or 110 expired, 111 not yet, 112 unknown"},
			}},
			{Key: "data", Title: "Data", Options: []cli.Option{
				{Long: "xml-text", Short: 'X', Arg: cli.NeedArg, Meta: "XML", Do: given(&c.text), Help: "The configuration; - for standard input"},
			}},
			{Key: "additional", Title: "Additional Options", Options: []cli.Option{
				{Long: "date", Short: 'd', Arg: cli.NeedArg, Meta: "DATE", Do: given(&c.date), Help: "At that time instead of now"},
				{Long: "rule", Short: 'r', Arg: cli.NeedArg, Meta: "ID", Do: cli.List(&c.rules), Help: "The rule; may be given several times"},
			}},
		},
		Formats: []output.Format{output.XML},
	}
	return p.Main(ctx, env, func(ctx context.Context, out *output.Out, _ []string) error { return c.run(ctx, out) })
}

func (c *ruleCall) run(ctx context.Context, out *output.Out) error {
	switch {
	case !c.check:
		return program.Faultf(api.CodeUsage, "No mode operation given")
	case len(c.rules) == 0:
		return program.Faultf(api.CodeUsage, "--check requires use of --rule=")
	}
	now := isotime.FromUnix(time.Now().Unix(), time.Local)
	if c.date != nil {
		at, ok := isotime.Parse(*c.date, now)
		if !ok {
			return program.Faultf(api.CodeBadData, "Invalid date specified: '%s'", *c.date)
		}
		now = at
	}
	doc, err := c.read(ctx, out)
	if err != nil {
		return err
	}
	code := 0
	for _, id := range c.rules {
		code = show(out, doc, id, now)
	}
	if code != 0 {
		return program.Exit(code)
	}
	return nil
}

// read reads the configuration.
func (c *ruleCall) read(ctx context.Context, out *output.Out) (*cibxml.Element, error) {
	text := ""
	switch {
	case c.text == nil:
		conn, err := cibclient.Open(c.env)
		if err != nil {
			return nil, program.Faultf(api.CodeNoInput, "CIB query failed: %v", err)
		}
		defer conn.Close()
		doc, err := conn.Query(ctx, "")
		if err != nil {
			out.Errorf("CIB query failed: Input file not available")
			return nil, program.Exit(api.CodeNoInput)
		}
		return doc, nil
	case *c.text == "-":
		raw, err := io.ReadAll(io.LimitReader(c.env.Stdin, cibxml.MaxSize+1))
		if err != nil {
			return nil, program.Faultf(api.CodeNoInput, "Couldn't parse input from STDIN: %v", err)
		}
		text = string(raw)
	default:
		text = *c.text
	}
	doc, err := cibxml.Parse(text)
	if err != nil {
		return nil, program.Faultf(api.CodeBadData, "Couldn't parse input: %v", err)
	}
	return doc, nil
}

// outcome is what came of the evaluation of a rule.
type outcome struct {
	code int
	// text is for people; failed tells that the rule could not be evaluated.
	text   string
	failed bool
}

// show evaluates a rule, shows the result and returns the exit status that stands for it.
func show(out *output.Out, doc *cibxml.Element, id string, now isotime.Time) int {
	o := check(doc, id, now)
	if o.failed {
		out.Errorf("Could not determine whether rule %s is in effect: %s", id, o.text)
	} else {
		out.Printf("Rule %s %s\n", id, o.text)
	}
	if out.IsXML() {
		out.Add(cibxml.New("rule-check", "rule-id", id, "rc", strconv.Itoa(o.code)))
	}
	return o.code
}

// check evaluates a rule. Only rules with one date, whose years are known, can be told to be over.
func check(doc *cibxml.Element, id string, now isotime.Time) outcome {
	var found, dates []*cibxml.Element
	doc.Walk(func(e *cibxml.Element) bool {
		if e.IsTag("rule") && e.ID() == id {
			found = append(found, e)
		}
		return true
	})
	switch len(found) {
	case 0:
		return outcome{api.CodeNoSuchObject, "Rule not found", true}
	case 1:
	default:
		return outcome{api.CodeNotUnique, "Multiple rules with that id", true}
	}
	found[0].Walk(func(e *cibxml.Element) bool {
		if e.IsTag("date_expression") {
			dates = append(dates, e)
		}
		return true
	})
	switch len(dates) {
	case 0:
		return outcome{int(lrm.RCUnimplemented), "Rule does not have a date expression", true}
	case 1:
	default:
		return outcome{int(lrm.RCUnimplemented), "Rule has more than one date expression", true}
	}
	spec := false
	switch e := dates[0]; e.Get("operation") {
	case "gt", "lt", "in_range":
	default:
		spec = true
		_, years := e.Child("date_spec").Lookup("years")
		if _, moon := e.Child("date_spec").Lookup("moon"); !years || moon {
			return outcome{int(lrm.RCUnimplemented), "Rule must either not use date_spec, or use date_spec with years= but not moon=", true}
		}
	}
	switch phase, _ := rule.PhaseOf(dates[0], now); {
	case phase == rule.Within && spec:
		return outcome{text: "satisfies conditions"}
	case phase == rule.Within:
		return outcome{text: "is still in effect"}
	case phase == rule.Before:
		return outcome{code: api.CodeNotYetInEffect, text: "has not yet taken effect"}
	case phase == rule.After:
		return outcome{code: api.CodeExpired, text: "is expired"}
	}
	return outcome{api.CodeIndeterminate, "Error parsing rule", true}
}
