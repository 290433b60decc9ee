// Package doctor is the command "doctor", which looks for settings that will hurt later.
package doctor

import (
	"context"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/clusterfile/agent"
	"github.com/holdfast-ha/holdfast/clusterfile/crm"
	"github.com/holdfast-ha/holdfast/fenced/budget"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// Command is "doctor".
func Command(s *session.Session) *cobra.Command {
	return verb.Noun("doctor", "Look for settings that will hurt later", "", timeouts(s))
}

func timeouts(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "timeouts [FILE]", Short: "Show every timeout from the death of a node to its proven fence, what contradicts what, and the worst case",
		Min: 0, Max: 1,
		Long: "Without FILE the timeouts in force are shown, with those in the header of this node's sbd disks. With FILE those of a cluster file that is not applied yet. " +
			"The exit status is 1 when a contradiction makes fences fail, or succeed wrongly.",
		Run: func(ctx context.Context, args []string) error {
			var report api.FenceBudget
			if len(args) == 1 {
				text, err := os.ReadFile(args[0])
				if err != nil {
					return err
				}
				f, c, err := crm.Load(args[0], text, crm.Source{Agents: agent.Unknown{}})
				if err != nil {
					return err
				}
				report = budget.Report(crm.Timeouts(f, c))
			} else {
				fencer := s.Fencer()
				defer fencer.Close()
				if err := fencer.Call(ctx, http.MethodGet, api.PathFenceBudget, nil, &report); err != nil {
					return err
				}
			}
			if s.JSON {
				if err := s.PrintJSON(report); err != nil {
					return err
				}
			} else {
				show(s, &report)
			}
			for _, c := range report.Conflicts {
				if c.Fatal {
					return session.Fail(api.CodeError, "timeouts contradict each other")
				}
			}
			return nil
		},
	})
}

func span(ms int64) string { return budget.Text(time.Duration(ms) * time.Millisecond) }

func show(s *session.Session, r *api.FenceBudget) {
	t := render.NewTable(s, "timeout", "value", "", "what for")
	for _, x := range r.Settings {
		derived := ""
		if x.Derived {
			derived = "derived"
		}
		t.Text(x.Name, span(x.Value), derived, x.Why)
	}
	t.Write(s.Out)
	for _, l := range r.Timelines {
		of := ""
		if l.Target != "" {
			of = " of " + l.Target
		}
		s.Say("\nWorst case of fencing%s:", of)
		t := render.NewTable(s, "at", "at the latest")
		for _, m := range l.Moments {
			t.Text(span(m.At), m.What)
		}
		t.Write(s.Out)
	}
	if len(r.Conflicts) == 0 {
		s.Say("\nNo contradictions.")
		return
	}
	s.Say("\nContradictions:")
	paint := render.NewPainter(s)
	for _, c := range r.Conflicts {
		tone := render.Attention
		if c.Fatal {
			tone = render.Bad
		}
		s.Say("  %s", paint.Paint(tone, c.Text))
	}
}
