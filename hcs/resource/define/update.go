package define

import (
	"context"

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

// Update is "resource update" and "stonith update".
func Update(s *session.Session, stonith bool) *cobra.Command {
	force := false
	v := verb.Verb{
		Use:   "update ID [NAME=VALUE]... [op ACTION NAME=VALUE...]... [meta NAME=VALUE...] [utilization NAME=VALUE...]",
		Short: "Change parameters, operations and meta attributes of a resource", Min: 2, Max: -1, Complete: complete.First(complete.Resources(s)),
		Long: `An empty value (NAME=) removes a setting. Of a group or a clone only meta attributes can be changed. An operation is told by its name, and
when there are several of that name by its interval.`,
		Examples: `  hcs resource update vip ip=10.0.0.101 meta resource-stickiness=200
  hcs resource update vip op monitor interval=10s timeout=30s`,
		Flags: func(f *pflag.FlagSet) {
			f.BoolVar(&force, "force", false, "do it although the agent refuses a parameter, or timeouts of fencing contradict each other then")
			verb.Wait(s, f)
		},
		Run: func(ctx context.Context, args []string) error { return update(ctx, s, args, force) },
	}
	if stonith {
		v.Short, v.Complete = "Change parameters, operations and meta attributes of a fence device", complete.First(complete.Devices(s))
		v.Examples = "  hcs stonith update power-n1 password=other"
	}
	return verb.New(v)
}

// updates are the parsed words of update.
type updates struct {
	params, meta, utilization []build.Pair
	ops                       []build.Op
}

func readUpdates(words []string) (u updates, err error) {
	for _, sec := range verb.Cut(words, "op", "meta", "utilization") {
		var list []build.Pair
		if sec.Keyword != "op" {
			if list, err = verb.Pairs(sec.Words); err != nil {
				return u, err
			}
		}
		switch sec.Keyword {
		case "":
			u.params = list
		case "meta":
			u.meta = append(u.meta, list...)
		case "utilization":
			u.utilization = append(u.utilization, list...)
		case "op":
			for _, words := range splitOps(sec.Words) {
				op, err := readOp(words)
				if err != nil {
					return u, err
				}
				u.ops = append(u.ops, op)
			}
		}
	}
	return u, nil
}

func update(ctx context.Context, s *session.Session, args []string, force bool) error {
	u, err := readUpdates(args[1:])
	if err != nil {
		return err
	}
	catalogue := agents.New(ctx, s.Getenv)
	change := func(conf *cibxml.Element) (*cibxml.Element, error) {
		e, err := edit.Resource(conf, args[0])
		if err != nil {
			return nil, err
		}
		changed, err := u.apply(s, catalogue, e, force)
		if err != nil {
			return nil, err
		}
		return edit.Replace(conf, e, changed), nil
	}
	_, err = s.Change(ctx, "Changed "+args[0]+".", s.Timely(ctx, force, change))
	return err
}

func (u updates) apply(s *session.Session, catalogue agent.Catalogue, e *cibxml.Element, force bool) (*cibxml.Element, error) {
	id := e.ID()
	table := option.Clone
	switch {
	case e.Name != "primitive" && len(u.params)+len(u.ops)+len(u.utilization) > 0:
		return nil, session.Fail(api.CodeUsage, "%s is a %s: only meta attributes can be changed here, write: hcs resource update %s meta NAME=VALUE", id, e.Name, id)
	case e.Get("class") == "stonith":
		table = option.Stonith
	case e.Name == "primitive" || e.Name == "group":
		table = option.Resource
	}
	if err := verb.Check("meta attribute", table, u.meta); err != nil {
		return nil, err
	}
	out := edit.SetPairs(e, "instance_attributes", id+"-instance_attributes", u.params)
	out = edit.SetPairs(out, "meta_attributes", id+"-meta_attributes", u.meta)
	out = edit.SetPairs(out, "utilization", id+"-utilization", u.utilization)
	for _, op := range u.ops {
		out = setOp(out, op)
	}
	if len(u.params) > 0 {
		ref := agent.Ref{Class: e.Get("class"), Provider: e.Get("provider"), Type: e.Get("type")}
		if err := checkAgent(s, catalogue, ref, edit.Pairs(out, "instance_attributes"), force); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// setOp changes an operation of a primitive or adds it. Attributes that are not given stay.
func setOp(e *cibxml.Element, op build.Op) *cibxml.Element {
	list := e.Child("operations")
	if list == nil {
		return e.WithChild(nil, build.Operations(e.ID(), []build.Op{op}))
	}
	old := findOp(list, op.Name, build.Get(op.Attrs, "interval"))
	if old == nil {
		old = findOp(list, op.Name, "")
	}
	if old == nil {
		made := build.Operations(e.ID(), []build.Op{op}).Children[0]
		ids := build.NewIDs(list)
		return edit.Replace(e, list, list.WithChild(nil, made.WithAttr("id", ids.New(made.ID()))))
	}
	changed := old
	for _, a := range op.Attrs {
		if a.Value == "" {
			changed = changed.WithoutAttr(a.Name)
		} else {
			changed = changed.WithAttr(a.Name, a.Value)
		}
	}
	changed = edit.SetPairs(changed, "instance_attributes", old.ID()+"-instance_attributes", op.Params)
	return edit.Replace(e, old, changed)
}

// findOp finds an operation by name and interval; without an interval the only one of that name.
func findOp(list *cibxml.Element, name, interval string) *cibxml.Element {
	var named []*cibxml.Element
	for op := range list.Tags("op") {
		if op.Get("name") != name {
			continue
		}
		if interval != "" && op.Get("interval") == interval {
			return op
		}
		named = append(named, op)
	}
	if len(named) == 1 && interval == "" {
		return named[0]
	}
	return nil
}
