// Package resource is the command "resource".
package resource

import (
	"github.com/spf13/cobra"

	"github.com/holdfast-ha/holdfast/hcs/resource/collect"
	"github.com/holdfast-ha/holdfast/hcs/resource/define"
	"github.com/holdfast-ha/holdfast/hcs/resource/operate"
	"github.com/holdfast-ha/holdfast/hcs/resource/place"
	"github.com/holdfast-ha/holdfast/hcs/session"
	"github.com/holdfast-ha/holdfast/hcs/verb"
)

// Command is "resource".
func Command(s *session.Session) *cobra.Command {
	return verb.Noun("resource", "Create, change, move and watch resources", "",
		operate.Status(s, false), define.Config(s, false), define.List(s, false), define.Describe(s, false),
		define.Create(s, false), define.Update(s, false), define.Delete(s, false), define.Op(s), define.Defaults(s, "rsc_defaults"),
		collect.Group(s), collect.Ungroup(s), collect.Clone(s, false), collect.Clone(s, true), collect.Unclone(s),
		place.Move(s), place.Ban(s), place.Clear(s),
		operate.Enable(s), operate.Disable(s), operate.Manage(s), operate.Unmanage(s), operate.Restart(s),
		operate.Cleanup(s, false), operate.Cleanup(s, true), operate.FailCount(s))
}
