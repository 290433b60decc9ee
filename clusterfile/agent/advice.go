package agent

import (
	"strings"

	"github.com/holdfast-ha/holdfast/clusterfile/build"
	"github.com/holdfast-ha/holdfast/crmd/executor/metadata"
)

// notConfigured are actions of an agent that are never operations of a resource.
var notConfigured = []string{"meta-data", "validate-all", "status", "metadata", "list", "list-status", "reboot", "on", "off", "manpage", "recover", "restart", "force-reload", "help", "usage"}

// DefaultOps are the operations that a new resource gets unless its creator says otherwise: what the agent
// advises, and at least a monitor, without which a failure is never noticed.
func DefaultOps(ref Ref, a *metadata.Agent) []build.Op {
	var ops []build.Op
	monitored := false
	if a != nil {
		for _, x := range a.Actions {
			if contains(notConfigured, x.Name) || ref.Class == "stonith" && x.Name != "monitor" {
				continue
			}
			op := build.Op{Name: x.Name, Attrs: []build.Pair{{Name: "interval", Value: seconds(x.Interval, "0s")}}}
			if x.Name == "monitor" {
				if depth := strings.TrimSpace(x.Depth); depth != "" && depth != "0" {
					continue // deeper checks cost more; whoever wants one says so
				}
				monitored = true
				if x.Interval == "" || ref.Class == "stonith" {
					op.Attrs[0].Value = "60s"
				}
			}
			if x.Timeout != "" && ref.Class != "stonith" {
				op.Attrs = append(op.Attrs, build.Pair{Name: "timeout", Value: seconds(x.Timeout, "20s")})
			}
			if x.Role != "" {
				op.Attrs = append(op.Attrs, build.Pair{Name: "role", Value: modernRole(x.Role)})
			}
			ops = append(ops, op)
		}
	}
	if !monitored {
		ops = append(ops, build.Op{Name: "monitor", Attrs: []build.Pair{{Name: "interval", Value: "60s"}}})
	}
	return ops
}

// seconds adds the unit that agents leave out.
func seconds(text, fallback string) string {
	if text == "" {
		return fallback
	}
	if text[len(text)-1] >= '0' && text[len(text)-1] <= '9' {
		return text + "s"
	}
	return text
}

func modernRole(role string) string {
	switch role {
	case "Master":
		return "Promoted"
	case "Slave":
		return "Unpromoted"
	}
	return role
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
