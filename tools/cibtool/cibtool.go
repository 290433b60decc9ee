// Package cibtool is the commands for the CIB as a document: cibadmin, crm_diff and crm_shadow.
package cibtool

import (
	"context"
	"fmt"
	"io"

	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/tools/cli"
)

// Upgrade brings a document to the newest schema; it returns the document itself when there is nothing to do.
type Upgrade = func(doc *cibxml.Element) (*cibxml.Element, error)

// Commands are the commands of this package. upgrade may be nil; cibadmin --upgrade is refused then.
func Commands(upgrade Upgrade) []cli.Command {
	return []cli.Command{
		{Name: "cibadmin", Help: "query and edit the cluster's configuration", Run: func(ctx context.Context, env *cli.Env) int {
			return runCibadmin(ctx, env, upgrade)
		}},
		{Name: "crm_diff", Help: "compare two configurations, or apply a difference", Run: runDiff},
		{Name: "crm_shadow", Help: "try changes of the configuration on a copy", Run: runShadow},
	}
}

// printed writes XML as Pacemaker's commands print it, but so that everything can be read back.
func printed(e *cibxml.Element) string {
	return e.Format(cibxml.Style{Indent: true, Entities: true})
}

// printVersion prints what scripts take for the version: that of the Pacemaker that the command stands in for.
func printVersion(w io.Writer) {
	fmt.Fprintf(w, "Pacemaker %s\nHoldfast, in Pacemaker's place\n", cli.PacemakerVersion)
}

func printFeatures(w io.Writer) {
	fmt.Fprintf(w, "Pacemaker %s (Build: holdfast): corosync-ge-2 ncurses systemd\n Supporting v%s: corosync-ge-2 ncurses systemd\n",
		cli.PacemakerVersion, cli.FeatureSet)
}
