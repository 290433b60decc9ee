package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
	"github.com/holdfast-ha/holdfast/internal/paths"
)

// NodeState is what "cluster status" prints with --json.
type NodeState struct {
	Configured bool                `json:"configured"`
	Running    map[string]bool     `json:"running"`
	Corosync   *api.CorosyncStatus `json:"corosync,omitempty"`
	CRM        *api.CRMStatus      `json:"crm,omitempty"`
}

func status(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "status", Short: "Show whether the stack runs on this node and who is in the cluster", Min: 0, Max: 0,
		Long: "hcs status shows the resources too.",
		Run: func(ctx context.Context, _ []string) error {
			st := NodeState{Configured: configured(s), Running: map[string]bool{}}
			list := running(ctx, s)
			for _, d := range daemons {
				st.Running[d] = slices.Contains(list, d)
			}
			if c, err := corosyncStatus(ctx, s); err == nil {
				st.Corosync = c
			}
			if c, err := crmStatus(ctx, s); err == nil {
				st.CRM = c
			}
			if s.JSON {
				return s.PrintJSON(st)
			}
			st.write(s)
			return nil
		},
	})
}

func (st *NodeState) write(s *session.Session) {
	if !st.Configured {
		s.Say("This machine belongs to no cluster.")
	}
	t := render.NewTable(s, "daemon", "state", "")
	for _, d := range daemons {
		word := render.T(render.Bad, "does not run")
		if st.Running[d] {
			word = render.T(render.Good, "runs")
		}
		t.Row(render.C(d), word, render.C(st.remark(d)))
	}
	t.Write(s.Out)
	if st.Corosync == nil {
		return
	}
	v := st.Corosync.View
	var in, out []string
	for _, n := range v.Nodes {
		if v.Has(n.ID) {
			in = append(in, n.Name)
		} else {
			out = append(out, n.Name)
		}
	}
	s.Say("\nCluster %s, this is %s. Members: %s.", st.Corosync.Cluster, st.Corosync.Name, strings.Join(in, ", "))
	if len(out) > 0 {
		s.Say("Not there: %s.", strings.Join(out, ", "))
	}
}

func (st *NodeState) remark(daemon string) string {
	switch {
	case daemon == "corosyncd" && st.Corosync != nil:
		return st.Corosync.View.Quorum.Reason
	case daemon == "crmd" && st.CRM != nil && st.CRM.DC != "":
		return "DC is " + st.CRM.DC
	case daemon == "fenced" && st.CRM != nil && st.CRM.Fencing != "ok":
		return st.CRM.Fencing
	}
	return ""
}

func destroy(s *session.Session) *cobra.Command {
	force := false
	return verb.New(verb.Verb{
		Use: "destroy", Short: "Remove the cluster's files from this machine", Min: 0, Max: 0,
		Long: `The stack must be stopped. What is removed is the cluster file, the keys and certificates, and this node's copy of the configuration; files of
secrets stay. On the other nodes hcs node remove takes this one out.`,
		Flags: func(f *pflag.FlagSet) {
			f.BoolVar(&force, "force", false, "stop the stack first, with its resources")
		},
		Run: func(ctx context.Context, _ []string) error {
			if list := running(ctx, s); len(list) > 0 && !force {
				return session.Fail(api.CodeUnsafe, "%s runs; stop the node first: hcs cluster stop", strings.Join(list, ", "))
			}
			if err := s.Confirm("Remove the cluster's files from this machine? Its copy of the configuration is lost."); err != nil {
				return err
			}
			if len(running(ctx, s)) > 0 {
				if err := stopNode(ctx, s, false, stopLimit); err != nil {
					return err
				}
			}
			removed, err := wipe(s.Dirs)
			if err != nil {
				return err
			}
			if len(removed) == 0 {
				s.Say("There was nothing to remove.")
			}
			for _, p := range removed {
				s.Say("Removed %s", p)
			}
			if s.JSON {
				return s.PrintJSON(map[string][]string{"removed": removed})
			}
			return nil
		},
	})
}

// wipe removes what makes this machine a node. The cluster file goes first: without it nothing starts.
func wipe(dirs paths.Dirs) ([]string, error) {
	removed := []string{}
	var errs []error
	for _, path := range []string{dirs.ClusterFile(), dirs.GossipKey(), dirs.PKI(), dirs.Qdevice(), dirs.State("crmd"), dirs.State("fenced"), dirs.State("corosyncd"),
		filepath.Join(dirs.Var, "node.log"), filepath.Join(dirs.Var, "node.log.1")} {
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			errs = append(errs, fmt.Errorf("remove %s: %w", path, err))
			continue
		}
		removed = append(removed, path)
	}
	return removed, errors.Join(errs...)
}
