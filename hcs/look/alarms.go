package look

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// alarmOptions are the options of "alarms".
type alarmOptions struct {
	every                  time.Duration
	long, ended, detectors bool
}

// Alarms is "alarms".
func Alarms(s *session.Session) *cobra.Command {
	var o alarmOptions
	return verb.New(verb.Verb{
		Use: "alarms [NODE]", Short: "Show what the detectors have found on the nodes", Min: 0, Max: 1,
		Long: `Detectors look at every node's vitals once a second and raise an alarm when something is wrong or will be soon. Their thresholds, and what is done
about an alarm, are settings in the sections [detector."NAME"] of the cluster file. A node that has been lost is shown with the alarms that it told last.`,
		Examples: `  hcs alarms --long
  hcs alarms n2 --ended
  hcs alarms --detectors`,
		Flags: func(f *pflag.FlagSet) {
			Watch(f, &o.every)
			f.BoolVarP(&o.long, "long", "l", false, "also show the evidence, and advice")
			f.BoolVar(&o.ended, "ended", false, "also show alarms that ended lately")
			f.BoolVar(&o.detectors, "detectors", false, "list the detectors with this node's settings instead")
		},
		Run: func(ctx context.Context, args []string) error {
			return Repeat(ctx, s, o.every, func(s *session.Session) error {
				if o.detectors {
					return detectors(ctx, s, o.long)
				}
				return alarms(ctx, s, o, args)
			})
		},
	})
}

// severityTones are the tones of the severities.
var severityTones = map[string]render.Tone{api.Info: render.Plain, api.Warning: render.Attention, api.Critical: render.Bad}

func alarms(ctx context.Context, s *session.Session, o alarmOptions, args []string) error {
	crm := s.CRM()
	defer crm.Close()
	var st api.AlarmStatus
	if err := crm.Call(ctx, http.MethodGet, api.PathAlarms, nil, &st); err != nil {
		return err
	}
	if len(args) > 0 {
		st.Nodes = slices.DeleteFunc(st.Nodes, func(n api.NodeAlarms) bool { return n.Node != args[0] })
		if len(st.Nodes) == 0 {
			return session.Fail(api.CodeNoSuchObject, "nothing is known of a node %q", args[0])
		}
	}
	if !o.ended {
		for i := range st.Nodes {
			st.Nodes[i].Ended = nil
		}
	}
	if s.JSON {
		return s.PrintJSON(st)
	}
	list := flat(&st)
	if len(list) == 0 {
		s.Say("%s", render.NewPainter(s).Paint(render.Good, "There are no alarms."))
	} else if o.long {
		for _, a := range list {
			describe(s, &a)
		}
	} else {
		table(s, list)
	}
	for _, n := range st.Nodes {
		if n.Node != st.Node && (n.Age < 0 || n.Age > silentAfter) {
			s.Say("%s has said nothing for %s: what is shown of it is what it said last.", n.Node, age(n.Age))
		}
	}
	return nil
}

// silentAfter is from which age on, in ms, a node's word is old: it comes every second.
const silentAfter = 5000

func age(ms int64) string {
	if ms < 0 {
		return "as long as this node runs"
	}
	return render.Span(time.Duration(ms) * time.Millisecond)
}

// flat are all alarms, those that last first, then the worst, then the newest.
func flat(st *api.AlarmStatus) []api.Alarm {
	var list []api.Alarm
	for _, n := range st.Nodes {
		list = append(append(list, n.Alarms...), n.Ended...)
	}
	order := []string{api.Critical, api.Warning, api.Info}
	slices.SortStableFunc(list, func(a, b api.Alarm) int {
		switch {
		case (a.Cleared == 0) != (b.Cleared == 0):
			if a.Cleared == 0 {
				return -1
			}
			return 1
		case a.Cleared == 0 && a.Severity != b.Severity:
			return slices.Index(order, a.Severity) - slices.Index(order, b.Severity)
		}
		return int(b.Raised - a.Raised)
	})
	return list
}

func table(s *session.Session, list []api.Alarm) {
	t := render.NewTable(s, "severity", "alarm", "node", "subject", "since", "what")
	for _, a := range list {
		t.Row(render.T(severityTones[a.Severity], a.Severity), render.C(a.Name), render.C(a.Node), render.C(a.Subject), render.C(since(s, &a)), render.C(a.Summary))
	}
	t.Write(s.Out)
}

func since(s *session.Session, a *api.Alarm) string {
	if a.Cleared != 0 {
		return fmt.Sprintf("over (%s)", render.Span(render.Millis(a.Cleared).Sub(render.Millis(a.Raised)).Round(time.Second)))
	}
	return render.Ago(s.Now(), render.Millis(a.Raised))
}

func describe(s *session.Session, a *api.Alarm) {
	subject := ""
	if a.Subject != "" {
		subject = ", " + a.Subject
	}
	s.Say("%s on %s%s: %s, %s", render.NewPainter(s).Paint(severityTones[a.Severity], a.Name+" ("+a.Severity+")"), a.Node, subject, a.Summary, since(s, a))
	for _, e := range a.Evidence {
		if e.Value == "" {
			continue // not known there
		}
		limit := ""
		if e.Limit != "" {
			limit = " (limit " + e.Limit + ")"
		}
		s.Say("    %s: %s%s", e.Name, e.Value, limit)
	}
	for _, x := range a.Advice {
		for i, line := range render.Wrap(x, 110) {
			s.Say("  %s %s", []string{"→", " "}[min(i, 1)], line)
		}
	}
}

// detectors lists the detectors.
func detectors(ctx context.Context, s *session.Session, long bool) error {
	crm := s.CRM()
	defer crm.Close()
	var list []api.DetectorStatus
	if err := crm.Call(ctx, http.MethodGet, api.PathDetectors, nil, &list); err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(list)
	}
	if !long {
		t := render.NewTable(s, "detector", "means", "thresholds", "action")
		for _, d := range list {
			if !d.Enabled {
				d.Action = "switched off"
			}
			t.Text(d.Name, d.Title, thresholds(&d), d.Action)
		}
		t.Write(s.Out)
		return nil
	}
	for _, d := range list {
		s.Say("%s: %s", render.NewPainter(s).Paint(render.Strong, d.Name), d.Title)
		for _, line := range render.Wrap(d.Doc, 110) {
			s.Say("    %s", line)
		}
		s.Say("    %s; raised after %s, cleared after %s", thresholds(&d), render.Span(time.Duration(d.Raise)*time.Millisecond), render.Span(time.Duration(d.Clear)*time.Millisecond))
	}
	return nil
}

func thresholds(d *api.DetectorStatus) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(d.Thresholds)) {
		parts = append(parts, fmt.Sprintf("%s %g", name, d.Thresholds[name]))
	}
	return strings.Join(parts, ", ")
}
