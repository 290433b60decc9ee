// Package catalogue lists the fence agents that native drivers stand in for, as they describe themselves.
package catalogue

import (
	"slices"

	"github.com/holdfast-ha/holdfast/fenced/driver/param"
)

// All are the agents that need no program of their name.
func All() []*param.Agent {
	return slices.Concat(IPMI(), []*param.Agent{Redfish(), SBD(), SCSI()})
}

// Find is the agent of a name, nil when no native driver serves it.
func Find(name string) *param.Agent {
	for _, a := range All() {
		if a.Name == name {
			return a
		}
	}
	return nil
}
