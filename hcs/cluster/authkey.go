package cluster

import (
	"context"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// authkey changes the key of the heartbeats on every member. Its operand is pcs's, where there is a second key.
func authkey(s *session.Session) *cobra.Command {
	var force bool
	return verb.New(verb.Verb{
		Use: "authkey corosync [FILE]", Short: "Change the key of the heartbeats on every node, while the cluster runs", Min: 1, Max: 2,
		Long: "Every member learns the new key before one uses it, and uses it before one forgets the old one, so that no member is lost. " +
			"When a member cannot follow, the old key stays. FILE has a key of 64 hexadecimal digits; without it one is made.",
		Examples: "# change the key\nhcs cluster authkey corosync",
		Flags: func(f *pflag.FlagSet) {
			f.BoolVar(&force, "force", false, "do it although a node is down, which is shut out until it gets the new key")
		},
		Complete: func(_ context.Context, args []string) []string {
			if len(args) == 0 {
				return []string{"corosync"}
			}
			return nil
		},
		Run: func(ctx context.Context, args []string) error {
			if args[0] != "corosync" {
				return session.Fail(api.CodeUsage, "hcs cluster authkey: there is no key %q; there is corosync, the key of the heartbeats", args[0])
			}
			in := api.KeyChange{Force: force}
			if len(args) > 1 {
				raw, err := os.ReadFile(args[1])
				if err != nil {
					return session.Fail(api.CodeNoSuchObject, "read the new key: %v", err)
				}
				in.Key = strings.TrimSpace(string(raw))
			}
			corosync := s.Corosync()
			defer corosync.Close()
			var st api.KeyStatus
			if err := corosync.Call(ctx, http.MethodPost, api.PathKey, in, &st); err != nil {
				return err
			}
			if s.JSON {
				return s.PrintJSON(st)
			}
			s.Say("Every member uses the new key %s.", st.Key)
			if len(st.Absent) > 0 {
				s.Say("Without it: %s. Copy %s there before it starts again.", strings.Join(st.Absent, ", "), s.Dirs.GossipKey())
			}
			return nil
		},
	})
}
