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

func colocation(s *session.Session) *cobra.Command {
	return add(s, verb.Verb{
		Use:   "colocation [ROLE] RESOURCE with [ROLE] OTHER [SCORE] [NAME=VALUE]... | set ID... [NAME=VALUE]... [set ...]... [setoptions NAME=VALUE...]",
		Short: "Run resources on the same node, or apart", Min: 3, Complete: complete.Each(complete.Resources(s)),
		Long: `OTHER is placed first, RESOURCE follows it. A score of INFINITY (the default) binds, -INFINITY keeps them apart, a number is a preference. Options:
score, node-attribute, influence, id.`,
		Examples: `  hcs constraint colocation web with db
  hcs constraint colocation backup with db score=-1000
  hcs constraint colocation vip with Promoted db-clone`,
	}, readColocation)
}

func readColocation(args []string) (maker, error) {
	if args[0] == "add" {
		args = args[1:]
	}
	if args[0] == "set" {
		sets, o, err := readSets(args, "score", "id")
		if err != nil {
			return nil, err
		}
		return withSets(sets, o, func(ids *build.IDs) *cibxml.Element {
			return build.Colocation{ID: o["id"], Score: orInfinity(o["score"]), Sets: sets}.Element(ids)
		}), nil
	}
	with := slices.Index(args, "with")
	if with < 1 || with == len(args)-1 {
		return nil, session.Fail(api.CodeUsage, "write: hcs constraint colocation RESOURCE with OTHER")
	}
	var c build.Colocation
	var rest []string
	var err error
	if c.Role, c.Rsc, rest, err = withWord(args[:with], crm.Roles); err == nil && len(rest) > 0 {
		err = session.Fail(api.CodeUsage, "%q is too much before with", rest[0])
	}
	if err == nil {
		c.WithRole, c.With, rest, err = withWord(args[with+1:], crm.Roles)
	}
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 && !strings.Contains(rest[0], "=") { // pcs takes the score without its name
		rest[0] = "score=" + rest[0]
	}
	o, err := options(rest, "score", "node-attribute", "influence", "id")
	if err != nil {
		return nil, err
	}
	c.Score, c.NodeAttribute, c.Influence, c.ID = orInfinity(o["score"]), o["node-attribute"], o["influence"], o["id"]
	if c.Rsc == c.With {
		return nil, session.Fail(api.CodeUsage, "%s cannot be placed by itself", c.Rsc)
	}
	if c.WithRole != "" && c.Role == "" {
		c.Role = "Started"
	}
	return func(conf *cibxml.Element, ids *build.IDs) ([]*cibxml.Element, error) {
		if err := known(conf, c.Rsc, c.With); err != nil {
			return nil, err
		}
		return []*cibxml.Element{c.Element(ids)}, freeID(conf, c.ID)
	}, nil
}

func orInfinity(score string) string {
	if score == "" {
		return "INFINITY"
	}
	return score
}

func ticket(s *session.Session) *cobra.Command {
	return add(s, verb.Verb{
		Use: "ticket TICKET [ROLE] RESOURCE [NAME=VALUE]...", Short: "Run a resource only where a ticket is granted", Min: 2,
		Long: `A ticket is permission for a site to run something, given by a person or by booth. Options: loss-policy (stop, demote, fence, freeze: what happens
when the ticket is taken away), id.`,
		Examples: "  hcs constraint ticket berlin Promoted db-clone loss-policy=demote",
	}, func(args []string) (maker, error) {
		if args[0] == "add" && len(args) > 2 {
			args = args[1:]
		}
		t := build.Ticket{Ticket: args[0]}
		var rest []string
		var err error
		if t.Role, t.Rsc, rest, err = withWord(args[1:], crm.Roles); err != nil {
			return nil, err
		}
		o, err := options(rest, "loss-policy", "id")
		if err != nil {
			return nil, err
		}
		t.LossPolicy, t.ID = o["loss-policy"], o["id"]
		return func(conf *cibxml.Element, ids *build.IDs) ([]*cibxml.Element, error) {
			if err := known(conf, t.Rsc); err != nil {
				return nil, err
			}
			return []*cibxml.Element{t.Element(ids)}, freeID(conf, t.ID)
		}, nil
	})
}
