package story

import (
	"bytes"
	"compress/bzip2"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// Query says which incidents are looked for. The zero value is all of them.
type Query struct {
	Subject, Kind string
	Since         time.Time
	Open          bool
}

// List asks for the heads of incidents, newest first.
func List(ctx context.Context, s *session.Session, q Query) ([]api.Incident, error) {
	v := url.Values{}
	for name, value := range map[string]string{"subject": q.Subject, "kind": q.Kind} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if q.Open {
		v.Set("open", "1")
	}
	if !q.Since.IsZero() {
		v.Set("since", strconv.FormatInt(q.Since.UnixMilli(), 10))
	}
	var out []api.Incident
	return out, get(ctx, s, api.PathIncidents+"?"+v.Encode(), &out)
}

// Get asks for an incident by its id, or a part of it.
func Get(ctx context.Context, s *session.Session, id string) (*api.Incident, error) {
	var in api.Incident
	return &in, get(ctx, s, api.PathIncident+"?id="+url.QueryEscape(id), &in)
}

// Last is the newest incident of a subject that is worth a story: one in which something was moved, fenced or
// failed, else the newest of any kind; nil when there is none.
func Last(ctx context.Context, s *session.Session, q Query) (*api.Incident, error) {
	list, err := List(ctx, s, q)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	pick := list[0]
	for _, in := range list {
		if in.Kind == api.IncidentLoss || in.Kind == api.IncidentFence || in.Kind == api.IncidentResource || in.Kind == api.IncidentChange {
			pick = in
			break
		}
	}
	return Get(ctx, s, pick.ID)
}

func get(ctx context.Context, s *session.Session, path string, out any) error {
	crm := s.CRM()
	defer crm.Close()
	return crm.Call(ctx, http.MethodGet, path, nil, out)
}

// Command is "incidents".
func Command(s *session.Session) *cobra.Command {
	q, since := Query{}, 7*24*time.Hour
	c := verb.New(verb.Verb{
		Use: "incidents [RESOURCE|NODE|ALARM]", Short: "List what happened to the cluster", Min: 0, Max: 1,
		Long: `Every fence, failover, failure, change of quorum or throttle, and alarm is an incident. Each node keeps all of them.
hcs explain tells one of them as a story.`,
		Examples: `  hcs incidents --since 24h
  hcs incidents db
  hcs explain 20241017-103838-n2-1`,
		Flags: func(f *pflag.FlagSet) {
			f.DurationVar(&since, "since", since, "how far back to look")
			f.StringVar(&q.Kind, "kind", "", "only this `kind`: node-lost, fence, resource-failure, change, quorum, throttle, alarm, late-monitor")
			f.BoolVar(&q.Open, "open", false, "only those that are not over")
		},
		Run: func(ctx context.Context, args []string) error {
			q.Since = s.Now().Add(-since)
			if len(args) == 1 {
				q.Subject = args[0]
			}
			list, err := List(ctx, s, q)
			if err != nil {
				return err
			}
			if s.JSON {
				return s.PrintJSON(list)
			}
			table(s, list, since)
			return nil
		},
	})
	c.AddCommand(Input(s), Bundle(s))
	return c
}

func table(s *session.Session, list []api.Incident, since time.Duration) {
	t := render.NewTable(s, "began", "took", "kind", "state", "what", "cause", "incident")
	for _, in := range list {
		took := "goes on"
		if in.Ended != 0 {
			took = render.Span(time.Duration(in.Ended-in.Started) * time.Millisecond)
		}
		began := time.UnixMilli(in.Started).In(s.Now().Location()).Format("2006-01-02 15:04:05")
		cause := in.Cause.Name
		if in.Cause.Confidence == api.Likely || in.Cause.Confidence == api.Possible {
			cause += " (" + in.Cause.Confidence + ")"
		}
		t.Row(render.C(began), render.C(took), render.T(tone(in.Severity), in.Kind), render.C(in.State), render.C(in.Headline), render.C(cause), render.C(in.ID))
	}
	if t.Empty() {
		s.Say("Nothing happened in the last %s.", render.Span(since))
		return
	}
	t.Write(s.Out)
}

// Input is "incidents input".
func Input(s *session.Session) *cobra.Command {
	transition := -1
	return verb.New(verb.Verb{
		Use: "input ID", Short: "Print the CIB that the scheduler was given in an incident", Min: 1, Max: 1,
		Long: "crm_simulate -x FILE -S replays what the scheduler decided then.",
		Flags: func(f *pflag.FlagSet) {
			f.IntVar(&transition, "transition", -1, "of this transition; the last one of the incident without it")
		},
		Run: func(ctx context.Context, args []string) error {
			text, err := planInput(ctx, s, args[0], transition)
			if err == nil {
				_, err = io.WriteString(s.Out, text)
			}
			return err
		},
	})
}

// planInput is the CIB that the scheduler was given; with a negative transition, of the incident's last one.
func planInput(ctx context.Context, s *session.Session, id string, transition int) (string, error) {
	path := api.PathPlanInput + "?id=" + url.QueryEscape(id)
	if transition >= 0 {
		path += "&transition=" + strconv.Itoa(transition)
	}
	var in api.PlanInput
	if err := get(ctx, s, path, &in); err != nil {
		return "", err
	}
	text, err := io.ReadAll(bzip2.NewReader(bytes.NewReader(in.Data)))
	if err != nil {
		return "", fmt.Errorf("unpack %s: %w", in.Name, err)
	}
	return string(text), nil
}
