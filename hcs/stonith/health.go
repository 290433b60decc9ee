package stonith

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

func health(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "health", Short: "Show whether this node could fence with each device, and how past fences went", Min: 0, Max: 0,
		Long: "Every node probes its devices from time to time without fencing anybody ([fencing] probe in the cluster file). Figures are those of the fencing history of all nodes.",
		Run: func(ctx context.Context, _ []string) error {
			fencer := s.Fencer()
			defer fencer.Close()
			var h api.FenceHealth
			if err := fencer.Call(ctx, http.MethodGet, api.PathFenceHealth, nil, &h); err != nil {
				return err
			}
			if s.JSON {
				return s.PrintJSON(h)
			}
			paths(s, &h)
			figures(s, h.Figures)
			return nil
		},
	})
}

func paths(s *session.Session, h *api.FenceHealth) {
	if len(h.Paths) == 0 {
		s.Say("There is no fence device on %s.", h.Node)
		return
	}
	t := render.NewTable(s, "device", "agent", "driver", "way", "checked", "took", "remarks")
	for _, p := range h.Paths {
		word, checked, took := render.T(render.Attention, "unknown"), "never", ""
		switch {
		case p.Problem != "":
			word = render.T(render.Bad, "broken")
		case p.OK:
			word = render.T(render.Good, "works")
		}
		if p.Checked > 0 {
			checked, took = render.Ago(s.Now(), render.Millis(p.Checked)), render.Span(time.Duration(p.Took)*time.Millisecond)
		}
		t.Row(render.C(p.Device), render.C(p.Agent), render.C(p.Driver), word, render.C(checked), render.C(took), render.C(p.Problem))
	}
	t.Write(s.Out)
}

func figures(s *session.Session, list []api.FenceFigure) {
	if len(list) == 0 {
		return
	}
	s.Say("")
	t := render.NewTable(s, "device", "used by", "action", "succeeded", "failed", "median", "worst")
	for _, f := range list {
		median, worst := "", ""
		if f.Succeeded > 0 {
			median, worst = render.Span(time.Duration(f.Median)*time.Millisecond), render.Span(time.Duration(f.Worst)*time.Millisecond)
		}
		t.Text(f.Device, f.Node, f.Action, strconv.Itoa(f.Succeeded), strconv.Itoa(f.Failed), median, worst)
	}
	t.Write(s.Out)
}
