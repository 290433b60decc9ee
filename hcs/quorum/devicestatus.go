package quorum

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/hcs/render"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

func deviceStatus(s *session.Session) *cobra.Command {
	full := false
	return verb.New(verb.Verb{
		Use: "status", Short: "Show this node's connection to the quorum device", Min: 0, Max: 0,
		Flags: func(f *pflag.FlagSet) { f.BoolVar(&full, "full", false, "show its timers too") },
		Run: func(ctx context.Context, _ []string) error {
			corosync := s.Corosync()
			defer corosync.Close()
			var st api.QdeviceStatus
			if err := corosync.Call(ctx, http.MethodGet, api.PathQdevice, nil, &st); err != nil {
				if session.Code(err) == api.CodeNoSuchObject {
					return noDevice()
				}
				return err
			}
			if s.JSON {
				return s.PrintJSON(st)
			}
			printDevice(s, &st, full)
			return nil
		},
	})
}

func printDevice(s *session.Session, st *api.QdeviceStatus, full bool) {
	paint := render.NewPainter(s)
	state := paint.Paint(render.Good, "connected")
	if st.State != "Connected" {
		state = paint.Paint(render.Bad, strings.ToLower(st.State))
	}
	since := ""
	if st.Since > 0 {
		since = " for " + render.Span(s.Now().Sub(render.Millis(st.Since)))
	}
	s.Say("Quorum device server %s: %s%s", st.Host, state, since)
	if st.Problem != "" {
		s.Say("  %s", st.Problem)
	}
	vote := map[string]string{"ACK": "this part of the cluster has the device's vote", "NACK": "it has not"}[st.Vote]
	if vote == "" {
		vote = "the server has not decided yet"
	}
	s.Say("Answer: %s, %s", st.Vote, vote)
	tie := st.TieBreaker + " id"
	if st.TieBreaker == "node" {
		tie = "node " + st.TieBreakerNode.String()
	}
	s.Say("Cluster %s, algorithm %s, tie-breaker %s, votes %d, TLS %s", st.Cluster, st.Algorithm, tie, st.Votes, tls(st))
	if st.Heuristics != "off" {
		s.Say("Heuristics (%s): %s; at the last change of the membership %s, when connecting %s, regularly %s", st.Heuristics, st.Result, st.Membership, st.Connect, st.Regular)
	}
	if full {
		s.Say("Ring %s, timeout %d ms, sync_timeout %d ms, connect_timeout %d ms, heartbeat %d ms", st.Ring, st.Timeout, st.SyncTimeout, st.ConnectTimeout, st.Heartbeat)
		if st.Echo > 0 {
			s.Say("Last answer to an echo request: %s", render.Ago(s.Now(), render.Millis(st.Echo)))
		}
	}
}

func tls(st *api.QdeviceStatus) string {
	if st.TLSActive {
		return fmt.Sprintf("%s and in use", st.TLS)
	}
	return fmt.Sprintf("%s and not in use", st.TLS)
}
