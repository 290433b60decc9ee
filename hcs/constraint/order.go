package constraint

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/clusterfile/crm"
	"github.com/holdfast-ha/holdfast/hcs/complete"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

func order(s *session.Session) *cobra.Command {
	return add(s, verb.Verb{
		Use:   "order [ACTION] FIRST then [ACTION] SECOND [NAME=VALUE]... | set ID... [NAME=VALUE]... [set ...]... [setoptions NAME=VALUE...]",
		Short: "Start or promote one resource before another", Min: 2, Complete: complete.Each(complete.Resources(s)),
		Long: `ACTION is start (the default), stop, promote or demote. Options: kind (Mandatory, Optional, Serialize), symmetrical, require-all, id. With sets,
each set takes sequential, require-all, action and role.`,
		Examples: `  hcs constraint order db then web
  hcs constraint order promote db-clone then start web
  hcs constraint order set a b sequential=false set c setoptions kind=Optional`,
	}, readOrder)
}

func readOrder(args []string) (maker, error) {
	if args[0] == "set" {
		sets, o, err := readSets(args, "kind", "symmetrical", "id")
		if err != nil {
			return nil, err
		}
		return withSets(sets, o, func(ids *build.IDs) *cibxml.Element {
			return build.Order{ID: o["id"], Kind: o["kind"], Symmetrical: o["symmetrical"], Sets: sets}.Element(ids)
		}), nil
	}
	then := slices.Index(args, "then")
	if then < 1 || then == len(args)-1 {
		return nil, session.Fail(api.CodeUsage, "write: hcs constraint order FIRST then SECOND")
	}
	var o build.Order
	var rest []string
	var err error
	if o.FirstAction, o.First, rest, err = withWord(args[:then], crm.SetActions); err == nil && len(rest) > 0 {
		err = session.Fail(api.CodeUsage, "%q is too much before then", rest[0])
	}
	if err == nil {
		o.ThenAction, o.Then, rest, err = withWord(args[then+1:], crm.SetActions)
	}
	if err != nil {
		return nil, err
	}
	opts, err := options(rest, "kind", "symmetrical", "require-all", "id")
	if err != nil {
		return nil, err
	}
	o.Kind, o.Symmetrical, o.RequireAll, o.ID = opts["kind"], opts["symmetrical"], opts["require-all"], opts["id"]
	if o.First == o.Then {
		return nil, session.Fail(api.CodeUsage, "%s cannot wait for itself", o.First)
	}
	// pcs writes the actions out.
	if o.FirstAction == "" {
		o.FirstAction = "start"
	}
	if o.ThenAction == "" {
		o.ThenAction = "start"
	}
	return func(conf *cibxml.Element, ids *build.IDs) ([]*cibxml.Element, error) {
		if err := known(conf, o.First, o.Then); err != nil {
			return nil, err
		}
		return []*cibxml.Element{o.Element(ids)}, freeID(conf, o.ID)
	}, nil
}

// withWord reads [WORD] ID, where WORD is one of a list; old names of roles count as the new ones.
func withWord(args, words []string) (word, id string, rest []string, err error) {
	if len(args) > 1 {
		w := map[string]string{"Master": "Promoted", "Slave": "Unpromoted"}[args[0]]
		if w == "" {
			w = args[0]
		}
		if slices.ContainsFunc(words, func(x string) bool { return strings.EqualFold(x, w) }) && !strings.Contains(args[1], "=") {
			at := slices.IndexFunc(words, func(x string) bool { return strings.EqualFold(x, w) })
			return words[at], args[1], args[2:], nil
		}
	}
	if len(args) == 0 || strings.Contains(args[0], "=") {
		return "", "", nil, session.Fail(api.CodeUsage, "a resource is missing")
	}
	return "", args[0], args[1:], nil
}

// readSets reads set ID... [NAME=VALUE]... [set ...]... [setoptions NAME=VALUE...].
func readSets(args []string, names ...string) ([]build.ResourceSet, map[string]string, error) {
	var sets []build.ResourceSet
	o := map[string]string{}
	for _, sec := range verb.Cut(args, "set", "setoptions")[1:] {
		if sec.Keyword == "setoptions" {
			var err error
			if o, err = options(sec.Words, names...); err != nil {
				return nil, nil, err
			}
			continue
		}
		var set build.ResourceSet
		for _, w := range sec.Words {
			if !strings.Contains(w, "=") {
				set.Resources = append(set.Resources, w)
				continue
			}
			p, err := verb.Pairs([]string{w})
			if err == nil && !slices.Contains([]string{"sequential", "require-all", "action", "role"}, p[0].Name) {
				err = session.Fail(api.CodeUsage, "a set has no option %s, only sequential, require-all, action and role", p[0].Name)
			}
			if err == nil {
				err = checkOption(p[0])
			}
			if err != nil {
				return nil, nil, err
			}
			set.Attrs = append(set.Attrs, p[0])
		}
		if len(set.Resources) == 0 {
			return nil, nil, session.Fail(api.CodeUsage, "after set comes at least one resource")
		}
		sets = append(sets, set)
	}
	return sets, o, nil
}

func withSets(sets []build.ResourceSet, o map[string]string, element func(ids *build.IDs) *cibxml.Element) maker {
	return func(conf *cibxml.Element, ids *build.IDs) ([]*cibxml.Element, error) {
		for _, set := range sets {
			if err := known(conf, set.Resources...); err != nil {
				return nil, err
			}
		}
		return []*cibxml.Element{element(ids)}, freeID(conf, o["id"])
	}
}
