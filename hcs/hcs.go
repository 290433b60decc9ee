// Package hcs is the operator's command line of Holdfast.
package hcs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/hcs/cibcmd"
	"github.com/holdfast-ha/holdfast/hcs/cluster"
	"github.com/holdfast-ha/holdfast/hcs/constraint"
	"github.com/holdfast-ha/holdfast/hcs/doctor"
	"github.com/holdfast-ha/holdfast/hcs/forecast"
	"github.com/holdfast-ha/holdfast/hcs/look"
	"github.com/holdfast-ha/holdfast/hcs/node"
	"github.com/holdfast-ha/holdfast/hcs/property"
	"github.com/holdfast-ha/holdfast/hcs/qdevice"
	"github.com/holdfast-ha/holdfast/hcs/quorum"
	"github.com/holdfast-ha/holdfast/hcs/resource"
	"github.com/holdfast-ha/holdfast/hcs/rollout"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/stonith"
	"github.com/holdfast-ha/holdfast/hcs/story"
	"github.com/holdfast-ha/holdfast/hcs/supervisor"
	"github.com/holdfast-ha/holdfast/internal/ipc"
)

// Version is that of this software.
const Version = "0.1.0"

// Main runs one command line and returns its exit status.
func Main(ctx context.Context, s *session.Session, args []string) int {
	if s.Schedule == nil {
		s.Schedule = forecast.Schedule
	}
	root := Root(s)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return api.CodeOK
	}
	return report(s, err)
}

// Root is the command hcs with everything below it.
func Root(s *session.Session) *cobra.Command {
	root := &cobra.Command{
		Use: "hcs", DisableFlagsInUseLine: true, SuggestionsMinimumDistance: 2, Short: "Set up and operate a Holdfast cluster", Version: Version, SilenceErrors: true, SilenceUsage: true,
		Long: `hcs sets up and operates a Holdfast cluster: nodes that watch each other, fence what is lost, and run services somewhere at all times.

Every command has --help, and --json for programs. Changes are carried out by the whole cluster; --wait waits until they are.`,
		Example: `  hcs status --watch
  hcs plan cluster.toml
  hcs explain vip`,
		Args: func(cmd *cobra.Command, args []string) error { return unknown(cmd, args) },
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddGroup(&cobra.Group{ID: "look", Title: "See how it is:"}, &cobra.Group{ID: "cluster", Title: "Cluster and nodes:"},
		&cobra.Group{ID: "configure", Title: "What runs where:"}, &cobra.Group{ID: "file", Title: "The cluster file:"})
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add("look", look.Status(s), look.Explain(s), look.Simulate(s), story.Command(s), quorum.Command(s), look.Links(s), look.Alarms(s), look.Throttle(s), doctor.Command(s))
	add("cluster", cluster.Command(s), node.Command(s, supervisor.Command(s)), stonith.Command(s), qdevice.Command(s))
	add("configure", resource.Command(s), constraint.Command(s), property.Command(s), cibcmd.Command(s))
	add("file", rollout.PlanCommand(s), rollout.Apply(s), rollout.Diff(s), rollout.Config(s))
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	root.SetIn(s.In)
	f := root.PersistentFlags()
	f.BoolVar(&s.JSON, "json", false, "print JSON for programs")
	f.BoolVarP(&s.Yes, "yes", "y", false, "answer questions with yes")
	f.BoolVar(&s.NoColor, "no-color", false, "print without colours; NO_COLOR in the environment does the same")
	f.StringVar(&s.CIBFile, "cib", "", "work on the configuration in this CIB `file` instead of the cluster's")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return session.Fail(api.CodeUsage, "%v; see: %s --help", err, cmd.CommandPath())
	})
	root.CompletionOptions.HiddenDefaultCmd = false
	return root
}

func unknown(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	msg := fmt.Sprintf("there is no command %q", "hcs "+args[0])
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return session.Fail(api.CodeUsage, "%s; did you mean %s?", msg, strings.Join(near, " or "))
	}
	return session.Fail(api.CodeUsage, "%s. See: hcs --help", msg)
}

// report says why a command failed and returns its exit status.
func report(s *session.Session, err error) int {
	code := session.Code(err)
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	if s.JSON {
		raw, _ := json.Marshal(map[string]ipc.Error{"error": {Code: code, Message: err.Error()}}) // of plain values
		fmt.Fprintln(s.Err, string(raw))
		return code
	}
	for i, line := range strings.Split(err.Error(), "\n") {
		if i == 0 {
			line = "hcs: " + line
		}
		fmt.Fprintln(s.Err, line)
	}
	return code
}
