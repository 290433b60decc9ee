package operate

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/hcs/complete"
	"github.com/holdfast-ha/holdfast/hcs/edit"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// restartLimit is how long stopping and starting may take each, unless --wait says otherwise.
const restartLimit = 10 * time.Minute

// Restart is "resource restart".
func Restart(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "restart ID", Short: "Stop a resource and start it again", Min: 1, Max: 1, Complete: complete.First(complete.Resources(s)),
		Long: `What depends on it stops and starts with it. When stopping takes too long or the command is interrupted, the resource is enabled again: it is
never left disabled.`,
		Flags: func(f *pflag.FlagSet) { verb.Wait(s, f) },
		Run:   func(ctx context.Context, args []string) error { return restart(ctx, s, args[0]) },
	})
}

func restart(ctx context.Context, s *session.Session, id string) (err error) {
	if s.CIBFile != "" {
		return session.Fail(api.CodeUsage, "a file cannot be restarted; leave out --cib")
	}
	if s.Wait == 0 {
		s.Wait = restartLimit
	}
	before := ""
	stopping, err := s.Edit(ctx, func(conf *cibxml.Element) (*cibxml.Element, error) {
		e, err := edit.Resource(conf, id)
		if err != nil {
			return nil, err
		}
		before, _ = edit.Pair(e, "meta_attributes", "target-role")
		if before == "Stopped" {
			return nil, session.Fail(api.CodeUsage, "%s is disabled; start it with: hcs resource enable %s", id, id)
		}
		return edit.SetMeta(conf, id, []build.Pair{{Name: "target-role", Value: "Stopped"}})
	})
	if err != nil {
		return err
	}
	waited := s.WaitIdle(ctx, stopping.Version)
	// From here on the resource must be enabled again, whatever happens.
	back := context.WithoutCancel(ctx)
	started, err := s.Edit(back, func(conf *cibxml.Element) (*cibxml.Element, error) {
		return edit.SetMeta(conf, id, []build.Pair{{Name: "target-role", Value: before}})
	})
	switch {
	case err != nil:
		return session.Fail(session.Code(err), "%s was stopped for a restart and could not be enabled again: %v\nStart it with: hcs resource enable %s", id, err, id)
	case waited != nil:
		return session.Fail(session.Code(waited), "%s did not stop in time; it is enabled again. %v", id, waited)
	}
	if err := s.WaitIdle(ctx, started.Version); err != nil {
		return err
	}
	s.Say("Restarted %s.", id)
	if s.JSON {
		return s.PrintJSON(session.Changed{Version: started.Version, Changes: started.Changes, Done: true})
	}
	return nil
}
