package look

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/crmd/sched"
	"github.com/holdfast-ha/holdfast/crmd/sched/whatif"
	"github.com/holdfast-ha/holdfast/hcs/complete"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// Simulate is "simulate".
func Simulate(s *session.Session) *cobra.Command {
	var check, noQuorum bool
	return verb.New(verb.Verb{
		Use: "simulate [NODE...]", Short: "Say what would happen if a node failed", Min: 0, Max: -1,
		Complete: complete.Nodes(s),
		Long: `For each node, or for those that are named: whether it would be fenced, what would go on where, and what would be lost and why.
The scheduler is asked what it would do with the cluster as it is now; nothing is changed. With --check the exit status is 1 when something would be lost.
It is taken for granted that the other nodes keep quorum; --without-quorum says that they do not.`,
		Examples: `  hcs simulate
  hcs simulate n1 --json
  hcs simulate --check || echo "not safe to lose a node now"`,
		Flags: func(f *pflag.FlagSet) {
			f.BoolVar(&check, "check", false, "end with exit status 1 when something would be lost")
			f.BoolVar(&noQuorum, "without-quorum", false, "the other nodes do not have quorum")
		},
		Run: func(ctx context.Context, nodes []string) error {
			doc, err := s.Document(ctx)
			if err != nil {
				return err
			}
			in := whatif.Input{Input: sched.Input{Doc: doc, Now: s.Now().Unix(), Zone: s.Now().Location()}, NoQuorum: noQuorum}
			outcomes, err := foresee(in, nodes)
			if err != nil {
				return session.Fail(api.CodeNoSuchObject, "%v", err)
			}
			if s.JSON {
				err = s.PrintJSON(outcomes)
			} else {
				writeOutcomes(s, outcomes)
			}
			if lost := countLost(outcomes); err == nil && check && lost > 0 {
				return session.Fail(api.CodeError, "%s would be lost", render.Plural(lost, "resource", "resources"))
			}
			return err
		},
	})
}

// foresee asks for each node. The names are in the order of the cluster when none is given.
func foresee(in whatif.Input, nodes []string) ([]*whatif.Outcome, error) {
	if len(nodes) == 0 {
		nodes = whatif.Nodes(in.Input)
	}
	outcomes := []*whatif.Outcome{}
	for _, n := range nodes {
		o, err := whatif.NodeFails(in, n)
		if err != nil {
			return nil, err
		}
		outcomes = append(outcomes, o)
	}
	return outcomes, nil
}

func countLost(outcomes []*whatif.Outcome) int {
	n := 0
	for _, o := range outcomes {
		n += len(o.Lost)
	}
	return n
}

func writeOutcomes(s *session.Session, outcomes []*whatif.Outcome) {
	if len(outcomes) == 0 {
		s.Say("No node is online: there is nothing that could fail.")
	}
	for i, o := range outcomes {
		if i > 0 {
			s.Say("")
		}
		writeOutcome(s, o)
	}
}

func writeOutcome(s *session.Session, o *whatif.Outcome) {
	paint := render.NewPainter(s)
	how := "it is fenced (" + o.Fence + ")."
	if o.Fence == "" {
		how = paint.Paint(render.Attention, "it is not fenced: "+o.NotFenced+".")
	}
	s.Say("%s %s", paint.Paint(render.Strong, "If "+o.Node+" fails,"), how)
	for _, m := range o.Moves {
		if m.Role != "" {
			s.Say("  %s is %s on %s", m.Resource, strings.ToLower(m.Role), m.To)
			continue
		}
		s.Say("  %s goes to %s", m.Resource, m.To)
	}
	for _, f := range o.Fewer {
		s.Say("  %s runs on %s instead of %d", f.Resource, render.Plural(f.After, "node", "nodes"), f.Before)
	}
	for _, d := range o.Disturbed {
		text := d.Resource + ": " + strings.ToLower(d.Verb)
		switch {
		case d.To != "" && d.To != d.From:
			text += " from " + d.From + " to " + d.To
		default:
			text += " on " + d.From
		}
		if d.Reason != "" {
			text += ", because of: " + d.Reason
		}
		s.Say("  %s", text)
	}
	for _, l := range o.Lost {
		what := l.Resource + " is lost"
		if l.Role != "" {
			what = l.Resource + " is no longer " + strings.ToLower(l.Role)
		}
		s.Say("  %s: %s", paint.Paint(render.Bad, what), l.Why)
	}
	if len(o.Moves)+len(o.Fewer)+len(o.Disturbed)+len(o.Lost) == 0 {
		s.Say("  nothing moves and nothing is lost")
	}
}
