package look

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// Throttle is "throttle".
func Throttle(s *session.Session) *cobra.Command {
	var every time.Duration
	return verb.New(verb.Verb{
		Use: "throttle", Short: "Show how many actions each node may run at once, and why", Min: 0, Max: 0,
		Long: `A loaded node gets fewer actions at once: its limit, which is its maximum while there is no load. Every number of the rule is a setting in the section [throttle] of the cluster file. What a node
measures, with the thresholds of the modes, is shown for the node on which the command runs and those that reported it.`,
		Flags: func(f *pflag.FlagSet) { Watch(f, &every) },
		Run: func(ctx context.Context, _ []string) error {
			return Repeat(ctx, s, every, func(s *session.Session) error { return throttle(ctx, s) })
		},
	})
}

// modeTones are the tones of the throttle's modes.
var modeTones = map[string]render.Tone{"negligible": render.Good, "low": render.Plain, "medium": render.Attention, "high": render.Bad, "extreme": render.Bad}

func throttle(ctx context.Context, s *session.Session) error {
	crm := s.CRM()
	defer crm.Close()
	var st api.ThrottleStatus
	if err := crm.Call(ctx, http.MethodGet, api.PathThrottle, nil, &st); err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(st)
	}
	t := render.NewTable(s, "node", "mode", "limit", "maximum", "running", "waiting", "inputs")
	for _, n := range st.Nodes {
		t.Row(render.C(n.Node), render.T(modeTones[n.Mode], n.Mode), render.C(strconv.Itoa(n.Limit)), render.C(strconv.Itoa(n.Maximum)), render.C(strconv.Itoa(n.Running)),
			render.C(strconv.Itoa(len(n.Waiting))), render.C(inputs(n.Inputs)))
	}
	t.Write(s.Out)
	if len(st.Exempt) > 0 {
		s.Say("\nLoad does not hold these back, only the maximum: %s.", strings.Join(words(st.Exempt), ", "))
	}
	if st.BatchLimit > 0 {
		s.Say("\nAt most %s in the whole cluster.", render.Plural(st.BatchLimit, "action", "actions"))
	}
	for _, n := range st.Nodes {
		for _, w := range n.Waiting {
			s.Say("%s has waited for %s for %s", w.Action, n.Node, render.Span(s.Now().Sub(render.Millis(w.Since))))
		}
	}
	return nil
}

// words are classes of actions as the cluster file names them.
func words(classes []string) []string {
	out := slices.Clone(classes)
	if i := slices.Index(out, "stonith"); i >= 0 {
		out[i] = "fence"
	}
	return out
}

// inputs writes each input with its thresholds: load 3.2 (low above 1.9, medium 2.6, high 3.2).
func inputs(list []api.ThrottleInput) string {
	var parts []string
	for _, in := range list {
		var at []string
		for i, t := range in.Thresholds {
			at = append(at, fmt.Sprintf("%s %.2f", []string{"low", "medium", "high", "extreme"}[min(i, 3)], t))
		}
		parts = append(parts, fmt.Sprintf("%s %.2f (%s)", in.Name, in.Value, strings.Join(at, ", ")))
	}
	return strings.Join(parts, "; ")
}
