package operate

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/holdfast-ha/holdfast/hcs/complete"
	"github.com/holdfast-ha/holdfast/hcs/edit"
	"github.com/holdfast-ha/holdfast/hcs/look"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/show"
	"github.com/holdfast-ha/holdfast/hcs/state"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// Status is "resource status" and "stonith status".
func Status(s *session.Session, stonith bool) *cobra.Command {
	var every time.Duration
	v := verb.Verb{
		Use: "status [ID]...", Short: "Show where resources run", Min: 0, Max: -1, Complete: complete.Each(complete.Resources(s)),
		Flags: func(f *pflag.FlagSet) { look.Watch(f, &every) },
		Run: func(ctx context.Context, ids []string) error {
			return look.Repeat(ctx, s, every, func(s *session.Session) error { return status(ctx, s, ids, stonith) })
		},
	}
	if stonith {
		v.Short, v.Complete = "Show where fence devices run", complete.Each(complete.Devices(s))
	}
	return verb.New(v)
}

func status(ctx context.Context, s *session.Session, ids []string, stonith bool) error {
	doc, err := s.Document(ctx)
	if err != nil {
		return err
	}
	st := state.Read(doc, s.Now())
	list := []state.Resource{}
	for _, id := range ids {
		r := st.Find(id)
		if r == nil {
			_, err := edit.Resource(doc.Child("configuration"), id)
			return err
		}
		list = append(list, *r)
	}
	if len(ids) == 0 {
		for _, r := range st.Resources {
			if !stonith || r.Kind == "fence" {
				list = append(list, r)
			}
		}
	}
	if s.JSON {
		return s.PrintJSON(list)
	}
	if len(list) == 0 {
		s.Say("There are none.")
		return nil
	}
	show.Resources(s, list)
	return nil
}
