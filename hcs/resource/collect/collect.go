// Package collect holds the commands that put resources together: groups and clones.
package collect

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

// Group is "resource group".
func Group(s *session.Session) *cobra.Command {
	return verb.Noun("group", "Put resources into groups", `The members of a group run on one node, are started in their order and stopped in the reverse one.`,
		groupAdd(s), groupRemove(s, "remove GROUP [ID]..."))
}

func groupAdd(s *session.Session) *cobra.Command {
	var at edit.Position
	return verb.New(verb.Verb{
		Use: "add GROUP ID...", Short: "Put resources into a group, in this order", Min: 2, Max: -1, Complete: complete.Each(complete.Resources(s)),
		Long: "The group is made when it does not exist. A resource that is in another group leaves that.",
		Flags: func(f *pflag.FlagSet) {
			f.StringVar(&at.Before, "before", "", "before this `member` of the group")
			f.StringVar(&at.After, "after", "", "after this `member` of the group")
			verb.Wait(s, f)
		},
		Run: func(ctx context.Context, args []string) error {
			if at.Before != "" && at.After != "" {
				return session.Fail(api.CodeUsage, "--before and --after exclude each other")
			}
			said := "Put " + strings.Join(args[1:], ", ") + " into group " + args[0] + "."
			_, err := s.Change(ctx, said, func(conf *cibxml.Element) (*cibxml.Element, error) { return addAll(conf, args[0], args[1:], at) })
			return err
		},
	})
}

// addAll moves resources into a group one after the other.
func addAll(conf *cibxml.Element, group string, ids []string, at edit.Position) (*cibxml.Element, error) {
	for _, id := range ids {
		if id == at.Before || id == at.After {
			return nil, session.Fail(api.CodeUsage, "%s cannot be put before or after itself", id)
		}
		// Taking the last member out must not take the group, with its constraints, away when it comes back.
		if p := edit.Parent(conf, id); p != nil && p.ID() == group && len(edit.Members(p)) == 1 {
			continue
		}
		rest, e, _, err := edit.TakeOut(conf, id)
		if err != nil {
			return nil, err
		}
		if conf, err = edit.Place(rest, group, e, at); err != nil {
			return nil, err
		}
		if at.Before != "" {
			at = edit.Position{After: id}
		} else if at.After != "" {
			at.After = id
		}
	}
	return conf, nil
}

func groupRemove(s *session.Session, use string) *cobra.Command {
	return verb.New(verb.Verb{
		Use: use, Short: "Take resources out of a group", Min: 1, Max: -1, Complete: complete.Each(complete.Resources(s)),
		Long:  `Without further operands the group is dissolved: all of its members leave it. Constraints that name a group that has become empty are removed.`,
		Flags: func(f *pflag.FlagSet) { verb.Wait(s, f) },
		Run: func(ctx context.Context, args []string) error {
			_, err := s.Change(ctx, "Changed group "+args[0]+".", func(conf *cibxml.Element) (*cibxml.Element, error) {
				g, err := edit.Resource(conf, args[0])
				if err != nil {
					return nil, err
				}
				if g.Name != "group" {
					return nil, session.Fail(api.CodeUsage, "%s is a %s, not a group", args[0], g.Name)
				}
				ids := args[1:]
				if len(ids) == 0 {
					ids = edit.Members(g)
				}
				return takeAll(conf, args[0], ids)
			})
			return err
		},
	})
}

func takeAll(conf *cibxml.Element, group string, ids []string) (*cibxml.Element, error) {
	for _, id := range ids {
		if p := edit.Parent(conf, id); p == nil || p.ID() != group {
			return nil, session.Fail(api.CodeNoSuchObject, "%s is not in group %s", id, group)
		}
		rest, e, _, err := edit.TakeOut(conf, id)
		if err != nil {
			return nil, err
		}
		conf = edit.Append(rest, "resources", e)
	}
	return conf, nil
}

// Ungroup is "resource ungroup".
func Ungroup(s *session.Session) *cobra.Command { return groupRemove(s, "ungroup GROUP [ID]...") }

// Clone is "resource clone" and "resource promotable".
func Clone(s *session.Session, promotable bool) *cobra.Command {
	name, short := "clone", "Run a resource or a group on several nodes"
	if promotable {
		name, short = "promotable", "Run a resource or a group on several nodes, some of them promoted"
	}
	return verb.New(verb.Verb{
		Use: name + " ID [CLONE] [NAME=VALUE]...", Short: short, Min: 1, Max: -1,
		Long:     "CLONE is the id of the clone, ID-clone unless given. The settings are meta attributes of the clone, such as clone-max and interleave.\nConstraints that name the resource name the clone afterwards.",
		Complete: complete.Each(complete.Resources(s), complete.Fixed(verb.Names(option.Clone)...)),
		Flags:    func(f *pflag.FlagSet) { verb.Wait(s, f) },
		Run: func(ctx context.Context, args []string) error {
			id, words := "", args[1:]
			if len(words) > 0 && !strings.Contains(words[0], "=") {
				id, words = words[0], words[1:]
			}
			meta, err := verb.Pairs(words)
			if err != nil {
				return err
			}
			if err := verb.Check("meta attribute", option.Clone, meta); err != nil {
				return err
			}
			if promotable && build.Get(meta, "promotable") == "" {
				meta = append(meta, build.Pair{Name: "promotable", Value: "true"})
			}
			_, err = s.Change(ctx, "Cloned "+args[0]+".", func(conf *cibxml.Element) (*cibxml.Element, error) {
				return edit.Clone(conf, args[0], id, meta)
			})
			return err
		},
	})
}

// Unclone is "resource unclone".
func Unclone(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "unclone ID", Short: "Run a cloned resource or group only once again", Min: 1, Max: 1, Complete: complete.First(complete.Resources(s)),
		Long:  "ID is the clone or what is in it. Constraints that name the clone name the resource afterwards.",
		Flags: func(f *pflag.FlagSet) { verb.Wait(s, f) },
		Run: func(ctx context.Context, args []string) error {
			_, err := s.Change(ctx, "Took "+args[0]+" out of its clone.", func(conf *cibxml.Element) (*cibxml.Element, error) {
				return edit.Unclone(conf, args[0])
			})
			return err
		},
	})
}
