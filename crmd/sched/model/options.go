package model

import (
	"github.com/holdfast-ha/holdfast/crmd/sched/pairs"
	"github.com/holdfast-ha/holdfast/crmd/sched/scalar"
)

// QuorumPolicy is what a partition without quorum does.
type QuorumPolicy uint8

const (
	QuorumStop QuorumPolicy = iota
	QuorumFreeze
	QuorumIgnore
	QuorumDemote
	QuorumSuicide
)

func (p QuorumPolicy) String() string {
	return [...]string{"stop", "freeze", "ignore", "demote", "suicide"}[p]
}

// Placement is how utilization takes part in the choice of a node.
type Placement uint8

const (
	PlaceDefault Placement = iota
	PlaceUtilization
	PlaceMinimal
	PlaceBalanced
)

// Options are the cluster options with their defaults filled in. Times of the graph are kept as texts
// because the graph repeats them.
type Options struct {
	// Raw are all configured cluster properties.
	Raw pairs.Table

	NoQuorum        QuorumPolicy
	Symmetric       bool
	Maintenance     bool
	StartFatal      bool // start-failure-is-fatal
	StartupProbes   bool
	ShutdownLock    bool
	LockLimit       int64 // seconds, 0 for none
	Fencing         bool  // stonith-enabled
	FenceAction     string
	FenceTimeout    string
	Watchdog        bool // have-watchdog
	ParallelFencing bool // concurrent-fencing
	StartupFencing  bool
	PriorityDelay   int64 // seconds
	ClusterDelay    string
	BatchLimit      string
	MigrationLimit  string
	StopAll         bool
	StopOrphans     bool
	CancelOrphans   bool // stop-orphan-actions
	RemoveAfterStop bool
	Placement       Placement
	HealthStrategy  string
	HealthBase      scalar.Score
	Health          scalar.Health
	ClusterName     string
	// Unfencing tells that some resource asks for unfencing.
	Unfencing bool
}
