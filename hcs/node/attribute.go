package node

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/hcs/complete"
	"github.com/holdfast-ha/holdfast/hcs/edit"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/state"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

func attribute(s *session.Session) *cobra.Command {
	transient := false
	return verb.New(verb.Verb{
		Use: "attribute [NODE] [NAME=VALUE]...", Short: "Show or set attributes of nodes", Min: 0, Max: -1, Complete: complete.First(complete.Nodes(s)),
		Long: `Attributes are for rules: hcs constraint location. An empty value (NAME=) removes one. With --transient the value is forgotten when the node
leaves the cluster.`,
		Flags: func(f *pflag.FlagSet) { f.BoolVar(&transient, "transient", false, "until the node leaves the cluster") },
		Run: func(ctx context.Context, args []string) error {
			if len(args) < 2 {
				return showAttributes(ctx, s, args)
			}
			pairs, err := verb.Pairs(args[1:])
			if err != nil {
				return err
			}
			if transient {
				return setTransient(ctx, s, args[0], pairs)
			}
			return setAttributes(ctx, s, args[0], false, pairs)
		},
	})
}

func setAttributes(ctx context.Context, s *session.Session, node string, utilization bool, pairs []build.Pair) error {
	_, err := s.Change(ctx, "Changed node "+node+".", func(conf *cibxml.Element) (*cibxml.Element, error) {
		return edit.SetNode(conf, node, utilization, pairs)
	})
	return err
}

func setTransient(ctx context.Context, s *session.Session, node string, pairs []build.Pair) error {
	if s.CIBFile != "" {
		return session.Fail(api.CodeUsage, "transient attributes are not part of a configuration file; leave out --cib")
	}
	doc, err := s.Document(ctx)
	if err != nil {
		return err
	}
	if state.Read(doc, s.Now()).Node(node) == nil {
		_, err := edit.Node(doc.Child("configuration"), node)
		return err
	}
	crm := s.CRM()
	defer crm.Close()
	for _, p := range pairs {
		u := api.AttrUpdate{Op: "update", Name: p.Name, Node: node, Value: p.Value, Dampen: -1}
		if p.Value == "" {
			u.Op = "delete"
		}
		if err := crm.Call(ctx, http.MethodPost, api.PathAttrs, u, nil); err != nil {
			return err
		}
	}
	s.Say("Changed node %s until it leaves the cluster.", node)
	if s.JSON {
		return s.PrintJSON(map[string]string{"node": node})
	}
	return nil
}

func showAttributes(ctx context.Context, s *session.Session, nodes []string) error {
	doc, err := s.Document(ctx)
	if err != nil {
		return err
	}
	st := state.Read(doc, s.Now())
	all := map[string]map[string]string{}
	for _, n := range st.Nodes {
		if len(nodes) == 0 || n.Name == nodes[0] {
			all[n.Name] = n.Attributes
		}
	}
	if len(all) == 0 && len(nodes) > 0 {
		_, err := edit.Node(doc.Child("configuration"), nodes[0])
		return err
	}
	if s.JSON {
		return s.PrintJSON(all)
	}
	t := render.NewTable(s, "node", "attribute", "value", "kept")
	for _, node := range slices.Sorted(maps.Keys(all)) {
		n, _ := edit.Node(doc.Child("configuration"), node) // remote nodes may have no entry
		for _, name := range slices.Sorted(maps.Keys(all[node])) {
			kept := "until the node leaves"
			if _, permanent := edit.Pair(n, "instance_attributes", name); permanent {
				kept = "for good"
			}
			t.Row(render.C(node), render.C(name), render.C(all[node][name]), render.T(render.Quiet, kept))
		}
	}
	if t.Empty() {
		s.Say("There are no attributes.")
		return nil
	}
	t.Write(s.Out)
	return nil
}

func utilization(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "utilization NODE [NAME=NUMBER]...", Short: "Show or set what a node has to offer", Min: 1, Max: -1, Complete: complete.First(complete.Nodes(s)),
		Long: "It counts when the property placement-strategy says so. An empty value (NAME=) removes a capacity.",
		Run: func(ctx context.Context, args []string) error {
			if len(args) == 1 {
				return showUtilization(ctx, s, args[0])
			}
			pairs, err := verb.Pairs(args[1:])
			if err != nil {
				return err
			}
			for _, p := range pairs {
				if _, err := strconv.Atoi(p.Value); err != nil && p.Value != "" {
					return session.Fail(api.CodeUsage, "%s is %q, must be a whole number", p.Name, p.Value)
				}
			}
			return setAttributes(ctx, s, args[0], true, pairs)
		},
	})
}

func showUtilization(ctx context.Context, s *session.Session, name string) error {
	doc, err := s.Document(ctx)
	if err != nil {
		return err
	}
	n, err := edit.Node(doc.Child("configuration"), name)
	if err != nil {
		return err
	}
	values := map[string]string{}
	var lines []string
	for _, p := range edit.Pairs(n, "utilization") {
		values[p.Name] = p.Value
		lines = append(lines, p.Name+"="+p.Value)
	}
	if s.JSON {
		return s.PrintJSON(values)
	}
	if len(lines) == 0 {
		lines = []string{"There is none."}
	}
	s.Say("%s", strings.Join(lines, "\n"))
	return nil
}
