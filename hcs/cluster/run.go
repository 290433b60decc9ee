package cluster

import (
	"context"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

func start(s *session.Session) *cobra.Command {
	limit := startLimit
	return verb.New(verb.Verb{
		Use: "start", Short: "Start the stack on this node", Min: 0, Max: 0,
		Long: `Through systemd where it is process 1, else by hcs node run in the background. The command returns when the daemons answer; resources
start when the node has joined and there is quorum.`,
		Flags: func(f *pflag.FlagSet) {
			f.DurationVar(&limit, "limit", startLimit, "how long to wait for the stack")
		},
		Run: func(ctx context.Context, _ []string) error {
			if !configured(s) {
				return session.Fail(api.CodeConfig, "this machine belongs to no cluster: there is no %s. Make one with hcs cluster init, or join one with hcs cluster join.", s.Dirs.ClusterFile())
			}
			if list := running(ctx, s); len(list) == len(daemons) {
				s.Say("The stack runs already.")
				return doneWith(s, "running", "already")
			}
			if err := startStack(ctx, s, limit); err != nil {
				return err
			}
			s.Say("The stack runs on this node.")
			return doneWith(s, "running", "started")
		},
	})
}

// doneWith prints one fact with --json.
func doneWith(s *session.Session, key, value string) error {
	if s.JSON {
		return s.PrintJSON(map[string]string{key: value})
	}
	return nil
}

// stopLimit is how long this node's resources may take to stop: shutdown-escalation's default and a little.
const stopLimit = 21 * time.Minute

func stop(s *session.Session) *cobra.Command {
	var all bool
	limit := stopLimit
	return verb.New(verb.Verb{
		Use: "stop", Short: "Stop this node in order: its resources stop or move to others first", Min: 0, Max: 0,
		Long: "With --all every node is stopped, and with them every resource.",
		Flags: func(f *pflag.FlagSet) {
			f.BoolVar(&all, "all", false, "every node of the cluster")
			f.DurationVar(&limit, "limit", stopLimit, "how long to wait for the resources")
		},
		Run: func(ctx context.Context, _ []string) error {
			if all {
				if err := s.Confirm("Stop the whole cluster with all of its resources?"); err != nil {
					return err
				}
			}
			return stopNode(ctx, s, all, limit)
		},
	})
}

func stopNode(ctx context.Context, s *session.Session, all bool, limit time.Duration) error {
	st, err := crmStatus(ctx, s)
	asked := err == nil
	switch {
	case asked:
		if err := askToLeave(ctx, s, st, all); err != nil {
			return err
		}
	case !session.NotRunning(err):
		return err
	case all:
		return session.Fail(session.Code(err), "crmd does not run here, so the other nodes cannot be stopped from here: %v", err)
	}
	gone := session.Until(ctx, limit, func() bool {
		_, err := crmStatus(ctx, s)
		return session.NotRunning(err)
	})
	if !gone {
		return session.Fail(api.CodeTimeout, "the resources of this node have not stopped after %s; see hcs status. The node goes on stopping.", limit)
	}
	if err := endRest(ctx, s, asked); err != nil {
		return err
	}
	s.Say("The stack is stopped on this node.")
	return doneWith(s, "stopped", "yes")
}

// askToLeave asks crmd to stop the resources of this node, with all those of the others too.
func askToLeave(ctx context.Context, s *session.Session, st *api.CRMStatus, all bool) error {
	crm := s.CRM()
	defer crm.Close()
	var others []string
	if all {
		for _, m := range st.View.Members {
			if m.Name != st.Node {
				others = append(others, m.Name)
			}
		}
	}
	for _, node := range append(others, st.Node) {
		if err := crm.Call(ctx, http.MethodPost, api.PathShutdown, api.ShutdownRequest{Node: node}, nil); err != nil {
			return session.Fail(session.Code(err), "%s cannot be stopped: %v", node, err)
		}
	}
	if len(others) > 0 {
		s.Say("Stopping %s and this node.", strings.Join(others, ", "))
	}
	return nil
}

// endLimit is how long the daemons may take to end once the resources have stopped.
const endLimit = 30 * time.Second

// endRest ends what still runs when crmd has left. A supervisor ends by itself then; when crmd was not there to be
// asked it has to be told.
func endRest(ctx context.Context, s *session.Session, asked bool) error {
	if bySystemd(s) {
		return systemctl(ctx, append([]string{"stop", "--no-block"}, daemonUnits...)...)
	}
	if pid := supervisorPID(s); pid > 0 {
		if !asked || !session.Until(ctx, endLimit/2, func() bool { return supervisorPID(s) == 0 }) {
			_ = syscall.Kill(pid, syscall.SIGTERM) // gone meanwhile when it fails
		}
	}
	if !session.Until(ctx, endLimit, func() bool { return len(running(ctx, s)) == 0 }) {
		return session.Fail(api.CodeTimeout, "%s still runs", strings.Join(running(ctx, s), ", "))
	}
	return nil
}
