// Package node is the command "node".
package node

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/hcs/complete"
	"github.com/holdfast-ha/holdfast/hcs/edit"
	"github.com/holdfast-ha/holdfast/hcs/look"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/show"
	"github.com/holdfast-ha/holdfast/hcs/state"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// Command is "node".
func Command(s *session.Session, run *cobra.Command) *cobra.Command {
	return verb.Noun("node", "Show nodes and take them out of service", "",
		list(s),
		mode(s, "standby", "Move all resources off nodes", "The node stays a member. hcs node unstandby takes it back.", "standby", "on", "is in standby"),
		mode(s, "unstandby", "Let nodes run resources again", "", "standby", "", "runs resources again"),
		mode(s, "maintenance", "Leave the resources on nodes alone", `Nothing is started, stopped or monitored there until hcs node unmaintenance. The node is still fenced when it is lost, and its resources may
be started elsewhere then.`, "maintenance", "on", "is in maintenance"),
		mode(s, "unmaintenance", "Look after the resources on nodes again", "", "maintenance", "", "is out of maintenance"),
		attribute(s), utilization(s), remove(s), run)
}

func list(s *session.Session) *cobra.Command {
	var every time.Duration
	return verb.New(verb.Verb{
		Use: "list", Short: "Show the nodes and what runs on them", Min: 0, Max: 0,
		Flags: func(f *pflag.FlagSet) { look.Watch(f, &every) },
		Run: func(ctx context.Context, _ []string) error {
			return look.Repeat(ctx, s, every, func(s *session.Session) error {
				doc, err := s.Document(ctx)
				if err != nil {
					return err
				}
				st := state.Read(doc, s.Now())
				if s.JSON {
					return s.PrintJSON(st.Nodes)
				}
				show.Nodes(s, st, nil)
				return nil
			})
		},
	})
}

// local is the name of this node.
func local(ctx context.Context, s *session.Session) (string, error) {
	crm := s.CRM()
	defer crm.Close()
	var st api.CRMStatus
	if err := crm.Call(ctx, http.MethodGet, api.PathCRMStatus, nil, &st); err != nil {
		return "", err
	}
	return st.Node, nil
}

// mode makes a command that sets an attribute of nodes; an empty value removes it.
func mode(s *session.Session, name, short, more, attr, value, said string) *cobra.Command {
	all := false
	return verb.New(verb.Verb{
		Use: name + " [NODE]...", Short: short, Min: 0, Max: -1, Complete: complete.Each(complete.Nodes(s)),
		Long: strings.TrimSpace("Without NODE this node is meant. " + more),
		Flags: func(f *pflag.FlagSet) {
			f.BoolVar(&all, "all", false, "every node")
			verb.Wait(s, f)
		},
		Run: func(ctx context.Context, args []string) error {
			if all && len(args) > 0 {
				return session.Fail(api.CodeUsage, "--all and names exclude each other")
			}
			nodes := slices.Clone(args)
			if len(nodes) == 0 && !all {
				me, err := local(ctx, s)
				if err != nil {
					return err
				}
				nodes = []string{me}
			}
			who := strings.Join(nodes, ", ")
			if all {
				who = "Every node"
			}
			if len(nodes) > 1 {
				said = "each " + said
			}
			_, err := s.Change(ctx, who+" "+said+".", func(conf *cibxml.Element) (*cibxml.Element, error) {
				names := nodes
				if all {
					names = edit.Nodes(conf)
				}
				for _, n := range names {
					next, err := edit.SetNode(conf, n, false, []build.Pair{{Name: attr, Value: value}})
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
