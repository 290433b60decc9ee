package model

import "strings"

// Role is what a resource instance is to its node. The order counts: a higher role includes more.
type Role uint8

const (
	RoleUnknown Role = iota
	Stopped
	Started
	Unpromoted
	Promoted
)

func (r Role) String() string {
	return [...]string{"Unknown", "Stopped", "Started", "Unpromoted", "Promoted"}[r]
}

// ParseRole reads a role in its new or old spelling; anything else is RoleUnknown.
func ParseRole(s string) Role {
	switch strings.ToLower(s) {
	case "stopped":
		return Stopped
	case "started":
		return Started
	case "unpromoted", "slave":
		return Unpromoted
	case "promoted", "master":
		return Promoted
	}
	return RoleUnknown
}

// OnFail is the response to a failed operation, from the mildest to the hardest.
type OnFail uint8

const (
	FailIgnore OnFail = iota
	FailDemote
	FailRecover
	FailResetRemote
	FailRestartContainer
	FailMigrate
	FailBlock
	FailStop
	FailStandby
	FailFence
)

func (f OnFail) String() string {
	return [...]string{"ignore", "demote", "recover", "reset-remote", "restart-container", "migrate", "block",
		"stop", "standby", "fence"}[f]
}

// Needs is what must be there before an action may run.
type Needs uint8

const (
	NeedsNothing Needs = iota
	NeedsQuorum
	NeedsFencing
)
