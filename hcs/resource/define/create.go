// Package define holds the commands that say what resources there are: create, update, delete and what shows
// their configuration.
package define

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile/agent"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/clusterfile/option"
	"github.com/holdfast-ha/holdfast/hcs/agents"
	"github.com/holdfast-ha/holdfast/hcs/complete"
	"github.com/holdfast-ha/holdfast/hcs/edit"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// createOptions are the options of create.
type createOptions struct {
	group, before, after          string
	disabled, noDefaultOps, force bool
}

// Create is "resource create", or with stonith "stonith create".
func Create(s *session.Session, stonith bool) *cobra.Command {
	var o createOptions
	v := verb.Verb{
		Use:   "create ID AGENT [NAME=VALUE]... [op ACTION NAME=VALUE...]... [meta NAME=VALUE...] [clone|promotable [ID] [NAME=VALUE...]]",
		Short: "Create a resource", Min: 2, Max: -1, Complete: complete.Create(s, stonith),
		Long: `The agent is written as class:provider:type (ocf:heartbeat:IPaddr2, systemd:nginx, lsb:postfix); the type alone will do when only one
installed agent has it. Its parameters follow as NAME=VALUE and are checked against what the agent says of itself.

The operations that the agent advises, with its timeouts, are added unless op names them. At least there is a monitor.`,
		Examples: `  # an address that moves between the nodes
  hcs resource create vip ocf:heartbeat:IPaddr2 ip=10.0.0.100 cidr_netmask=24 op monitor interval=10s --group web
  # a service on every node
  hcs resource create dlm ocf:pacemaker:controld clone interleave=true`,
		Flags: func(f *pflag.FlagSet) {
			f.StringVar(&o.group, "group", "", "put the resource into this `group`, which is made when it does not exist")
			f.StringVar(&o.before, "before", "", "in the group, before this `member`")
			f.StringVar(&o.after, "after", "", "in the group, after this `member`")
			createFlags(s, f, &o)
		},
		Run: func(ctx context.Context, args []string) error { return create(ctx, s, args, o) },
	}
	if stonith {
		v.Use, v.Short = "create ID AGENT [NAME=VALUE]... [op ACTION NAME=VALUE...]... [meta NAME=VALUE...]", "Create a fence device"
		v.Long = `The agent is one of the installed fence agents, such as fence_ipmilan. pcmk_host_list or pcmk_host_map say which nodes the device
can fence; see: hcs stonith describe AGENT.`
		v.Examples = `  hcs stonith create power-n1 fence_ipmilan ip=10.9.0.1 username=admin password=secret pcmk_host_list=n1`
		v.Flags = func(f *pflag.FlagSet) { createFlags(s, f, &o) }
		v.Run = func(ctx context.Context, args []string) error {
			if !strings.HasPrefix(args[1], "stonith:") {
				args[1] = "stonith:" + args[1]
			}
			return create(ctx, s, args, o)
		}
	}
	return verb.New(v)
}

func createFlags(s *session.Session, f *pflag.FlagSet, o *createOptions) {
	f.BoolVar(&o.disabled, "disabled", false, "do not start it yet (target-role=Stopped)")
	f.BoolVar(&o.noDefaultOps, "no-default-ops", false, "add only a monitor, not what else the agent advises")
	f.BoolVar(&o.force, "force", false, "do it although the agent is not installed here, refuses parameters, or timeouts of fencing contradict each other then")
	verb.Wait(s, f)
}

// clonePart is what follows the word clone or promotable.
type clonePart struct {
	id   string
	meta []build.Pair
	on   bool
}

func create(ctx context.Context, s *session.Session, args []string, o createOptions) error {
	catalogue := agents.New(ctx, s.Getenv)
	ref, err := agent.Find(catalogue, args[1])
	if err != nil {
		return session.Fail(api.CodeUsage, "%v", err)
	}
	p := build.Primitive{ID: args[0], Class: ref.Class, Provider: ref.Provider, Type: ref.Type}
	clone, err := readCreate(&p, ref, args[2:])
	if err != nil {
		return err
	}
	if clone.on && o.group != "" {
		return session.Fail(api.CodeUsage, "a member of a group cannot be a clone: clone the group")
	}
	if (o.before != "" || o.after != "") && o.group == "" || o.before != "" && o.after != "" {
		return session.Fail(api.CodeUsage, "--before or --after names the place in a --group")
	}
	if o.disabled {
		p.Meta = append(p.Meta, build.Pair{Name: "target-role", Value: "Stopped"})
	}
	a, known := catalogue.Describe(ref)
	if err := checkAgent(s, catalogue, ref, p.Params, o.force); err != nil {
		return err
	}
	if !known {
		s.Warn("nothing is known of the agent %s here; its parameters were not checked", ref)
	}
	addOps(&p, agent.DefaultOps(ref, a), o.noDefaultOps)
	said := "Created " + what(ref) + " " + p.ID + " (" + ref.String() + ")."
	if agent.Unfences(a) && build.Get(p.Meta, "provides") == "" && build.Get(p.Params, "provides") == "" {
		p.Meta = append(p.Meta, build.Pair{Name: "provides", Value: "unfencing"})
		said += " It gives nodes their access back when they join (provides=unfencing)."
	}
	create := func(conf *cibxml.Element) (*cibxml.Element, error) {
		if err := edit.FreeID(conf, p.ID); err != nil {
			return nil, err
		}
		e := p.Element()
		if o.group != "" {
			return edit.Place(conf, o.group, e, edit.Position{Before: o.before, After: o.after})
		}
		if !clone.on {
			return edit.Append(conf, "resources", e), nil
		}
		return edit.Clone(edit.Append(conf, "resources", e), p.ID, clone.id, clone.meta)
	}
	if ref.Class == "stonith" {
		create = s.Timely(ctx, o.force, create)
	}
	_, err = s.Change(ctx, said, create)
	return err
}

func what(ref agent.Ref) string {
	if ref.Class == "stonith" {
		return "fence device"
	}
	return "resource"
}

// readCreate reads the words behind the agent into p.
func readCreate(p *build.Primitive, ref agent.Ref, words []string) (clonePart, error) {
	var clone clonePart
	table := option.Resource
	if ref.Class == "stonith" {
		table = option.Stonith
	}
	for _, sec := range verb.Cut(words, "op", "meta", "clone", "promotable", "utilization") {
		var err error
		switch sec.Keyword {
		case "":
			p.Params, err = verb.Pairs(sec.Words)
		case "op":
			err = readOps(p, sec.Words)
		case "meta":
			var meta []build.Pair
			if meta, err = verb.Pairs(sec.Words); err == nil {
				p.Meta = append(p.Meta, meta...)
				err = verb.Check("meta attribute", table, meta)
			}
		case "utilization":
			p.Utilities, err = verb.Pairs(sec.Words)
		default:
			clone, err = readClone(sec)
		}
		if err != nil {
			return clone, err
		}
	}
	return clone, nil
}

func readClone(sec verb.Section) (clonePart, error) {
	c := clonePart{on: true}
	words := sec.Words
	if len(words) > 0 && !strings.Contains(words[0], "=") {
		c.id, words = words[0], words[1:]
	}
	var err error
	if c.meta, err = verb.Pairs(words); err != nil {
		return c, err
	}
	if sec.Keyword == "promotable" && build.Get(c.meta, "promotable") == "" {
		c.meta = append(c.meta, build.Pair{Name: "promotable", Value: "true"})
	}
	return c, verb.Check("meta attribute", option.Clone, c.meta)
}

// readOps reads ACTION NAME=VALUE..., several times one after the other.
func readOps(p *build.Primitive, words []string) error {
	for _, op := range splitOps(words) {
		read, err := readOp(op)
		if err != nil {
			return err
		}
		p.Ops = append(p.Ops, read)
	}
	return nil
}

func splitOps(words []string) [][]string {
	var list [][]string
	for _, w := range words {
		if !strings.Contains(w, "=") || len(list) == 0 {
			list = append(list, []string{w})
			continue
		}
		list[len(list)-1] = append(list[len(list)-1], w)
	}
	return list
}

func readOp(words []string) (build.Op, error) {
	if strings.Contains(words[0], "=") {
		return build.Op{}, session.Fail(api.CodeUsage, "after op comes an action, such as monitor, not %q", words[0])
	}
	op := build.Op{Name: words[0]}
	list, err := verb.Pairs(words[1:])
	if err != nil {
		return op, err
	}
	for _, a := range list {
		if a.Name == "OCF_CHECK_LEVEL" {
			op.Params = append(op.Params, a)
			continue
		}
		op.Attrs = append(op.Attrs, a)
	}
	return op, verb.Check("attribute of an operation", option.Operation, op.Attrs)
}

// addOps adds the agent's operations of which none was given, sorted by name as pcs does.
func addOps(p *build.Primitive, advised []build.Op, monitorOnly bool) {
	given := map[string]bool{}
	for _, op := range p.Ops {
		given[op.Name] = true
	}
	for _, op := range advised {
		if !given[op.Name] && (!monitorOnly || op.Name == "monitor") {
			p.Ops = append(p.Ops, op)
		}
	}
	slices.SortStableFunc(p.Ops, func(a, b build.Op) int { return strings.Compare(a.Name, b.Name) })
}

// checkAgent refuses agents that are not installed and parameters that they do not take.
func checkAgent(s *session.Session, c agent.Catalogue, ref agent.Ref, params []build.Pair, force bool) error {
	a, known := c.Describe(ref)
	var problems []string
	if known && a == nil {
		problems = append(problems, agent.Missing(c, ref))
	}
	if a != nil {
		values := map[string]string{}
		for _, p := range params {
			values[p.Name] = p.Value
		}
		for _, f := range agent.CheckParams(ref, a, values) {
			if f.Name != "" {
				problems = append(problems, f.Name+": "+f.Message)
			} else {
				problems = append(problems, f.Message)
			}
		}
	}
	if len(problems) == 0 {
		return nil
	}
	if force {
		for _, p := range problems {
			s.Warn("%s", p)
		}
		return nil
	}
	return session.Fail(api.CodeUsage, "%s\n(--force does it all the same)", strings.Join(problems, "\n"))
}
