// Package describe tells what options the cluster and every fence device have, under the names of the daemons
// that pcs and crmsh ask for it.
package describe

import (
	"context"
	"fmt"
	"strings"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile/option"
	"github.com/holdfast-ha/holdfast/tools/cli"
	"github.com/holdfast-ha/holdfast/tools/output"
	"github.com/holdfast-ha/holdfast/tools/program"
)

// description is what one of Pacemaker's daemons says of its options.
type description struct {
	name, title string
	table       option.Table
	// options are the names of the table's rows that belong here; none means all.
	options []string
}

var descriptions = []description{
	{"pacemaker-based", "Options of the cluster's configuration", option.Cluster, []string{"enable-acl", "cluster-ipc-limit"}},
	{"pacemaker-controld", "Options of the cluster's controller", option.Cluster, []string{"dc-version", "cluster-infrastructure", "cluster-name",
		"dc-deadtime", "cluster-recheck-interval", "load-threshold", "node-action-limit", "fence-reaction", "election-timeout",
		"shutdown-escalation", "join-integration-timeout", "join-finalization-timeout", "transition-delay", "stonith-watchdog-timeout",
		"stonith-max-attempts", "no-quorum-policy", "shutdown-lock"}},
	{"pacemaker-schedulerd", "Options of the cluster's scheduler", option.Cluster, []string{"no-quorum-policy", "symmetric-cluster",
		"maintenance-mode", "start-failure-is-fatal", "enable-startup-probes", "shutdown-lock", "shutdown-lock-limit", "stonith-enabled",
		"stonith-action", "stonith-timeout", "have-watchdog", "concurrent-fencing", "startup-fencing", "priority-fencing-delay",
		"cluster-delay", "batch-limit", "migration-limit", "stop-all-resources", "stop-orphan-resources", "stop-orphan-actions",
		"remove-after-stop", "pe-error-series-max", "pe-warn-series-max", "pe-input-series-max", "node-health-strategy",
		"node-health-base", "node-health-green", "node-health-yellow", "node-health-red", "placement-strategy"}},
	{"pacemaker-fenced", "Parameters that every fence device has", option.Fence, nil},
}

// Commands are the commands of this package. They are linked in the directory of Pacemaker's daemons.
func Commands() []cli.Command {
	var list []cli.Command
	for _, d := range descriptions {
		list = append(list, cli.Command{Name: d.name, Help: "options, as XML", Run: func(_ context.Context, env *cli.Env) int {
			return d.run(env)
		}})
	}
	return list
}

func (d *description) run(env *cli.Env) int {
	word := ""
	if len(env.Args) == 1 {
		word = env.Args[0]
	}
	switch word {
	case "metadata":
		fmt.Fprint(env.Stdout, "<?xml version=\"1.0\"?>\n"+output.Document(d.xml()))
		return 0
	case "version":
		fmt.Fprintf(env.Stdout, "CRM Version: %s (%s)\n", cli.PacemakerVersion, program.Build)
		return 0
	}
	fmt.Fprintf(env.Stderr, "usage: %s metadata|version\nThe daemon itself is crmd or fenced; systemctl or hcs node run starts it.\n", env.Name)
	return api.CodeUsage
}

// xml is the description in the form of an agent's metadata.
func (d *description) xml() *cibxml.Element {
	params := cibxml.New("parameters")
	for i := range d.table {
		if o := &d.table[i]; d.options == nil && strings.HasPrefix(o.Name, "pcmk_") {
			params.Append(parameter(o))
		}
	}
	for _, name := range d.options {
		for i := range d.table {
			if o := &d.table[i]; o.Name == name {
				params.Append(parameter(o))
			}
		}
	}
	return cibxml.New("resource-agent", "name", d.name, "version", cli.PacemakerVersion).Append(
		output.TextElement("version", "1.1"), said("longdesc", d.title), said("shortdesc", d.title), params)
}

// said is a text in English.
func said(name, text string) *cibxml.Element { return output.TextElement(name, text, "lang", "en") }

// types are the words for kinds of options in an agent's metadata.
var types = map[option.Kind]string{option.Text: "string", option.Boolean: "boolean", option.Integer: "integer", option.Score: "integer",
	option.Span: "time", option.Percentage: "percentage", option.Word: "string"}

func parameter(o *option.Option) *cibxml.Element {
	// pcs tells by these words which options it only shows when all are wanted.
	mark := ""
	if o.Advanced || strings.HasSuffix(o.Name, "_action") || o.Name == "pcmk_host_argument" {
		mark = "*** Advanced Use Only *** "
	}
	short, _, _ := strings.Cut(o.Help, ". ")
	content := cibxml.New("content", "type", types[o.Kind])
	if o.Kind == option.Word && o.Default != "" {
		content.Set("type", "select")
		for _, v := range o.Values {
			content.Append(cibxml.New("option", "value", v))
		}
	}
	if o.Default != "" {
		content.Set("default", o.Default)
	}
	return cibxml.New("parameter", "name", o.Name).Append(said("longdesc", mark+o.Help), said("shortdesc", mark+strings.TrimSuffix(short, ".")), content)
}
