package constraint

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/clusterfile/rule"
	"github.com/holdfast-ha/holdfast/hcs/complete"
	"github.com/holdfast-ha/holdfast/hcs/edit"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

func location(s *session.Session) *cobra.Command {
	words := complete.Each(complete.Resources(s), complete.Fixed("prefers", "avoids", "rule"), complete.Nodes(s))
	return add(s, verb.Verb{
		Use: "location RESOURCE prefers|avoids NODE[=SCORE]... | rule [NAME=VALUE]... EXPRESSION", Short: "Prefer or avoid nodes", Min: 3, Complete: words,
		Long: `A score of INFINITY, which is the default, binds or forbids; a number is a preference that others are weighed against. RESOURCE may be a
regular expression for ids, written regexp%PATTERN.

A rule takes score, score-attribute, role, resource-discovery and id as NAME=VALUE, and then an expression:
  defined|not_defined ATTRIBUTE
  ATTRIBUTE lt|gt|lte|gte|eq|ne [string|integer|number|version] VALUE
  date gt|lt DATE, date in_range DATE to DATE|duration NAME=VALUE..., date-spec NAME=VALUE...
  EXPRESSION and|or EXPRESSION, ( EXPRESSION )`,
		Examples: `  hcs constraint location web prefers n1=100
  hcs constraint location db avoids n3
  hcs constraint location web rule score=-INFINITY not_defined pingd or pingd lte 0`,
	}, func(args []string) (maker, error) {
		switch args[1] {
		case "prefers", "avoids":
			return onNodes(args[0], args[2:], args[1] == "avoids"), nil
		case "rule":
			return byRule(args[0], args[2:])
		}
		return nil, session.Fail(api.CodeUsage, "after the resource comes prefers, avoids or rule, not %q", args[1])
	})
}

// subject makes a location for a resource or for a pattern.
func subject(conf *cibxml.Element, name string) (build.Location, error) {
	if pattern, ok := strings.CutPrefix(name, "regexp%"); ok {
		return build.Location{Pattern: pattern}, nil
	}
	return build.Location{Rsc: name}, known(conf, name)
}

func onNodes(rsc string, nodes []string, avoid bool) maker {
	return func(conf *cibxml.Element, ids *build.IDs) ([]*cibxml.Element, error) {
		var made []*cibxml.Element
		for _, word := range nodes {
			node, score, given := strings.Cut(word, "=")
			if !given {
				score = "INFINITY"
			}
			if err := checkScore(score); err != nil {
				return nil, err
			}
			if avoid {
				score = negative(score)
			}
			if !slices.Contains(edit.Nodes(conf), node) {
				if _, err := edit.Node(conf, node); err != nil {
					return nil, err
				}
			}
			l, err := subject(conf, rsc)
			if err != nil {
				return nil, err
			}
			l.Node, l.Score = node, score
			made = append(made, l.Element(ids))
		}
		return made, nil
	}
}

// negative turns a score around.
func negative(score string) string {
	if rest, ok := strings.CutPrefix(score, "-"); ok {
		return rest
	}
	return "-" + strings.TrimPrefix(score, "+")
}

func byRule(rsc string, words []string) (maker, error) {
	cut := 0
	for cut < len(words) && strings.Contains(words[cut], "=") {
		cut++
	}
	o, err := options(words[:cut], "id", "score", "score-attribute", "role", "resource-discovery")
	if err != nil {
		return nil, err
	}
	if o["score"] != "" && o["score-attribute"] != "" {
		return nil, session.Fail(api.CodeUsage, "score and score-attribute exclude each other")
	}
	text := strings.Join(words[cut:], " ")
	if _, err := rule.Parse(text, "x"); err != nil {
		return nil, session.Fail(api.CodeUsage, "%v", err)
	}
	return func(conf *cibxml.Element, ids *build.IDs) ([]*cibxml.Element, error) {
		if err := freeID(conf, o["id"]); err != nil {
			return nil, err
		}
		l, err := subject(conf, rsc)
		if err != nil {
			return nil, err
		}
		l.ID, l.Discovery = o["id"], o["resource-discovery"]
		l.Rule = func(id string) *cibxml.Element {
			r, _ := rule.Parse(text, id) // parsed above
			switch {
			case o["score-attribute"] != "":
				r.Set("score-attribute", o["score-attribute"])
			case o["score"] != "":
				r.Set("score", o["score"])
			default:
				r.Set("score", "INFINITY")
			}
			if o["role"] != "" {
				r.Set("role", o["role"])
			}
			return r
		}
		return []*cibxml.Element{l.Element(ids)}, nil
	}, nil
}
