package look

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/hcs/checkup"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/show"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// Status is "status".
func Status(s *session.Session) *cobra.Command {
	var every time.Duration
	var check bool
	return verb.New(verb.Verb{
		Use: "status", Short: "Show how the cluster is: nodes, resources and what needs attention", Min: 0, Max: 0,
		Long: "With --check the exit status is 1 when something does not work.",
		Examples: `  hcs status --watch
  hcs status --json | jq '.problems[].text'`,
		Flags: func(f *pflag.FlagSet) {
			Watch(f, &every)
			f.BoolVar(&check, "check", false, "end with exit status 1 when something does not work")
		},
		Run: func(ctx context.Context, _ []string) error {
			bad := 0
			err := Repeat(ctx, s, every, func(s *session.Session) error {
				o, err := gather(ctx, s)
				if err != nil {
					return err
				}
				bad = countBad(o)
				if s.JSON {
					return s.PrintJSON(o)
				}
				overview(s, o)
				return nil
			})
			if err == nil && check && bad > 0 {
				return session.Fail(api.CodeError, "%s", render.Plural(bad, "thing does not work", "things do not work"))
			}
			return err
		},
	})
}

func countBad(o *Overview) int {
	n := 0
	for _, p := range o.Problems {
		if p.Severity == checkup.Bad {
			n++
		}
	}
	return n
}

func overview(s *session.Session, o *Overview) {
	paint := render.NewPainter(s)
	s.Say("%s", headline(paint, o))
	if o.Cluster == nil {
		members(s, o)
	} else {
		s.Say("")
		show.Nodes(s, o.Cluster, o.Links)
		s.Say("")
		if len(o.Cluster.Resources) == 0 {
			s.Say("There are no resources yet. hcs resource create makes one, hcs apply takes them from a cluster file.")
		} else {
			show.Resources(s, o.Cluster.Resources)
		}
	}
	s.Say("")
	if len(o.Problems) == 0 {
		s.Say("%s", paint.Paint(render.Good, "Nothing needs attention."))
		return
	}
	show.Problems(s, o.Problems)
}

// headline says the most important things in one line.
func headline(p render.Painter, o *Overview) string {
	var parts []string
	name := "(no name)"
	if o.Cluster != nil && o.Cluster.Name != "" {
		name = o.Cluster.Name
	} else if o.Corosync != nil {
		name = o.Corosync.Cluster
	}
	parts = append(parts, "Cluster "+p.Paint(render.Strong, name))
	switch {
	case o.Corosync != nil && o.Corosync.View.Quorum.Quorate:
		q := o.Corosync.View.Quorum
		parts = append(parts, p.Paint(render.Good, "quorate")+fmt.Sprintf(" (%d of %d votes)", q.Votes, q.Expected))
	case o.Corosync != nil:
		q := o.Corosync.View.Quorum
		parts = append(parts, p.Paint(render.Bad, "no quorum")+fmt.Sprintf(" (%d of %d votes)", q.Votes, q.Expected))
	case o.Cluster != nil && o.Cluster.Quorate:
		parts = append(parts, p.Paint(render.Good, "quorate"))
	case o.Cluster != nil:
		parts = append(parts, p.Paint(render.Bad, "no quorum"))
	}
	if o.Cluster != nil && o.Cluster.DC != "" {
		dc := "DC " + o.Cluster.DC
		if o.CRM != nil && o.CRM.Acting {
			dc += p.Paint(render.Attention, " (acting)")
		}
		parts = append(parts, dc)
	}
	if o.CRM != nil && o.CRM.Pending > 0 {
		parts = append(parts, p.Paint(render.Attention, fmt.Sprintf("transition %d, %s left", o.CRM.Transition, render.Plural(o.CRM.Pending, "action", "actions"))))
	}
	if n := len(slices.DeleteFunc(slices.Clone(o.Alarms), func(a api.Alarm) bool { return a.Severity == api.Info })); n > 0 {
		parts = append(parts, p.Paint(render.Bad, render.Plural(n, "alarm", "alarms")))
	}
	if o.Cluster != nil {
		parts = append(parts, p.Paint(render.Quiet, "configuration "+o.Cluster.CIBVersion))
	}
	return strings.Join(parts, " · ")
}

// members lists the members when there is no crmd to say more.
func members(s *session.Session, o *Overview) {
	s.Say("")
	t := render.NewTable(s, "node", "id", "state")
	for _, n := range o.Corosync.View.Nodes {
		if o.Corosync.View.Has(n.ID) {
			t.Row(render.C(n.Name), render.C(n.ID.String()), render.T(render.Good, "member"))
		} else {
			t.Row(render.C(n.Name), render.C(n.ID.String()), render.T(render.Bad, "not a member"))
		}
	}
	t.Write(s.Out)
}
