package quorum

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

func status(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "status", Short: "Show votes and why this partition is quorate or not", Min: 0, Max: 0,
		Run: func(ctx context.Context, _ []string) error {
			corosync := s.Corosync()
			defer corosync.Close()
			var st api.CorosyncStatus
			if err := corosync.Call(ctx, http.MethodGet, api.PathCorosyncStatus, nil, &st); err != nil {
				return err
			}
			if s.JSON {
				return s.PrintJSON(st.View)
			}
			votes(s, &st.View)
			return nil
		},
	})
}

func votes(s *session.Session, v *api.View) {
	paint := render.NewPainter(s)
	q := v.Quorum
	verdict := paint.Paint(render.Good, "quorate")
	if !q.Quorate {
		verdict = paint.Paint(render.Bad, "no quorum")
	}
	s.Say("%s: %s", verdict, q.Reason)
	s.Say("Votes %d, expected %d, needed %d · flags %s · ring %s\n", q.Votes, q.Expected, q.Needed, orNone(strings.Join(q.Flags, " ")), v.Ring)
	t := render.NewTable(s, "node", "id", "votes", "state", "since")
	for _, n := range v.Nodes {
		word, why := render.T(render.Bad, "never seen"), ""
		if v.Has(n.ID) {
			word = render.T(render.Good, "member")
		}
		for _, d := range v.Departed {
			if d.ID == n.ID {
				word, why = render.T(render.Bad, string(d.How)), d.Reason
				if d.LastHeard > 0 {
					why += ", last heard " + render.Ago(s.Now(), render.Millis(d.LastHeard))
				}
			}
		}
		name := n.Name
		if n.ID == v.Local {
			name += " (this node)"
		}
		t.Row(render.C(name), render.C(n.ID.String()), render.C(strconv.Itoa(n.Votes)), word, render.C(why))
	}
	t.Write(s.Out)
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

func expectedVotes(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "expected-votes NUMBER", Short: "Change the number of expected votes while the cluster runs", Min: 1, Max: 1,
		Long: `Lowering it gives quorum to a partition that has lost nodes for good. Do it only when you are certain that the others are off: two partitions
that both think they have quorum run everything twice. To change it lastingly, write it into the cluster file.`,
		Run: func(ctx context.Context, args []string) error {
			n, err := strconv.Atoi(args[0])
			if err != nil || n < 1 {
				return session.Fail(api.CodeUsage, "%q is not a number of votes", args[0])
			}
			corosync := s.Corosync()
			defer corosync.Close()
			var st api.CorosyncStatus
			if err := corosync.Call(ctx, http.MethodGet, api.PathCorosyncStatus, nil, &st); err != nil {
				return err
			}
			if q := st.View.Quorum; n < q.Expected {
				if err := s.Confirm("Lower expected votes from " + strconv.Itoa(q.Expected) + " to " + args[0] +
					"? Every node that is not a member must be off, or resources will run twice."); err != nil {
					return err
				}
			}
			if err := corosync.Call(ctx, http.MethodPost, api.PathVotes, api.VotesChange{Votes: n}, nil); err != nil {
				return err
			}
			s.Say("Expected votes are %d now.", n)
			if s.JSON {
				return s.PrintJSON(api.VotesChange{Votes: n})
			}
			return nil
		},
	})
}
