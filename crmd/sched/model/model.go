// Package model is the cluster as one CIB describes it: options, nodes, resources and what their recorded
// history says about them.
//
// A Model is read-only once it has been made. What later stages change they change in a State, of which the
// Model holds the first.
package model

import (
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/sched/isotime"
	"github.com/holdfast-ha/holdfast/crmd/sched/pairs"
	"github.com/holdfast-ha/holdfast/crmd/sched/report"
	"github.com/holdfast-ha/holdfast/crmd/sched/rule"
)

// Model is a cluster. Resources and nodes refer to each other by pointers; per-run data is selected by
// their Index.
type Model struct {
	// Doc is the CIB with the primitives that remote-node attributes imply.
	Doc *cibxml.Element
	// Now is the time that the scheduler takes for the present.
	Now     isotime.Time
	NowUnix int64
	Options Options
	Quorum  bool
	// NoQuorumPanic tells that the cluster has had quorum before (root attribute no-quorum-panic).
	NoQuorumPanic bool
	FeatureSet    string
	DCUUID        string
	DC            *Node

	// Nodes are in the order of their names; ByIndex in that of their creation.
	Nodes   []*Node
	ByIndex []*Node
	// Resources are the top-level ones in the order in which they are considered; All is every resource in
	// the order of creation.
	Resources []*Resource
	All       []*Resource
	Templates map[string][]string // template id to the ids of the resources made from it
	Tags      map[string][]string
	Tickets   map[string]*Ticket

	HasFenceDevice bool
	HasRemoteNodes bool

	// State is the state before anything is decided.
	State    *State
	Requests []Request
	// Deferred are comparisons of parameters that have to wait until it is known where containers run.
	Deferred []DeferredCheck
	// Compared are the records whose parameters have been compared already. The digests made for them serve every
	// later record of the same operation on the same node.
	Compared []DeferredCheck
	// Failures are the failed operations that people are shown.
	Failures []*Op
	// Counts are of the resource instances in the configuration.
	Total, Disabled, Blocked int
	// Recheck is the earliest time at which the passing of time alone changes something; 0 for never.
	Recheck int64
	// Log has what was wrong with the input.
	Log   *report.Log
	World *rule.World

	// RscDefaults and OpDefaults are the sections with defaults, nil when there are none.
	RscDefaults, OpDefaults *cibxml.Element

	byName      map[string][]*Resource // by id, and by the name that history uses
	nodesByName map[string]*Node
	nodesByID   map[string]*Node
}

// DeferredCheck is a recorded operation of a bundle's connection whose parameters depend on where the
// container is going to run.
type DeferredCheck struct {
	Op   *Op
	Rsc  *Resource
	Node *Node
	// Failure tells that only a failure is to be forgotten if they have changed.
	Failure bool
}

// Ticket is permission to run resources, granted by another site.
type Ticket struct {
	ID          string
	Granted     bool
	Standby     bool
	LastGranted int64
	Attrs       pairs.Table
}

// History is the recorded operations of one resource on one node.
type History struct {
	ID   string // as recorded
	Node *Node
	XML  *cibxml.Element
	// Rsc is the resource that the record was attributed to, nil when it was ignored.
	Rsc *Resource
	// Ops are in the order of the document; Sorted from old to new.
	Ops, Sorted []*Op
}

// Op is one recorded operation. Numbers that are absent in the record are -1, Status -2.
type Op struct {
	XML        *cibxml.Element
	Node       *Node
	Rsc        *Resource
	ID, Key    string
	Task       string
	CallID     int
	RC, Status int
	TargetRC   int
	IntervalMs int64
	// Changed is last-rc-change, in seconds since the epoch.
	Changed int64
	// RestartDigest is op-restart-digest, or a value that no digest has when the failure has expired.
	RestartDigest string
}
