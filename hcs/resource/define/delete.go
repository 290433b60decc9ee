package define

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/hcs/complete"
	"github.com/holdfast-ha/holdfast/hcs/edit"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// Delete is "resource delete" and "stonith delete".
func Delete(s *session.Session, stonith bool) *cobra.Command {
	v := verb.Verb{
		Use: "delete ID...", Short: "Remove resources with everything that refers to them", Min: 1, Max: -1, Complete: complete.Each(complete.Resources(s)),
		Long: `Constraints, tags and fencing levels that name a resource go with it, a group or clone with its last member. A resource that runs is stopped
by the cluster.`,
		Flags: func(f *pflag.FlagSet) { verb.Wait(s, f) },
		Run:   func(ctx context.Context, args []string) error { return remove(ctx, s, args) },
	}
	if stonith {
		v.Short, v.Complete = "Remove fence devices with everything that refers to them", complete.Each(complete.Devices(s))
	}
	return verb.New(v)
}

func remove(ctx context.Context, s *session.Session, ids []string) error {
	doc, err := s.Document(ctx)
	if err != nil {
		return err
	}
	conf := doc.Child("configuration")
	drop := func(conf *cibxml.Element) (*cibxml.Element, []string, error) {
		var all []string
		for _, id := range ids {
			next, removed, err := edit.Remove(conf, id)
			if err != nil {
				return nil, nil, err
			}
			conf, all = next, append(all, removed...)
		}
		return conf, all, nil
	}
	_, removed, err := drop(conf)
	if err != nil {
		return err
	}
	for nv := range conf.Child("crm_config").Child("cluster_property_set").Tags("nvpair") {
		if nv.Get("name") == "stop-orphan-resources" && nv.Get("value") == "false" {
			s.Warn("stop-orphan-resources is false: what runs goes on running outside of the cluster")
		}
	}
	_, err = s.Change(ctx, "Removed "+strings.Join(removed, ", ")+".", func(conf *cibxml.Element) (*cibxml.Element, error) {
		next, _, err := drop(conf)
		return next, err
	})
	return err
}
