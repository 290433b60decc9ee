// Package attr holds the commands that read and change attributes of nodes and of the cluster.
package attr

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/tools/cibclient"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/output"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// Commands are the commands of this package. resource is crm_resource, with which crm_failcount forgets failures.
func Commands(resource func(context.Context, *cli.Env) int) []cli.Command {
	return []cli.Command{
		{Name: "attrd_updater", Help: "transient attributes of nodes", Run: attrdUpdater},
		{Name: "crm_attribute", Help: "attributes of nodes, options of the cluster", Run: crmAttribute},
		{Name: "crm_failcount", Help: "how often resources failed", Run: crmFailcount(resource)},
		{Name: "crm_master", Help: "promotion scores", Run: crmMaster},
		{Name: "crm_standby", Help: "whether a node may run resources", Run: crmStandby},
	}
}

// request is a crm_attribute call.
type request struct {
	command  string // update, delete, query
	name     string
	pattern  string
	value    string
	id       string
	set      string
	node     string
	section  string // --type
	lifetime string
	fallback string // --default
	hasDefault,
	promotion, utilization bool
	resource string // of --promotion
	quiet    bool
}

// crmAttribute is crm_attribute.
func crmAttribute(ctx context.Context, env *cli.Env) int {
	r := &request{}
	p := &program.Program{
		Summary: "Read and change attributes of nodes and options of the cluster",
		Groups:  r.groups(),
		More: append([]cli.Option{
			{Long: "quiet", Short: 'q', Do: cli.Flag(&r.quiet), Help: "Print only the value"},
			{Short: 'Q', Do: cli.Flag(&r.quiet)},
		}, r.deprecated()...),
		Formats: []output.Format{output.XML},
	}
	return p.Main(ctx, env, func(ctx context.Context, out *output.Out, _ []string) error {
		out.Quiet = r.quiet
		return r.run(ctx, env, out)
	})
}

func (r *request) groups() []program.Group {
	command := func(name string) func(string) error {
		return func(v string) error { r.command, r.value = name, v; return nil }
	}
	return []program.Group{
		{Key: "selections", Title: "Selecting attributes", Options: []cli.Option{
			{Long: "id", Short: 'i', Arg: cli.NeedArg, Meta: "ID", Do: cli.Text(&r.id), Help: "The attribute with this XML id"},
			{Long: "name", Short: 'n', Arg: cli.NeedArg, Meta: "NAME", Do: cli.Text(&r.name), Help: "The attribute with this name"},
			{Long: "pattern", Short: 'P', Arg: cli.NeedArg, Meta: "REGEX", Do: cli.Text(&r.pattern), Help: "All attributes whose name matches (transient ones, or with --query)"},
			{Long: "promotion", Short: 'p', Arg: cli.MayArg, Meta: "RESOURCE", Do: r.promote, Help: "The promotion score of the resource, by default of the one whose agent calls this"},
			{Long: "set-name", Short: 's', Arg: cli.NeedArg, Meta: "ID", Do: cli.Text(&r.set), Help: "Only the set of attributes with this XML id"},
		}},
		{Key: "command", Title: "Commands", Options: []cli.Option{
			{Long: "delete", Short: 'D', Do: command("delete"), Help: "Remove the attribute"},
			{Long: "query", Short: 'G', Do: command("query"), Help: "Show the attribute"},
			{Long: "update", Short: 'v', Arg: cli.NeedArg, Meta: "VALUE", Do: command("update"), Help: "Set the attribute; NAME++ and NAME+=N add to the present value"},
		}},
		{Key: "additional", Title: "Additional options", Options: []cli.Option{
			{Long: "default", Short: 'd', Arg: cli.NeedArg, Meta: "VALUE", Do: func(v string) error { r.fallback, r.hasDefault = v, true; return nil }, Help: "What --query shows where there is nothing"},
			{Long: "lifetime", Short: 'l', Arg: cli.NeedArg, Meta: "LIFETIME", Do: cli.Text(&r.lifetime), Help: "How long an attribute of a node lasts: reboot, forever"},
			{Long: "node", Short: 'N', Arg: cli.NeedArg, Meta: "NODE", Do: cli.Text(&r.node), Help: "An attribute of this node instead of a cluster option"},
			{Long: "type", Short: 't', Arg: cli.NeedArg, Meta: "SECTION", Do: cli.Text(&r.section), Help: "The part of the configuration: crm_config, rsc_defaults, op_defaults, tickets"},
			{Long: "utilization", Short: 'z', Do: cli.Flag(&r.utilization), Help: "A capacity of the node"},
		}},
	}
}

// deprecated are old spellings that programs still use.
func (r *request) deprecated() []cli.Option {
	command := func(name string) func(string) error {
		return func(v string) error { r.command, r.value = name, v; return nil }
	}
	return []cli.Option{
		{Long: "attr-id", Arg: cli.NeedArg, Do: cli.Text(&r.id)},
		{Long: "attr-name", Arg: cli.NeedArg, Do: cli.Text(&r.name)},
		{Long: "attr-value", Arg: cli.NeedArg, Do: command("update")},
		{Long: "delete-attr", Do: command("delete")},
		{Long: "get-value", Do: command("query")},
		{Long: "node-uname", Short: 'U', Arg: cli.NeedArg, Do: cli.Text(&r.node)},
		{Long: "inhibit-policy-engine", Short: '!', Do: func(string) error { return nil }},
	}
}

func (r *request) promote(resource string) error {
	r.promotion, r.resource = true, resource
	return nil
}

func (r *request) run(ctx context.Context, env *cli.Env, out *output.Out) error {
	if r.promotion {
		name, err := promotionName(env, r.resource)
		if err != nil {
			return err
		}
		r.name = name
		r.lifetime = cmp.Or(r.lifetime, "reboot")
	}
	if r.command == "" {
		r.command = "query"
	}
	conn, err := cibclient.Open(env)
	if err != nil {
		return program.Faultf(cibclient.ExitCode(err), "Could not connect to the CIB: %v", err)
	}
	defer conn.Close()
	t := r.target()
	if err := r.check(t); err != nil {
		return err
	}
	if t.transient() && conn.Live() && r.throughDaemon() {
		return r.transient(ctx, env, out)
	}
	if err := t.locate(ctx, env, conn); err != nil {
		return err
	}
	e := &edit{r, t, conn, out}
	switch r.command {
	case "update":
		return e.update(ctx)
	case "delete":
		return e.remove(ctx)
	}
	return e.query(ctx)
}

// promotionName is the attribute that holds the promotion score of a resource: instances of anonymous clones
// share the name without their number.
func promotionName(env *cli.Env, resource string) (string, error) {
	if resource == "" {
		resource = env.Getenv("OCF_RESOURCE_INSTANCE")
	}
	if resource == "" {
		return "", program.Faultf(api.CodeUsage, "-p/--promotion must be called from an OCF resource agent or with a resource ID specified")
	}
	return "master-" + resource, nil
}

// target says where the attribute is to be, from the options.
func (r *request) target() *target {
	t := &target{section: r.section, name: r.node, utilization: r.utilization}
	switch {
	case r.section == "reboot", r.section == "" && r.lifetime == "reboot":
		t.section = "status"
	case r.section == "forever", r.section == "" && (r.node != "" || r.lifetime != "" || r.utilization):
		t.section = "nodes"
	case r.section == "":
		t.section = "crm_config"
	}
	return t
}

// sections are where attributes can be.
var sections = []string{"nodes", "status", "crm_config", "rsc_defaults", "op_defaults", "tickets"}

func (r *request) check(t *target) error {
	switch {
	case r.command == "delete" && r.name == "" && r.pattern == "":
		return program.Faultf(api.CodeUsage, "Error: must specify attribute name or pattern to delete")
	case r.command == "update" && r.name == "" && r.pattern == "":
		return program.Faultf(api.CodeUsage, "Error: must specify attribute name or pattern to update")
	case r.pattern != "" && r.command != "query" && !t.transient():
		return program.Faultf(api.CodeUsage, "Error: pattern can only be used with query, or with till-reboot update or delete")
	case r.lifetime != "" && r.lifetime != "reboot" && r.lifetime != "forever":
		return program.Faultf(api.CodeUsage, "Error: the lifetime of an attribute is reboot or forever, not %s", r.lifetime)
	case !slices.Contains(sections, t.section):
		return program.Faultf(api.CodeUsage, "Error: there is no section %s; there are %s", t.section, strings.Join(sections, ", "))
	}
	return nil
}

// throughDaemon reports whether the values in crmd's memory are meant: they are newer than the CIB's. Only
// attributes that are selected by what crmd does not know are looked up in the CIB.
func (r *request) throughDaemon() bool {
	if r.command == "query" {
		return r.name != "" && r.id == "" && r.set == "" && r.pattern == ""
	}
	return true
}
