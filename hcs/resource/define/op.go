package define

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/clusterfile/option"
	"github.com/holdfast-ha/holdfast/hcs/complete"
	"github.com/holdfast-ha/holdfast/hcs/edit"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// Op is "resource op".
func Op(s *session.Session) *cobra.Command {
	return verb.Noun("op", "Change the operations of resources", "", addOp(s), removeOp(s), Defaults(s, "op_defaults"))
}

func addOp(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "add ID ACTION [NAME=VALUE]...", Short: "Add an operation to a resource", Min: 2, Max: -1, Complete: complete.First(complete.Resources(s)),
		Examples: "  hcs resource op add db monitor interval=60s timeout=30s OCF_CHECK_LEVEL=10",
		Flags:    func(f *pflag.FlagSet) { verb.Wait(s, f) },
		Run: func(ctx context.Context, args []string) error {
			op, err := readOp(args[1:])
			if err != nil {
				return err
			}
			_, err = s.Change(ctx, "Added the operation "+op.Name+" to "+args[0]+".", func(conf *cibxml.Element) (*cibxml.Element, error) {
				e, err := edit.Primitive(conf, args[0])
				if err != nil {
					return nil, err
				}
				interval := build.Get(op.Attrs, "interval")
				for old := range e.Child("operations").Tags("op") {
					if old.Get("name") == op.Name && (old.Get("interval") == interval || interval == "" && old.Get("interval") == "0s") {
						return nil, session.Fail(api.CodeExists, "%s has an operation %s with interval %s already; change it with: hcs resource update %s op %s ...",
							args[0], op.Name, old.Get("interval"), args[0], op.Name)
					}
				}
				if e.Child("operations") == nil {
					return edit.Replace(conf, e, setOp(e, op)), nil
				}
				made := build.Operations(e.ID(), []build.Op{op}).Children[0]
				made = made.WithAttr("id", build.NewIDs(conf).New(made.ID()))
				return edit.Replace(conf, e.Child("operations"), e.Child("operations").WithChild(nil, made)), nil
			})
			return err
		},
	})
}

func removeOp(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "remove ID ACTION [interval=TIME]", Short: "Remove an operation from a resource", Min: 2, Max: 3, Complete: complete.First(complete.Resources(s)),
		Flags: func(f *pflag.FlagSet) { verb.Wait(s, f) },
		Run: func(ctx context.Context, args []string) error {
			interval := ""
			if len(args) == 3 {
				var ok bool
				if interval, ok = strings.CutPrefix(args[2], "interval="); !ok {
					return session.Fail(api.CodeUsage, "%q is not interval=TIME", args[2])
				}
			}
			_, err := s.Change(ctx, "Removed the operation "+args[1]+" from "+args[0]+".", func(conf *cibxml.Element) (*cibxml.Element, error) {
				e, err := edit.Primitive(conf, args[0])
				if err != nil {
					return nil, err
				}
				list := e.Child("operations")
				op := findOp(list, args[1], interval)
				if op == nil {
					return nil, session.Fail(api.CodeNoSuchObject, "%s has %s", args[0], described(list, args[1]))
				}
				if len(list.Children) == 1 {
					return edit.Replace(conf, list, nil), nil
				}
				return edit.Replace(conf, op, nil), nil
			})
			return err
		},
	})
}

// described says which operations of a name there are, when the one that was meant is not found.
func described(list *cibxml.Element, name string) string {
	var found []string
	for op := range list.Tags("op") {
		if op.Get("name") == name {
			found = append(found, "interval="+op.Get("interval"))
		}
	}
	if len(found) == 0 {
		return "no operation " + name
	}
	return "several operations " + name + "; say which: " + strings.Join(found, " or ")
}

// Defaults is "resource defaults" and "resource op defaults", by the section.
func Defaults(s *session.Session, section string) *cobra.Command {
	what, table := "resource", option.Clone
	if section == "op_defaults" {
		what, table = "operation", option.Operation
	}
	return verb.New(verb.Verb{
		Use: "defaults [NAME=VALUE]...", Short: "Show or set " + what + " defaults", Min: 0, Max: -1,
		Long:     "Without operands the defaults are shown. An empty value (NAME=) removes a default. What a " + what + " says itself wins.",
		Complete: complete.Each(complete.Fixed(verb.Names(table)...)),
		Run: func(ctx context.Context, args []string) error {
			if len(args) == 0 {
				doc, err := s.Document(ctx)
				if err != nil {
					return err
				}
				return showPairs(s, edit.Pairs(doc.Child("configuration").Child(section), "meta_attributes"))
			}
			list, err := verb.Pairs(args)
			if err != nil {
				return err
			}
			if err := verb.Check(what+" default", table, list); err != nil {
				return err
			}
			_, err = s.Change(ctx, "Changed the "+what+" defaults.", func(conf *cibxml.Element) (*cibxml.Element, error) {
				return edit.SetDefaults(conf, section, list), nil
			})
			return err
		},
	})
}

// showPairs prints pairs a line each.
func showPairs(s *session.Session, list []build.Pair) error {
	if s.JSON {
		values := map[string]string{}
		for _, p := range list {
			values[p.Name] = p.Value
		}
		return s.PrintJSON(values)
	}
	for _, p := range list {
		s.Say("%s=%s", p.Name, p.Value)
	}
	return nil
}
