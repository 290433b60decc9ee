package place

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/clusterfile/merge"
	"github.com/holdfast-ha/holdfast/hcs/complete"
	"github.com/holdfast-ha/holdfast/hcs/edit"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// Ban is "resource ban".
func Ban(s *session.Session) *cobra.Command {
	w := wish{ban: true}
	return verb.New(verb.Verb{
		Use: "ban ID [NODE]", Short: "Keep a resource off a node", Min: 1, Max: 2, Complete: complete.Each(complete.Resources(s), complete.Nodes(s)),
		Long: "Without NODE the node is meant on which the resource runs. The ban stays until hcs resource clear, or for --lifetime.",
		Flags: func(f *pflag.FlagSet) {
			f.BoolVar(&w.promoted, "promoted", false, "only keep it from being promoted there")
			f.DurationVar(&w.lifetime, "lifetime", 0, "how long the ban is in effect, such as 30m or 2h; for ever unless given")
			verb.Wait(s, f)
		},
		Run: func(ctx context.Context, args []string) error {
			conf, st, err := read(ctx, s)
			if err != nil {
				return err
			}
			w.resource = args[0]
			if len(args) == 2 {
				w.node = args[1]
			}
			if err := checked(conf, st, &w); err != nil {
				return err
			}
			if w.node == "" {
				if w.node, err = current(st, w); err != nil {
					return err
				}
			}
			said := "Banned " + w.resource + " from " + w.node + " until: hcs resource clear " + w.resource
			if w.lifetime > 0 {
				said = "Banned " + w.resource + " from " + w.node + " until " + s.Now().Add(w.lifetime).Format(time.DateTime) + "."
			}
			_, err = s.Change(ctx, said, func(conf *cibxml.Element) (*cibxml.Element, error) { return w.add(conf, s.Now()), nil })
			return err
		},
	})
}

// Clear is "resource clear".
func Clear(s *session.Session) *cobra.Command {
	expired := false
	return verb.New(verb.Verb{
		Use: "clear ID [NODE]", Short: "Remove what moving and banning a resource left", Min: 1, Max: 2,
		Complete: complete.Each(complete.Resources(s), complete.Nodes(s)),
		Long:     "With NODE only what concerns that node.",
		Flags: func(f *pflag.FlagSet) {
			f.BoolVar(&expired, "expired", false, "only what is not in effect any more")
			verb.Wait(s, f)
		},
		Run: func(ctx context.Context, args []string) error {
			node := ""
			if len(args) == 2 {
				node = args[1]
			}
			_, err := s.Change(ctx, "Cleared "+args[0]+": it may run wherever its other constraints allow it.", func(conf *cibxml.Element) (*cibxml.Element, error) {
				if _, err := edit.Resource(conf, args[0]); err != nil {
					return nil, err
				}
				return clear(s, conf, args[0], node, expired)
			})
			return err
		},
	})
}

// clear removes the temporary constraints of a resource.
func clear(s *session.Session, conf *cibxml.Element, id, node string, expired bool) (*cibxml.Element, error) {
	for e := range conf.Child("constraints").Tags("rsc_location") {
		if !merge.Temporary(e) || e.Get("rsc") != id {
			continue
		}
		on, end := e.Get("node"), time.Time{}
		for x := range e.Child("rule").Tags() {
			if x.Get("attribute") == "#uname" {
				on = x.Get("value")
			}
			if text := x.Get("end"); text != "" {
				var err error
				if end, err = time.Parse("2006-01-02 15:04:05Z", text); err != nil {
					return nil, session.Fail(api.CodeBadData, "constraint %s: the end %q is not a date", e.ID(), text)
				}
			}
		}
		if node != "" && on != node || expired && (end.IsZero() || end.After(s.Now())) {
			continue
		}
		conf = edit.Replace(conf, e, nil)
	}
	return conf, nil
}
