// Package ticket is crm_ticket: the tickets of a site in a cluster of clusters, as booth uses them.
package ticket

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/hashorder"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
	"github.com/holdfast-ha/holdfast/tools/cibclient"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/output"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// Command is crm_ticket.
var Command = cli.Command{Name: "crm_ticket", Help: "tickets of a site", Run: run}

// attr is an attribute that is to be set.
type attr struct{ name, value string }

// call is a crm_ticket call.
type call struct {
	env     *cli.Env
	out     *output.Out
	conn    *cibclient.Conn
	command string

	ticket, get, fallback string
	hasDefault, force     bool
	set                   []attr
	setName               string // the name that still waits for its value
	remove                []string
	ignored               string
	quiet                 bool
}

func run(ctx context.Context, env *cli.Env) int {
	c := &call{env: env}
	p := &program.Program{
		Summary: "Show and change tickets",
		Groups:  c.groups(),
		More:    []cli.Option{{Long: "quiet", Short: 'Q', Do: cli.Flag(&c.quiet)}},
	}
	return p.Main(ctx, env, func(ctx context.Context, out *output.Out, _ []string) error {
		c.out = out
		return c.run(ctx)
	})
}

func (c *call) groups() []program.Group {
	is := func(name string) func(string) error {
		return func(string) error { c.command = name; return nil }
	}
	give := func(name, value string) func(string) error {
		return func(string) error { c.set = append(c.set, attr{name, value}); return nil }
	}
	return []program.Group{
		{Key: "queries", Title: "Queries", Options: []cli.Option{
			{Long: "info", Short: 'l', Do: is("info"), Help: "List tickets"},
			{Long: "details", Short: 'L', Do: is("details"), Help: "List tickets with all attributes"},
			{Long: "raw", Short: 'w', Do: is("raw"), Help: "List the ids of tickets"},
			{Long: "query-xml", Short: 'q', Do: is("query-xml"), Help: "Show the state of tickets as it is in the CIB"},
			{Long: "constraints", Short: 'c', Do: is("constraints"), Help: "Show the constraints with the ticket"},
		}},
		{Key: "commands", Title: "Commands", Options: []cli.Option{
			{Long: "grant", Short: 'g', Do: give("granted", "true"), Help: "This site has the ticket (needs --force)"},
			{Long: "revoke", Short: 'r', Do: give("granted", "false"), Help: "This site has the ticket no more (needs --force)"},
			{Long: "standby", Short: 's', Do: give("standby", "true"), Help: "What depends on the ticket is stopped in order"},
			{Long: "activate", Short: 'a', Do: give("standby", "false"), Help: "What depends on the ticket may run again"},
		}},
		{Key: "advanced", Title: "Advanced Options", Options: []cli.Option{
			{Long: "get-attr", Short: 'G', Arg: cli.NeedArg, Meta: "NAME", Do: func(v string) error { c.command, c.get = "get", v; return nil }, Help: "Show an attribute"},
			{Long: "set-attr", Short: 'S', Arg: cli.NeedArg, Meta: "NAME", Do: func(v string) error { c.setName = v; return nil }, Help: "Set an attribute to the --attr-value that follows"},
			{Long: "delete-attr", Short: 'D', Arg: cli.NeedArg, Meta: "NAME", Do: cli.List(&c.remove), Help: "Remove an attribute"},
			{Long: "cleanup", Short: 'C', Do: is("cleanup"), Help: "Forget the ticket"},
		}},
		{Key: "additional", Title: "Additional Options", Options: []cli.Option{
			{Long: "attr-value", Short: 'v', Arg: cli.NeedArg, Meta: "VALUE", Do: c.value, Help: "Value for --set-attr"},
			{Long: "default", Short: 'd', Arg: cli.NeedArg, Meta: "VALUE", Do: func(v string) error { c.fallback, c.hasDefault = v, true; return nil }, Help: "What --get-attr shows where there is nothing"},
			{Long: "force", Short: 'f', Do: cli.Flag(&c.force), Help: "Do it although it may be dangerous"},
			{Long: "ticket", Short: 't', Arg: cli.NeedArg, Meta: "ID", Do: cli.Text(&c.ticket), Help: "The ticket"},
		}},
		{Key: "deprecated", Title: "Deprecated Options", Options: []cli.Option{
			{Long: "set-name", Short: 'n', Arg: cli.NeedArg, Do: cli.Text(&c.ignored)},
			{Long: "nvpair", Short: 'i', Arg: cli.NeedArg, Do: cli.Text(&c.ignored)},
		}},
	}
}

// value completes a --set-attr; without one it is ignored.
func (c *call) value(v string) error {
	if c.setName != "" {
		c.set = append(c.set, attr{c.setName, v})
		c.setName = ""
	}
	return nil
}

func (c *call) run(ctx context.Context) error {
	conn, err := cibclient.Open(c.env)
	if err != nil {
		return program.Faultf(cibclient.ExitCode(err), "Could not connect to the CIB: %v", err)
	}
	c.conn = conn
	defer conn.Close()
	doc, err := conn.Query(ctx, "")
	if err != nil {
		if cibclient.ExitCode(err) == api.CodeNotConnected {
			return program.Faultf(api.CodeNotConnected, "Could not connect to the CIB: Transport endpoint is not connected")
		}
		return program.Faultf(cibclient.ExitCode(err), "Could not get local CIB: %v", err)
	}
	switch c.command {
	case "info", "details", "raw":
		return c.list(doc)
	case "query-xml":
		return c.query(doc)
	case "constraints":
		return c.constraints(doc)
	case "get":
		return c.attribute(doc)
	case "cleanup":
		return c.forget(ctx, doc)
	}
	switch {
	case c.setName != "":
		return program.Faultf(api.CodeUsage, "Must supply value with -v for -S %s", c.setName)
	case len(c.set) == 0 && len(c.remove) == 0:
		return program.Faultf(api.CodeUsage, "Must supply a command")
	case c.ticket == "":
		return program.Faultf(api.CodeUsage, "Must supply ticket ID with -t")
	}
	return c.change(ctx, doc)
}

// state is the state of a ticket, nil when it is not known.
func state(doc *cibxml.Element, id string) *cibxml.Element {
	return doc.Child("status").Child("tickets").Find("ticket_state", id)
}

// noTicket is the error for a ticket that is not known.
func (c *call) noTicket() error {
	return program.Faultf(api.CodeNoSuchObject, "No such ticket '%s'", c.ticket)
}

func (c *call) attribute(doc *cibxml.Element) error {
	if c.ticket == "" {
		return program.Faultf(api.CodeNoSuchObject, "Must supply ticket ID with -t")
	}
	value, ok := state(doc, c.ticket).Lookup(c.get)
	switch {
	case ok:
	case c.hasDefault:
		value = c.fallback
	default:
		return program.Exit(api.CodeNoSuchObject)
	}
	c.out.Printf("%s\n", value)
	return nil
}

// sensitive refuses a change that would grant or revoke the ticket without --force.
func (c *call) sensitive() error {
	if c.force {
		return nil
	}
	grant, revoke := false, slices.Contains(c.remove, "granted")
	for _, a := range c.set {
		grant = grant || a.name == "granted" && scalar.IsTrue(a.value)
		revoke = revoke || a.name == "granted" && !scalar.IsTrue(a.value)
	}
	switch {
	case grant:
		c.out.Printf("No other site may have '%s' at the same time, and whether one has it cannot be seen from here.\n"+
			"Add --force when you are sure.\n", c.ticket)
	case revoke:
		c.out.Printf("What the constraints of '%[1]s' have as loss-policy can happen at once; crm_ticket -t %[1]s --constraints shows them.\n"+
			"crm_ticket -t %[1]s --standby stops what depends on it in order. Add --force to revoke it nevertheless.\n", c.ticket)
	default:
		return nil
	}
	return program.Faultf(api.CodePermission, "Ticket modification not allowed")
}

// change sets and removes attributes in one command.
func (c *call) change(ctx context.Context, doc *cibxml.Element) error {
	if err := c.sensitive(); err != nil {
		return err
	}
	old := state(doc, c.ticket)
	if old == nil && len(c.set) == 0 {
		return nil
	}
	e := cibxml.New("ticket_state", "id", c.ticket)
	if old != nil {
		e = old.Clone()
	}
	for _, name := range c.remove {
		e.Unset(name)
	}
	values := map[string]string{}
	var names []string
	for _, a := range c.set {
		if a.name == "id" {
			return program.Faultf(api.CodeNoSuchObject, "Could not modify ticket: No such device or address")
		}
		names, values[a.name] = append(names, a.name), a.value
	}
	if scalar.IsTrue(values["granted"]) && !scalar.IsTrue(old.Get("granted")) {
		names, values["last-granted"] = append(names, "last-granted"), strconv.FormatInt(time.Now().Unix(), 10)
	}
	for _, name := range hashorder.Of(names) {
		e.Set(name, values[name])
	}
	cmd := cib.Command{Op: cib.OpModify, Section: "status", AllowCreate: true, Input: cibxml.New("tickets").Append(e)}
	if old != nil && len(c.remove) > 0 {
		cmd = cib.Command{Op: cib.OpReplace, XPath: fmt.Sprintf("/cib/status/tickets/ticket_state[@id=%q]", c.ticket), Input: e}
	}
	if _, err := c.conn.Do(ctx, cmd); err != nil {
		return program.Faultf(cibclient.ExitCode(err), "Could not modify ticket: %v", err)
	}
	return nil
}

// forget removes the state of a ticket.
func (c *call) forget(ctx context.Context, doc *cibxml.Element) error {
	if c.ticket == "" {
		return program.Faultf(api.CodeUsage, "Must supply ticket ID with -t")
	}
	e := state(doc, c.ticket)
	switch {
	case e == nil && c.force:
		return nil
	case e == nil:
		return c.noTicket()
	case scalar.IsTrue(e.Get("granted")) && !c.force:
		c.remove = []string{"granted"}
		return c.sensitive()
	}
	cmd := cib.Command{Op: cib.OpDelete, Section: "status", Input: cibxml.New("ticket_state", "id", c.ticket)}
	if _, err := c.conn.Do(ctx, cmd); err != nil {
		return program.Faultf(cibclient.ExitCode(err), "Could not clean up ticket: %v", err)
	}
	c.out.Info("Cleaned up %s", c.ticket)
	return nil
}
