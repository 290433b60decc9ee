// Package catalogue lists the fence agents that native drivers stand in for, as they describe themselves.
package catalogue

import (
	"slices"
	"time"

	"github.com/holdfast-ha/holdfast/fenced/driver/param"
)

const (
	// cardNotice is how long a management card may take from the order until its machine has no power, with the
	// session that has to be set up before.
	cardNotice = 2 * time.Second
	// messageNotice is how long a message may lie in its slot before it is read: two loops and a slow disk.
	messageNotice = 3 * time.Second
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
