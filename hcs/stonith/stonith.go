// Package stonith is the command "stonith".
package stonith

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/lrm"
	"github.com/holdfast-ha/holdfast/cib/value"
	"github.com/holdfast-ha/holdfast/hcs/complete"
	"github.com/holdfast-ha/holdfast/hcs/edit"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/resource/define"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// Command is "stonith".
func Command(s *session.Session) *cobra.Command {
	return verb.Noun("stonith", "Set up fence devices, fence nodes and see what was fenced",
		"Fencing makes certain that a lost node is off before its resources are started elsewhere.",
		status(s), define.Config(s, true), define.List(s, true), define.Describe(s, true),
		define.Create(s, true), define.Update(s, true), define.Delete(s, true), level(s),
		fence(s), confirm(s), history(s), test(s), health(s))
}

// defaultTimeout is stonith-timeout's.
const defaultTimeout = 60 * time.Second

// self is this node's name and what its cluster knows.
func self(ctx context.Context, s *session.Session) (api.CorosyncStatus, error) {
	corosync := s.Corosync()
	defer corosync.Close()
	var st api.CorosyncStatus
	err := corosync.Call(ctx, http.MethodGet, api.PathCorosyncStatus, nil, &st)
	return st, err
}

func fence(s *session.Session) *cobra.Command {
	var off, on bool
	return verb.New(verb.Verb{
		Use: "fence NODE", Short: "Reboot a node by its fence device, or switch it off or on", Min: 1, Max: 1, Complete: complete.First(complete.Nodes(s)),
		Long: "The node is not asked: what runs there dies. Its resources are started elsewhere.",
		Flags: func(f *pflag.FlagSet) {
			f.BoolVar(&off, "off", false, "switch it off")
			f.BoolVar(&on, "on", false, "switch it on")
		},
		Run: func(ctx context.Context, args []string) error {
			action := "reboot"
			switch {
			case on && off:
				return session.Fail(api.CodeUsage, "--off and --on exclude each other")
			case off:
				action = "off"
			case on:
				action = "on"
			}
			return shoot(ctx, s, args[0], action)
		},
	})
}

func shoot(ctx context.Context, s *session.Session, target, action string) error {
	st, err := self(ctx, s)
	if err != nil {
		return err
	}
	timeout := timeoutOf(ctx, s)
	if action != "on" {
		what := map[string]string{"reboot": "Reboot", "off": "Switch off"}[action]
		if err := s.Confirm(fmt.Sprintf("%s node %s by force? What runs there dies.", what, target)); err != nil {
			return err
		}
	}
	fencer := s.Fencer()
	defer fencer.Close()
	req := api.FenceRequest{ID: fmt.Sprintf("hcs-%d-%d", os.Getpid(), s.Now().UnixNano()), Target: target, Action: action, Timeout: timeout.Milliseconds(),
		Client: fmt.Sprintf("hcs.%d", os.Getpid()), Origin: st.Name, Reason: "asked for by an administrator"}
	var res api.FenceResult
	if err := fencer.Call(ctx, http.MethodPost, api.PathFence, req, &res); err != nil {
		return err
	}
	if s.JSON {
		if err := s.PrintJSON(res); err != nil {
			return err
		}
	}
	if res.Status != int(lrm.Done) || res.RC != 0 {
		return session.Fail(api.CodeError, "%s of %s failed: %s. The node must be taken for alive.", action, target, why(res))
	}
	s.Say("%s of %s succeeded, by %s%s in %s.", action, target, orUnknown(res.Delegate), device(res.Device),
		render.Span(time.Duration(res.Done-res.Started)*time.Millisecond))
	return nil
}

func why(res api.FenceResult) string {
	if res.Reason != "" {
		return res.Reason
	}
	return strings.ToLower(lrm.Status(res.Status).String())
}

func device(name string) string {
	if name == "" {
		return ""
	}
	return " with " + name
}

func orUnknown(s string) string {
	if s == "" {
		return "an unknown node"
	}
	return s
}

// timeoutOf is stonith-timeout, the default when the configuration cannot be read: fencing must work without crmd.
func timeoutOf(ctx context.Context, s *session.Session) time.Duration {
	doc, err := s.Document(ctx)
	if err != nil {
		return defaultTimeout
	}
	text, _ := edit.Pair(doc.Child("configuration").Child("crm_config"), "cluster_property_set", "stonith-timeout")
	if ms, err := value.Duration(text); err == nil && text != "" && ms > 0 {
		return time.Duration(ms) * time.Millisecond
	}
	return defaultTimeout
}

func confirm(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "confirm NODE", Short: "Vouch that a lost node is off, when it cannot be fenced", Min: 1, Max: 1, Complete: complete.First(complete.Nodes(s)),
		Long: `The cluster then starts the node's resources elsewhere. If the node is not off they run twice and may destroy their data: look at the machine
first, or pull its plug.`,
		Run: func(ctx context.Context, args []string) error {
			st, err := self(ctx, s)
			if err != nil {
				return err
			}
			for _, m := range st.View.Members {
				if m.Name == args[0] {
					return session.Fail(api.CodeUnsafe, "%s is a member of the cluster right now, so it is not off", args[0])
				}
			}
			if err := s.Confirm(fmt.Sprintf("Are you certain that %s is off? If it still runs, its data may be destroyed.", args[0])); err != nil {
				return err
			}
			fencer := s.Fencer()
			defer fencer.Close()
			req := api.FenceConfirm{Target: args[0], Origin: st.Name, Client: fmt.Sprintf("hcs.%d", os.Getpid())}
			if err := fencer.Call(ctx, http.MethodPost, api.PathFenceConfirm, req, nil); err != nil {
				return err
			}
			s.Say("%s counts as fenced.", args[0])
			if s.JSON {
				return s.PrintJSON(req)
			}
			return nil
		},
	})
}

func status(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "status [NODE]", Short: "Show the fence devices as this node's fenced sees them", Min: 0, Max: 1, Complete: complete.First(complete.Nodes(s)),
		Long: "With NODE only those that can fence it.",
		Run: func(ctx context.Context, args []string) error {
			fencer := s.Fencer()
			defer fencer.Close()
			path := api.PathFenceDevices
			if len(args) == 1 {
				path += "?target=" + url.QueryEscape(args[0])
			}
			list := []api.FenceDeviceStatus{}
			if err := fencer.Call(ctx, http.MethodGet, path, nil, &list); err != nil {
				return err
			}
			if s.JSON {
				return s.PrintJSON(list)
			}
			if len(list) == 0 {
				s.Say("There is no fence device that can be used here.")
				return nil
			}
			t := render.NewTable(s, "device", "agent", "served by", "state", "remarks")
			for _, d := range list {
				word := render.T(render.Good, "answers")
				switch {
				case d.Error != "":
					word = render.T(render.Bad, "broken")
				case !d.Verified:
					word = render.T(render.Attention, "not tried yet")
				}
				remark := d.Error
				if d.Running > 0 {
					remark = render.Plural(d.Running, "action", "actions") + " in progress"
				}
				t.Row(render.C(d.ID), render.C(d.Agent), render.C(d.Driver), word, render.C(remark))
			}
			t.Write(s.Out)
			return nil
		},
	})
}
