// Package constraint is the command "constraint".
package constraint

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/cib/value"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/clusterfile/crm"
	"github.com/holdfast-ha/holdfast/hcs/complete"
	"github.com/holdfast-ha/holdfast/hcs/edit"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// Command is "constraint".
func Command(s *session.Session) *cobra.Command {
	return verb.Noun("constraint", "Say where, in which order and beside what resources run", "",
		list(s), location(s), order(s), colocation(s), ticket(s), remove(s))
}

// maker makes constraints for a configuration.
type maker = func(conf *cibxml.Element, ids *build.IDs) ([]*cibxml.Element, error)

// add makes a command that adds constraints; read understands its words.
func add(s *session.Session, v verb.Verb, read func(args []string) (maker, error)) *cobra.Command {
	v.Max = -1
	v.Flags = func(f *pflag.FlagSet) { verb.Wait(s, f) }
	v.Run = func(ctx context.Context, args []string) error {
		elements, err := read(args)
		if err != nil {
			return err
		}
		var ids []string
		change := func(conf *cibxml.Element) (*cibxml.Element, error) {
			ids = nil
			made, err := elements(conf, build.NewIDs(conf))
			if err != nil {
				return nil, err
			}
			for _, e := range made {
				if twin := same(conf, e); twin != "" {
					return nil, session.Fail(api.CodeExists, "the same constraint is there already: %s", twin)
				}
				ids = append(ids, e.ID())
				conf = edit.Append(conf, "constraints", e)
			}
			return conf, nil
		}
		// The ids are part of what is said afterwards.
		doc, err := s.Document(ctx)
		if err != nil {
			return err
		}
		if _, err := change(doc.Child("configuration")); err != nil {
			return err
		}
		_, err = s.Change(ctx, "Added the constraint "+strings.Join(ids, ", ")+".", change)
		return err
	}
	return verb.New(v)
}

// same finds a constraint that says the same, "" when there is none.
func same(conf, e *cibxml.Element) string {
	bare := func(e *cibxml.Element) string {
		c := e.Clone()
		c.Walk(func(x *cibxml.Element) bool {
			if x.Name != "resource_ref" {
				x.Unset("id")
			}
			slices.SortFunc(x.Attrs, func(a, b cibxml.Attr) int { return strings.Compare(a.Name, b.Name) })
			return true
		})
		return c.Compact()
	}
	for old := range conf.Child("constraints").Tags(e.Name) {
		if bare(old) == bare(e) {
			return old.ID()
		}
	}
	return ""
}

// known wants resources that a constraint can name.
func known(conf *cibxml.Element, ids ...string) error {
	for _, id := range ids {
		if id == "" {
			continue
		}
		for t := range conf.Child("tags").Tags("tag") {
			if t.ID() == id {
				return nil
			}
		}
		if _, err := edit.Resource(conf, id); err != nil {
			return err
		}
		for p := edit.Parent(conf, id); p != nil; p = edit.Parent(conf, p.ID()) {
			if p.Name == "clone" || p.Name == "master" || p.Name == "bundle" {
				return session.Fail(api.CodeUsage, "%s is inside of %s %s: name that in constraints", id, p.Name, p.ID())
			}
		}
	}
	return nil
}

// options reads NAME=VALUE words of which the names are given.
func options(words []string, names ...string) (map[string]string, error) {
	list, err := verb.Pairs(words)
	if err != nil {
		return nil, err
	}
	m := map[string]string{}
	for _, p := range list {
		if !slices.Contains(names, p.Name) {
			return nil, session.Fail(api.CodeUsage, "there is no option %s here, only %s", p.Name, strings.Join(names, ", "))
		}
		if err := checkOption(p); err != nil {
			return nil, err
		}
		m[p.Name] = p.Value
	}
	return m, nil
}

// allowed are the values of the options that have few.
var allowed = map[string][]string{
	"kind": crm.Kinds, "role": crm.Roles, "action": crm.SetActions, "loss-policy": crm.LossPolicy, "resource-discovery": crm.Discoveries,
	"symmetrical": {"true", "false"}, "sequential": {"true", "false"}, "require-all": {"true", "false"}, "influence": {"true", "false"},
}

func checkOption(p build.Pair) error {
	if words := allowed[p.Name]; words != nil && !slices.Contains(words, p.Value) {
		return session.Fail(api.CodeUsage, "%s is %q, must be one of %s", p.Name, p.Value, strings.Join(words, ", "))
	}
	if p.Name == "score" {
		return checkScore(p.Value)
	}
	return nil
}

func checkScore(text string) error {
	if _, err := value.Score(text); err != nil {
		return session.Fail(api.CodeUsage, "%q is not a score: a whole number, INFINITY or -INFINITY", text)
	}
	return nil
}

// freeID wants an id that can be used, "" is one to be made.
func freeID(conf *cibxml.Element, id string) error {
	if id == "" {
		return nil
	}
	return edit.FreeID(conf, id)
}

func remove(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "delete ID...", Short: "Remove constraints", Min: 1, Max: -1, Complete: complete.Each(complete.Elements(s, "constraints")),
		Flags: func(f *pflag.FlagSet) { verb.Wait(s, f) },
		Run: func(ctx context.Context, ids []string) error {
			_, err := s.Change(ctx, "Removed the constraint "+strings.Join(ids, ", ")+".", func(conf *cibxml.Element) (*cibxml.Element, error) {
				for _, id := range ids {
					next, err := edit.RemoveByID(conf, "constraints", id)
					if err != nil {
						return nil, err
					}
					conf = next
				}
				return conf, nil
			})
			return err
		},
	})
}
