package mon

import (
	"fmt"
	"strings"

	"github.com/holdfast-ha/holdfast/tools/program"
)

// Exit statuses of a plugin for Nagios.
const (
	nagiosWarning  = 1
	nagiosCritical = 2
)

// simpleStatus is the cluster in one line for a monitoring system.
func (r *report) simpleStatus() error {
	var offline []string
	online, standby, maintenance := 0, 0, 0
	for _, n := range r.m.Nodes {
		st := r.view.S.Node(n)
		switch {
		case st.Standby && st.Online:
			standby++
		case st.Maintenance && st.Online:
			maintenance++
		case st.Online:
			online++
		default:
			offline = append(offline, "offline node: "+n.Name)
		}
	}
	var warnings []string
	if r.m.DC == nil {
		warnings = append(warnings, "No DC")
	}
	if len(offline) > 0 {
		warnings = append(warnings, strings.Join(offline, " "))
	}
	if len(warnings) > 0 {
		r.out.Printf("CLUSTER WARN: %s\n", strings.Join(warnings, ", "))
		return program.Exit(nagiosWarning)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "CLUSTER OK: %s online", plural(online, "node"))
	if standby > 0 {
		fmt.Fprintf(&text, ", %s", plural(standby, "standby node"))
	}
	if maintenance > 0 {
		fmt.Fprintf(&text, ", %s", plural(maintenance, "maintenance node"))
	}
	fmt.Fprintf(&text, ", %s configured", plural(r.m.Total, "resource instance"))
	r.out.Printf("%s\n", text.String())
	return nil
}
