// Package controller decides what a node does in the cluster: whether it leads, whom it enlists, when the
// scheduler runs, and how its plan is carried out.
package controller

import (
	"github.com/holdfast-ha/holdfast/api"
	"github.com/holdfast-ha/holdfast/cib"
	"github.com/holdfast-ha/holdfast/cib/cibxml"
	"github.com/holdfast-ha/holdfast/crmd/attrs"
	"github.com/holdfast-ha/holdfast/crmd/incident"
	"github.com/holdfast-ha/holdfast/crmd/sched/graph"
	"github.com/holdfast-ha/holdfast/crmd/throttle"
)

// Input is what happens to the controller.
type Input interface{ input() }

// ViewChanged is a new view of corosyncd.
type ViewChanged struct{ View api.View }

// RaftState is what the store knows of raft.
type RaftState struct {
	Leader  string // node name, "" when none is known
	Term    uint64
	Voters  []string
	Epoch   uint64 // cluster epoch
	Last    Progress
	Started bool // false while the store has no configuration yet: a machine that is just joining
}

// Progress is how much of the log a node has; of several survivors the one with the most leads.
type Progress struct {
	Epoch uint64 `json:"epoch"`
	Term  uint64 `json:"term"`
	Index uint64 `json:"index"`
}

// RaftChanged is a change of raft's state.
type RaftChanged struct{ State RaftState }

// PeerProgress answers AskProgress.
type PeerProgress struct {
	Node     string
	Progress Progress
}

// ConfigChanged is a newly committed configuration: a <cib> without status.
type ConfigChanged struct{ Doc *cibxml.Element }

// Mirrored is the DC's status section, as a follower received it.
type Mirrored struct {
	DC         string
	Status     *cibxml.Element
	NumUpdates int
	Acting     bool
}

// EnlistResult is a node's answer to Enlist.
type EnlistResult struct {
	Node   string
	Answer api.Enlisted
	Err    error
}

// NodeReported are updates of an enlisted node.
type NodeReported struct{ Updates api.Updates }

// CRMGone tells that the connection with a node's crmd broke, or that it does not take orders.
type CRMGone struct{ Node, Session, Reason string }

// Planned is the scheduler's answer to Plan.
type Planned struct {
	Run   int
	Graph *graph.Graph
	// Load is how much each node runs: the sum of 1 + priority over its active resources. It breaks ties of
	// a cut cluster.
	Load map[string]int
	Err  error
	// Source names the file with the input of this run, "" when it was not kept.
	Source string
	// Changes are what becomes of resources, for the incident.
	Changes []incident.Change
}

// FenceDone is the outcome of Fence.
type FenceDone struct {
	ID     string
	Result api.FenceResult
}

// FenceHappened is a fencing that somebody else asked for.
type FenceHappened struct{ Event api.FenceEvent }

// FenceHistory is what fenced knows of fences, those included that nobody was told of while it was away.
type FenceHistory struct{ Events []api.FenceEvent }

// AttrRequest is a client's change of a transient attribute; Answer{Ticket} follows.
type AttrRequest struct {
	Ticket int
	Update api.AttrUpdate
}

// AttrReceived are attribute entries of another node.
type AttrReceived struct{ Entries []attrs.Entry }

// CIBCommand is a client's write to the CIB, which only the DC takes; Answer{Ticket} follows, with the version
// that the write made.
type CIBCommand struct {
	Ticket  int
	Command cib.Command
}

// Committed is the outcome of Propose.
type Committed struct {
	ID  int
	Err error
}

// Cleanup deletes operation history; Answer{Ticket} follows.
type Cleanup struct {
	Ticket  int
	Request api.CleanupRequest
}

// ThrottleChanged is what the cluster file says of the throttle; cluster options override parts of it.
type ThrottleChanged struct {
	All   throttle.Config
	Nodes map[string]throttle.Config // of nodes that differ, complete
}

// Wake is only the passing of time.
type Wake struct{}

func (ViewChanged) input()     {}
func (RaftChanged) input()     {}
func (PeerProgress) input()    {}
func (ConfigChanged) input()   {}
func (Mirrored) input()        {}
func (EnlistResult) input()    {}
func (NodeReported) input()    {}
func (CRMGone) input()         {}
func (Planned) input()         {}
func (FenceDone) input()       {}
func (FenceHappened) input()   {}
func (FenceHistory) input()    {}
func (AttrRequest) input()     {}
func (AttrReceived) input()    {}
func (CIBCommand) input()      {}
func (Committed) input()       {}
func (Cleanup) input()         {}
func (ThrottleChanged) input() {}
func (Wake) input()            {}
