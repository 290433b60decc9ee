package look

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// Links is "links".
func Links(s *session.Session) *cobra.Command {
	var every time.Duration
	return verb.New(verb.Verb{
		Use: "links", Short: "Show the links to the other nodes", Min: 0, Max: 0,
		Long:  "A node is lost when all of its links have been silent for the token time.",
		Flags: func(f *pflag.FlagSet) { Watch(f, &every) },
		Run: func(ctx context.Context, _ []string) error {
			return Repeat(ctx, s, every, func(s *session.Session) error { return links(ctx, s) })
		},
	})
}

func links(ctx context.Context, s *session.Session) error {
	corosync := s.Corosync()
	defer corosync.Close()
	list := []api.LinkStatus{}
	if err := corosync.Call(ctx, http.MethodGet, api.PathLinks, nil, &list); err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(list)
	}
	var st api.CorosyncStatus
	if err := corosync.Call(ctx, http.MethodGet, api.PathCorosyncStatus, nil, &st); err != nil {
		return err
	}
	names := map[api.NodeID]string{}
	for _, n := range st.View.Nodes {
		names[n.ID] = n.Name
	}
	t := render.NewTable(s, "node", "link", "address", "state", "round trip", "worst", "lost", "flaps", "last heard", "carries")
	for _, l := range list {
		if l.Local == l.Remote {
			continue
		}
		word := render.T(render.Good, "up")
		switch {
		case !l.Enabled:
			word = render.T(render.Quiet, "off")
		case !l.Connected:
			word = render.T(render.Bad, "down")
		}
		t.Row(render.C(names[l.Node]), render.C(strconv.Itoa(l.Link)), render.C(l.Remote), word, render.C(roundTrip(l.RTT)), render.C(roundTrip(l.RTTMax)), render.C(loss(l)),
			render.C(strconv.FormatUint(l.Flaps, 10)), render.C(render.Ago(s.Now(), render.Millis(l.LastHeard))), render.C(carries(l)))
	}
	if t.Empty() {
		s.Say("This node has no links: it is the only one.")
		return nil
	}
	t.Write(s.Out)
	return nil
}

func roundTrip(us int64) string {
	if us == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f ms", float64(us)/1000)
}

// loss is the share of heartbeats that did not arrive.
func loss(l api.LinkStatus) string {
	if l.Lost == 0 || l.Received+l.Lost == 0 {
		return "0"
	}
	return fmt.Sprintf("%d (%.2f %%)", l.Lost, 100*float64(l.Lost)/float64(l.Received+l.Lost))
}

// carries says what a link carries: heartbeats use every link, the rest those that link_mode says.
func carries(l api.LinkStatus) string {
	if l.InUse {
		return "everything"
	}
	return "heartbeats"
}
