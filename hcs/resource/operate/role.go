// Package operate holds the commands for resources that run: enable, disable, restart, clean up, look at.
package operate

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/hcs/complete"
	"github.com/holdfast-ha/holdfast/hcs/edit"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// change makes a command that changes something of each resource that it is given; said has %s for their names.
func change(s *session.Session, use, short, long, said string, each func(conf *cibxml.Element, id string) (*cibxml.Element, error)) *cobra.Command {
	return verb.New(verb.Verb{
		Use: use, Short: short, Long: long, Min: 1, Max: -1, Complete: complete.Each(complete.Resources(s)),
		Flags: func(f *pflag.FlagSet) { verb.Wait(s, f) },
		Run: func(ctx context.Context, ids []string) error {
			_, err := s.Change(ctx, fmt.Sprintf(said, strings.Join(ids, ", ")), func(conf *cibxml.Element) (*cibxml.Element, error) {
				for _, id := range ids {
					next, err := each(conf, id)
					if err != nil {
						return nil, err
					}
					conf = next
				}
				return conf, nil
			})
			return err
		},
	})
}

// Enable is "resource enable".
func Enable(s *session.Session) *cobra.Command {
	return change(s, "enable ID...", "Let resources run", "Takes disable back, for the resource, what it contains and what contains it.", "Enabled %s.", enable)
}

// Disable is "resource disable".
func Disable(s *session.Session) *cobra.Command {
	return change(s, "disable ID...", "Stop resources and keep them stopped", "A node that is lost or a restart of the cluster does not start them again; hcs resource enable does.",
		"Disabled %s.", func(conf *cibxml.Element, id string) (*cibxml.Element, error) {
			return edit.SetMeta(conf, id, []build.Pair{{Name: "target-role", Value: "Stopped"}})
		})
}

// enable removes target-role=Stopped from a resource, from everything in it and from everything around it.
func enable(conf *cibxml.Element, id string) (*cibxml.Element, error) {
	if _, err := edit.Resource(conf, id); err != nil {
		return nil, err
	}
	return unset(conf, family(conf, id), "target-role", func(v string) bool { return strings.EqualFold(v, "Stopped") }), nil
}

// family are a resource, everything in it and everything around it.
func family(conf *cibxml.Element, id string) []string {
	ids := edit.Resources(cibxml.New("configuration").Append(cibxml.New("resources").Append(edit.Find(conf, id))))
	for p := edit.Parent(conf, id); p != nil; p = edit.Parent(conf, p.ID()) {
		ids = append(ids, p.ID())
	}
	return ids
}

// unset removes a meta attribute where its value fits.
func unset(conf *cibxml.Element, ids []string, name string, fits func(value string) bool) *cibxml.Element {
	for _, id := range ids {
		e := edit.Find(conf, id)
		if v, ok := edit.Pair(e, "meta_attributes", name); ok && fits(v) {
			conf = edit.Replace(conf, e, edit.SetPairs(e, "meta_attributes", "", []build.Pair{{Name: name}}))
		}
	}
	return conf
}

// Manage is "resource manage".
func Manage(s *session.Session) *cobra.Command {
	return change(s, "manage ID...", "Let the cluster start and stop resources again", "Takes unmanage back.", "The cluster manages %s.",
		func(conf *cibxml.Element, id string) (*cibxml.Element, error) {
			if _, err := edit.Resource(conf, id); err != nil {
				return nil, err
			}
			return unset(conf, family(conf, id), "is-managed", func(string) bool { return true }), nil
		})
}

// Unmanage is "resource unmanage".
func Unmanage(s *session.Session) *cobra.Command {
	return change(s, "unmanage ID...", "Keep the cluster from starting and stopping resources", `Monitors go on, and their failures are shown, but nothing is done about them. A node whose resources are not managed is still fenced when it
is lost. To have monitors pause too, set the meta attribute maintenance.`, "The cluster leaves %s alone.",
		func(conf *cibxml.Element, id string) (*cibxml.Element, error) {
			return edit.SetMeta(conf, id, []build.Pair{{Name: "is-managed", Value: "false"}})
		})
}
