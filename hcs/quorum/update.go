package quorum

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/clusterfile"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// optionNames are the keys of [quorum], as pcs has them and more.
var optionNames = []string{"auto_tie_breaker", "auto_tie_breaker_node", "last_man_standing", "last_man_standing_window", "wait_for_all",
	"two_node", "expected_votes", "allow_downscale", "expected_votes_tracking"}

// atStart are those that a running corosyncd does not change.
var atStart = []string{"auto_tie_breaker", "auto_tie_breaker_node", "last_man_standing", "last_man_standing_window", "wait_for_all",
	"allow_downscale", "expected_votes_tracking"}

func update(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "update OPTION=VALUE...", Short: "Change options of votequorum in the cluster file", Min: 1, Max: -1,
		Long: `Options are ` + strings.Join(optionNames, ", ") + `. An empty value removes one. Only two_node and expected_votes have an effect
on a running cluster; the others, as with Corosync, when corosyncd is started anew on each node.`,
		Examples: "  hcs quorum update last_man_standing=1 wait_for_all=1\n  hcs quorum update auto_tie_breaker=1 auto_tie_breaker_node=\"3 1\"",
		Complete: func(context.Context, []string) []string {
			words := make([]string, len(optionNames))
			for i, n := range optionNames {
				words[i] = n + "="
			}
			return words
		},
		Run: func(ctx context.Context, args []string) error {
			pairs, err := verb.Pairs(args)
			if err != nil {
				return err
			}
			f, err := load(ctx, s)
			if err != nil {
				return err
			}
			settings, later, err := options(pairs)
			if err != nil {
				return err
			}
			if err := f.save(ctx, s, clusterfile.Set(f.text, "quorum", settings)); err != nil {
				return err
			}
			if len(later) > 0 && !f.local {
				s.Say("%s: in effect on a node when its corosyncd is started anew (hcs cluster stop, hcs cluster start).", strings.Join(later, ", "))
			}
			s.Say("Changed the options of quorum.")
			if s.JSON {
				return s.PrintJSON(map[string]any{"changed": args, "at_next_start": later})
			}
			return nil
		},
	})
}

// options turns pairs into TOML. later are those that need a restart.
func options(pairs []build.Pair) (settings []clusterfile.Setting, later []string, err error) {
	for _, p := range pairs {
		if !slices.Contains(optionNames, p.Name) {
			return nil, nil, session.Fail(api.CodeUsage, "there is no option %s; there are %s", p.Name, strings.Join(optionNames, ", "))
		}
		if slices.Contains(atStart, p.Name) {
			later = append(later, p.Name)
		}
		settings = append(settings, clusterfile.Setting{Key: p.Name, Value: literal(p.Value)})
	}
	return settings, later, nil
}

// literal is a value as TOML: a number, true or false, or a text.
func literal(v string) string {
	if v == "" || v == "true" || v == "false" {
		return v
	}
	if _, err := strconv.ParseInt(v, 10, 64); err == nil {
		return v
	}
	return strconv.Quote(v)
}

func votesCommand(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "votes NODE NUMBER", Short: "Change the votes of a node while the cluster runs", Min: 2, Max: 2,
		Long: "To change them lastingly, write votes into [[node]] of the cluster file.",
		Run: func(ctx context.Context, args []string) error {
			n, err := strconv.Atoi(args[1])
			if err != nil || n < 0 {
				return session.Fail(api.CodeUsage, "%q is not a number of votes", args[1])
			}
			corosync := s.Corosync()
			defer corosync.Close()
			var st api.CorosyncStatus
			if err := corosync.Call(ctx, http.MethodGet, api.PathCorosyncStatus, nil, &st); err != nil {
				return err
			}
			i := slices.IndexFunc(st.View.Nodes, func(c api.ConfiguredNode) bool { return c.Name == args[0] || c.ID.String() == args[0] })
			if i < 0 {
				return session.Fail(api.CodeNoSuchObject, "there is no node %s", args[0])
			}
			in := api.VotesChange{Node: st.View.Nodes[i].ID, Votes: n}
			if err := corosync.Call(ctx, http.MethodPost, api.PathVotes, in, nil); err != nil {
				return err
			}
			s.Say("Node %s has %d votes now.", st.View.Nodes[i].Name, n)
			if s.JSON {
				return s.PrintJSON(in)
			}
			return nil
		},
	})
}

func unblock(s *session.Session) *cobra.Command {
	return verb.New(verb.Verb{
		Use: "unblock", Short: "Do not wait for all nodes any longer", Min: 0, Max: 0,
		Long: `wait_for_all keeps a cluster that starts from doing anything until every node has been seen once. Whoever ends that must be certain that the
missing nodes are off: if they run, resources run twice; if they ran last, this node may have an old configuration.`,
		Run: func(ctx context.Context, _ []string) error {
			corosync := s.Corosync()
			defer corosync.Close()
			var st api.CorosyncStatus
			if err := corosync.Call(ctx, http.MethodGet, api.PathCorosyncStatus, nil, &st); err != nil {
				return err
			}
			var missing []string
			for _, n := range st.View.Nodes {
				if !st.View.Has(n.ID) {
					missing = append(missing, n.Name)
				}
			}
			if len(missing) == 0 {
				return session.Fail(api.CodeError, "no node is missing: %s", st.View.Quorum.Reason)
			}
			if err := s.Confirm("Are " + strings.Join(missing, ", ") + " off for certain? If not, resources will run twice."); err != nil {
				return err
			}
			if err := corosync.Call(ctx, http.MethodPut, api.PathCmap, api.CmapEntry{Key: "quorum.cancel_wait_for_all", Type: "u8", Value: "1"}, nil); err != nil {
				return err
			}
			s.Say("The cluster does not wait for %s any longer.", strings.Join(missing, ", "))
			return nil
		},
	})
}
