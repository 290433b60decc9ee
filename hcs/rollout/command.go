package rollout

import (
	"context"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// path is the file that a command works on: its operand, or the node's own.
func path(s *session.Session, args []string) string {
	if len(args) > 0 {
		return args[0]
	}
	return s.Dirs.ClusterFile()
}

func agentFlag(f *pflag.FlagSet, skip *bool) {
	f.BoolVar(skip, "no-agents", false, "do not check agents and their parameters, for agents that are not installed here")
}

// PlanCommand is "plan".
func PlanCommand(s *session.Session) *cobra.Command {
	skip := false
	return verb.New(verb.Verb{
		Use: "plan [FILE]", Short: "Show what applying a cluster file would change and do", Min: 0, Max: 1,
		Long: `Without FILE this node's own cluster file is meant. The whole file is checked first; every problem is reported with its line. Nothing is
changed.`,
		Flags: func(f *pflag.FlagSet) { agentFlag(f, &skip) },
		Run: func(ctx context.Context, args []string) error {
			p, err := planOf(ctx, s, path(s, args), skip)
			if err != nil {
				return err
			}
			if s.JSON {
				return s.PrintJSON(p)
			}
			p.print(s)
			return nil
		},
	})
}

func planOf(ctx context.Context, s *session.Session, path string, skip bool) (*Plan, error) {
	want, err := load(ctx, s, path, skip)
	if err != nil {
		return nil, err
	}
	return makePlan(ctx, s, want)
}

// Diff is "diff".
func Diff(s *session.Session) *cobra.Command {
	skip := false
	return verb.New(verb.Verb{
		Use: "diff [FILE]", Short: "Show how the cluster differs from a cluster file", Min: 0, Max: 1,
		Long: `What was changed with pcs, crmsh, cibadmin or hcs since the file was applied shows here: + is what the file has and the cluster has not, - what the
cluster has and the file has not. The exit status is 1 when there is a difference. hcs config export writes a file that says what the cluster does.`,
		Flags: func(f *pflag.FlagSet) { agentFlag(f, &skip) },
		Run: func(ctx context.Context, args []string) error {
			p, err := planOf(ctx, s, path(s, args), skip)
			if err != nil {
				return err
			}
			if s.JSON {
				if err := s.PrintJSON(p); err != nil {
					return err
				}
			} else {
				for _, x := range p.File {
					setting(s, painter(s), "change", x)
				}
				Changes(s, p.Changes)
				p.printKept(s)
			}
			if !p.Empty() {
				return session.Fail(api.CodeError, "the cluster differs from %s", path(s, args))
			}
			s.Say("The cluster is as %s says.", path(s, args))
			return nil
		},
	})
}

// applyLimit is how long apply waits for the cluster unless --wait says otherwise.
const applyLimit = 2 * time.Minute

// Apply is "apply".
func Apply(s *session.Session) *cobra.Command {
	var skip, noWait bool
	return verb.New(verb.Verb{
		Use: "apply [FILE]", Short: "Bring a cluster file into effect on the whole cluster", Min: 0, Max: 1,
		Long: `The plan is shown and a question asked first, unless --yes answers it. Either all of the configuration is changed or nothing. Without FILE this
node's own cluster file is meant.`,
		Flags: func(f *pflag.FlagSet) {
			agentFlag(f, &skip)
			verb.Wait(s, f)
			f.BoolVar(&noWait, "no-wait", false, "do not wait until the cluster has carried it out")
		},
		Run: func(ctx context.Context, args []string) error {
			p, err := planOf(ctx, s, path(s, args), skip)
			if err != nil {
				return err
			}
			if !s.JSON {
				p.print(s)
			}
			if p.Empty() && p.agreed.Text == p.want.text {
				if s.JSON {
					return s.PrintJSON(p)
				}
				return nil
			}
			if !p.Empty() {
				if err := s.Confirm("Apply this?"); err != nil {
					return err
				}
			}
			if s.Wait == 0 && !noWait {
				s.Wait = applyLimit
			}
			return p.carryOut(ctx, s)
		},
	})
}

// ApplyText brings the text of a cluster file into effect without asking, for a cluster that has just been made.
func ApplyText(ctx context.Context, s *session.Session, path, text string) error {
	want, err := parse(ctx, s, path, text, false)
	if err != nil {
		return err
	}
	p, err := makePlan(ctx, s, want)
	if err != nil || len(p.Changes) == 0 {
		return err
	}
	_, err = p.write(ctx, s)
	return err
}

// write replaces the configuration, provided that it is still the one that the plan was made for.
func (p *Plan) write(ctx context.Context, s *session.Session) (version string, err error) {
	req := api.CIBRequest{Op: string(cib.OpReplace), Section: "configuration", Input: p.conf.Compact()}
	if s.CIBFile == "" {
		req.Base = p.version
	}
	reply, err := s.CIB(ctx, req)
	if session.Code(err) == api.CodeOld {
		return "", session.Fail(api.CodeOld, "somebody else changed the configuration in the meantime; nothing was changed. Look at the plan again: hcs plan %s", p.want.path)
	}
	return reply.Version, err
}

func (p *Plan) carryOut(ctx context.Context, s *session.Session) error {
	version := p.version
	if len(p.Changes) > 0 {
		var err error
		if version, err = p.write(ctx, s); err != nil {
			return err
		}
	}
	if s.CIBFile == "" {
		crm := s.CRM()
		defer crm.Close()
		next := api.ClusterFile{Text: p.want.text, Base: p.agreed.Version}
		if err := crm.Call(ctx, http.MethodPut, api.PathFile, next, nil); err != nil {
			return session.Fail(session.Code(err), "the configuration is changed, but the cluster did not take the cluster file: %v\nApply it again: hcs apply %s", err, p.want.path)
		}
	}
	if err := s.WaitIdle(ctx, version); err != nil {
		return err
	}
	p.Applied = true
	if s.JSON {
		return s.PrintJSON(p)
	}
	s.Say("\nApplied.")
	return nil
}

// readText reads a file; a missing one is empty.
func readText(path string) (string, error) {
	raw, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return "", nil
	}
	return string(raw), err
}
