package operate

import (
	"context"
	"net/http"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/value"
	"github.com/holdfast-ha/holdfast/hcs/complete"
	"github.com/holdfast-ha/holdfast/hcs/edit"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/state"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// Cleanup is "resource cleanup" and "resource refresh".
func Cleanup(s *session.Session, refresh bool) *cobra.Command {
	req := api.CleanupRequest{Refresh: refresh}
	interval := ""
	v := verb.Verb{
		Use: "cleanup [ID]", Short: "Forget failures, so that resources may run again where they failed", Min: 0, Max: 1,
		Complete: complete.First(complete.Resources(s)),
		Long:     "Without ID the failures of all resources are forgotten. The cluster looks again at what was cleaned up, and starts what it had given up.",
	}
	if refresh {
		v.Use, v.Short = "refresh [ID]", "Forget the recorded state of resources, so that the cluster looks at them anew"
		v.Long = "Unlike cleanup this does so whether or not something failed. On a large cluster a refresh of everything is a lot of work."
	}
	v.Flags = func(f *pflag.FlagSet) {
		f.StringVar(&req.Node, "node", "", "only on this `node`")
		if !refresh {
			f.StringVar(&req.Operation, "operation", "", "only failures of this `operation`, such as monitor")
			f.StringVar(&interval, "interval", "", "only of the operation with this interval")
		}
		verb.Wait(s, f)
	}
	v.Run = func(ctx context.Context, args []string) error {
		if len(args) == 1 {
			req.Resource = args[0]
		}
		if interval != "" {
			ms, err := value.Duration(interval)
			if err != nil || req.Operation == "" {
				return session.Fail(api.CodeUsage, "--interval needs --operation and a time span such as 10s")
			}
			req.Interval = ms
		}
		return cleanup(ctx, s, req)
	}
	return verb.New(v)
}

func cleanup(ctx context.Context, s *session.Session, req api.CleanupRequest) error {
	if s.CIBFile != "" {
		return session.Fail(api.CodeUsage, "failures are not part of a configuration file; leave out --cib")
	}
	if req.Resource != "" || req.Node != "" {
		doc, err := s.Document(ctx)
		if err != nil {
			return err
		}
		if err := exist(s, doc.Child("configuration"), state.Read(doc, s.Now()), req.Resource, req.Node); err != nil {
			return err
		}
	}
	crm := s.CRM()
	defer crm.Close()
	reply := api.CleanupReply{}
	if err := crm.Call(ctx, http.MethodPost, api.PathCleanup, req, &reply); err != nil {
		return err
	}
	if err := s.WaitIdle(ctx, ""); err != nil {
		return err
	}
	if s.JSON {
		if reply.Cleaned == nil {
			reply.Cleaned = []string{}
		}
		return s.PrintJSON(reply)
	}
	if len(reply.Cleaned) == 0 {
		s.Say("There was nothing to clean up.")
	}
	for _, c := range reply.Cleaned {
		s.Say("Cleaned up %s", c)
	}
	return nil
}

// FailCount is "resource failcount".
func FailCount(s *session.Session) *cobra.Command {
	node := ""
	return verb.New(verb.Verb{
		Use: "failcount [ID]", Short: "Show how often resources failed where", Min: 0, Max: 1, Complete: complete.First(complete.Resources(s)),
		Long:  "At migration-threshold failures a resource leaves its node; INFINITY is a failure after which it may not run there. hcs resource cleanup forgets them.",
		Flags: func(f *pflag.FlagSet) { f.StringVar(&node, "node", "", "only on this `node`") },
		Run: func(ctx context.Context, args []string) error {
			doc, err := s.Document(ctx)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				if _, err := edit.Resource(doc.Child("configuration"), args[0]); err != nil {
					return err
				}
			}
			counts := failCounts(state.Read(doc, s.Now()), args, node)
			if s.JSON {
				return s.PrintJSON(counts)
			}
			if len(counts) == 0 {
				s.Say("No failures are counted.")
				return nil
			}
			t := render.NewTable(s, "resource", "node", "operation", "failures")
			for _, c := range counts {
				t.Row(render.C(c.Resource), render.C(c.Node), render.C(c.Operation), render.T(render.Bad, c.Count))
			}
			t.Write(s.Out)
			return nil
		},
	})
}

// Count is a fail count as JSON.
type Count struct {
	Resource  string `json:"resource"`
	Node      string `json:"node"`
	Operation string `json:"operation"`
	Count     string `json:"count"`
}

// failCounts reads the attributes fail-count-RESOURCE#OPERATION_INTERVAL of all nodes.
func failCounts(st *state.Cluster, ids []string, node string) []Count {
	list := []Count{}
	for _, n := range st.Nodes {
		if node != "" && n.Name != node {
			continue
		}
		for _, name := range sortedNames(n.Attributes) {
			rest, ok := strings.CutPrefix(name, "fail-count-")
			if !ok {
				continue
			}
			rsc, op, _ := strings.Cut(rest, "#")
			if len(ids) == 0 || rsc == ids[0] || strings.HasPrefix(rsc, ids[0]+":") {
				list = append(list, Count{rsc, n.Name, operationName(op), n.Attributes[name]})
			}
		}
	}
	return list
}
