package stonith

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/hcs/complete"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

func history(s *session.Session) *cobra.Command {
	clear := false
	return verb.New(verb.Verb{
		Use: "history [NODE]", Short: "Show who was fenced when, by whom and why", Min: 0, Max: 1, Complete: complete.First(complete.Nodes(s)),
		Flags: func(f *pflag.FlagSet) { f.BoolVar(&clear, "clear", false, "forget what is finished instead") },
		Run: func(ctx context.Context, args []string) error {
			fencer := s.Fencer()
			defer fencer.Close()
			path := api.PathFenceHistory
			if len(args) == 1 {
				path += "?target=" + url.QueryEscape(args[0])
			}
			if clear {
				if err := fencer.Call(ctx, http.MethodDelete, path, nil, nil); err != nil {
					return err
				}
				s.Say("The history is cleared.")
				return nil
			}
			list := []api.FenceEvent{}
			if err := fencer.Call(ctx, http.MethodGet, path, nil, &list); err != nil {
				return err
			}
			if s.JSON {
				return s.PrintJSON(list)
			}
			events(s, list)
			return nil
		},
	})
}

func events(s *session.Session, list []api.FenceEvent) {
	if len(list) == 0 {
		s.Say("Nothing was fenced.")
		return
	}
	t := render.NewTable(s, "time", "node", "action", "state", "by", "asked by", "took", "remarks")
	for _, e := range list {
		at, took := e.Result.Done, ""
		if at == 0 {
			at = e.At
		} else if e.Result.Started > 0 {
			took = render.Span(time.Duration(at-e.Result.Started) * time.Millisecond)
		}
		by := e.Result.Delegate
		if e.Result.Device != "" {
			by += " (" + e.Result.Device + ")"
		}
		word, remark := outcome(e)
		t.Row(render.C(render.Millis(at).In(s.Now().Location()).Format(time.DateTime)), render.C(e.Target), render.C(e.Action), word, render.C(by),
			render.C(e.Client+" on "+e.Origin), render.C(took), render.C(remark))
	}
	t.Write(s.Out)
}

func outcome(e api.FenceEvent) (render.Cell, string) {
	switch e.State {
	case "done":
		return render.T(render.Good, "done"), e.Result.Reason
	case "failed":
		return render.T(render.Bad, "failed"), why(e.Result)
	}
	return render.T(render.Attention, e.State), ""
}

func test(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "test DEVICE [NODE]", Short: "Check that a fence device answers, without fencing anybody", Min: 1, Max: 2,
		Complete: complete.Each(complete.Devices(s), complete.Nodes(s)),
		Long:     "Without NODE the device's monitor is run, with NODE it is asked for the state of that node's power.",
		Run: func(ctx context.Context, args []string) error {
			check := api.FenceCheck{Device: args[0], Action: "monitor", Timeout: timeoutOf(ctx, s).Milliseconds()}
			if len(args) == 2 {
				check.Action, check.Target = "status", args[1]
			}
			fencer := s.Fencer()
			defer fencer.Close()
			var res api.FenceResult
			if err := fencer.Call(ctx, http.MethodPost, api.PathFenceTest, check, &res); err != nil {
				return err
			}
			if s.JSON {
				if err := s.PrintJSON(res); err != nil {
					return err
				}
			}
			// A fence agent answers status with 2 for a node that is off.
			powered := check.Action == "status" && (res.RC == 0 || res.RC == 2)
			if res.Status != int(lrm.Done) || res.RC != 0 && !powered {
				return session.Fail(api.CodeError, "fence device %s does not answer: %s", args[0], why(res))
			}
			state := ""
			if check.Action == "status" {
				state = map[int]string{0: "; " + check.Target + " is on", 2: "; " + check.Target + " is off"}[res.RC]
			}
			s.Say("Fence device %s answers%s.", args[0], state)
			if check.Action == "monitor" && res.Output != "" {
				s.Say("%s", strings.TrimRight(res.Output, "\n"))
			}
			return nil
		},
	})
}
